//! Runs programs in the places of a lab.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use phoenix_planner::probe::Output;

use super::error::LabError;
use super::folder::Folder;
use super::{init, run};

/// What sh(1) ends with when a program cannot be run.
const NOT_RUN: i32 = 126;

/// Returns the argument vector that runs another one in a place; `None` when the place does not run.
fn entered(folder: &Folder, at: &str, argv: &[String]) -> Option<Vec<String>> {
    let argv = super::user::lowered(argv);
    if super::OUTSIDE.contains(&at) {
        return Some(run::in_netns(&folder.name.netns(at), &argv));
    }
    let pid = init::pid(folder, at)?.to_string();
    let enter = run::words(["nsenter", "--target", &pid, "--mount", "--uts", "--ipc", "--net"]);
    let enter = enter.into_iter().chain(run::words(["--pid", "--wd=/", "--"]));
    Some(enter.chain(argv).collect())
}

fn no_place(folder: &Folder, at: &str) -> LabError {
    let known = super::OUTSIDE.iter().map(|place| (*place).to_owned());
    let known = known.chain(inner(folder)).collect::<Vec<_>>().join(", ");
    LabError::NoPlace { lab: folder.name.clone(), place: at.to_owned(), known }
}

/// Returns the places that have a first process: the node, and the guests that run.
pub(super) fn inner(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path().join("places")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut places = names.filter(|name| init::pid(folder, name).is_some()).collect::<Vec<_>>();
    places.sort();
    places
}

/// Runs a program in a place to its end.
pub(super) fn output(folder: &Folder, at: &str, argv: &[String]) -> Result<Output, LabError> {
    fed(folder, at, argv, "")
}

/// Runs a program in a place with a text on its standard input.
pub(super) fn fed(
    folder: &Folder,
    at: &str,
    argv: &[String],
    input: &str,
) -> Result<Output, LabError> {
    let entered = entered(folder, at, argv).ok_or_else(|| no_place(folder, at))?;
    let output = run::output(&entered, input)?;
    Ok(Output {
        exit: output.status.code().unwrap_or(NOT_RUN),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Starts a daemon in a place. It keeps its standard error open for as long as it lives, so that is a file,
/// and what it has said by the time it is in the background is read back.
pub(super) fn daemon(folder: &Folder, at: &str, argv: &[String]) -> Result<Output, LabError> {
    let entered = entered(folder, at, argv).ok_or_else(|| no_place(folder, at))?;
    let path = folder.path().join("log").join(at);
    let open = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let log = open.map_err(LabError::at(&path))?;
    let before = log.metadata().map_err(LabError::at(&path))?.len();
    let mut command = run::command(&entered);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let status = command.status().map_err(LabError::at(&path))?;
    let said = std::fs::read(&path).map_err(LabError::at(&path))?;
    let said = said.get(usize::try_from(before).unwrap_or(usize::MAX)..).unwrap_or_default();
    let stderr = String::from_utf8_lossy(said).into_owned();
    Ok(Output { exit: status.code().unwrap_or(NOT_RUN), stdout: String::new(), stderr })
}

/// Becomes a program in a place; returns only when it cannot.
pub(super) fn become_program(folder: &Folder, at: &str, argv: &[String]) -> LabError {
    let Some(entered) = entered(folder, at, argv) else { return no_place(folder, at) };
    let error = run::command(&entered).exec();
    LabError::at(std::path::Path::new("/usr/bin/nsenter"))(error)
}

/// Runs a program in a place with the caller's own streams, and returns what it ended with.
pub(super) fn attached(folder: &Folder, at: &str, argv: &[String]) -> Result<i32, LabError> {
    use std::os::unix::process::ExitStatusExt as _;
    let entered = entered(folder, at, argv).ok_or_else(|| no_place(folder, at))?;
    let mut command = run::command(&entered);
    let status =
        command.status().map_err(LabError::at(std::path::Path::new("/usr/bin/nsenter")))?;
    let by_signal = || 128 + status.signal().unwrap_or_default();
    Ok(status.code().unwrap_or_else(by_signal))
}

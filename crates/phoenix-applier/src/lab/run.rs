//! Runs the real programs that a lab is made with.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::error::LabError;

/// Where programs are looked for, as on the node itself.
const FOLDERS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Returns the search path of what runs in a lab.
pub(super) fn path() -> String {
    FOLDERS.join(":")
}

/// Finds a program of this machine.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| PathBuf::from(folder).join(name)).find(|path| path.is_file())
}

/// Prepares a program with nothing of the caller's environment.
pub(super) fn command(argv: &[String]) -> Command {
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let mut command = Command::new(find(program).unwrap_or_else(|| program.into()));
    command.args(argv.iter().skip(1)).env_clear().current_dir("/");
    command.env("PATH", path()).env("LC_ALL", "C").env("HOME", "/root");
    command
}

/// Runs a program to its end with a text on its standard input, and returns what it left.
pub(super) fn output(argv: &[String], input: &str) -> Result<Output, LabError> {
    let mut command = command(argv);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |error: std::io::Error| failure(argv, error.to_string());
    let mut child = command.spawn().map_err(failed)?;
    // A program that ends before it has read everything says why by itself.
    let stdin = child.stdin.take();
    stdin.map(|mut stdin| stdin.write_all(input.as_bytes()).ok());
    child.wait_with_output().map_err(failed)
}

/// Runs a program that must succeed, and returns what it printed.
pub(super) fn run(argv: &[String], input: &str) -> Result<String, LabError> {
    let output = output(argv, input)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failure(argv, String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", ")))
}

/// Runs lines of ip(8) in a namespace, or in that of the caller.
pub(super) fn ip(netns: Option<&str>, lines: &[String]) -> Result<(), LabError> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut argv = vec!["ip".to_owned()];
    argv.extend(netns.into_iter().flat_map(|netns| ["-netns".to_owned(), netns.to_owned()]));
    argv.extend(["-batch", "-"].map(str::to_owned));
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    run(&argv, &text).map(drop)
}

/// Returns the argument vector that runs another one in a network namespace only.
pub(super) fn in_netns(netns: &str, argv: &[String]) -> Vec<String> {
    let enter = ["nsenter".to_owned(), format!("--net=/run/netns/{netns}"), "--".to_owned()];
    enter.into_iter().chain(argv.iter().cloned()).collect()
}

fn failure(argv: &[String], why: String) -> LabError {
    LabError::Program { argv: phoenix_planner::preview::command_line(argv), why }
}

/// Makes an argument vector.
pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

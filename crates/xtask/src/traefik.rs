//! Traefik, which Debian does not have: the program that the tests of its configuration run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{root, say};

/// The package with its version and hash, as pip(1) takes it.
const REQUIREMENTS: &str = "crates/xtask/assets/traefik.txt";

/// Where tests look for the program, below the root of the workspace.
const PROGRAM: &str = "target/tools/traefik";

/// Brings Traefik into `target/tools`; without it the tests that run it say so and are left out.
pub(crate) fn install() {
    if let Err(reason) = bring() {
        say(&format!("without Traefik, the tests that run it are left out: {reason}"));
    }
}

fn bring() -> Result<(), String> {
    let program = root().join(PROGRAM);
    // The version stands in the file, so that another one is fetched when it changes.
    let pinned = fs::read_to_string(root().join(REQUIREMENTS)).map_err(|e| e.to_string())?;
    let note = program.with_extension("pinned");
    if program.exists() && fs::read_to_string(&note).is_ok_and(|there| there == pinned) {
        return Ok(());
    }
    say("fetching Traefik");
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    download(folder.path())?;
    let unpacked = unpack(folder.path())?;
    let tools = program.parent().unwrap_or(&program);
    let put = fs::create_dir_all(tools)
        .and_then(|()| fs::copy(unpacked, &program))
        .and_then(|_| executable(&program))
        .and_then(|()| fs::write(&note, pinned));
    put.map_err(|error| format!("cannot write `{}`: {error}", program.display()))
}

fn download(folder: &Path) -> Result<(), String> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]);
    pip.args(["--require-hashes", "--requirement"]).arg(root().join(REQUIREMENTS));
    must(pip.arg("--dest").arg(folder))
}

/// Unpacks the one wheel in a folder and returns where the program stands.
fn unpack(folder: &Path) -> Result<PathBuf, String> {
    let wheel = entries(folder)?.pop().ok_or("pip brought nothing")?;
    must(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(folder))?;
    let data = |path: &PathBuf| path.extension().is_some_and(|end| end == "data");
    let data = entries(folder)?.into_iter().find(data).ok_or("the wheel has no program")?;
    Ok(data.join("scripts/traefik"))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let read = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let read = read.map_err(|error| error.to_string())?;
    Ok(read.into_iter().map(|entry| entry.path()).collect())
}

fn executable(program: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
}

fn must(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", shown(command))),
        Err(error) => Err(format!("cannot run {}: {error}", shown(command))),
    }
}

fn shown(command: &Command) -> String {
    format!("`{}`", command.get_program().to_string_lossy())
}

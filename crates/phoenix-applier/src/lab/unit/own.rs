//! What starts a service that this machine has no package of: the unit in the place itself.
//!
//! Deliberately not understood: quotes, specifiers and variables. A unit that has them is none for a lab.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::super::folder::Folder;
use super::super::{init, run};
use crate::local::root::Root;

/// More than a unit ever has.
const LIMIT: u64 = 1 << 16;

/// What would have to be understood in a line.
const NOT_PLAIN: &[char] = &['"', '\'', '\\', '$', '%'];

/// Returns the argument vector that starts what a unit of a place says, when its program is there.
pub(super) fn argv(folder: &Folder, at: &str, unit: &str) -> Option<Vec<String>> {
    let root = Root::at(&folder.root_of(at)).ok()?;
    let argv = command(&text(&root, unit)?)?;
    let program = argv.iter().find(|word| !word.contains('='))?;
    has(&root, program).then(|| in_background(&argv))
}

/// Such a program stays in the foreground.
fn in_background(argv: &[String]) -> Vec<String> {
    let by = run::words(["setsid", "--fork", "env"]);
    by.into_iter().chain(argv.iter().cloned()).collect()
}

fn text(root: &Root, path: &str) -> Option<String> {
    let file = root.open(path.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK).ok()?;
    let mut text = String::new();
    fs::File::from(file).take(LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Returns the settings of `Environment=`, and behind them the words of `ExecStart=` (systemd.service(5)).
fn command(unit: &str) -> Option<Vec<String>> {
    let mut settings = Vec::new();
    let mut command = None;
    for line in unit.lines() {
        match line.split_once('=') {
            Some(("Environment", value)) => settings.extend(plain(value)?),
            Some(("ExecStart", value)) => command = Some(plain(value)?),
            _ => {}
        }
    }
    command.map(|command| settings.into_iter().chain(command).collect())
}

fn plain(value: &str) -> Option<Vec<String>> {
    let words = || value.split_whitespace().map(str::to_owned).collect();
    (!value.contains(NOT_PLAIN)).then(words)
}

/// Returns whether a place has a program: its own, or one of this machine.
fn has(root: &Root, program: &str) -> bool {
    let Some(path) = program.strip_prefix('/') else {
        let folders = run::path();
        return folders.split(':').any(|folder| has(root, &format!("{folder}/{program}")));
    };
    let is_borrowed = init::PROGRAMS.iter().any(|folder| Path::new(path).starts_with(folder));
    if is_borrowed && !Path::new(path).starts_with(init::LOCAL) {
        return Path::new(program).is_file();
    }
    root.open(path.as_bytes(), OFlags::PATH).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_says_what_runs() {
        let unit = "[Service]\nEnvironment=A=b C=d\nExecStart=step-ca ca.json --password-file=x\n";
        let words = ["A=b", "C=d", "step-ca", "ca.json", "--password-file=x"];
        assert_eq!(command(unit), Some(words.map(str::to_owned).to_vec()));
        assert_eq!(command("[Service]\nType=oneshot\n"), None);
        for line in ["traefik \"a b\"", "traefik $A", "%h/traefik"] {
            assert_eq!(command(&format!("ExecStart={line}\n")), None, "{line}");
        }
    }
}

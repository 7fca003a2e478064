//! Finds snapshots that no test uses.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{root, say};

/// The variable by which insta is told where to note the snapshots that it compares.
pub(crate) const VARIABLE: &str = "INSTA_SNAPSHOT_REFERENCES_FILE";

/// Returns the file in which the snapshots of the last run are noted.
pub(crate) fn references() -> PathBuf {
    root().join("target/snapshot-references")
}

/// Forgets the snapshots of the last run, and makes the folder in which the next ones are noted.
pub(crate) fn forget() -> Result<(), String> {
    fs::create_dir_all(root().join("target")).map_err(|error| error.to_string())?;
    match fs::remove_file(references()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", references().display()))
        }
        _ => Ok(()),
    }
}

/// Fails when there is a snapshot that the last run of the tests has not used.
pub(crate) fn run() -> Result<(), String> {
    let noted = fs::read_to_string(references())
        .map_err(|_| "no test has run yet: `cargo xtask test` comes first".to_owned())?;
    let used =
        noted.lines().filter_map(|line| fs::canonicalize(line).ok()).collect::<BTreeSet<_>>();
    let mut all = BTreeSet::new();
    collect(&root().join("snapshots"), &mut all).map_err(|error| error.to_string())?;
    let orphans = all.difference(&used).collect::<Vec<_>>();
    if orphans.is_empty() {
        say(&format!("{} snapshots, all of them used", all.len()));
        return Ok(());
    }
    let list = orphans.iter().map(|path| format!("  {}\n", path.display())).collect::<String>();
    Err(format!("snapshots that no test uses; remove them:\n{list}"))
}

fn collect(folder: &Path, all: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, all)?;
        } else if path.extension().is_some_and(|extension| extension == "snap") {
            all.insert(fs::canonicalize(path)?);
        }
    }
    Ok(())
}

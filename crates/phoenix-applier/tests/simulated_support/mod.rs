//! What the tests of the simulated node share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::folders::lay;

/// Returns the folder with all cases.
pub(crate) fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulated")
}

/// Returns a copy of the node that all cases begin with.
pub(crate) fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    lay(&cases().join("_base/node"), scratch.path());
    scratch
}

/// Returns the files below a folder with what they hold; a link holds where it leads.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(folder, "", &mut found);
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            found.insert(name, format!("-> {}\n", fs::read_link(entry.path()).unwrap().display()));
        } else if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

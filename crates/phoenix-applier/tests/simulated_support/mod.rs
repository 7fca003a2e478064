//! What the tests of the simulated node share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

/// Copies a folder over another one; symbolic links stay what they are.
pub(crate) fn lay(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            let link = fs::read_link(&source).unwrap();
            std::os::unix::fs::symlink(link, &target).unwrap();
        } else if kind.is_dir() {
            lay(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
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

//! Copies of folders, for tests that change a captured node.

use std::fs;
use std::path::Path;

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

//! The files that the operator's files of an example name.

use std::fs;
use std::path::Path;

use phoenix_planner::load::named_files;
use phoenix_planner::source::Sources;

/// Reads them all.
pub(crate) fn read_named(folder: &Path, sources: &mut Sources) {
    for path in named_files(sources) {
        let text = fs::read_to_string(folder.join(path.as_str())).unwrap();
        sources.named.insert(path, Ok(text.into()));
    }
}

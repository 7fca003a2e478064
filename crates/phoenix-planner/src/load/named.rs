//! The files that the operator's four files name: which they are, before anything is checked.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::json;
use crate::source::{FileKind, NamedPath, Sources};

/// Returns the files below the configuration folder that the four files name and that can be read.
///
/// Of texts that are no JSON, and of names that are no such path, there are none: what is wrong with them is said
/// by [`load`](super::load()), which wants the texts of these in [`Sources::named`].
pub fn named_files(sources: &Sources) -> BTreeSet<NamedPath> {
    let Some(text) = sources.files.get(&FileKind::Containers) else { return BTreeSet::new() };
    // Most fleets name none, and a large one is not read twice for that.
    if !text.contains("nginx") {
        return BTreeSet::new();
    }
    let value = json::plain(text).or_else(|| json::parse(text).value).unwrap_or_default();
    let containers = value.get("lxc_configs").and_then(Value::as_object);
    let files = containers.into_iter().flat_map(|all| all.values()).filter_map(|container| {
        let files = container.get("nginx")?.get("files")?;
        files.as_object()
    });
    let paths = files.flat_map(|files| files.values()).filter_map(Value::as_str);
    paths.filter_map(|path| path.parse().ok()).collect()
}

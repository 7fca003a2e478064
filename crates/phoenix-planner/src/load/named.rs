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
    if !text.contains("\"nginx\"") {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let sources = Sources::from([(FileKind::Containers, text.into())]);
        named_files(&sources).into_iter().map(|path| path.to_string()).collect()
    }

    #[test]
    fn only_files_below_the_folder_are_named() {
        let text = r#"{ "lxc_configs": { // the gateway
            "101": { "nginx": { "files": { "/a": "nginx/b", "/c": "../d", "/e": "/f", "/g": null, "/h": "" } } },
            "102": { "nginx": { "files": "x" } }, "103": { "nginx": [] }, "104": null,
            "105": { "nginx": { "files": { "/a": "nginx/b", "/i": "j" } } } } }"#;
        assert_eq!(names(text), ["j", "nginx/b"]);
        for text in ["", "\"nginx\"", "[\"nginx\"]", "{ \"nginx\"", "{\"lxc_configs\": \"nginx\"}"]
        {
            assert_eq!(names(text), Vec::<String>::new(), "{text}");
        }
    }
}

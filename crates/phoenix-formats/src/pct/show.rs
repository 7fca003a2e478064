//! What `pct config` and `pct pending` print.

use std::collections::{BTreeMap, BTreeSet};

use super::pending;
use crate::lxc_conf::{LxcConf, Section, encode_description};

/// Returns what `pct config` prints: the configuration as it will be after a restart.
pub fn config(text: &str) -> String {
    let conf = LxcConf::parse(text);
    let mut values = settings(conf.main());
    values.extend(pending::changes(conf.pending()));
    for key in pending::deletions(conf.pending()).keys() {
        values.remove(key);
    }
    printed(&values, conf.raw())
}

/// Returns what `pct config --current` prints: the main section as it stands in the file.
pub fn current_config(text: &str) -> String {
    let conf = LxcConf::parse(text);
    printed(&settings(conf.main()), conf.raw())
}

/// Returns what `pct pending` prints: every setting with what it will be after a restart.
pub fn pending_changes(text: &str) -> String {
    let conf = LxcConf::parse(text);
    let current = settings(conf.main());
    let new: BTreeMap<String, String> = pending::changes(conf.pending()).into_iter().collect();
    let deleted = pending::deletions(conf.pending());
    let keys: BTreeSet<&String> = current.keys().chain(new.keys()).collect();
    let lines = keys.into_iter().flat_map(|key| {
        let shown = |word, value: &String| format!("{word} {key}: {}\n", printable(key, value));
        let gone = deleted.contains_key(key);
        let word = if gone { "del" } else { "cur" };
        let before = current.get(key).map(|value| shown(word, value));
        let after = new.get(key).filter(|_| !gone).map(|value| shown("new", value));
        before.into_iter().chain(after)
    });
    lines.collect()
}

fn settings(section: &Section) -> BTreeMap<String, String> {
    section.entries().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn printed(values: &BTreeMap<String, String>, raw: &[(String, String)]) -> String {
    let settings = values.iter().map(|(key, value)| format!("{key}: {}\n", printable(key, value)));
    let raw = raw.iter().map(|(key, value)| format!("{key}: {value}\n"));
    settings.chain(raw).collect()
}

fn printable(key: &str, value: &str) -> String {
    if key == "description" { encode_description(value) } else { value.to_owned() }
}

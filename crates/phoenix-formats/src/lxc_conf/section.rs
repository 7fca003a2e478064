//! The sections of a configuration, and how Proxmox VE writes them.

use std::collections::{BTreeMap, BTreeSet};

use super::escape;
use super::volume;
use crate::property::check;

/// The key under which Proxmox VE writes the settings of `env`, one a line.
pub(super) const ENVIRONMENT: &str = "lxc.environment.runtime";

/// Settings that Proxmox VE's own bookkeeping shadows: it never writes them.
pub(super) const SHADOWED: [&str; 5] = ["digest", "lxc", "pending", "snapname", "snapshots"];

/// One section: the settings by key, and the raw `lxc.*` pairs in order.
///
/// The comment lines are the setting `description`, and the values of `lxc.environment.runtime`
/// are the setting `env`, with NUL between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) raw: Vec<(String, String)>,
}

/// A setting that is to be deleted when the container stops.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deletion {
    /// The setting.
    pub key: String,
    /// Whether the deletion was marked with `!`, as Proxmox VE does for forced ones.
    pub forced: bool,
}

impl Section {
    /// Returns a setting.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Returns the settings, sorted by key.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the raw `lxc.*` pairs in order.
    pub fn raw(&self) -> &[(String, String)] {
        &self.raw
    }

    /// Returns the settings that `delete:` names, sorted; only a pending section has it.
    pub fn deletions(&self) -> Vec<Deletion> {
        let list = self.get("delete").unwrap_or_default();
        let deletion = |entry: &str| match entry.strip_prefix('!') {
            Some(key) => Deletion { key: key.to_owned(), forced: true },
            None => Deletion { key: entry.to_owned(), forced: false },
        };
        let sorted: BTreeSet<Deletion> = check::split_list(list).map(deletion).collect();
        sorted.into_iter().collect()
    }

    /// Returns whether nothing is in the section.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.raw.is_empty()
    }

    fn written(&self) -> String {
        let comments = lines_of(self.get("description").unwrap_or_default());
        let comments = comments.into_iter().map(|line| format!("#{}\n", escape::encode(line)));
        let settings = self.written_settings().map(|(key, value)| format!("{key}: {value}\n"));
        let environment = self.environment().map(|pair| format!("{ENVIRONMENT}: {pair}\n"));
        let raw = self.raw.iter().map(|(key, value)| format!("{key}: {value}\n"));
        comments.chain(settings).chain(environment).chain(raw).collect()
    }

    fn written_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let special = |key: &str| matches!(key, "description" | "env") || SHADOWED.contains(&key);
        self.entries().filter(move |(key, _)| !special(key))
    }

    fn environment(&self) -> impl Iterator<Item = &str> {
        self.get("env")
            .into_iter()
            .flat_map(|pairs| pairs.split('\0'))
            .filter(|pair| !pair.is_empty())
    }

    /// Returns what would stand in the section, line by line, as key and value.
    pub(crate) fn shown(&self) -> BTreeMap<String, String> {
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let settings = self.written_settings().map(own);
        let environment = self.environment().map(|pair| own((ENVIRONMENT, pair)));
        let description = self.get("description").map(|text| own(("description", text)));
        let raw = self.raw.iter().cloned();
        settings.chain(environment).chain(description).chain(raw).collect()
    }
}

/// Splits a description into lines: empty ones at its end are not kept.
fn lines_of(text: &str) -> Vec<&str> {
    let trimmed = text.trim_end_matches('\n');
    // A lone `0` counts as nothing in the language of Proxmox VE.
    if trimmed.is_empty() || text == "0" { Vec::new() } else { trimmed.split('\n').collect() }
}

/// All sections of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sections {
    pub(crate) main: Section,
    pub(crate) pending: Section,
    pub(crate) snapshots: BTreeMap<String, Section>,
}

impl Sections {
    /// Returns the file as Proxmox VE writes it.
    pub(crate) fn written(&self) -> String {
        let mut main = self.main.clone();
        main.values.remove("snapstate");
        let used = volume::used(&main);
        main.values
            .retain(|key, value| !(key.starts_with("unused") && used.contains(value.as_str())));
        let mut text = main.written();
        if !self.pending.is_empty() {
            text += &format!("\n[pve:pending]\n{}", self.pending.written());
        }
        for (name, snapshot) in &self.snapshots {
            text += &format!("\n[{name}]\n{}", snapshot.written());
        }
        text
    }
}

//! A virtual machine's configuration file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::Warning;
use crate::lxc_conf::volume::size;
use crate::lxc_conf::{
    Dialect, Edit, EditError, Line, Section, Sections, digest, edit_text, read_sections,
};
use crate::property::{PropertyText, check};

static MACHINE: Dialect = Dialect {
    line: |line| Line::read_machine(line),
    value: any_value,
    same: |_, present, wanted| present == wanted,
};

/// Settings have many types, and phoenix judges none of them here.
fn any_value<'a>(_: &str, value: &'a str) -> Result<Cow<'a, str>, String> {
    Ok(value.into())
}

/// Returns whether a value of `agent` gives the machine the way by which its guest agent is asked: `1`, or
/// `enabled=1` among others.
pub fn is_agent_on(value: &str) -> bool {
    let text = PropertyText::parse(value);
    text.get("enabled").or_else(|| text.bare()).is_some_and(|word| check::boolean(word) == Ok("1"))
}

/// Returns whether a text can be the name of a virtual machine's setting.
pub fn is_key(key: &str) -> bool {
    check::is_machine_key(key)
}

/// A virtual machine's configuration: the file's text, and what Proxmox VE reads in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmConf {
    text: String,
    sections: Sections,
    warnings: Vec<Warning>,
}

impl VmConf {
    /// Reads a configuration file; no text is refused.
    pub fn parse(text: &str) -> Self {
        let (sections, warnings) = read_sections(text, &MACHINE);
        Self { text: text.to_owned(), sections, warnings }
    }

    /// Returns the file's text, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the main section, which says what the machine is now.
    pub fn main(&self) -> &Section {
        &self.sections.main
    }

    /// Returns a setting of the main section; of one that stands twice, the last.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.main().get(key)
    }

    /// Returns the section `[PENDING]`: what changes when the machine stops.
    pub fn pending(&self) -> &Section {
        &self.sections.pending
    }

    /// Returns the value that a setting has, or will have after the machine's next start.
    pub fn wanted(&self, key: &str) -> Option<&str> {
        if let Some(value) = self.pending().get(key) {
            return Some(value);
        }
        let deleted = self.pending().deletions().iter().any(|deletion| deletion.key == key);
        if deleted { None } else { self.get(key) }
    }

    /// Returns the snapshots by name.
    pub fn snapshots(&self) -> &BTreeMap<String, Section> {
        &self.sections.snapshots
    }

    /// Returns what holds the configuration locked, such as `backup`.
    pub fn lock(&self) -> Option<&str> {
        self.get("lock")
    }

    /// Returns whether a boolean setting is on, in any of the words that Proxmox VE takes for it.
    pub fn is_on(&self, key: &str) -> bool {
        self.wanted(key).is_some_and(|word| check::boolean(word) == Ok("1"))
    }

    /// Returns the size of a disk in bytes, as the setting of the disk says it; what it is for a disk that
    /// has none is not known.
    pub fn disk_size(&self, disk: &str) -> Option<u64> {
        PropertyText::parse(self.get(disk)?).get("size").and_then(size)
    }

    /// Returns one warning for each line that cannot be read, in the file's order.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the SHA-1 of the file's bytes in hexadecimal, as `qm set --digest` takes it.
    pub fn digest(&self) -> String {
        digest(&self.text)
    }

    /// Returns the file's text with these edits of its main section made, one after the other.
    ///
    /// Only the lines that an edit names change. Fails when a line could not be read back as what was
    /// asked for; raw keys, which only containers have, are such lines.
    pub fn edit(&self, edits: &[Edit]) -> Result<String, EditError> {
        edit_text(&self.text, edits, &MACHINE)
    }
}

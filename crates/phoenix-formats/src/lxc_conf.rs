//! A container's configuration file, `/etc/pve/lxc/<vmid>.conf` (pct.conf(5)).
//!
//! The rules are those of `PVE::LXC::Config`, measured by running its parser and writer on a corpus.
//!
//! Owns the grammar as Proxmox VE's parser has it: what every line means, which lines it warns
//! about, which it loses at its next write and what it then writes, and an editor that changes
//! nothing but the lines it was told to change. Values are checked as the file parser checks them,
//! by type and format; what the API checks beyond that belongs to [`crate::pct`]. What raw `lxc.*`
//! keys mean to LXC is deliberately not understood.

mod edit;
mod escape;
mod features;
mod line;
mod lost;
mod raw_key;
mod read;
mod section;
pub(crate) mod setting;
mod startup;
mod view;
pub(crate) mod volume;

use std::collections::BTreeMap;

pub(crate) use edit::edit as edit_text;
pub use edit::{Edit, EditError};
pub(crate) use escape::encode as encode_description;
pub use features::Features;
pub(crate) use line::Line;
pub use lost::LostLine;
pub(crate) use read::{Dialect, Place, read as read_sections};
pub(crate) use section::Sections;
pub use section::{Deletion, Section};
use sha1::{Digest, Sha1};
pub use startup::{ParseStartupError, Startup};
pub use view::LxcConfView;

use crate::Warning;

/// A container's configuration: the file's text, and what Proxmox VE reads in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LxcConf {
    text: String,
    sections: Sections,
    warnings: Vec<Warning>,
}

impl LxcConf {
    /// Reads a configuration file; no text is refused.
    pub fn parse(text: &str) -> Self {
        let (sections, warnings) = read::read(text, &read::CONTAINER);
        Self { text: text.to_owned(), sections, warnings }
    }

    /// Returns the file's text, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the main section, which says what the container is now.
    pub fn main(&self) -> &Section {
        &self.sections.main
    }

    /// Returns a setting of the main section; of one that stands twice, the last.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.main().get(key)
    }

    /// Returns the settings of the main section, sorted by key.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.main().entries()
    }

    /// Returns the raw `lxc.*` pairs of the main section in their order.
    pub fn raw(&self) -> &[(String, String)] {
        self.main().raw()
    }

    /// Returns the description: the comment lines of the main section, decoded.
    pub fn description(&self) -> Option<&str> {
        self.get("description")
    }

    /// Returns the section `[pve:pending]`: what changes when the container stops.
    pub fn pending(&self) -> &Section {
        &self.sections.pending
    }

    /// Returns the snapshots by name.
    pub fn snapshots(&self) -> &BTreeMap<String, Section> {
        &self.sections.snapshots
    }

    /// Returns what holds the configuration locked, such as `backup`.
    pub fn lock(&self) -> Option<&str> {
        self.get("lock")
    }

    /// Returns one warning for each line that Proxmox VE warns about, in the file's order.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the lines that Proxmox VE drops at its next write, in the file's order.
    pub fn lost(&self) -> Vec<LostLine> {
        lost::lost(self)
    }

    /// Returns the SHA-1 of the file's bytes in hexadecimal, as `pct set --digest` takes it.
    pub fn digest(&self) -> String {
        digest(&self.text)
    }

    /// Returns the file as Proxmox VE would write it.
    pub fn rewritten(&self) -> String {
        self.sections.written()
    }

    /// Returns the file's text with these edits made, one after the other.
    ///
    /// Only the lines that an edit names change, and a line that already says what an edit wants
    /// stays as it is. Fails when a line could not be read back as what was asked for.
    pub fn edit(&self, edits: &[Edit]) -> Result<String, EditError> {
        edit::edit(&self.text, edits, &read::CONTAINER)
    }

    /// Returns what `phoenix inspect lxc-conf` shows.
    pub fn inspect(&self) -> LxcConfView {
        view::view(self)
    }

    pub(crate) fn sections(&self) -> &Sections {
        &self.sections
    }
}

/// Returns a text setting of the main section, such as `hostname`, without reading the others.
///
/// It is what [`LxcConf::get`] returns of a setting that is kept as it is written.
pub fn peek<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let lines = text.split('\n').map(Line::read);
    let main = lines.take_while(|line| Place::opened_by(*line).is_none());
    let value = |line| match line {
        Line::Setting { key: found, value } if found == key => Some(value),
        _ => None,
    };
    main.filter_map(value).last()
}

pub(crate) fn digest(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

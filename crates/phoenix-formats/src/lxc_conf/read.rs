//! Reads a file into sections, with the warnings that Proxmox VE gives.

use std::borrow::Cow;
use std::mem;

use super::escape;
use super::line::Line;
use super::raw_key::RawKey;
use super::section::{ENVIRONMENT, Section, Sections};
use super::setting::Setting;
use crate::Warning;

/// Which section a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place<'a> {
    /// Before the first section head.
    Main,
    /// After `[pve:pending]`.
    Pending,
    /// After a snapshot's head.
    Snapshot(&'a str),
    /// After the head of a section that Proxmox VE keeps for itself.
    Special,
}

/// What a kind of guest's file has of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// Returns what a line is.
    pub(crate) line: for<'a> fn(&'a str) -> Line<'a>,
    /// Returns the value of a setting as it is kept, or why Proxmox VE warns about it.
    pub(crate) value: for<'a> fn(&str, &'a str) -> Result<Cow<'a, str>, String>,
    /// Returns whether two values of a setting mean the same.
    pub(crate) same: fn(&str, &str, &str) -> bool,
}

/// A container's file.
pub(super) static CONTAINER: Dialect =
    Dialect { line: |line| Line::read(line), value: container_value, same: super::edit::is_same };

fn container_value<'a>(key: &str, value: &'a str) -> Result<Cow<'a, str>, String> {
    match Setting::find(key) {
        Some(setting) => setting.read(value),
        None => Err("there is no such setting".to_owned()),
    }
}

impl<'a> Place<'a> {
    /// Returns the place that a section head opens.
    pub(crate) fn opened_by(line: Line<'a>) -> Option<Self> {
        match line {
            Line::Special => Some(Self::Special),
            Line::Pending => Some(Self::Pending),
            Line::Snapshot(name) => Some(Self::Snapshot(name)),
            _ => None,
        }
    }
}

/// Returns the sections of a file, and one warning for each line that Proxmox VE warns about.
pub(crate) fn read(text: &str, dialect: &Dialect) -> (Sections, Vec<Warning>) {
    let mut reader = Reader::new(dialect);
    for (index, line) in text.split('\n').enumerate() {
        reader.number = index + 1;
        reader.line((dialect.line)(line));
    }
    reader.close();
    reader.sections.main.values.remove("snapstate");
    (reader.sections, reader.warnings)
}

struct Reader<'a> {
    dialect: &'a Dialect,
    sections: Sections,
    warnings: Vec<Warning>,
    number: usize,
    place: Option<Place<'a>>,
    current: Section,
    description: String,
}

impl<'a> Reader<'a> {
    fn new(dialect: &'a Dialect) -> Self {
        Self {
            dialect,
            sections: Sections::default(),
            warnings: Vec::new(),
            number: 0,
            place: None,
            current: Section::default(),
            description: String::new(),
        }
    }

    fn line(&mut self, line: Line<'a>) {
        match line {
            Line::Blank => {}
            Line::Pending | Line::Snapshot(_) | Line::Special => {
                self.close();
                self.place = Place::opened_by(line);
            }
            Line::Comment(text) => {
                self.description += &escape::decode(text);
                self.description.push('\n');
            }
            Line::Description(text) => self.description += &escape::decode(text),
            Line::Raw { key, value } => self.raw(key, value),
            Line::Snapstate(state) => self.set("snapstate", state),
            Line::Delete(list) => self.delete(list),
            Line::Setting { key, value } => self.setting(key, value),
            Line::Unreadable => {
                self.warn("it cannot be read, and is lost when the file is written".to_owned());
            }
        }
    }

    fn raw(&mut self, key: &str, value: &str) {
        let keep = match RawKey::of(key) {
            RawKey::Kept => true,
            RawKey::Deprecated(why) => {
                self.warn(format!("`{key}` is out of date: {why}"));
                true
            }
            RawKey::Refused(why) => {
                self.warn(format!("`{key}` is lost when the file is written: {why}"));
                false
            }
            RawKey::Unknown => {
                self.warn(format!(
                    "`{key}` is not a key that is kept: it is lost when the file is written"
                ));
                false
            }
        };
        match key {
            ENVIRONMENT => self.environment(value),
            _ if keep => self.current.raw.push((key.to_owned(), value.to_owned())),
            _ => {}
        }
    }

    fn environment(&mut self, pair: &str) {
        match self.current.values.get_mut("env") {
            Some(pairs) => pairs.extend(["\0", pair]),
            None => self.set("env", pair),
        }
    }

    fn delete(&mut self, list: &str) {
        let pending = match self.place {
            Some(Place::Pending) => true,
            // Proxmox VE takes a snapshot of this name for the pending section here.
            Some(Place::Snapshot(name)) => name == "pending",
            _ => false,
        };
        if pending {
            self.set("delete", list);
        } else {
            self.warn(
                "`delete` belongs into `[pve:pending]`, and is lost when the file is written"
                    .to_owned(),
            );
        }
    }

    fn setting(&mut self, key: &str, value: &str) {
        match (self.dialect.value)(key, value) {
            Ok(value) => self.set(key, value),
            Err(why) => {
                self.warn(format!("`{key}`: {why}"));
                self.set(key, value);
            }
        }
    }

    fn set<'b>(&mut self, key: &str, value: impl Into<Cow<'b, str>>) {
        self.current.values.insert(key.to_owned(), value.into().into_owned());
    }

    fn warn(&mut self, message: String) {
        self.warnings.push(Warning::new(self.number, message));
    }

    fn close(&mut self) {
        let mut section = mem::take(&mut self.current);
        let description = mem::take(&mut self.description);
        // A lone `0` counts as nothing in the language of Proxmox VE.
        if !matches!(description.as_str(), "" | "0") {
            section.values.insert("description".to_owned(), description);
        }
        match self.place.take() {
            None | Some(Place::Main) => self.sections.main = section,
            Some(Place::Pending) => self.sections.pending = section,
            // Nobody but Proxmox VE reads it, and an edit leaves it where it is.
            Some(Place::Special) => {}
            Some(Place::Snapshot(name)) => {
                drop(self.sections.snapshots.insert(name.to_owned(), section));
            }
        }
    }
}

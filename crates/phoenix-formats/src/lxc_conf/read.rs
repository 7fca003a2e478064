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
pub(super) enum Place<'a> {
    /// Before the first section head.
    Main,
    /// After `[pve:pending]`.
    Pending,
    /// After a snapshot's head.
    Snapshot(&'a str),
}

impl<'a> Place<'a> {
    /// Returns the place that a section head opens.
    pub(super) fn opened_by(line: Line<'a>) -> Option<Self> {
        match line {
            Line::Pending => Some(Self::Pending),
            Line::Snapshot(name) => Some(Self::Snapshot(name)),
            _ => None,
        }
    }
}

/// Returns the sections of a file, and one warning for each line that Proxmox VE warns about.
pub(super) fn read(text: &str) -> (Sections, Vec<Warning>) {
    let mut reader = Reader::default();
    for (index, line) in text.split('\n').enumerate() {
        reader.number = index + 1;
        reader.line(Line::read(line));
    }
    reader.close();
    reader.sections.main.values.remove("snapstate");
    (reader.sections, reader.warnings)
}

#[derive(Default)]
struct Reader<'a> {
    sections: Sections,
    warnings: Vec<Warning>,
    number: usize,
    place: Option<Place<'a>>,
    current: Section,
    description: String,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: Line<'a>) {
        match line {
            Line::Blank => {}
            Line::Pending | Line::Snapshot(_) => {
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
        let read = match Setting::find(key) {
            Some(setting) => setting.read(value),
            None => Err("there is no such setting".to_owned()),
        };
        match read {
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
            Some(Place::Snapshot(name)) => {
                drop(self.sections.snapshots.insert(name.to_owned(), section));
            }
        }
    }
}

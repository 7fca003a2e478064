//! Edits that change the lines they name and not one byte more.

use serde::Serialize;

use super::line::Line;
use super::read::{Dialect, Place};
use super::setting::Setting;

/// A change to the main section of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Edit {
    /// Sets a setting, in its place if it is there, else where Proxmox VE would sort it.
    Set {
        /// The setting, such as `memory`.
        key: String,
        /// Its value.
        value: String,
    },
    /// Removes a setting, however often it stands there.
    Remove {
        /// The setting.
        key: String,
    },
    /// Makes these the raw pairs, in this order, whose keys begin with a prefix.
    RawUnder {
        /// The prefix, such as `lxc.net.1.`; a whole key is a prefix too.
        prefix: String,
        /// Keys and values; none removes them all.
        pairs: Vec<(String, String)>,
    },
    /// Adds a raw pair unless it is there; other pairs of the same key stay.
    AddRaw {
        /// The key, such as `lxc.mount.auto`.
        key: String,
        /// The value.
        value: String,
    },
    /// Removes a raw pair; other pairs of the same key stay.
    RemoveRaw {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
}

/// Says that a line would not be read back as what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{line}` cannot stand in a guest's configuration as one setting")]
pub struct EditError {
    line: String,
}

/// Returns the text with the edits made.
pub(crate) fn edit(text: &str, edits: &[Edit], dialect: &Dialect) -> Result<String, EditError> {
    let mut draft = Draft::of(text, dialect);
    for edit in edits {
        draft.apply(edit)?;
    }
    Ok(draft.before.concat() + &draft.after)
}

/// The lines of the main section with their ends, and the rest of the file.
struct Draft<'d> {
    dialect: &'d Dialect,
    before: Vec<String>,
    after: String,
    end: &'static str,
}

impl<'d> Draft<'d> {
    fn of(text: &str, dialect: &'d Dialect) -> Self {
        let is_head = |line: &&str| Place::opened_by((dialect.line)(own(line))).is_some();
        let before: Vec<&str> =
            text.split_inclusive('\n').take_while(|line| !is_head(line)).collect();
        let length = before.iter().map(|line| line.len()).sum();
        let first = text.split_inclusive('\n').next().unwrap_or_default();
        Self {
            dialect,
            before: before.into_iter().map(str::to_owned).collect(),
            after: text.get(length..).unwrap_or_default().to_owned(),
            end: if first.ends_with("\r\n") { "\r\n" } else { "\n" },
        }
    }

    fn apply(&mut self, edit: &Edit) -> Result<(), EditError> {
        match edit {
            Edit::Set { key, value } => self.set(key, value),
            Edit::Remove { key } => {
                let dialect = self.dialect;
                let is_kept =
                    |line: &String| setting(dialect, line).is_none_or(|(found, _)| found != key);
                self.before.retain(is_kept);
                Ok(())
            }
            Edit::RawUnder { prefix, pairs } => self.set_raw(prefix, pairs),
            Edit::AddRaw { key, value } => self.add_raw(key, value),
            Edit::RemoveRaw { key, value } => {
                let dialect = self.dialect;
                self.before
                    .retain(|line| raw(dialect, line) != Some((key.as_str(), value.as_str())));
                Ok(())
            }
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), EditError> {
        let dialect = self.dialect;
        let is_key = |line: &String| setting(dialect, line).is_some_and(|(found, _)| found == key);
        let Some(at) = self.before.iter().rposition(is_key) else {
            self.insert_all(self.place_of(key), vec![setting_line(dialect, key, value)?]);
            return Ok(());
        };
        let present = self.before.get(at).and_then(|line| setting(dialect, line));
        if present.is_none_or(|(_, present)| !(dialect.same)(key, present, value)) {
            self.replace(at, &setting_line(dialect, key, value)?);
        }
        Ok(())
    }

    /// Where Proxmox VE would sort a setting: before the first later one, else behind the settings.
    fn place_of(&self, key: &str) -> usize {
        let setting = |line: &String| setting(self.dialect, line).map(|(found, _)| found > key);
        let later = |line: &String| setting(line) == Some(true);
        let settings = || self.before.iter().rposition(|line| setting(line).is_some());
        let first_raw = || self.before.iter().position(|line| raw(self.dialect, line).is_some());
        let behind =
            || settings().map(|at| at + 1).or_else(first_raw).unwrap_or_else(|| self.last_filled());
        self.before.iter().position(later).unwrap_or_else(behind)
    }

    fn last_filled(&self) -> usize {
        let filled = |line: &String| (self.dialect.line)(own(line)) != Line::Blank;
        self.before.iter().rposition(filled).map_or(0, |at| at + 1)
    }

    fn behind_raw(&self) -> usize {
        let dialect = self.dialect;
        let last = self.before.iter().rposition(|line| raw(dialect, line).is_some());
        last.map_or_else(|| self.last_filled(), |at| at + 1)
    }

    fn set_raw(&mut self, prefix: &str, pairs: &[(String, String)]) -> Result<(), EditError> {
        let dialect = self.dialect;
        let is_under =
            |line: &String| raw(dialect, line).is_some_and(|(key, _)| key.starts_with(prefix));
        let end =
            self.before.iter().rposition(is_under).map_or_else(|| self.behind_raw(), |at| at + 1);
        let mut wanted = pairs.iter();
        let mut kept = Vec::with_capacity(self.before.len());
        for line in self.before.drain(..end) {
            if !is_under(&line) {
                kept.push(line);
            } else if let Some((key, value)) = wanted.next() {
                let same = raw(dialect, &line) == Some((key.as_str(), value.as_str()));
                kept.push(if same { line } else { raw_line(dialect, key, value)? + ending(&line) });
            }
        }
        let end = kept.len();
        kept.append(&mut self.before);
        self.before = kept;
        self.insert_all(
            end,
            wanted.map(|(key, value)| raw_line(dialect, key, value)).collect::<Result<_, _>>()?,
        );
        Ok(())
    }

    fn add_raw(&mut self, key: &str, value: &str) -> Result<(), EditError> {
        let dialect = self.dialect;
        if !self.before.iter().any(|line| raw(dialect, line) == Some((key, value))) {
            self.insert_all(self.behind_raw(), vec![raw_line(dialect, key, value)?]);
        }
        Ok(())
    }

    fn replace(&mut self, at: usize, content: &str) {
        if let Some(line) = self.before.get_mut(at) {
            *line = format!("{content}{}", ending(line));
        }
    }

    fn insert_all(&mut self, at: usize, contents: Vec<String>) {
        let mut lines: Vec<String> =
            contents.into_iter().map(|content| content + self.end).collect();
        let previous = at.checked_sub(1).and_then(|index| self.before.get_mut(index));
        if let (Some(previous), Some(last)) = (previous, lines.last_mut())
            && !previous.ends_with('\n')
        {
            // The file does not end with a line feed, and still must not.
            previous.push_str(if previous.ends_with('\r') { "\n" } else { self.end });
            last.truncate(last.len() - self.end.len());
        }
        self.before.splice(at..at, lines);
    }
}

fn ending(line: &str) -> &str {
    line.get(body(line).len()..).unwrap_or_default()
}

/// The line without its line feed.
fn own(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

/// The line without its end.
fn body(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

fn setting<'a>(dialect: &Dialect, line: &'a str) -> Option<(&'a str, &'a str)> {
    match (dialect.line)(own(line)) {
        Line::Setting { key, value } => Some((key, value)),
        _ => None,
    }
}

fn raw<'a>(dialect: &Dialect, line: &'a str) -> Option<(&'a str, &'a str)> {
    match (dialect.line)(own(line)) {
        Line::Raw { key, value } => Some((key, value)),
        _ => None,
    }
}

fn setting_line(dialect: &Dialect, key: &str, value: &str) -> Result<String, EditError> {
    let line = format!("{key}: {value}");
    let read = setting(dialect, &line) == Some((key, value)) && !line.contains(['\n', '\r']);
    if read { Ok(line) } else { Err(EditError { line }) }
}

fn raw_line(dialect: &Dialect, key: &str, value: &str) -> Result<String, EditError> {
    let line = format!("{key}: {value}");
    let read = raw(dialect, &line) == Some((key, value)) && !line.contains(['\n', '\r']);
    if read { Ok(line) } else { Err(EditError { line }) }
}

/// Whether a setting's line already says this, perhaps in another spelling of a boolean or number.
pub(super) fn is_same(key: &str, present: &str, wanted: &str) -> bool {
    let reads_same = |setting: Setting| {
        setting.read(present).is_ok_and(|value| setting.read(wanted) == Ok(value))
    };
    present == wanted || Setting::find(key).is_some_and(reads_same)
}

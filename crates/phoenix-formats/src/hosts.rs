//! Static table of names: hosts(5).
//!
//! The rules are glibc's, and RFC 952 and RFC 1123 for what a host name is.
//! Owns the entries of one file as glibc reads them ([`Hosts`]), the question which address a name has, and edits of
//! single lines. Deliberately not understood: nsswitch.conf(5) and host.conf(5), which decide whether the file is
//! asked at all and whether a name may have several addresses; comments, which may mean something to cloud-init or
//! another manager of the file.

mod edit;
mod name;

use std::collections::BTreeSet;
use std::net::IpAddr;

pub use edit::EditError;
pub use name::{NameProblem, host_name_problem};
use serde::Serialize;

use crate::Warning;
use crate::lines::lines;

/// One line that gives names to an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// The address.
    pub address: IpAddr,
    /// The names in order: the first one is the canonical one, the others are its aliases.
    pub names: Vec<String>,
    /// What stands behind the first `#`, without white space around it; nothing when that is empty.
    pub comment: Option<String>,
}

impl Entry {
    /// Says whether the line gives this name; letter case and a dot at the end of `name` do not count.
    pub fn has(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// A file in the form of hosts(5), every byte kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    text: String,
    entries: Vec<Entry>,
    warnings: Vec<Warning>,
}

impl Hosts {
    /// Reads a file; a line that glibc skips, and a name that is no host name, is a warning.
    pub fn parse(text: &str) -> Self {
        let mut hosts = Self { text: text.to_owned(), entries: Vec::new(), warnings: Vec::new() };
        for line in lines(text) {
            hosts.read(line.number, line.text);
        }
        hosts
    }

    fn read(&mut self, line: usize, text: &str) {
        let (fields, comment) = split_comment(text);
        let mut fields = fields.split(is_space).filter(|field| !field.is_empty());
        let Some(first) = fields.next() else { return };
        let Ok(address) = first.parse() else {
            let message = format!("`{first}` is not an address, and the line is skipped");
            return self.warnings.push(Warning::new(line, message));
        };
        let names: Vec<String> = fields.map(str::to_owned).collect();
        if names.is_empty() {
            let message = format!("`{first}` has no name, and the line is skipped");
            return self.warnings.push(Warning::new(line, message));
        }
        self.warn_about_names(line, &names);
        let comment = comment.map(str::trim).filter(|comment| !comment.is_empty());
        self.entries.push(Entry { line, address, names, comment: comment.map(str::to_owned) });
    }

    fn warn_about_names(&mut self, line: usize, names: &[String]) {
        for name in names {
            if let Some(problem) = host_name_problem(name) {
                let message = format!("`{name}` is not a host name: {problem}");
                self.warnings.push(Warning::new(line, message));
            }
        }
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns what is skipped or wrong, by line.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the entry that decides what a name resolves to first: the first one with the name.
    pub fn first(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.has(name))
    }

    /// Returns all addresses of a name in the file's order, each once: the first of an IP version is the one that a
    /// program which asks for one gets.
    pub fn addresses_of(&self, name: &str) -> Vec<IpAddr> {
        let mut seen = BTreeSet::new();
        let entries = self.entries.iter().filter(|entry| entry.has(name));
        entries.map(|entry| entry.address).filter(|address| seen.insert(*address)).collect()
    }

    /// Returns the names of an address in the file's order: the first is what a reverse lookup answers.
    pub fn names_of(&self, address: IpAddr) -> Vec<&str> {
        let entries = self.entries.iter().filter(|entry| entry.address == address);
        entries.flat_map(|entry| &entry.names).map(String::as_str).collect()
    }
}

/// What `phoenix inspect hosts` shows of a file.
impl Serialize for Hosts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut view = serializer.serialize_struct("Hosts", 3)?;
        view.serialize_field("ok", &self.warnings.is_empty())?;
        view.serialize_field("entries", &self.entries)?;
        view.serialize_field("warnings", &self.warnings)?;
        view.end()
    }
}

/// What separates fields: white space of C, and so a carriage return too.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\x0b' | '\x0c')
}

/// Splits a line at its first `#`: what glibc reads, and the comment.
fn split_comment(line: &str) -> (&str, Option<&str>) {
    match line.split_once('#') {
        Some((fields, comment)) => (fields, Some(comment)),
        None => (line, None),
    }
}

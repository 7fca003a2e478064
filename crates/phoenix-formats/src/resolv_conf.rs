//! Resolver configuration: resolv.conf(5), as glibc reads it (measured on glibc 2.36).
//!
//! Owns the lines of one file ([`ResolvConf`]), what the resolver makes of them, who else writes the file
//! ([`Manager`]), and edits of single lines. Deliberately not understood: environment variables that override the
//! file, and what musl and systemd-resolved make of it.

mod edit;
mod manager;
mod options;
mod read;

use std::fmt;
use std::net::IpAddr;

pub use edit::EditError;
pub use manager::Manager;
pub(crate) use read::inet_aton;
use serde::Serialize;

use crate::Warning;

/// How many servers the resolver asks; it ignores the others.
pub const MOST_NAMESERVERS: usize = 3;

/// A server that answers questions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Nameserver {
    /// The address.
    pub address: IpAddr,
    /// The interface behind a `%`, for an IPv6 address of one link.
    pub zone: Option<String>,
}

impl fmt::Display for Nameserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, zone } = self;
        match zone {
            Some(zone) => write!(f, "{address}%{zone}"),
            None => write!(f, "{address}"),
        }
    }
}

impl From<IpAddr> for Nameserver {
    fn from(address: IpAddr) -> Self {
        Self { address, zone: None }
    }
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// `nameserver ADDRESS`.
    Nameserver(Nameserver),
    /// `search DOMAIN…`: what is tried behind a short name.
    Search(Vec<String>),
    /// `domain DOMAIN`: the same with one domain.
    Domain(String),
    /// `sortlist NETWORK…`.
    Sortlist(Vec<String>),
    /// `options WORD…`.
    Options(Vec<String>),
}

/// A line that the resolver understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// What it says.
    pub setting: Setting,
    /// Whether the resolver uses it: it does not use a fourth server, nor a search list before the last.
    pub used: bool,
}

/// A file in the form of resolv.conf(5), every byte kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvConf {
    text: String,
    entries: Vec<Entry>,
    warnings: Vec<Warning>,
    manager: Option<Manager>,
}

impl ResolvConf {
    /// Reads a file; what the resolver skips is a warning.
    pub fn parse(text: &str) -> Self {
        read::read(text)
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the lines that the resolver understands, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns what the resolver skips or takes otherwise than it looks, by line.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns who else writes the file, as its comments say: an edit by hand would be lost.
    pub fn manager(&self) -> Option<Manager> {
        self.manager
    }

    /// Returns the servers in order, those that are not used too; without any, glibc asks 127.0.0.1.
    pub fn nameservers(&self) -> impl Iterator<Item = &Nameserver> {
        self.entries.iter().filter_map(|entry| match &entry.setting {
            Setting::Nameserver(server) => Some(server),
            _ => None,
        })
    }

    /// Returns the search list in use; empty when the file has none, and the host's own domain is taken.
    pub fn search(&self) -> Vec<&str> {
        let mut used = self.entries.iter().filter(|entry| entry.used);
        used.find_map(|entry| match &entry.setting {
            Setting::Search(domains) => Some(domains.iter().map(String::as_str).collect()),
            Setting::Domain(domain) => Some(vec![domain.as_str()]),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// Returns the words of all `options` lines, in order.
    pub fn options(&self) -> Vec<&str> {
        let words = self.entries.iter().filter_map(|entry| match &entry.setting {
            Setting::Options(words) => Some(words),
            _ => None,
        });
        words.flatten().map(String::as_str).collect()
    }
}

/// What `phoenix inspect resolv-conf` shows of a file.
impl Serialize for ResolvConf {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut view = serializer.serialize_struct("ResolvConf", 4)?;
        view.serialize_field("ok", &self.warnings.is_empty())?;
        view.serialize_field("manager", &self.manager)?;
        view.serialize_field("entries", &self.entries)?;
        view.serialize_field("warnings", &self.warnings)?;
        view.end()
    }
}

//! Which files interfaces(5) is made of: the main one, and all that it includes.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::interfaces::{Interfaces, Network, Source, Stanza, StanzaKind};
use phoenix_formats::nginx::include_matches;

use crate::location::{AbsolutePath, Location, Place};
use crate::probe::{Answer, Facts, Probe};

/// The file that ifup(8) and ifreload(8) begin with.
pub(super) const MAIN: &str = "/etc/network/interfaces";

/// How many files are followed at most: no node has as many, and files may include each other.
const MOST_FILES: usize = 100;

/// One file of interfaces(5).
pub(super) struct File {
    pub(super) at: Location,
    pub(super) parsed: Interfaces,
}

/// All files in the order in which they are read.
pub(super) struct Files {
    pub(super) all: Vec<File>,
    /// What is included by a word that phoenix cannot follow, with its place.
    pub(super) not_followed: Vec<(Location, usize, String)>,
    wanted: BTreeSet<Probe>,
}

impl Files {
    /// Reads the files as far as the facts tell.
    pub(super) fn of(facts: &Facts) -> Self {
        let mut files = Self { all: Vec::new(), not_followed: Vec::new(), wanted: BTreeSet::new() };
        let mut seen = BTreeSet::new();
        files.read(Location::node(MAIN), facts, &mut seen);
        files
    }

    /// Returns the questions whose answers name or hold the files.
    pub(super) fn probes(facts: &Facts) -> BTreeSet<Probe> {
        Self::of(facts).wanted
    }

    /// Returns what all files together say.
    pub(super) fn network(&self) -> Network {
        Network::of(&self.all.iter().map(|file| &file.parsed).collect::<Vec<_>>())
    }

    /// Returns every `iface` stanza of an interface that configures IPv4, with its file: one without a
    /// family too, which is how ifupdown2 writes them.
    pub(super) fn stanzas<'a>(&'a self, name: &'a str) -> Vec<(&'a File, &'a Stanza)> {
        let of_file = |file: &'a File| stanzas(&file.parsed, name).map(move |s| (file, s));
        self.all.iter().flat_map(of_file).collect()
    }

    fn read(&mut self, at: Location, facts: &Facts, seen: &mut BTreeSet<Location>) {
        if seen.len() >= MOST_FILES || !seen.insert(at.clone()) {
            return;
        }
        self.wanted.insert(Probe::File(at.clone()));
        let Some(text) = facts.text(&at) else { return };
        let parsed = Interfaces::parse(text);
        let sources = sources(&parsed);
        self.all.push(File { at: at.clone(), parsed });
        for (line, source) in sources {
            for word in source.pattern.split_whitespace() {
                self.include(&at, line, &source.keyword, word, facts, seen);
            }
        }
    }

    fn include(
        &mut self,
        from: &Location,
        line: usize,
        keyword: &str,
        word: &str,
        facts: &Facts,
        seen: &mut BTreeSet<Location>,
    ) {
        let Some(meant) = Meant::of(keyword, word, from) else {
            self.not_followed.push((from.clone(), line, format!("{keyword} {word}")));
            return;
        };
        let included = match meant {
            Meant::File(at) => vec![at],
            Meant::Folder { folder, takes } => {
                self.wanted.insert(Probe::List(folder.clone()));
                let names = facts.names(&folder).iter().filter(|name| takes.takes(&folder, name));
                names.filter_map(|name| below(&folder, name)).collect()
            }
        };
        for at in included {
            // A pattern may name folders too, which hold nothing by themselves.
            if !matches!(facts.answer(&Probe::File(at.clone())), Answer::Unreadable(_)) {
                self.read(at, facts, seen);
            }
        }
    }
}

fn below(folder: &Location, name: &str) -> Option<Location> {
    let path = format!("{}/{name}", folder.path).parse::<AbsolutePath>().ok()?;
    Some(Location { place: Place::Node, path })
}

fn sources(file: &Interfaces) -> Vec<(usize, Source)> {
    let source = |stanza: &Stanza| match &stanza.kind {
        StanzaKind::Source(source) => Some((stanza.line, source.clone())),
        _ => None,
    };
    file.stanzas().iter().filter_map(source).collect()
}

/// Returns the stanzas of one file that configure IPv4 on an interface.
pub(super) fn stanzas<'a>(
    file: &'a Interfaces,
    wanted: &'a str,
) -> impl Iterator<Item = &'a Stanza> {
    file.stanzas().iter().filter(move |stanza| match &stanza.kind {
        StanzaKind::Iface { name, family, .. } => {
            name == wanted && family.as_deref().is_none_or(|family| family == "inet")
        }
        _ => false,
    })
}

/// What a word of `source` or `source-directory` means.
enum Meant {
    File(Location),
    Folder { folder: Location, takes: Takes },
}

/// Which names of a folder are included.
enum Takes {
    /// Those that match the pattern.
    Pattern(String),
    /// Those that run-parts(8) would take.
    Plain,
}

impl Takes {
    fn takes(&self, folder: &Location, name: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        match self {
            Self::Pattern(pattern) => include_matches(pattern, &format!("{}/{name}", folder.path)),
            Self::Plain => name.chars().all(plain),
        }
    }
}

impl Meant {
    /// Reads a word; nothing when it is more than a path whose last part may be a pattern.
    fn of(keyword: &str, word: &str, from: &Location) -> Option<Self> {
        let is_pattern = |text: &str| text.contains(['*', '?', '[']);
        let quoted = |c: char| matches!(c, '"' | '\'' | '$' | '~' | '`' | '\\' | '{');
        if word.contains(quoted) {
            return None;
        }
        let path = absolute(word.trim_end_matches('/'), from);
        let (folder, _) = path.rsplit_once('/')?;
        let at = |path: &str| {
            Some(Location { place: Place::Node, path: path.parse::<AbsolutePath>().ok()? })
        };
        match (keyword, is_pattern(folder), is_pattern(&path)) {
            (_, true, _) | ("source-directory", _, true) => None,
            ("source-directory", ..) => {
                Some(Self::Folder { folder: at(&path)?, takes: Takes::Plain })
            }
            (_, _, true) => {
                Some(Self::Folder { folder: at(folder)?, takes: Takes::Pattern(path.clone()) })
            }
            _ => Some(Self::File(at(&path)?)),
        }
    }
}

/// Returns a path that is relative to the folder of the file in which it stands.
fn absolute(path: &str, from: &Location) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let folder = from.path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = path.strip_prefix("./").unwrap_or(path);
    format!("{folder}/{path}")
}

/// Returns whether a file is a template of ifupdown2, which is worked out before it is read.
pub(super) fn is_template(file: &Interfaces) -> bool {
    let directive = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix('%').is_some_and(|rest| !rest.starts_with('%')) || line.contains("<%")
    };
    file.text().lines().filter(|line| !line.trim_start().starts_with('#')).any(directive)
}

/// Returns the IPv4 default gateways of all stanzas but one, with their places.
pub(super) fn other_gateways(files: &Files, stanza: &Stanza) -> BTreeMap<String, String> {
    let all =
        files.all.iter().flat_map(|file| file.parsed.stanzas().iter().map(move |s| (file, s)));
    let others = all.filter(|(_, other)| *other != stanza);
    let options = others.flat_map(|(file, other)| other.options.iter().map(move |o| (file, o)));
    let gateways = options.filter(|(_, option)| option.is("gateway"));
    let v4 = gateways.filter(|(_, o)| o.value.parse::<std::net::Ipv4Addr>().is_ok());
    v4.map(|(file, o)| (format!("{}:{}", file.at, o.line), o.value.clone())).collect()
}

/// Returns the questions whose answers name or hold the files of interfaces(5).
pub(in crate::kind) fn file_probes(facts: &Facts) -> BTreeSet<Probe> {
    Files::probes(facts)
}

/// Returns the file that is read first.
pub(in crate::kind) fn main_file() -> Location {
    Location::node(MAIN)
}

/// Returns whether there is no file of interfaces(5) at all.
pub(in crate::kind) fn are_missing(facts: &Facts) -> bool {
    Files::of(facts).all.is_empty()
}

/// Returns whether a file is read when it is there.
pub(in crate::kind) fn reads(facts: &Facts, at: &Location) -> bool {
    let takes = |from: &File| {
        let sources = sources(&from.parsed).into_iter();
        let words = sources.flat_map(|(_, source)| {
            let words = source.pattern.split_whitespace().map(str::to_owned);
            words.map(move |word| (source.keyword.clone(), word)).collect::<Vec<_>>()
        });
        let mut meant = words.filter_map(|(keyword, word)| Meant::of(&keyword, &word, &from.at));
        meant.any(|meant| match meant {
            Meant::File(file) => file == *at,
            Meant::Folder { folder, takes } => {
                let name = at.path.file_name();
                below(&folder, name).as_ref() == Some(at) && takes.takes(&folder, name)
            }
        })
    };
    Files::of(facts).all.iter().any(takes)
}

/// Returns a stanza that configures an interface, in another file than this one.
pub(in crate::kind) fn stanza_elsewhere(
    facts: &Facts,
    name: &str,
    at: &Location,
) -> Option<(Location, usize)> {
    let files = Files::of(facts);
    let found = files.stanzas(name).into_iter().find(|(file, _)| file.at != *at);
    found.map(|(file, stanza)| (file.at.clone(), stanza.line))
}

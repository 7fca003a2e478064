//! Stanzas of a file, with everything that is not understood kept.

use serde::Serialize;

use super::lines::{Logical, logical};
use crate::Warning;

/// One option of a stanza: `address 10.0.0.1/24`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineOption {
    /// The name as it is written.
    pub name: String,
    /// What stands behind the name, continued lines joined; may be empty.
    pub value: String,
    /// Number of its first line, counted from 1.
    pub line: usize,
    /// Number of its last line: another one when a backslash continues it.
    pub last_line: usize,
}

impl LineOption {
    /// Says whether this is the option `name`, with `-` and `_` taken for the same.
    pub fn is(&self, name: &str) -> bool {
        let same =
            |(a, b): (char, char)| a == b || (matches!(a, '-' | '_') && matches!(b, '-' | '_'));
        self.name.len() == name.len() && self.name.chars().zip(name.chars()).all(same)
    }
}

/// What a stanza is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StanzaKind {
    /// `auto NAME…`, `allow-CLASS NAME…`, `no-auto-down NAME…`, `no-scripts NAME…`.
    Names {
        /// The first word.
        keyword: String,
        /// The names or patterns behind it.
        names: Vec<String>,
    },
    /// `iface NAME [FAMILY [METHOD]] …`.
    Iface {
        /// The name, with the `:1` of an alias.
        name: String,
        /// `inet`, `inet6` …; ifupdown2 lets it out.
        family: Option<String>,
        /// `static`, `dhcp`, `manual`, `loopback` …
        method: Option<String>,
        /// What stands behind the method, such as `inherits eth0`.
        rest: Vec<String>,
    },
    /// `source PATTERN` or `source-directory PATTERN`.
    Source(Source),
    /// `mapping PATTERN…`, with its options.
    Mapping {
        /// The patterns.
        patterns: Vec<String>,
    },
}

/// Other files that a file includes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The path or pattern as it is written, relative to the file's folder.
    pub pattern: String,
    /// `source` names files, `source-directory` folders of them.
    pub keyword: String,
}

/// A line that begins something, with the options below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stanza {
    /// What it is about.
    pub kind: StanzaKind,
    /// The options, in order.
    pub options: Vec<LineOption>,
    /// Number of its first line, counted from 1.
    pub line: usize,
    /// Number of the last line of its head.
    pub last_line: usize,
}

/// One file in the form of interfaces(5), every byte kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    pub(super) text: String,
    pub(super) stanzas: Vec<Stanza>,
    warnings: Vec<Warning>,
}

impl Interfaces {
    /// Reads a file; a line that ifup(8) would refuse or drop is a warning.
    pub fn parse(text: &str) -> Self {
        let mut reader = Reader::default();
        for line in logical(text) {
            reader.read(line);
        }
        Self { text: text.to_owned(), stanzas: reader.stanzas, warnings: reader.warnings }
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the stanzas, in order.
    pub fn stanzas(&self) -> &[Stanza] {
        &self.stanzas
    }

    /// Returns what ifup(8) would refuse or drop, by line.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns what the file includes, in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.stanzas.iter().filter_map(|stanza| match &stanza.kind {
            StanzaKind::Source(source) => Some(source),
            _ => None,
        })
    }
}

#[derive(Default)]
struct Reader {
    stanzas: Vec<Stanza>,
    warnings: Vec<Warning>,
}

impl Reader {
    fn read(&mut self, line: Logical) {
        let (first, rest) = first_word(&line.text);
        match stanza(first, rest) {
            Some(Ok(kind)) => self.begin(kind, &line),
            Some(Err(message)) => self.warnings.push(Warning::new(line.first, message)),
            None => self.option(first.to_owned(), rest.to_owned(), &line),
        }
    }

    fn begin(&mut self, kind: StanzaKind, line: &Logical) {
        if let StanzaKind::Iface { name, family: Some(family), .. } = &kind
            && !matches!(family.as_str(), "inet" | "inet6" | "ipx" | "can" | "link" | "inherits")
        {
            let message =
                format!("`{family}` is not an address family, and `{name}` is not configured");
            self.warnings.push(Warning::new(line.first, message));
        }
        self.stanzas.push(Stanza {
            kind,
            options: Vec::new(),
            line: line.first,
            last_line: line.last,
        });
    }

    fn option(&mut self, name: String, value: String, line: &Logical) {
        let stanza = self.stanzas.last_mut();
        let open = stanza.filter(|stanza| {
            matches!(stanza.kind, StanzaKind::Iface { .. } | StanzaKind::Mapping { .. })
        });
        let Some(stanza) = open else {
            let message = format!("`{name}` belongs to no `iface`");
            return self.warnings.push(Warning::new(line.first, message));
        };
        if value.is_empty() {
            self.warnings.push(Warning::new(line.first, format!("option `{name}` has no value")));
        }
        stanza.options.push(LineOption { name, value, line: line.first, last_line: line.last });
    }
}

fn first_word(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace)
        .map_or((text, ""), |(first, rest)| (first, rest.trim_start()))
}

/// Reads the head of a stanza; nothing when the line is an option of the one before.
fn stanza(first: &str, rest: &str) -> Option<Result<StanzaKind, String>> {
    let words = || rest.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let named = |kind: StanzaKind| {
        if rest.is_empty() { Err(format!("`{first}` needs a name")) } else { Ok(kind) }
    };
    let keyword = first.to_owned();
    match first {
        "iface" => Some(named(iface(rest))),
        "mapping" => Some(named(StanzaKind::Mapping { patterns: words() })),
        "source" | "source-directory" => {
            Some(named(StanzaKind::Source(Source { pattern: rest.to_owned(), keyword })))
        }
        "auto" | "no-auto-down" | "no-scripts" => {
            Some(named(StanzaKind::Names { keyword, names: words() }))
        }
        _ if first.starts_with("allow-") => {
            Some(named(StanzaKind::Names { keyword, names: words() }))
        }
        _ => None,
    }
}

fn iface(rest: &str) -> StanzaKind {
    let mut words = rest.split_whitespace().map(str::to_owned);
    StanzaKind::Iface {
        name: words.next().unwrap_or_default(),
        family: words.next(),
        method: words.next(),
        rest: words.collect(),
    }
}

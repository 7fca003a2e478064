//! A whole firewall file as PVE reads it, line by line and with every byte kept.

use std::collections::BTreeMap;

use super::address::IpVersion;
use super::check::Property;
use super::read::read;
use super::rule::Rule;
use super::scope::{Level, Names, Scope};
use super::text::truthy;
use crate::Warning;

/// A firewall file: its text, what PVE reads in it, and what PVE has to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FwFile {
    pub(super) level: Level,
    pub(super) text: String,
    /// What each line is, in order.
    pub(super) lines: Vec<Line>,
    pub(super) sections: Vec<Section>,
    pub(super) options: Vec<OptionEntry>,
    pub(super) rules: Vec<ParsedRule>,
    pub(super) aliases: BTreeMap<String, Alias>,
    pub(super) ipsets: BTreeMap<String, Vec<IpsetEntry>>,
    pub(super) ipset_comments: BTreeMap<String, String>,
    pub(super) groups: BTreeMap<String, Vec<ParsedRule>>,
    pub(super) group_comments: BTreeMap<String, String>,
    pub(super) warnings: Vec<Warning>,
    pub(super) failure: Option<String>,
    /// Sections that PVE reads; in a node's file, looking for a name opens two more.
    pub(super) reads: Sections,
    pub(super) scope: Scope,
}

/// Which of the sections with names PVE reads in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) aliases: bool,
    pub(super) ipsets: bool,
    pub(super) groups: bool,
}

/// What one line is to PVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// Index of the section it is in.
    pub(super) section: Option<usize>,
    pub(super) kind: LineKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Blank,
    Comment,
    Header,
    /// An option, rule, alias or entry; the number counts within its section.
    Content(usize),
    /// A line that PVE drops.
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Options,
    Aliases,
    Ipset(String),
    Rules,
    Group(String),
}

/// An option of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionEntry {
    /// The key in lower case.
    pub key: &'static str,
    /// The value as PVE keeps it: flags as `0` and `1`, policies in upper case.
    pub value: String,
    /// Number of the line, counted from 1.
    pub line: usize,
}

/// A rule that PVE keeps, with what PVE thinks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedRule {
    /// The rule.
    pub rule: Rule,
    /// Number of the line, counted from 1.
    pub line: usize,
    /// Faults by property. A rule that has any is kept and saved and never applied.
    pub errors: BTreeMap<Property, String>,
    /// The one IP version that the rule is for.
    pub version: Option<IpVersion>,
}

impl ParsedRule {
    /// Tells whether PVE applies the rule: it is enabled and without faults.
    pub fn is_applied(&self) -> bool {
        self.rule.enabled && self.errors.is_empty()
    }
}

/// A name for an address or network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name as written; empty for the nameless alias that PVE makes of a line it cannot read.
    pub name: String,
    /// The address or network, without a prefix of full length.
    pub cidr: String,
    /// The comment, if it is not empty.
    pub comment: Option<String>,
    /// Number of the line, counted from 1.
    pub line: usize,
}

/// An entry of a set of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpsetEntry {
    /// The address, network or alias; `None` when PVE cannot read the line.
    pub cidr: Option<String>,
    /// Whether the entry excludes its addresses (`!`).
    pub nomatch: bool,
    /// The comment, if it is not empty.
    pub comment: Option<String>,
    /// Why PVE leaves the entry out of the set.
    pub error: Option<String>,
    /// Number of the line, counted from 1.
    pub line: usize,
}

impl FwFile {
    /// Reads a file; it never fails. A guest's or node's file uses the names of the `cluster` file.
    ///
    /// Without a clock, a time before 2100 in the cluster's `enable` counts as past, that is as `0`.
    pub fn parse(level: Level, text: &str, cluster: Option<&Self>) -> Self {
        let names = cluster.filter(|_| level != Level::Cluster).map(Names::of).unwrap_or_default();
        Self::parse_with(level, text, names)
    }

    pub(super) fn parse_with(level: Level, text: &str, cluster: Names) -> Self {
        read(Self::empty(level, text, cluster))
    }

    fn empty(level: Level, text: &str, cluster: Names) -> Self {
        let named = level != Level::Host;
        Self {
            level,
            text: text.to_owned(),
            lines: Vec::new(),
            sections: Vec::new(),
            options: Vec::new(),
            rules: Vec::new(),
            aliases: BTreeMap::new(),
            ipsets: BTreeMap::new(),
            ipset_comments: BTreeMap::new(),
            groups: BTreeMap::new(),
            group_comments: BTreeMap::new(),
            warnings: Vec::new(),
            failure: None,
            reads: Sections { aliases: named, ipsets: named, groups: level == Level::Cluster },
            scope: Scope::rules(level).with_cluster(cluster),
        }
    }

    /// Tells whether PVE takes the file for an absent one: it is empty, or a single `0`.
    pub(super) fn is_void(&self) -> bool {
        !truthy(&self.text)
    }

    /// Returns whose file it is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the options in the order of their lines; of a repeated one, PVE uses the last.
    pub fn options(&self) -> &[OptionEntry] {
        &self.options
    }

    /// Returns the value that PVE uses for an option.
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.iter().rfind(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// Returns the rules of `[RULES]` in order.
    pub fn rules(&self) -> &[ParsedRule] {
        &self.rules
    }

    /// Returns the aliases by name in lower case.
    pub fn aliases(&self) -> &BTreeMap<String, Alias> {
        &self.aliases
    }

    /// Returns the sets of addresses by name in lower case.
    pub fn ipsets(&self) -> &BTreeMap<String, Vec<IpsetEntry>> {
        &self.ipsets
    }

    /// Returns the rules of the security groups by name in lower case.
    pub fn groups(&self) -> &BTreeMap<String, Vec<ParsedRule>> {
        &self.groups
    }

    /// Returns what PVE has to say, in the order of the lines.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Says why PVE refuses the file as a whole, if it does: a `log_ratelimit` that it cannot read.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Returns the scope of a rule at the end of the file's `[RULES]`, for [`Rule::check`].
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(super) fn names(&self) -> &Names {
        if self.level == Level::Cluster { &self.scope.cluster } else { &self.scope.own }
    }

    pub(super) fn names_mut(&mut self) -> &mut Names {
        if self.level == Level::Cluster { &mut self.scope.cluster } else { &mut self.scope.own }
    }
}

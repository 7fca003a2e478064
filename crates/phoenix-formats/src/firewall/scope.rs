//! The names that a rule may use, and where.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::address::{IpVersion, Span, cidr_span, parse_cidr};
use super::file::FwFile;

/// Says whose firewall a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `cluster.fw`: options, aliases, sets and groups of the cluster, and rules for every node.
    Cluster,
    /// `host.fw`: options and rules of one node.
    Host,
    /// `<VMID>.fw`: options, aliases, sets and rules of one guest, container or VM.
    Guest,
}

/// The aliases, sets and groups that one file defines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub(super) aliases: BTreeMap<String, Target>,
    pub(super) ipsets: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
}

/// What an alias stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) version: IpVersion,
    /// The addresses, unless the prefix is longer than any.
    pub(super) span: Option<Span>,
}

impl Names {
    /// Returns the names that a file defines, at its end.
    pub fn of(file: &FwFile) -> Self {
        file.names().clone()
    }

    /// Adds an alias for an address or network; one that PVE cannot read is left out.
    pub fn add_alias(&mut self, name: &str, cidr: &str) {
        if let Some((_, version)) = parse_cidr(cidr) {
            self.aliases
                .insert(name.to_ascii_lowercase(), Target { version, span: cidr_span(cidr) });
        }
    }

    /// Adds a set of addresses.
    pub fn add_ipset(&mut self, name: &str) {
        self.ipsets.insert(name.to_ascii_lowercase());
    }

    /// Adds a security group.
    pub fn add_group(&mut self, name: &str) {
        self.groups.insert(name.to_ascii_lowercase());
    }
}

/// Says where a rule stands, which decides what it may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub(super) place: Place,
    pub(super) cluster: Names,
    pub(super) own: Names,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Rules(Level),
    Group,
}

impl Scope {
    /// Returns the scope of the `[RULES]` of a file of that level, without any name.
    pub fn rules(level: Level) -> Self {
        Self { place: Place::Rules(level), cluster: Names::default(), own: Names::default() }
    }

    /// Returns the scope of a security group, without any name.
    pub fn group() -> Self {
        Self { place: Place::Group, cluster: Names::default(), own: Names::default() }
    }

    /// Adds the names of the cluster's file.
    #[must_use]
    pub fn with_cluster(self, cluster: Names) -> Self {
        Self { cluster, ..self }
    }

    /// Adds the names of the file the rule is in; for the cluster's own file use [`Scope::with_cluster`].
    #[must_use]
    pub fn with_own(self, own: Names) -> Self {
        Self { own, ..self }
    }

    pub(super) fn is_guest(&self) -> bool {
        self.place == Place::Rules(Level::Guest)
    }

    /// Returns the names of the file the rule is in; a group has none of its own.
    fn own_names(&self) -> Option<&Names> {
        match self.place {
            Place::Rules(Level::Cluster) => Some(&self.cluster),
            Place::Rules(Level::Host | Level::Guest) => Some(&self.own),
            Place::Group => None,
        }
    }

    // PVE's check does not mind the prefix: `guest/web` passes when only the cluster has a `web`.
    pub(super) fn has_alias(&self, name: &str) -> bool {
        let has = |names: &Names| names.aliases.contains_key(name);
        has(&self.cluster) || self.own_names().is_some_and(has)
    }

    pub(super) fn has_ipset(&self, name: &str) -> bool {
        let has = |names: &Names| names.ipsets.contains(name);
        has(&self.cluster) || self.own_names().is_some_and(has)
    }

    /// Tells whether PVE finds the set when it uses it, which unlike its check minds the prefix.
    pub(super) fn finds_ipset(&self, reference: &Reference<'_>) -> bool {
        let has = |names: &Names| names.ipsets.contains(reference.name);
        let own = reference.prefix != Prefix::Cluster && self.own_names().is_some_and(has);
        own || (reference.prefix != Prefix::Guest && has(&self.cluster))
    }

    pub(super) fn has_group(&self, name: &str) -> bool {
        self.cluster.groups.contains(name)
    }

    /// Finds an alias as PVE does when it uses it: in the file itself first, then in the cluster's.
    pub(super) fn alias(&self, reference: &Reference<'_>) -> Option<Target> {
        let name = lower(reference.name);
        let find = |names: &Names| names.aliases.get(&*name).copied();
        let own = self.own_names().filter(|_| reference.prefix != Prefix::Cluster).and_then(find);
        own.or_else(|| find(&self.cluster).filter(|_| reference.prefix != Prefix::Guest))
    }
}

/// Returns a name in lower case; most are.
pub(super) fn lower(name: &str) -> Cow<'_, str> {
    let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
    if upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
}

/// A name in a rule with the file it is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    pub(super) prefix: Prefix,
    pub(super) name: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    Any,
    Cluster,
    Guest,
    Sdn,
}

impl<'a> Reference<'a> {
    /// Reads `NAME`, `dc/NAME` or `guest/NAME`.
    pub(super) fn alias(text: &'a str) -> Option<Self> {
        Self::read(text).filter(|reference| reference.prefix != Prefix::Sdn)
    }

    /// Reads `+NAME` with an optional `dc/`, `guest/` or `sdn/` after the `+`.
    pub(super) fn ipset(text: &'a str) -> Option<Self> {
        Self::read(text.strip_prefix('+')?)
    }

    fn read(text: &'a str) -> Option<Self> {
        let prefixes = [("dc/", Prefix::Cluster), ("guest/", Prefix::Guest), ("sdn/", Prefix::Sdn)];
        let found = prefixes
            .into_iter()
            .find_map(|(word, prefix)| text.strip_prefix(word).map(|name| (prefix, name)));
        let (prefix, name) = found.unwrap_or((Prefix::Any, text));
        super::text::is_name(name).then_some(Self { prefix, name })
    }
}

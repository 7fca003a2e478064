//! Lowering of what rules can name: aliases, sets of addresses, security groups.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::firewall::{Alias, FwFile, IpsetEntry, Level};

use super::super::finding::Finding;
use super::super::part::Lowering;
use super::Home;
use crate::declared::{self, List, Words};
use crate::desired::{Definitions, Group, Located};
use crate::source::Origin;

/// The longest names that Proxmox VE takes: a group's is part of the names of its chains.
const LONGEST_ALIAS: usize = 64;
const LONGEST_IPSET: usize = 64;
const LONGEST_GROUP: usize = 18;

type Members<'a, T> = Option<&'a BTreeMap<String, Option<T>>>;

impl Lowering {
    pub(super) fn cluster_definitions(
        &mut self,
        declared: &declared::ClusterFirewall,
        at: &Origin,
    ) -> Definitions {
        let removed = declared.removed.clone().unwrap_or_default();
        let gone = at.at("removed");
        let definitions = Definitions {
            aliases: self.aliases(declared.aliases.as_ref(), &at.at("aliases")),
            ipsets: self.ipsets(declared.ipsets.as_ref(), &at.at("ipsets")),
            groups: self.groups(declared.groups.as_ref(), &at.at("groups")),
            removed_aliases: removed_names(removed.aliases, &gone.at("aliases")),
            removed_ipsets: removed_names(removed.ipsets, &gone.at("ipsets")),
            removed_groups: removed_names(removed.groups, &gone.at("groups")),
        };
        self.both_ways(&definitions);
        definitions
    }

    pub(super) fn guest_definitions(
        &mut self,
        declared: &declared::GuestFirewall,
        at: &Origin,
    ) -> Definitions {
        let removed = declared.removed.clone().unwrap_or_default();
        let gone = at.at("removed");
        let definitions = Definitions {
            aliases: self.aliases(declared.aliases.as_ref(), &at.at("aliases")),
            ipsets: self.ipsets(declared.ipsets.as_ref(), &at.at("ipsets")),
            removed_aliases: removed_names(removed.aliases, &gone.at("aliases")),
            removed_ipsets: removed_names(removed.ipsets, &gone.at("ipsets")),
            ..Definitions::default()
        };
        self.both_ways(&definitions);
        definitions
    }

    /// Refuses names that are declared and removed at once.
    fn both_ways(&mut self, definitions: &Definitions) {
        let aliases = definitions.aliases.iter().map(|(name, alias)| (name, &alias.origin));
        self.contradictions(aliases.collect(), &definitions.removed_aliases);
        let ipsets = definitions.ipsets.iter().map(|(name, set)| (name, &set.origin));
        self.contradictions(ipsets.collect(), &definitions.removed_ipsets);
        let groups = definitions.groups.iter().map(|(name, group)| (name, &group.origin));
        self.contradictions(groups.collect(), &definitions.removed_groups);
    }

    fn contradictions(
        &mut self,
        declared: BTreeMap<&String, &Origin>,
        removed: &[Located<String>],
    ) {
        for gone in removed {
            let Some(origin) = declared.get(&gone.value) else { continue };
            let message = format!("`{}` is declared and removed", gone.value);
            let finding = Finding::error(gone.origin.clone(), message).label("removed here");
            let finding = finding.with((*origin).clone(), "declared here");
            self.push(finding.help("Take it out of `removed`, or remove its declaration."));
        }
    }

    /// Goes through named members; names differ by more than letter case, and are ones for Proxmox VE.
    fn named<'a, T>(
        &mut self,
        members: Members<'a, T>,
        at: &Origin,
        longest: usize,
    ) -> Vec<(String, &'a str, Origin, &'a T)> {
        let mut seen = BTreeSet::new();
        let mut named = Vec::new();
        for (name, member) in members.into_iter().flatten() {
            let (origin, lower) = (at.at(name), name.to_ascii_lowercase());
            let Some(member) = member else { continue };
            if !is_name(name, longest) {
                let message = format!("`{name}` cannot be a name in the firewall");
                let finding = Finding::error(origin, message).at_name();
                self.push(finding.label("Proxmox VE would ignore it").help(format!(
                    "Write 2 to {longest} letters, digits, `-` and `_`, a letter first."
                )));
            } else if seen.insert(lower.clone()) {
                named.push((lower, name.as_str(), origin, member));
            } else {
                let message = format!("`{name}` is declared twice: letter case does not count");
                let finding = Finding::error(origin, message).at_name();
                self.push(finding.label("the second").help("Remove one of the two."));
            }
        }
        named
    }

    fn aliases(
        &mut self,
        members: Members<'_, declared::Alias>,
        at: &Origin,
    ) -> BTreeMap<String, Located<Alias>> {
        let mut aliases = BTreeMap::new();
        for (lower, name, origin, declared) in self.named(members, at, LONGEST_ALIAS) {
            let comment = self.comment(declared.comment.as_deref(), &origin);
            let Some(cidr) = self.cidr_of(declared.cidr.as_deref(), &origin) else { continue };
            match read_alias(cidr) {
                Some(cidr) => {
                    let value = Alias::new(name, cidr, comment);
                    aliases.insert(lower, Located { value, origin });
                }
                None => {
                    let help =
                        "Write an address or a network, such as `10.0.0.153` or `10.0.0.0/24`.";
                    self.push(not_a_network(cidr, &origin).help(help));
                }
            }
        }
        aliases
    }

    fn cidr_of<'a>(&mut self, cidr: Option<&'a str>, at: &Origin) -> Option<&'a str> {
        if cidr.is_none() && !self.findings.touches(&at.at("cidr")) {
            let finding = Finding::error(at.clone(), "a name without an address");
            let help = "Add `\"cidr\": \"10.0.0.0/24\"`.";
            self.push(finding.label("`cidr` is missing").help(help));
        }
        cidr.map(str::trim)
    }

    fn ipsets(
        &mut self,
        members: Members<'_, List<declared::IpsetEntry>>,
        at: &Origin,
    ) -> BTreeMap<String, Located<Vec<IpsetEntry>>> {
        let mut ipsets = BTreeMap::new();
        for (name, _, origin, list) in self.named(members, at, LONGEST_IPSET) {
            let mut seen = BTreeMap::<String, Origin>::new();
            let mut value = Vec::new();
            for (at, declared) in self.each(list, &origin) {
                let Some(entry) = self.ipset_entry(declared, &at) else { continue };
                let key = entry.cidr.clone().unwrap_or_default().to_ascii_lowercase();
                if let Some(first) = seen.get(&key) {
                    let message = format!("`{key}` is in the set already");
                    let finding = Finding::error(at.at("cidr"), message).label("the second");
                    self.push(finding.with(first.at("cidr"), "the first").help("Remove it."));
                    continue;
                }
                seen.insert(key, at);
                value.push(entry);
            }
            ipsets.insert(name, Located { value, origin });
        }
        ipsets
    }

    fn ipset_entry(&mut self, declared: &declared::IpsetEntry, at: &Origin) -> Option<IpsetEntry> {
        let comment = self.comment(declared.comment.as_deref(), at);
        let cidr = self.cidr_of(declared.cidr.as_deref(), at)?;
        let bare = cidr.strip_prefix(['!', '+']).unwrap_or(cidr);
        let help = match cidr.chars().next() {
            Some('!') => format!("Write `\"cidr\": \"{bare}\", \"nomatch\": true`."),
            Some('+') => "A set cannot hold another set: write its entries.".to_owned(),
            _ => "Write an address, a network of a prefix above 0, or the name of an alias."
                .to_owned(),
        };
        let known = read_entry(cidr).filter(|_| bare == cidr);
        if known.is_none() {
            self.push(not_a_network(cidr, at).help(help));
        }
        let nomatch = declared.nomatch.unwrap_or(false);
        known.map(|cidr| IpsetEntry { nomatch, ..IpsetEntry::new(&cidr, comment) })
    }

    fn groups(
        &mut self,
        members: Members<'_, declared::Group>,
        at: &Origin,
    ) -> BTreeMap<String, Located<Group>> {
        let mut groups = BTreeMap::new();
        for (name, _, origin, declared) in self.named(members, at, LONGEST_GROUP) {
            let rules = declared.rules.as_ref();
            let value = Group {
                comment: self.comment(declared.comment.as_deref(), &origin),
                rules: rules.map(|rules| self.rules(rules, &origin.at("rules"), Home::Group)),
            };
            groups.insert(name, Located { value, origin });
        }
        groups
    }
}

fn removed_names(words: Option<Words>, at: &Origin) -> Vec<Located<String>> {
    let words = words.iter().flat_map(Words::iter).map(str::to_ascii_lowercase);
    let words = words.collect::<BTreeSet<_>>().into_iter();
    words.map(|value| Located { value, origin: at.clone() }).collect()
}

fn not_a_network(cidr: &str, at: &Origin) -> Finding {
    let finding = Finding::error(at.at("cidr"), format!("`{cidr}` is no address or network"));
    finding.label("Proxmox VE would ignore it")
}

fn is_name(name: &str, longest: usize) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    (2..=longest).contains(&name.len()) && starts && name.chars().all(inner)
}

/// Returns the address or network as Proxmox VE keeps it.
fn read_alias(cidr: &str) -> Option<String> {
    if cidr.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
        return None;
    }
    let file = FwFile::parse(Level::Cluster, &format!("[ALIASES]\nxx {cidr}\n"), None);
    file.aliases().get("xx").map(|alias| alias.cidr.clone())
}

/// Returns an entry of a set as Proxmox VE keeps it; an alias is taken to be there.
fn read_entry(cidr: &str) -> Option<String> {
    let name = cidr.strip_prefix("dc/").or_else(|| cidr.strip_prefix("guest/")).unwrap_or(cidr);
    if is_name(name, LONGEST_ALIAS) {
        return Some(cidr.to_owned());
    }
    if cidr.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
        return None;
    }
    let file = FwFile::parse(Level::Cluster, &format!("[IPSET xx]\n{cidr}\n"), None);
    let entry = file.ipsets().get("xx")?.first()?;
    entry.cidr.clone().filter(|_| entry.error.is_none())
}

//! Options of a rule: which are understood, and the one form in which two rules can be compared.
//!
//! The form follows what iptables(8) 1.8 compares when it deletes: the order of the options before any
//! match does not count, nor that of the options of one match, but the order of the matches does.

use std::collections::BTreeMap;

use super::values;

/// One option with its values in the spelling that `iptables-save` prints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) name: &'static str,
    pub(super) negated: bool,
    pub(super) values: Vec<String>,
}

/// One match with its options, in the order of loading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Loaded {
    module: &'static str,
    items: Vec<Item>,
}

/// A rule taken apart: equal when iptables would take the two rules for one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Options {
    header: Vec<Item>,
    /// The protocol whose options load its match by themselves.
    protocol: Option<String>,
    matches: Vec<Loaded>,
    /// Where the last match of each name stands in `matches`.
    last: BTreeMap<&'static str, usize>,
    target: Vec<Item>,
    unknown: Vec<String>,
}

/// An option that is understood.
struct Known {
    /// The matches or targets that bring it; empty for those that every rule has.
    scopes: &'static [&'static str],
    name: &'static str,
    spellings: &'static [&'static str],
    arity: usize,
}

const EVERY: &[&str] = &[];
const PORTS: &[&str] = &["tcp", "udp"];
const NAT: &[&str] = &["DNAT", "SNAT", "REDIRECT", "MASQUERADE"];

/// The matches whose every effect is understood; all others make a rule unknown.
const MATCHES: &[&str] = &["tcp", "udp", "multiport", "comment", "conntrack", "state", "addrtype"];

const fn known(
    scopes: &'static [&'static str],
    name: &'static str,
    spellings: &'static [&'static str],
    arity: usize,
) -> Known {
    Known { scopes, name, spellings, arity }
}

// `--to` and the like are the abbreviations that getopt_long(3) accepts and people write.
const OPTIONS: &[Known] = &[
    known(EVERY, "protocol", &["-p", "--protocol", "--proto"], 1),
    known(EVERY, "source", &["-s", "--source", "--src"], 1),
    known(EVERY, "destination", &["-d", "--destination", "--dst"], 1),
    known(EVERY, "in-interface", &["-i", "--in-interface"], 1),
    known(EVERY, "out-interface", &["-o", "--out-interface"], 1),
    known(EVERY, "jump", &["-j", "--jump"], 1),
    known(EVERY, "goto", &["-g", "--goto"], 1),
    known(EVERY, "match", &["-m", "--match"], 1),
    known(PORTS, "dport", &["--dport", "--destination-port"], 1),
    known(PORTS, "sport", &["--sport", "--source-port"], 1),
    known(&["tcp"], "tcp-flags", &["--tcp-flags"], 2),
    known(&["tcp"], "syn", &["--syn"], 0),
    known(&["multiport"], "dports", &["--dports", "--destination-ports"], 1),
    known(&["multiport"], "sports", &["--sports", "--source-ports"], 1),
    known(&["comment"], "comment", &["--comment"], 1),
    known(&["conntrack"], "ctstate", &["--ctstate"], 1),
    known(&["state"], "state", &["--state"], 1),
    known(&["addrtype"], "dst-type", &["--dst-type"], 1),
    known(&["addrtype"], "src-type", &["--src-type"], 1),
    known(&["DNAT"], "to-destination", &["--to-destination", "--to-dest", "--to"], 1),
    known(&["SNAT"], "to-source", &["--to-source", "--to"], 1),
    known(&["REDIRECT", "MASQUERADE"], "to-ports", &["--to-ports", "--to-port", "--to"], 1),
    known(NAT, "random", &["--random"], 0),
    known(NAT, "random-fully", &["--random-fully"], 0),
    known(&["DNAT", "SNAT"], "persistent", &["--persistent"], 0),
    known(&["REJECT"], "reject-with", &["--reject-with"], 1),
];

impl Options {
    /// Takes the words of a rule apart, without the chain and what stands before it.
    pub(super) fn parse(words: &[String]) -> Self {
        let mut options = Self::default();
        let mut rest = words;
        while let Some(left) = options.take(rest) {
            rest = left;
        }
        options.finish();
        options
    }

    /// Returns every understood option, with those of one match together.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        let matches = self.matches.iter().flat_map(|loaded| &loaded.items);
        self.header.iter().chain(matches).chain(&self.target)
    }

    /// Returns the words that are not understood.
    pub(super) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Takes one option off the front and returns what is left, or nothing at the end.
    fn take<'a>(&mut self, words: &'a [String]) -> Option<&'a [String]> {
        let (first, rest) = words.split_first()?;
        let negated = first == "!";
        let (word, rest) =
            if negated { rest.split_first().unwrap_or((first, rest)) } else { (first, rest) };
        let Some(option) = self.find(word).filter(|option| rest.len() >= option.arity) else {
            self.unknown.push(first.clone());
            return Some(&words[1..]);
        };
        let (values, rest) = rest.split_at(option.arity);
        self.add(option, negated, values);
        Some(rest)
    }

    fn find(&mut self, word: &str) -> Option<&'static Known> {
        let named = |option: &&Known| option.spellings.contains(&word);
        let in_scope = |option: &&Known| option.scopes.is_empty() || self.in_scope(option.scopes);
        if let Some(option) = OPTIONS.iter().filter(named).find(in_scope) {
            return Some(option);
        }
        // An option of the protocol's own match loads that match by itself.
        let protocol = known_match(self.protocol.as_deref()?)?;
        let option =
            OPTIONS.iter().filter(named).find(|option| option.scopes.contains(&protocol))?;
        self.load(protocol);
        Some(option)
    }

    fn in_scope(&self, scopes: &[&str]) -> bool {
        let target = self.target.first().and_then(|item| item.values.first());
        let loaded = scopes.iter().any(|scope| self.last.contains_key(*scope));
        loaded || target.is_some_and(|name| scopes.contains(&name.as_str()))
    }

    fn load(&mut self, module: &'static str) {
        self.last.insert(module, self.matches.len());
        self.matches.push(Loaded { module, items: Vec::new() });
    }

    fn add(&mut self, option: &'static Known, negated: bool, values: &[String]) {
        let mut item = Item { name: option.name, negated, values: values.to_vec() };
        if !normalise(&mut item) {
            self.unknown.extend(item.values.iter().cloned());
        }
        match option.name {
            "match" => match known_match(&item.values[0]).filter(|_| !negated) {
                Some(module) => self.load(module),
                None => self.unknown.push(format!("-m {}", item.values[0])),
            },
            "jump" | "goto" if negated || !self.target.is_empty() => {
                self.unknown.push(item.values.remove(0));
            }
            "jump" | "goto" => self.target.push(item),
            "protocol" if self.protocol.is_none() && !negated => {
                self.protocol = item.values.first().cloned();
                self.header.push(item);
            }
            _ if option.scopes.is_empty() => self.header.push(item),
            _ => self.place(option, item),
        }
    }

    fn place(&mut self, option: &Known, item: Item) {
        match option.scopes.iter().filter_map(|scope| self.last.get(*scope)).max() {
            Some(&place) => self.matches[place].items.push(item),
            None => self.target.push(item),
        }
    }

    fn finish(&mut self) {
        self.header.retain(|item| !means_any(item));
        self.header.sort_unstable();
        self.matches.iter_mut().for_each(|loaded| loaded.items.sort_unstable());
        if let [jump] = &self.target[..]
            && jump.values == ["REJECT"]
        {
            let values = vec!["icmp-port-unreachable".to_owned()];
            self.target.push(Item { name: "reject-with", negated: false, values });
        }
        if let Some((_, options)) = self.target.split_first_mut() {
            options.sort_unstable();
        }
    }
}

fn known_match(name: &str) -> Option<&'static str> {
    MATCHES.iter().copied().find(|known| *known == name)
}

fn means_any(item: &Item) -> bool {
    let any = matches!(item.values.first().map(String::as_str), Some("all" | "0.0.0.0/0"));
    any && !item.negated && matches!(item.name, "protocol" | "source" | "destination")
}

/// Spells the values as `iptables-save` does; says `false` when they are not understood.
fn normalise(item: &mut Item) -> bool {
    if item.name == "syn" {
        item.name = "tcp-flags";
        item.values = vec!["FIN,SYN,RST,ACK".to_owned(), "SYN".to_owned()];
    }
    let [value] = &mut item.values[..] else { return true };
    let spelled = spell(item.name, value);
    let understood = spelled.is_some();
    *value = spelled.unwrap_or_else(|| std::mem::take(value));
    understood
}

fn spell(name: &str, value: &str) -> Option<String> {
    use super::target::{Destination, dashed, target_ports};
    match name {
        "protocol" => Some(values::protocol(value)),
        "source" | "destination" => values::nets(value).map(|nets| values::join(&nets)),
        "dport" | "sport" | "dports" | "sports" => {
            values::ports(value).map(|ports| values::join(&ports))
        }
        "ctstate" | "state" => values::states(value).map(|states| values::join(&states)),
        "to-destination" => Destination::parse(value).map(|destination| destination.to_string()),
        "to-ports" => target_ports(value).map(dashed),
        _ => Some(value.to_owned()),
    }
}

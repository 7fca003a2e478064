//! Options of a rule: which are understood, and the one form in which two rules can be compared.
//!
//! The form follows what iptables(8) 1.8 compares when it deletes: the order of the options before any
//! match does not count, nor that of the options of one match, but the order of the matches does.

mod name;
mod value;

use std::borrow::Cow;

pub(super) use name::Name;
use name::named;
pub(super) use value::Value;

/// One option with its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item<'a> {
    pub(super) name: Name,
    pub(super) negated: bool,
    pub(super) value: Value<'a>,
}

/// One match with its options, in the order of loading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Loaded<'a> {
    module: &'static str,
    items: Vec<Item<'a>>,
}

/// A rule taken apart: equal when iptables would take the two rules for one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Options<'a> {
    header: Vec<Item<'a>>,
    /// The protocol whose options load its match by themselves.
    protocol: Option<Cow<'a, str>>,
    matches: Vec<Loaded<'a>>,
    /// Where the last match of each name of [`MATCHES`] stands in `matches`.
    last: [Option<usize>; MATCHES.len()],
    target: Vec<Item<'a>>,
    unknown: Vec<String>,
}

/// The matches whose every effect is understood; all others make a rule unknown.
const MATCHES: [&str; 7] = ["tcp", "udp", "multiport", "comment", "conntrack", "state", "addrtype"];

impl<'a> Options<'a> {
    /// Takes the words of a rule apart, without the chain and what stands before it.
    pub(super) fn parse(words: &'a [String]) -> Self {
        let mut options = Self::default();
        let mut rest = words;
        while let Some(left) = options.take(rest) {
            rest = left;
        }
        options.finish();
        options
    }

    /// Returns every understood option, with those of one match together, and the words that are not understood.
    pub(super) fn into_items(self) -> (impl Iterator<Item = Item<'a>>, Vec<String>) {
        let matches = self.matches.into_iter().flat_map(|loaded| loaded.items);
        (self.header.into_iter().chain(matches).chain(self.target), self.unknown)
    }

    /// Takes one option off the front and returns what is left, or nothing at the end.
    fn take(&mut self, words: &'a [String]) -> Option<&'a [String]> {
        let (first, rest) = words.split_first()?;
        let negated = first == "!";
        let (word, rest) =
            if negated { rest.split_first().unwrap_or((first, rest)) } else { (first, rest) };
        let Some(name) = self.find(word).filter(|name| rest.len() >= name.arity()) else {
            self.unknown.push(first.clone());
            return Some(&words[1..]);
        };
        let (values, rest) = rest.split_at(name.arity());
        self.add(name, negated, values);
        Some(rest)
    }

    fn find(&mut self, word: &str) -> Option<Name> {
        let named = named(word).iter().copied();
        if let Some(name) = named.clone().find(|name| self.in_scope(*name)) {
            return Some(name);
        }
        // An option of the protocol's own match loads that match by itself.
        let module = place_of(self.protocol.as_deref()?)?;
        let name = named.clone().find(|name| name.scopes().contains(&MATCHES[module]))?;
        self.load(module);
        Some(name)
    }

    fn in_scope(&self, name: Name) -> bool {
        let target = self.target.first().map(|item| item.value.text());
        let scopes = name.scopes();
        scopes.is_empty()
            || scopes.iter().any(|scope| self.last_of(scope).is_some() || target == Some(*scope))
    }

    fn last_of(&self, scope: &str) -> Option<usize> {
        place_of(scope).and_then(|module| self.last[module])
    }

    fn load(&mut self, module: usize) {
        self.last[module] = Some(self.matches.len());
        self.matches.push(Loaded { module: MATCHES[module], items: Vec::new() });
    }

    fn add(&mut self, option: Name, negated: bool, words: &'a [String]) {
        let value = Value::read(option, words).unwrap_or_else(|word| {
            self.unknown.push(word.to_owned());
            Value::Text(Cow::Borrowed(word))
        });
        let name = if option == Name::Syn { Name::TcpFlags } else { option };
        let item = Item { name, negated, value };
        match name {
            Name::Match => self.add_match(&item),
            Name::Jump | Name::Goto if negated || !self.target.is_empty() => {
                self.unknown.extend(item.value.into_words());
            }
            Name::Jump | Name::Goto => self.target.push(item),
            Name::Protocol if self.protocol.is_none() && !negated => {
                if let Value::Text(protocol) = &item.value {
                    self.protocol = Some(protocol.clone());
                }
                self.header.push(item);
            }
            _ if option.scopes().is_empty() => self.header.push(item),
            _ => self.place(option.scopes(), item),
        }
    }

    fn add_match(&mut self, item: &Item<'_>) {
        match place_of(item.value.text()).filter(|_| !item.negated) {
            Some(module) => self.load(module),
            None => self.unknown.push(format!("-m {}", item.value.text())),
        }
    }

    fn place(&mut self, scopes: &[&str], item: Item<'a>) {
        match scopes.iter().filter_map(|scope| self.last_of(scope)).max() {
            Some(place) => self.matches[place].items.push(item),
            None => self.target.push(item),
        }
    }

    fn finish(&mut self) {
        self.header.retain(|item| !means_any(item));
        self.header.sort_unstable();
        self.matches.iter_mut().for_each(|loaded| loaded.items.sort_unstable());
        if let [jump] = &self.target[..]
            && jump.value.text() == "REJECT"
        {
            let value = Value::Text(Cow::Borrowed("icmp-port-unreachable"));
            self.target.push(Item { name: Name::RejectWith, negated: false, value });
        }
        if let Some((_, options)) = self.target.split_first_mut() {
            options.sort_unstable();
        }
    }
}

fn place_of(module: &str) -> Option<usize> {
    MATCHES.iter().position(|known| *known == module)
}

fn means_any(item: &Item<'_>) -> bool {
    let any = match &item.value {
        Value::Text(text) => text == "all",
        Value::Nets(nets) => matches!(nets[..], [net] if net.prefix_len() == 0),
        _ => false,
    };
    any && !item.negated && matches!(item.name, Name::Protocol | Name::Source | Name::Destination)
}

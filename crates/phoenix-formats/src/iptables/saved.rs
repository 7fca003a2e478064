//! A whole rule set in the form of iptables-save(8), line by line.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

use super::rule::{Counters, Rule, RuleError, RuleRef};
use super::words;
use crate::Warning;

/// The tables that the kernel has, with the chains that are there without being made.
const TABLES: &[(&str, &[&str])] = &[
    ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
    ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]),
    ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
    ("raw", &["PREROUTING", "OUTPUT"]),
    ("security", &["INPUT", "FORWARD", "OUTPUT"]),
];

/// The commands beside `-A`, `-I` and `-D` that iptables-restore(8) takes; they are kept, not understood.
const OTHER_COMMANDS: &[&str] = &[
    "-C",
    "--check",
    "-E",
    "--rename-chain",
    "-F",
    "--flush",
    "-L",
    "--list",
    "-N",
    "--new-chain",
    "-P",
    "--policy",
    "-R",
    "--replace",
    "-S",
    "--list-rules",
    "-X",
    "--delete-chain",
    "-Z",
    "--zero",
];

/// A chain's line: `:FORWARD DROP [12:3456]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The name.
    pub name: String,
    /// `ACCEPT` or `DROP`; a chain that somebody made (`-`) has none.
    pub policy: Option<String>,
    /// What the policy decided about so far.
    pub counters: Option<Counters>,
    /// Number of the line, counted from 1.
    pub line: usize,
}

/// A table's part, from `*nat` to `COMMIT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The name.
    pub name: String,
    /// The chains that are declared, in order.
    pub chains: Vec<Chain>,
    /// Number of the line that begins the table, counted from 1.
    pub line: usize,
}

/// A rule set in the form of iptables-save(8), every byte kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedRules {
    text: String,
    tables: Vec<Table>,
    rules: Vec<Rule>,
    warnings: Vec<Warning>,
}

impl SavedRules {
    /// Reads a rule set; what iptables-restore(8) would refuse is a warning, and its line no rule.
    pub fn parse(text: &str) -> Self {
        let mut reader = Reader::default();
        let rules = reader.rules(text).collect();
        reader.leave();
        let Reader { tables, warnings, .. } = reader;
        Self { text: text.to_owned(), tables, rules, warnings }
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the tables in order; one that is opened twice is there twice.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Returns the rules of all tables in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns what iptables-restore(8) would refuse, by line.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the text without the lines of these rules; every other byte stays.
    #[must_use = "the rule set itself is not changed"]
    pub fn remove(&self, rules: &[RuleRef]) -> String {
        let known: BTreeSet<usize> = self.rules.iter().map(|rule| rule.line).collect();
        let gone: BTreeSet<usize> =
            rules.iter().map(|rule| rule.0).filter(|line| known.contains(line)).collect();
        without_lines(&self.text, |line| gone.contains(&line))
    }
}

/// Returns the rules of a text one by one, as [`SavedRules::parse`] reads them.
pub(super) fn rules(text: &str) -> impl Iterator<Item = Rule> {
    let mut reader = Reader::default();
    let lines = text.split('\n').enumerate();
    lines.filter_map(move |(index, line)| reader.read(index + 1, line))
}

/// Returns a text without some of its lines, which are counted from 1.
pub(super) fn without_lines(text: &str, gone: impl Fn(usize) -> bool) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    let kept = lines.filter(|(index, _)| !gone(index + 1)).map(|(_, line)| line);
    kept.fold(String::with_capacity(text.len()), |text, line| text + line)
}

impl Serialize for SavedRules {
    /// Writes the tables, every rule with its line, words and meaning, and the warnings.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("SavedRules", 4)?;
        object.serialize_field("ok", &self.warnings.is_empty())?;
        object.serialize_field("tables", &self.tables)?;
        object.serialize_field("rules", &self.rules)?;
        object.serialize_field("warnings", &self.warnings)?;
        object.end()
    }
}

impl Serialize for Rule {
    /// Writes the rule's place and words, and beside them what it matches and does.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Rule", 7)?;
        object.serialize_field("line", &self.line)?;
        object.serialize_field("table", &self.table)?;
        object.serialize_field("chain", &self.chain)?;
        object.serialize_field("verb", &self.verb)?;
        object.serialize_field("words", &self.words)?;
        object.serialize_field("counters", &self.counters)?;
        object.serialize_field("spec", &self.spec())?;
        object.end()
    }
}

#[derive(Default)]
struct Reader {
    tables: Vec<Table>,
    warnings: Vec<Warning>,
    /// The names of the chains of the open table; nothing outside a table.
    chains: Option<BTreeSet<String>>,
    carriage_return_seen: bool,
}

impl Reader {
    fn rules(&mut self, text: &str) -> impl Iterator<Item = Rule> {
        let lines = text.split('\n').enumerate();
        lines.filter_map(|(index, line)| self.read(index + 1, line))
    }

    /// Reads a line and returns its rule, if it is one.
    fn read(&mut self, number: usize, line: &str) -> Option<Rule> {
        let line = self.without_carriage_return(number, line);
        match line.chars().next() {
            None | Some('#') => {}
            Some('*') if self.chains.is_none() => self.enter(number, &line[1..]),
            Some('*') => {
                self.warn(number, "the table before has no `COMMIT`, and nothing is loaded");
                self.enter(number, &line[1..]);
            }
            _ if self.chains.is_none() => {
                self.warn(number, "stands outside a table, and nothing is loaded");
            }
            Some(':') => self.chain(number, &line[1..]),
            _ if line == "COMMIT" => self.chains = None,
            _ => return self.rule(number, line),
        }
        None
    }

    // The whole file has them or no line has: one warning says it.
    fn without_carriage_return<'a>(&mut self, number: usize, line: &'a str) -> &'a str {
        let Some(stripped) = line.strip_suffix('\r') else { return line };
        if !std::mem::replace(&mut self.carriage_return_seen, true) {
            self.warn(number, "ends with a carriage return, which is taken for a part of the word");
        }
        stripped
    }

    fn warn(&mut self, number: usize, message: impl Into<String>) {
        self.warnings.push(Warning::new(number, message));
    }

    fn enter(&mut self, number: usize, rest: &str) {
        let name = rest.split([' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
        let built_in = TABLES.iter().find(|(table, _)| *table == name).map(|(_, chains)| *chains);
        if built_in.is_none() {
            self.warn(number, format!("`{name}` is not a table"));
        }
        self.chains =
            Some(built_in.unwrap_or_default().iter().map(|&chain| chain.to_owned()).collect());
        self.tables.push(Table { name: name.to_owned(), chains: Vec::new(), line: number });
    }

    fn chain(&mut self, number: usize, rest: &str) {
        let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(name), Some(policy)) = (words.next(), words.next()) else {
            return self.warn(number, "a chain needs a name and a policy");
        };
        if !matches!(policy, "-" | "ACCEPT" | "DROP") {
            self.warn(number, format!("`{policy}` is no policy: it is `ACCEPT`, `DROP` or, for a chain of one's own, `-`"));
        }
        let counters = words.next().and_then(counters).map(|(counters, _)| counters);
        let policy = (policy != "-").then(|| policy.to_owned());
        self.declare(name);
        if let Some(table) = self.tables.last_mut() {
            table.chains.push(Chain { name: name.to_owned(), policy, counters, line: number });
        }
    }

    fn declare(&mut self, chain: &str) {
        if let Some(chains) = &mut self.chains {
            chains.insert(chain.to_owned());
        }
    }

    fn rule(&mut self, number: usize, line: &str) -> Option<Rule> {
        let (counters, rest) = match counters(line) {
            Some((counters, rest)) => (Some(counters), rest),
            None if line.starts_with('[') => {
                self.warn(number, "the counters are not of the form `[12:3456]`");
                return None;
            }
            None => (None, line),
        };
        let Some(words) = words::split(rest) else {
            self.warn(number, "a `\"` is not closed, and the value takes the line's end with it");
            return None;
        };
        let table = self.tables.last().map_or("", |table| table.name.as_str());
        match Rule::from_saved(table, &words, number) {
            Ok(rule) => {
                self.check_chain(&rule);
                return Some(Rule { counters, ..rule });
            }
            Err(RuleError::NoVerb) => self.other_command(number, &words),
            Err(error) => self.warn(number, error.to_string()),
        }
        None
    }

    fn check_chain(&mut self, rule: &Rule) {
        if self.chains.as_ref().is_some_and(|chains| !chains.contains(&rule.chain)) {
            self.warn(rule.line, format!("the table has no chain `{}`", rule.chain));
        }
    }

    fn other_command(&mut self, number: usize, words: &[Cow<'_, str>]) {
        let Some(place) = words.iter().position(|word| OTHER_COMMANDS.contains(&word.as_ref()))
        else {
            let first = words.first().map_or("", AsRef::as_ref);
            return self.warn(
                number,
                format!("`{first}` is no command such as `-A`, and nothing is loaded"),
            );
        };
        if let ("-N" | "--new-chain", Some(name)) = (words[place].as_ref(), words.get(place + 1)) {
            self.declare(name);
        }
    }

    fn leave(&mut self) {
        if let (Some(_), Some(table)) = (&self.chains, self.tables.last()) {
            let (line, message) = (table.line, format!("table `{}` has no `COMMIT`", table.name));
            self.warn(line, message);
        }
    }
}

/// Takes `[12:3456]` off the front; a number that is none counts as 0, as iptables-restore(8) has it.
fn counters(text: &str) -> Option<(Counters, &str)> {
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    let (packets, bytes) = inside.split_once(':')?;
    let counters =
        Counters { packets: packets.parse().unwrap_or(0), bytes: bytes.parse().unwrap_or(0) };
    Some((counters, rest))
}

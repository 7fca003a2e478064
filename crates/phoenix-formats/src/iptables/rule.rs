//! One rule: a table, a chain, and the words that say what it matches and does.

use std::borrow::Cow;

use serde::Serialize;

use super::options::Options;
use super::spec::Spec;

/// What a command does with its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// `-A`: puts it at the chain's end.
    Append,
    /// `-I`: puts it at a place counted from 1, without one at the front.
    Insert(Option<u32>),
    /// `-D`: deletes the first rule that is the same.
    Delete,
    /// `-D CHAIN NUMBER`: deletes the rule at a place counted from 1.
    DeleteNumber(u32),
}

impl Verb {
    /// Says whether the rule stands in its chain afterwards.
    pub fn adds(self) -> bool {
        matches!(self, Self::Append | Self::Insert(_))
    }
}

/// How often a rule or a chain's policy was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A rule as it is written in a file, in a command, or as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The table; `filter` when a command names none.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// What is done with the rule; in saved rules nearly always [`Verb::Append`].
    pub verb: Verb,
    /// The words after the chain, without quotes.
    pub words: Vec<String>,
    /// What stands in `[…]` before the rule, when it does.
    pub counters: Option<Counters>,
    /// Number of the line, counted from 1; 0 for a rule that stands in no file.
    pub line: usize,
}

/// Names one rule of a [`super::SavedRules`] by its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef(pub(super) usize);

/// Says why words are not a command about one rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Neither `-A` nor `-I` nor `-D`.
    #[error("no `-A`, `-I` or `-D`")]
    NoVerb,
    /// Two commands in one.
    #[error("`{0}` comes after another command")]
    SecondVerb(String),
    /// A table where none may be named.
    #[error("`-t` is not allowed here")]
    Table,
    /// An option at the end without its value.
    #[error("`{0}` needs a value")]
    NoValue(String),
    /// A place in the chain that is not a number from 1.
    #[error("`{0}` is not the number of a rule")]
    Number(String),
}

impl Rule {
    /// Reads a command's words with the program's name in front: `iptables -t nat -A PREROUTING …`.
    pub fn from_command(argv: &[String], line: usize) -> Result<Self, RuleError> {
        let mut reader = Reader::default();
        reader.read(argv.get(1..).unwrap_or_default())?;
        let table = reader.table.take().unwrap_or_else(|| "filter".to_owned());
        reader.rule(table, line)
    }

    /// Reads the words of a line of iptables-restore(8) inside the table.
    pub(super) fn from_saved(
        table: &str,
        words: &[Cow<'_, str>],
        line: usize,
    ) -> Result<Self, RuleError> {
        let mut reader = Reader { words: Vec::with_capacity(words.len()), ..Reader::default() };
        reader.read(words)?;
        if reader.table.is_some() {
            return Err(RuleError::Table);
        }
        reader.rule(table.to_owned(), line)
    }

    /// Returns what the rule matches and does.
    pub fn spec(&self) -> Spec {
        Spec::parse(&self.words)
    }

    /// Returns the name by which [`super::SavedRules::remove`] takes the rule.
    pub fn reference(&self) -> RuleRef {
        RuleRef(self.line)
    }

    /// Says whether iptables takes the two for the same rule of the same chain, whatever is done with it.
    pub fn same_as(&self, other: &Self) -> bool {
        self.meaning() == other.meaning()
    }

    pub(super) fn meaning(&self) -> (&str, &str, Options<'_>) {
        (&self.table, &self.chain, Options::parse(&self.words))
    }
}

/// Sorts the words of a command into verb, table, chain and the rule's own.
#[derive(Default)]
struct Reader {
    verb: Option<Verb>,
    chain: Option<String>,
    table: Option<String>,
    words: Vec<String>,
}

impl Reader {
    fn read<W: AsRef<str>>(&mut self, words: &[W]) -> Result<(), RuleError> {
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            let word = word.as_ref();
            let taken = match word {
                "-A" | "--append" => self.command(word, Verb::Append, after)?,
                "-I" | "--insert" => self.command(word, Verb::Insert(None), after)?,
                "-D" | "--delete" => self.command(word, Verb::Delete, after)?,
                "-t" | "--table" => self.set_table(word, after)?,
                "-w" | "--wait" => {
                    usize::from(after.first().is_some_and(|next| is_number(next.as_ref())))
                }
                "-v" | "--verbose" | "-n" | "--numeric" => 0,
                _ => self.keep(word, after),
            };
            rest = &after[taken..];
        }
        Ok(())
    }

    fn command<W: AsRef<str>>(
        &mut self,
        word: &str,
        verb: Verb,
        after: &[W],
    ) -> Result<usize, RuleError> {
        if self.verb.is_some() {
            return Err(RuleError::SecondVerb(word.to_owned()));
        }
        let chain = after.first().ok_or_else(|| RuleError::NoValue(word.to_owned()))?;
        self.chain = Some(chain.as_ref().to_owned());
        let place = after.get(1).map(AsRef::as_ref).filter(|next| is_number(next));
        let number = place
            .map(|text| number(text).ok_or_else(|| RuleError::Number(text.to_owned())))
            .transpose()?;
        self.verb = Some(match (verb, number) {
            (Verb::Insert(_), number) => Verb::Insert(number),
            (Verb::Delete, Some(number)) => Verb::DeleteNumber(number),
            // Only `-I` and `-D` take a number; anywhere else it stays a word of the rule.
            (verb, _) => verb,
        });
        let takes_number = !matches!(verb, Verb::Append);
        Ok(1 + usize::from(takes_number && number.is_some()))
    }

    fn set_table<W: AsRef<str>>(&mut self, word: &str, after: &[W]) -> Result<usize, RuleError> {
        let table = after.first().ok_or_else(|| RuleError::NoValue(word.to_owned()))?;
        self.table = Some(table.as_ref().to_owned());
        Ok(1)
    }

    /// Keeps a word of the rule, and with it a free text that might look like an option.
    fn keep<W: AsRef<str>>(&mut self, word: &str, after: &[W]) -> usize {
        let free_text =
            matches!(word, "--comment" | "--log-prefix" | "--nflog-prefix" | "--string");
        let taken = usize::from(free_text && !after.is_empty());
        self.words.push(word.to_owned());
        self.words.extend(after[..taken].iter().map(|text| text.as_ref().to_owned()));
        taken
    }

    fn rule(self, table: String, line: usize) -> Result<Rule, RuleError> {
        match (self.verb, self.chain) {
            (Some(verb), Some(chain)) => {
                Ok(Rule { table, chain, verb, words: self.words, counters: None, line })
            }
            _ => Err(RuleError::NoVerb),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn number(text: &str) -> Option<u32> {
    if is_number(text) { text.parse().ok().filter(|&number| number > 0) } else { None }
}

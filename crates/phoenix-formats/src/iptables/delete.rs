//! Deletion of a rule with `iptables -D`: the command, and what it does to saved rules.

use super::rule::{Rule, Verb};
use super::saved::{rules, without_lines};

/// Returns the words of the command that deletes the rule: `iptables -t nat -D PREROUTING …`.
pub fn delete_argv(rule: &Rule) -> Vec<String> {
    let front = ["iptables", "-t", &rule.table, "-D", &rule.chain];
    front.into_iter().map(str::to_owned).chain(rule.words.iter().cloned()).collect()
}

/// Says why `iptables -D` deletes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeleteError {
    /// The words are not a deletion that iptables(8) takes.
    #[error("not a deletion of a rule: {0}")]
    Usage(String),
    /// The table has no such chain, or the chain no such rule.
    #[error("`{chain}` of table `{table}` has no such rule")]
    NoSuchRule {
        /// The table.
        table: String,
        /// The chain.
        chain: String,
    },
}

impl DeleteError {
    /// Returns the status with which iptables(8) ends: 2 for wrong use, 1 when there is no such rule.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Usage(_) => 2,
            Self::NoSuchRule { .. } => 1,
        }
    }
}

/// Returns saved rules as they are after the command `argv` (`iptables -t T -D CHAIN …`).
///
/// The first rule that is the same goes: the order of options and the spelling of addresses, ports and
/// option names do not count, the order of matches does (measured with iptables 1.8).
///
/// # Errors
///
/// Says what is wrong with the command, or that no rule is the same; then nothing changes.
pub fn apply_delete(saved: &str, argv: &[String]) -> Result<String, DeleteError> {
    let wanted =
        Rule::from_command(argv, 0).map_err(|error| DeleteError::Usage(error.to_string()))?;
    let found = match wanted.verb {
        Verb::Delete => find_same(saved, &wanted),
        Verb::DeleteNumber(number) => find_number(saved, &wanted, number),
        Verb::Append | Verb::Insert(_) => {
            return Err(DeleteError::Usage("it adds a rule".to_owned()));
        }
    };
    let none =
        || DeleteError::NoSuchRule { table: wanted.table.clone(), chain: wanted.chain.clone() };
    found.map(|found| without_lines(saved, |line| line == found)).ok_or_else(none)
}

/// Returns the rules of the wanted one's chain, one by one: all of them at once would be costly to keep.
fn rules_of_chain<'a>(saved: &'a str, wanted: &'a Rule) -> impl Iterator<Item = Rule> + use<'a> {
    let same_chain = |rule: &Rule| rule.chain == wanted.chain && rule.table == wanted.table;
    rules(saved).filter(move |rule| same_chain(rule) && rule.verb.adds())
}

fn find_same(saved: &str, wanted: &Rule) -> Option<usize> {
    let meaning = wanted.meaning();
    let mut same = rules_of_chain(saved, wanted).filter(|rule| rule.meaning() == meaning);
    same.next().map(|rule| rule.line)
}

/// Finds the rule at a place, counted from 1, in the order of the lines.
fn find_number(saved: &str, wanted: &Rule, number: u32) -> Option<usize> {
    let place = usize::try_from(number).ok()?.checked_sub(1)?;
    rules_of_chain(saved, wanted).nth(place).map(|rule| rule.line)
}

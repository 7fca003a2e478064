//! Edits of a firewall file that leave every byte they are not about.
//!
//! A line that PVE does not read stays as if it were a comment. In a file whose headers PVE cannot read, because they
//! end with a carriage return or a byte order mark stands before them, every change is refused: repairing the headers
//! would bring to life rules that have never been applied, which is for the operator to decide.

mod confirm;
mod draft;
mod keep;
mod names;

use std::borrow::Cow;
use std::collections::BTreeMap;

use self::draft::Draft;
use self::keep::{address_key, gap_ends, is_entry, keep, keeps_comment};
use super::check::{Effect, RuleProblem};
use super::file::{Alias, FwFile, IpsetEntry, LineKind, ParsedRule, Section};
use super::options::{parse_option, rate_limit_fault};
use super::rule::Rule;

/// One thing to make true of a file; what it says already is left as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FwEdit {
    /// Sets an option.
    SetOption {
        /// The key in lower case.
        key: String,
        /// The value as the file would say it.
        value: String,
    },
    /// Removes every line of an option.
    RemoveOption {
        /// The key in lower case.
        key: String,
    },
    /// Makes `[RULES]` hold these rules in this order.
    ///
    /// A rule that means the same as a present one keeps its line, and its comment unless the rule has another.
    SetRules(Vec<Rule>),
    /// Makes a security group hold these rules in this order.
    SetGroup {
        /// The name in lower case.
        name: String,
        /// The rules.
        rules: Vec<Rule>,
    },
    /// Makes a set of addresses hold these entries, in any order.
    SetIpset {
        /// The name in lower case.
        name: String,
        /// The entries.
        entries: Vec<IpsetEntry>,
    },
    /// Makes an alias stand for an address.
    SetAlias(Alias),
    /// Makes the header of a security group that is there carry this comment.
    SetGroupComment {
        /// The name in lower case.
        name: String,
        /// The comment, on one line.
        comment: String,
    },
    /// Removes every line of an alias.
    RemoveAlias {
        /// The name in any letter case.
        name: String,
    },
    /// Removes a set of addresses with its header and entries; comments on lines of their own stay.
    RemoveIpset {
        /// The name in lower case.
        name: String,
    },
    /// Removes a security group with its header and rules; comments on lines of their own stay.
    RemoveGroup {
        /// The name in lower case.
        name: String,
    },
}

/// Says why a file cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The headers end with a carriage return, so PVE reads nothing below them.
    #[error(
        "line {line} ends with a carriage return, so PVE reads nothing below it: save the file with newlines only"
    )]
    CarriageReturn {
        /// Number of the first such header, counted from 1.
        line: usize,
    },
    /// A byte order mark stands at the start, so PVE does not read the first header.
    #[error(
        "the file begins with a byte order mark, so PVE does not read its first header: save it without"
    )]
    ByteOrderMark,
    /// PVE has no such option in this file or does not take the value.
    #[error("{why}")]
    Option {
        /// What is wrong with it.
        why: String,
    },
    /// PVE would drop the rule, or could not save the file with it.
    #[error("rule {number}: {problem}")]
    Rule {
        /// Number of the rule in the list, counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: RuleProblem,
    },
    /// The text cannot be a name, an address or an entry in this file.
    #[error("`{text}` cannot stand in this section")]
    Entry {
        /// The name or entry.
        text: String,
    },
    /// PVE would still read something else, because of what else stands in the file.
    #[error("with the lines that stand in the file PVE would not read {what} as asked")]
    NotRead {
        /// What was asked for.
        what: &'static str,
    },
}

impl Alias {
    /// Returns an alias to write.
    pub fn new(name: impl Into<String>, cidr: impl Into<String>, comment: Option<String>) -> Self {
        Self { name: name.into(), cidr: cidr.into(), comment, line: 0 }
    }
}

impl IpsetEntry {
    /// Returns an entry to write: an address, a network or an alias, with a leading `!` when it is excluded.
    pub fn new(text: &str, comment: Option<String>) -> Self {
        let (cidr, nomatch) = text.strip_prefix('!').map_or((text, false), |rest| (rest, true));
        Self { cidr: Some(cidr.to_owned()), nomatch, comment, error: None, line: 0 }
    }
}

impl FwFile {
    /// Returns the text with the edits made, or why that cannot be; a text that needs no change is returned as it is.
    ///
    /// An empty or absent file gives a new one that holds what was asked for and nothing else.
    pub fn edit(&self, edits: &[FwEdit]) -> Result<String, EditError> {
        let Some((last, before)) = edits.split_last() else { return Ok(self.text.clone()) };
        let mut file = Cow::Borrowed(self);
        for edit in before {
            if let Some(text) = file.changed_by(edit)? {
                file = Cow::Owned(file.confirmed(&text, edit)?);
            }
        }
        match file.changed_by(last)? {
            None => Ok(file.text.clone()),
            Some(text) if file.is_settled(last) => Ok(text),
            Some(text) => file.confirmed(&text, last).map(|file| file.text),
        }
    }

    /// Returns the text with an edit made, if that is another one.
    fn changed_by(&self, edit: &FwEdit) -> Result<Option<String>, EditError> {
        let text = self.apply(edit)?;
        // A file of a single `0` counts as empty, so a draft of it is.
        if text == self.text || (text.is_empty() && self.is_void()) {
            return Ok(None);
        }
        self.refuse_unread_headers().map(|()| Some(text))
    }

    fn apply(&self, edit: &FwEdit) -> Result<String, EditError> {
        match edit {
            FwEdit::SetOption { key, value } => self.set_option(key, value),
            FwEdit::RemoveOption { key } => Ok(self.remove_option(key)),
            FwEdit::SetRules(rules) => self.set_rules(&Section::Rules, &self.rules, rules),
            FwEdit::SetGroup { name, rules } => {
                let present = self.groups.get(name).map(Vec::as_slice).unwrap_or_default();
                self.name_in(name, self.reads.groups)?;
                self.set_rules(&Section::Group(name.clone()), present, rules)
            }
            FwEdit::SetIpset { name, entries } => {
                self.name_in(name, self.reads.ipsets)?;
                self.set_ipset(name, entries)
            }
            FwEdit::SetAlias(alias) => {
                self.name_in(&alias.name, self.reads.aliases)?;
                self.set_alias(alias)
            }
            FwEdit::SetGroupComment { name, comment } => self.set_group_comment(name, comment),
            FwEdit::RemoveAlias { name } => Ok(self.remove_alias(name)),
            FwEdit::RemoveIpset { name } => Ok(self.remove_section(&Section::Ipset(name.clone()))),
            FwEdit::RemoveGroup { name } => Ok(self.remove_section(&Section::Group(name.clone()))),
        }
    }

    fn set_option(&self, key: &str, value: &str) -> Result<String, EditError> {
        let (key, value) = parse_option(self.level, &format!("{key}: {value}"))
            .map_err(|why| EditError::Option { why })?;
        if self.option(key) == Some(&value) {
            return Ok(self.text.clone());
        }
        if let Some(why) = rate_limit_fault(&value).filter(|_| key == "log_ratelimit") {
            return Err(EditError::Option { why });
        }
        let mut draft = Draft::new(self);
        match self.options.iter().rfind(|entry| entry.key == key) {
            Some(entry) => draft.replace_value(entry.line - 1, &value),
            None => draft.append(&Section::Options, vec![format!("{key}: {value}")]),
        }
        Ok(draft.render())
    }

    fn remove_option(&self, key: &str) -> String {
        let mut draft = Draft::new(self);
        self.options
            .iter()
            .filter(|entry| entry.key == key)
            .for_each(|entry| draft.remove(entry.line - 1));
        draft.render()
    }

    fn set_ipset(&self, name: &str, entries: &[IpsetEntry]) -> Result<String, EditError> {
        let section = Section::Ipset(name.to_owned());
        let present = self.ipsets.get(name).map(Vec::as_slice).unwrap_or_default();
        let key = |entry: &IpsetEntry| {
            (address_key(entry.cidr.as_deref().unwrap_or_default()), entry.nomatch)
        };
        let present_keys: Vec<_> = present.iter().map(key).collect();
        if let Some(bad) = entries.iter().find(|entry| !is_entry(entry)) {
            return Err(EditError::Entry { text: bad.line_text() });
        }
        // The order of a set means nothing, so present entries stay where they are.
        let places: BTreeMap<_, _> =
            present_keys.iter().enumerate().map(|(i, key)| (key, i)).collect();
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|entry| places.get(&key(entry)).copied().unwrap_or(usize::MAX));
        let desired: Vec<_> = entries.iter().map(|entry| key(entry)).collect();
        let kept = keep(&present_keys, &desired);
        let stays = |new: usize, old: usize| {
            keeps_comment(present[old].comment.as_deref(), entries[new].comment.as_deref())
        };
        self.merge(&section, &kept, stays, |new| Ok(entries[new].line_text()))
    }

    fn set_rules(
        &self,
        section: &Section,
        present: &[ParsedRule],
        rules: &[Rule],
    ) -> Result<String, EditError> {
        let kept = kept_rules(present, rules);
        let scope = self.scope_of(section);
        let stays = |new: usize, old: usize| {
            let (new, old): (&Rule, &Rule) = (&rules[new], &present[old].rule);
            keeps_comment(old.comment.as_deref(), new.comment.as_deref())
        };
        let write = |new: usize| {
            let unwritable = |problem: &RuleProblem| {
                matches!(problem.effect, Effect::Dropped | Effect::BlocksSave)
            };
            match rules[new].check(&scope).into_iter().find(unwritable) {
                Some(problem) => Err(EditError::Rule { number: new + 1, problem }),
                None => confirm::line_of(&rules[new]),
            }
        };
        self.merge(section, &kept, stays, write)
    }

    /// Replaces the content of a section: `kept` says for each new line which present one it is, if any.
    fn merge(
        &self,
        section: &Section,
        kept: &[Option<usize>],
        stays: impl Fn(usize, usize) -> bool,
        write: impl Fn(usize) -> Result<String, EditError>,
    ) -> Result<String, EditError> {
        let lines = self.content_lines(section);
        let exists = self.sections.contains(section);
        let must_exist = *section != Section::Rules;
        let mut draft = Draft::new(self);
        if !exists {
            let new = (0..kept.len()).map(write).collect::<Result<Vec<_>, _>>()?;
            if must_exist || !new.is_empty() {
                draft.append(section, new);
            }
            return Ok(draft.render());
        }
        let mut anchor = draft.start_of(section);
        let mut next = 0;
        for ((new, old), gap_end) in kept.iter().enumerate().zip(gap_ends(kept, lines.len())) {
            match (*old, (next < gap_end).then(|| lines[next])) {
                (Some(old), _) => {
                    lines[next..old].iter().for_each(|line| draft.remove(*line));
                    if !stays(new, old) {
                        draft.replace(lines[old], write(new)?);
                    }
                    (anchor, next) = (Some(lines[old]), old + 1);
                }
                // The line of a rule that goes is where one that comes has its place.
                (None, Some(line)) => {
                    draft.replace(line, write(new)?);
                    (anchor, next) = (Some(line), next + 1);
                }
                (None, None) => draft.insert_after(anchor, write(new)?),
            }
        }
        lines[next..].iter().for_each(|line| draft.remove(*line));
        Ok(draft.render())
    }

    /// Returns the indexes of the lines that hold the content of a section.
    ///
    /// A set or group that is opened twice begins anew; rules are added up.
    fn content_lines(&self, section: &Section) -> Vec<usize> {
        let last = self.sections.iter().rposition(|present| present == section);
        let within = |index: usize| match section {
            Section::Rules => self.sections.get(index) == Some(section),
            _ => Some(index) == last,
        };
        let lines = self.lines.iter().enumerate();
        lines
            .filter(|(_, line)| {
                matches!(line.kind, LineKind::Content(_)) && line.section.is_some_and(within)
            })
            .map(|(index, _)| index)
            .collect()
    }
}

/// Returns for each of `rules` the present one that it is; most are spelled as they were, from both ends on.
fn kept_rules(present: &[ParsedRule], rules: &[Rule]) -> Vec<Option<usize>> {
    let same = |(old, new): &(&ParsedRule, &Rule)| old.rule == **new;
    let front = present.iter().zip(rules).take_while(same).count();
    let (old, new) = (&present[front..], &rules[front..]);
    let back = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);
    let before: Vec<_> = old.iter().map(|parsed| parsed.rule.meaning()).collect();
    let after: Vec<_> = new.iter().map(Rule::meaning).collect();
    let middle = keep(&before, &after).into_iter().map(|old| old.map(|old| old + front));
    let behind = present.len() - back..present.len();
    (0..front).map(Some).chain(middle).chain(behind.map(Some)).collect()
}

//! Whether PVE reads an edited file as it was asked for.

use super::super::file::{FwFile, Line, LineKind, ParsedRule, Section};
use super::super::options::parse_option;
use super::super::rule::Rule;
use super::super::scope::{Level, Names, Scope};
use super::super::text::{is_space, trim_line};
use super::{EditError, FwEdit};

impl FwFile {
    pub(super) fn refuse_unread_headers(&self) -> Result<(), EditError> {
        if self.text.starts_with('\u{feff}') {
            return Err(EditError::ByteOrderMark);
        }
        let is_header = |line: &str| line.starts_with('[') && line.ends_with(']');
        let unread = |line: &str| line.ends_with('\r') && is_header(line.trim_matches(is_space));
        match self.text.split('\n').position(unread) {
            Some(index) => Err(EditError::CarriageReturn { line: index + 1 }),
            None => Ok(()),
        }
    }

    /// Reads a text that an edit has made, and confirms that it says what was asked for.
    pub(super) fn confirmed(&self, text: &str, edit: &FwEdit) -> Result<Self, EditError> {
        let own = self.level == Level::Cluster;
        let cluster = if own { Names::default() } else { self.scope.cluster.clone() };
        let file = Self::parse_with(self.level, text, cluster);
        file.confirm(edit).map(|()| file)
    }

    /// Tells whether an edit needs no second reading of the file, because only the lines that it writes can be read
    /// otherwise than before, and those were looked at when they were written.
    ///
    /// A line of a section that is there already opens no other, and what an option, an alias or an entry is read as
    /// does not depend on the lines above it. A new alias may change what becomes of rules; that is what was asked for.
    pub(super) fn is_settled(&self, edit: &FwEdit) -> bool {
        let has = |section| self.sections.contains(&section);
        match edit {
            FwEdit::SetOption { .. } | FwEdit::RemoveOption { .. } => has(Section::Options),
            FwEdit::SetAlias(_) => has(Section::Aliases),
            FwEdit::SetIpset { name, .. } => has(Section::Ipset(name.clone())),
            FwEdit::SetRules(_) => self.settles_rules(&Section::Rules),
            FwEdit::SetGroup { name, .. } => self.settles_rules(&Section::Group(name.clone())),
            FwEdit::SetGroupComment { .. }
            | FwEdit::RemoveAlias { .. }
            | FwEdit::RemoveIpset { .. }
            | FwEdit::RemoveGroup { .. } => false,
        }
    }

    /// A rule defines no name, and except in a node's file it changes nothing for the lines below it. Whether PVE drops
    /// it depends on the aliases above it: those are all that the rules were checked with when none stands below the
    /// header of their section.
    fn settles_rules(&self, section: &Section) -> bool {
        let of = |line: &Line| line.section.and_then(|index| self.sections.get(index));
        let is_alias = |line: &Line| {
            matches!(line.kind, LineKind::Content(_)) && of(line) == Some(&Section::Aliases)
        };
        let mut rest = self.lines.iter().skip_while(|line| of(line) != Some(section)).peekable();
        let exists = rest.peek().is_some();
        let looks_up_nothing = self.reads.aliases && self.reads.ipsets;
        exists && looks_up_nothing && !rest.any(is_alias)
    }

    fn confirm(&self, edit: &FwEdit) -> Result<(), EditError> {
        let same = |present: &[ParsedRule], rules: &[Rule]| {
            present.len() == rules.len()
                && present.iter().zip(rules).all(|(a, b)| a.rule.same_meaning(b))
        };
        let (what, good) = match edit {
            FwEdit::SetOption { key, value } => {
                let read = parse_option(self.level, &format!("{key}: {value}"));
                ("the option", read.is_ok_and(|(key, value)| self.option(key) == Some(&value)))
            }
            FwEdit::RemoveOption { key } => ("the options", self.option(key).is_none()),
            FwEdit::SetRules(rules) => ("the rules", same(&self.rules, rules)),
            FwEdit::SetGroup { name, rules } => {
                ("the group", self.groups.get(name).is_some_and(|present| same(present, rules)))
            }
            FwEdit::SetIpset { name, entries } => (
                "the set",
                self.ipsets.get(name).is_some_and(|present| present.len() == entries.len()),
            ),
            FwEdit::SetAlias(alias) => {
                ("the alias", self.aliases.contains_key(&alias.name.to_ascii_lowercase()))
            }
            FwEdit::SetGroupComment { name, .. } => ("the group", self.groups.contains_key(name)),
            FwEdit::RemoveAlias { name } => {
                ("the aliases", !self.aliases.contains_key(&name.to_ascii_lowercase()))
            }
            FwEdit::RemoveIpset { name } => ("the sets", !self.ipsets.contains_key(name)),
            FwEdit::RemoveGroup { name } => ("the groups", !self.groups.contains_key(name)),
        };
        good.then_some(()).ok_or(EditError::NotRead { what })
    }

    /// Returns where the rules of a section stand, with the names at the end of the file.
    pub(super) fn scope_of(&self, section: &Section) -> Scope {
        match section {
            Section::Group(_) => Scope::group().with_cluster(self.scope.cluster.clone()),
            _ => self.scope.clone(),
        }
    }
}

/// Returns the line of a rule, which is read back as a rule that means the same.
pub(super) fn line_of(rule: &Rule) -> Result<String, EditError> {
    let line = rule.to_string();
    let read = Rule::parse_line(&trim_line(&line));
    let same = read.is_ok_and(|read| read.same_meaning(rule));
    if same { Ok(line) } else { Err(EditError::NotRead { what: "the rules" }) }
}

//! Edits of what has a name: aliases, and the sections of sets and groups.

use super::super::address::parse_cidr;
use super::super::file::{Alias, FwFile, LineKind, Section};
use super::super::scope::Level;
use super::super::text::{is_name, push_comment, trim_line, word};
use super::EditError;
use super::draft::Draft;
use super::keep::{address_key, is_line, keeps_comment};

impl FwFile {
    pub(super) fn name_in(&self, name: &str, allowed: bool) -> Result<(), EditError> {
        let good = allowed && self.level != Level::Host && is_name(name);
        good.then_some(()).ok_or_else(|| EditError::Entry { text: name.to_owned() })
    }

    pub(super) fn set_alias(&self, alias: &Alias) -> Result<String, EditError> {
        let bad = || EditError::Entry { text: alias.line_text() };
        let (cidr, _) = parse_cidr(&alias.cidr)
            .filter(|_| is_line(alias.comment.as_deref()))
            .ok_or_else(bad)?;
        let mut draft = Draft::new(self);
        let text = Alias { cidr: cidr.clone(), ..alias.clone() }.line_text();
        match self.aliases.get(&alias.name.to_ascii_lowercase()) {
            Some(present) => {
                let comment = keeps_comment(present.comment.as_deref(), alias.comment.as_deref());
                if !comment || address_key(&present.cidr) != address_key(&cidr) {
                    draft.replace(present.line - 1, text);
                }
            }
            None => draft.append(&Section::Aliases, vec![text]),
        }
        Ok(draft.render())
    }

    pub(super) fn set_group_comment(&self, name: &str, comment: &str) -> Result<String, EditError> {
        let section = Section::Group(name.to_owned());
        let last = self.sections.iter().rposition(|present| *present == section);
        let header = |line: &super::super::file::Line| {
            line.kind == LineKind::Header && last.is_some() && line.section == last
        };
        let bad = || EditError::Entry { text: name.to_owned() };
        let header = self.lines.iter().position(header).ok_or_else(bad)?;
        if !is_line(Some(comment)) {
            return Err(EditError::Entry { text: comment.to_owned() });
        }
        let mut draft = Draft::new(self);
        if !keeps_comment(self.group_comments.get(name).map(String::as_str), Some(comment)) {
            let mut text = format!("[group {name}]");
            push_comment(&mut text, Some(comment));
            draft.replace(header, text);
        }
        Ok(draft.render())
    }

    pub(super) fn remove_alias(&self, name: &str) -> String {
        let mut draft = Draft::new(self);
        for (index, (line, text)) in self.lines.iter().zip(self.text.split('\n')).enumerate() {
            let section = line.section.and_then(|section| self.sections.get(section));
            let is_alias = matches!(line.kind, LineKind::Content(_));
            let named = || word(&trim_line(text)).0.eq_ignore_ascii_case(name);
            if is_alias && section == Some(&Section::Aliases) && named() {
                draft.remove(index);
            }
        }
        draft.render()
    }

    /// Removes a section however often it is opened. Lines that PVE drops go with it: they would be read as part of
    /// the section before.
    pub(super) fn remove_section(&self, section: &Section) -> String {
        let within = |index: usize| self.sections.get(index) == Some(section);
        let mut draft = Draft::new(self);
        for (index, line) in self.lines.iter().enumerate() {
            if line.kind != LineKind::Comment && line.section.is_some_and(within) {
                draft.remove(index);
            }
        }
        draft.render()
    }
}

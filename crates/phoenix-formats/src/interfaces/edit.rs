//! Edits of single lines, every other byte left as it is.

use std::collections::BTreeSet;

use super::parse::{Interfaces, LineOption, Stanza};

/// Says why an option is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No `iface` or `mapping` begins at this line.
    #[error("no stanza begins at line {0}")]
    NoStanza(usize),
    /// The option is there several times, and which one is meant cannot be told.
    #[error("option `{0}` is there several times")]
    Several(String),
    /// The file ends in the middle of a continued line of the stanza.
    #[error("the file ends in a line that a backslash continues")]
    Dangling,
    /// The name or the value would not be read back as one line.
    #[error("an option needs a name of one word and a value of one line")]
    Form,
}

impl Interfaces {
    /// Returns the text without these lines; a line that is continued goes with its continuation.
    ///
    /// Only options can be removed: numbers of other lines are ignored.
    #[must_use = "the file itself is not changed"]
    pub fn remove_lines(&self, lines: &BTreeSet<usize>) -> String {
        let options = self.stanzas.iter().flat_map(|stanza| &stanza.options);
        let gone: BTreeSet<usize> = options
            .filter(|option| lines.contains(&option.line))
            .flat_map(|option| option.line..=option.last_line)
            .collect();
        let kept = self.numbered().filter(|(number, _)| !gone.contains(number));
        kept.map(|(_, line)| line).collect()
    }

    /// Returns the text with one option of the stanza at `line` set: changed where it is, or added last.
    ///
    /// # Errors
    ///
    /// Says that there is no such stanza, that the option repeats, or that it has no form of one line.
    pub fn set_option(&self, line: usize, name: &str, value: &str) -> Result<String, EditError> {
        check_form(name, value)?;
        let stanza = self.stanzas.iter().find(|stanza| stanza.line == line);
        let stanza = stanza.ok_or(EditError::NoStanza(line))?;
        let mut present = stanza.options.iter().filter(|option| option.is(name));
        match (present.next(), present.next()) {
            (None, _) => self.add(stanza, name, value),
            (Some(option), None) => Ok(self.change(option, value)),
            (Some(_), Some(_)) => Err(EditError::Several(name.to_owned())),
        }
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.split_inclusive('\n').enumerate().map(|(index, line)| (index + 1, line))
    }

    fn change(&self, option: &LineOption, value: &str) -> String {
        let mut text = String::with_capacity(self.text.len() + value.len());
        for (number, line) in self.numbered() {
            if number == option.line {
                text.push_str(&front(line, &option.name));
                text.push_str(value);
            }
            match number {
                _ if number == option.last_line => text.push_str(ending(line)),
                _ if (option.line..option.last_line).contains(&number) => {}
                _ => text.push_str(line),
            }
        }
        text
    }

    fn add(&self, stanza: &Stanza, name: &str, value: &str) -> Result<String, EditError> {
        let after = stanza.options.last().map_or(stanza.last_line, |option| option.last_line);
        let line_at = |wanted: usize| {
            self.numbered().find(|(number, _)| *number == wanted).map(|(_, line)| line)
        };
        let dangling = |line: &&str| line.trim_end_matches(['\r', '\n']).ends_with('\\');
        line_at(after).filter(|line| !dangling(line)).ok_or(EditError::Dangling)?;
        let model = stanza.options.last().and_then(|option| line_at(option.line));
        let option = format!("{}{name} {value}", model.map_or("\t", indent));
        let mut text = String::with_capacity(self.text.len() + option.len() + 2);
        for (number, line) in self.numbered() {
            text.push_str(line);
            if number == after {
                self.add_after(&mut text, line, &option);
            }
        }
        Ok(text)
    }

    fn add_after(&self, text: &mut String, line: &str, option: &str) {
        if !line.ends_with('\n') {
            text.push_str(if self.text.contains("\r\n") { "\r\n" } else { "\n" });
        }
        text.push_str(option);
        text.push_str(ending(line));
    }
}

fn check_form(name: &str, value: &str) -> Result<(), EditError> {
    let one_word =
        !name.is_empty() && !name.starts_with('#') && !name.contains(char::is_whitespace);
    let one_line = !value.contains(['\n', '\r']) && !value.ends_with('\\') && value.trim() == value;
    if one_word && one_line && !value.is_empty() { Ok(()) } else { Err(EditError::Form) }
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// Returns what stands before an option's value.
fn front(line: &str, name: &str) -> String {
    let indent = indent(line);
    let rest = line.get(indent.len() + name.len()..).unwrap_or_default();
    let gap = &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()];
    // A name that a backslash divides has nothing of it on this line.
    format!("{indent}{name}{}", if gap.is_empty() { " " } else { gap })
}

fn ending(line: &str) -> &str {
    let text = line.strip_suffix('\n').unwrap_or(line);
    &line[text.strip_suffix('\r').unwrap_or(text).len()..]
}

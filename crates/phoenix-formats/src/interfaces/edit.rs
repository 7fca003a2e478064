//! Edits of single lines, every other byte left as it is.

use std::collections::BTreeSet;

use super::parse::{Interfaces, LineOption, Stanza, StanzaKind};

/// Says why an option is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No `iface` or `mapping` begins at this line.
    #[error("no stanza begins at line {0}")]
    NoStanza(usize),
    /// No option begins at this line.
    #[error("no option begins at line {0}")]
    NoOption(usize),
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
        let stanza =
            self.stanzas.iter().find(|stanza| stanza.line == line && stanza.kind.takes_options());
        let stanza = stanza.ok_or(EditError::NoStanza(line))?;
        let mut present = stanza.options.iter().filter(|option| option.is(name));
        match (present.next(), present.next()) {
            (None, _) => self.add(stanza, name, value),
            (Some(option), None) => Ok(self.change(option, value)),
            (Some(_), Some(_)) => Err(EditError::Several(name.to_owned())),
        }
    }

    /// Returns the text with another value of the option at `line`, which keeps its white space.
    ///
    /// # Errors
    ///
    /// Says that no option begins at that line, or that the value has no form of one line.
    pub fn change_option(&self, line: usize, value: &str) -> Result<String, EditError> {
        let mut options = self.stanzas.iter().flat_map(|stanza| &stanza.options);
        let option = options.find(|option| option.line == line);
        let option = option.ok_or(EditError::NoOption(line))?;
        check_form(&option.name, value)?;
        Ok(self.change(option, value))
    }

    /// Returns the text with an option in a line of its own behind the head of a stanza that begins at
    /// `after`, or behind the option that does; it is indented as the options there are.
    ///
    /// # Errors
    ///
    /// Says that neither begins at that line, or that the option has no form of one line.
    pub fn insert_option(
        &self,
        after: usize,
        name: &str,
        value: &str,
    ) -> Result<String, EditError> {
        check_form(name, value)?;
        let here = |stanza: &&Stanza| {
            let heads = stanza.kind.takes_options() && stanza.line == after;
            heads || stanza.options.iter().any(|option| option.line == after)
        };
        let stanza = self.stanzas.iter().find(here).ok_or(EditError::NoStanza(after))?;
        let option = stanza.options.iter().find(|option| option.line == after);
        let last = option.map_or(stanza.last_line, |option| option.last_line);
        self.insert(last, option.or(stanza.options.first()), name, value)
    }

    /// Returns the text with another method in the head of the `iface` that begins at `line`.
    ///
    /// # Errors
    ///
    /// Says that no `iface` with a method begins there, that its head is continued over several lines, or
    /// that the method is not one word.
    pub fn set_method(&self, line: usize, method: &str) -> Result<String, EditError> {
        check_form("iface", method)?;
        let head = self.stanzas.iter().find(|stanza| stanza.line == line);
        let head = head.ok_or(EditError::NoStanza(line))?;
        let StanzaKind::Iface { method: Some(_), .. } = &head.kind else {
            return Err(EditError::NoStanza(line));
        };
        if head.last_line != line || method.contains(char::is_whitespace) {
            return Err(EditError::Form);
        }
        let mut text = String::with_capacity(self.text.len() + method.len());
        for (number, physical) in self.numbered() {
            match fourth_word(physical).filter(|_| number == line) {
                Some(word) => {
                    text.push_str(&physical[..word.start]);
                    text.push_str(method);
                    text.push_str(&physical[word.end..]);
                }
                None => text.push_str(physical),
            }
        }
        Ok(text)
    }

    /// Returns the text with an `auto` line for the `iface` that begins at `line` in front of it.
    ///
    /// # Errors
    ///
    /// Says that no `iface` begins there.
    pub fn add_auto(&self, line: usize) -> Result<String, EditError> {
        let head = self.stanzas.iter().find(|stanza| stanza.line == line);
        let Some(StanzaKind::Iface { name, .. }) = head.map(|stanza| &stanza.kind) else {
            return Err(EditError::NoStanza(line));
        };
        let mut text = String::with_capacity(self.text.len() + name.len() + 8);
        for (number, physical) in self.numbered() {
            if number == line {
                text.extend([indent(physical), "auto ", name]);
                text.push_str(self.line_end(physical));
            }
            text.push_str(physical);
        }
        Ok(text)
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
        self.insert(after, stanza.options.last(), name, value)
    }

    /// Puts an option behind a line, indented as another option is.
    fn insert(
        &self,
        after: usize,
        model: Option<&LineOption>,
        name: &str,
        value: &str,
    ) -> Result<String, EditError> {
        let line_at = |wanted: usize| {
            self.numbered().find(|(number, _)| *number == wanted).map(|(_, line)| line)
        };
        let dangling = |line: &&str| line.trim_end_matches(['\r', '\n']).ends_with('\\');
        line_at(after).filter(|line| !dangling(line)).ok_or(EditError::Dangling)?;
        let model = model.and_then(|option| line_at(option.line));
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
            text.push_str(self.line_end(line));
        }
        text.push_str(option);
        text.push_str(ending(line));
    }

    /// Returns the end of a line; one without any gets that of the others.
    fn line_end<'a>(&self, line: &'a str) -> &'a str {
        match ending(line) {
            "\n" | "\r\n" => ending(line),
            _ if self.text.contains("\r\n") => "\r\n",
            _ => "\n",
        }
    }
}

/// Returns where the fourth word of a line stands.
fn fourth_word(line: &str) -> Option<std::ops::Range<usize>> {
    const WORD: usize = 4;
    let mut rest = line;
    let mut at = 0;
    for number in 1..=WORD {
        let blank = rest.len() - rest.trim_start().len();
        rest = &rest[blank..];
        at += blank;
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        if number == WORD {
            return (length > 0).then_some(at..at + length);
        }
        rest = &rest[length..];
        at += length;
    }
    None
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

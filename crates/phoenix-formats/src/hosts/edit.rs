//! Edits of single lines, every other byte left as it is.

use std::net::IpAddr;

use super::{Entry, Hosts, NameProblem, host_name_problem, is_space, split_comment};
use crate::lines::{Line, lines, push_line, usual_end};

/// Says why a file is not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// A name could not be asked for.
    #[error("`{name}` is not a host name: {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// The file has no such line.
    #[error("there is no line {0}")]
    NoLine(usize),
    /// The new text of a line would be several lines.
    #[error("a line cannot hold a line end")]
    Form,
}

impl Hosts {
    /// Returns the text with exactly these names for an address.
    ///
    /// The first line of the address takes them and keeps its white space and comment; other lines of the address go,
    /// with all of them when there are no names. An address that has no line gets one at the end. Other addresses keep
    /// their lines, even if one of them gives a name earlier: [`Hosts::first`] says so.
    ///
    /// # Errors
    ///
    /// Says which name is no host name.
    pub fn set_names(&self, address: IpAddr, names: &[&str]) -> Result<String, EditError> {
        names.iter().try_for_each(check)?;
        let mut first = self.entries.iter().find(|entry| entry.address == address);
        let absent = first.is_none() && !names.is_empty();
        let mut text = self.rewritten(|entry, line| {
            if entry.address != address {
                Some(line.text.to_owned())
            } else {
                first.take().filter(|_| !names.is_empty()).map(|_| with_names(entry, line, names))
            }
        });
        if absent {
            let end = usual_end(&self.text);
            push_line(&mut text, &format!("{address} {}", names.join(" ")), end);
        }
        Ok(text)
    }

    /// Returns the text without these names, whatever their address; a line that has no other name goes.
    #[must_use = "the file itself is not changed"]
    pub fn remove_names(&self, names: &[&str]) -> String {
        let gone = |own: &str| names.iter().any(|name| own.eq_ignore_ascii_case(name));
        self.rewritten(|entry, line| {
            let kept: Vec<&str> =
                entry.names.iter().map(String::as_str).filter(|own| !gone(own)).collect();
            (!kept.is_empty()).then(|| with_names(entry, line, &kept))
        })
    }

    /// Returns the text with another line in the place of this one, which keeps its line end.
    ///
    /// # Errors
    ///
    /// Says that there is no such line, or that the new one would be several.
    pub fn replace_line(&self, number: usize, new: &str) -> Result<String, EditError> {
        if new.contains(['\n', '\r']) {
            return Err(EditError::Form);
        }
        let mut found = false;
        let mut text = String::with_capacity(self.text.len() + new.len());
        for line in lines(&self.text) {
            let here = line.number == number;
            found |= here;
            text.push_str(if here { new } else { line.text });
            text.push_str(line.end);
        }
        if found { Ok(text) } else { Err(EditError::NoLine(number)) }
    }

    /// Returns the text with what `change` makes of the lines of entries; nothing removes a line.
    fn rewritten(&self, mut change: impl FnMut(&Entry, Line<'_>) -> Option<String>) -> String {
        let mut entries = self.entries.iter().peekable();
        let mut text = String::with_capacity(self.text.len());
        for line in lines(&self.text) {
            let new = match entries.next_if(|entry| entry.line == line.number) {
                Some(entry) => change(entry, line),
                None => Some(line.text.to_owned()),
            };
            if let Some(new) = new {
                text.push_str(&new);
                text.push_str(line.end);
            }
        }
        text
    }
}

fn check(name: &&str) -> Result<(), EditError> {
    match host_name_problem(name) {
        Some(problem) => Err(EditError::Name { name: (*name).to_owned(), problem }),
        None => Ok(()),
    }
}

/// Returns the entry's line with other names; its address, white space and comment stay.
fn with_names(entry: &Entry, line: Line<'_>, names: &[&str]) -> String {
    if entry.names.iter().eq(names) {
        return line.text.to_owned();
    }
    let (fields, _) = split_comment(line.text);
    let address_end = fields
        .find(|c| !is_space(c))
        .and_then(|start| fields[start..].find(is_space).map(|length| start + length));
    let behind_address = address_end.unwrap_or(fields.len());
    let gap = fields[behind_address..].find(|c| !is_space(c)).unwrap_or(0);
    let names_end = fields.trim_end_matches(is_space).len();
    let (front, back) = (&line.text[..behind_address + gap], &line.text[names_end..]);
    format!("{front}{}{back}", names.join(" "))
}

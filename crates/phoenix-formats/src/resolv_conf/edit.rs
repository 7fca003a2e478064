//! Edits of single lines, every other byte left as it is.
//!
//! A line that is written ends with a line feed alone: with a carriage return glibc would not understand it.

use super::{Nameserver, ResolvConf, Setting};
use crate::lines::{Line, lines, push_line};

/// Says why a file is not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// A domain or a zone would not be read back as one word.
    #[error("`{0}` is not one word")]
    Word(String),
}

impl ResolvConf {
    /// Returns the text with exactly these servers, in this order.
    ///
    /// The lines of the servers there are take them in turn; lines left over go, and servers left over come behind the
    /// last of them, or at the end. A line that says the same already stays.
    ///
    /// # Errors
    ///
    /// Says that a server's zone is not one word.
    pub fn set_nameservers(&self, servers: &[Nameserver]) -> Result<String, EditError> {
        servers.iter().filter_map(|server| server.zone.as_deref()).try_for_each(check)?;
        let wanted = servers
            .iter()
            .map(|server| (Setting::Nameserver(server.clone()), format!("nameserver {server}")));
        let is_server = |setting: &Setting| matches!(setting, Setting::Nameserver(_));
        Ok(self.with(wanted.collect(), is_server))
    }

    /// Returns the text with exactly this search list; an empty one removes every `search` and `domain`.
    ///
    /// # Errors
    ///
    /// Says which domain is not one word.
    pub fn set_search(&self, domains: &[&str]) -> Result<String, EditError> {
        domains.iter().try_for_each(|domain| check(domain))?;
        let list = Setting::Search(domains.iter().map(|domain| (*domain).to_owned()).collect());
        let wanted = (list, format!("search {}", domains.join(" ")));
        let is_list =
            |setting: &Setting| matches!(setting, Setting::Search(_) | Setting::Domain(_));
        let wanted = if domains.is_empty() { Vec::new() } else { vec![wanted] };
        Ok(self.with(wanted, is_list))
    }

    /// Puts these lines where the lines of a kind are.
    fn with(&self, wanted: Vec<(Setting, String)>, is_kind: impl Fn(&Setting) -> bool) -> String {
        let kind: Vec<_> = self.entries.iter().filter(|entry| is_kind(&entry.setting)).collect();
        let last = kind.last().map(|entry| entry.line);
        let mut present = kind.into_iter().peekable();
        let mut wanted = wanted.into_iter();
        let mut text = String::with_capacity(self.text.len());
        for line in lines(&self.text) {
            match present.next_if(|entry| entry.line == line.number) {
                None => push(&mut text, line),
                Some(entry) => match wanted.next() {
                    Some((setting, _)) if setting == entry.setting => push(&mut text, line),
                    Some((_, new)) => push_line(&mut text, &new, "\n"),
                    None => {}
                },
            }
            if last == Some(line.number) {
                wanted.by_ref().for_each(|(_, new)| push_line(&mut text, &new, "\n"));
            }
        }
        wanted.for_each(|(_, new)| push_line(&mut text, &new, "\n"));
        text
    }
}

fn push(text: &mut String, line: Line<'_>) {
    text.push_str(line.text);
    text.push_str(line.end);
}

fn check(word: &str) -> Result<(), EditError> {
    let one = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '\0');
    if one { Ok(()) } else { Err(EditError::Word(word.to_owned())) }
}

//! Reads the lines as glibc does.

use std::net::{IpAddr, Ipv4Addr};

use super::{Entry, MOST_NAMESERVERS, Manager, Nameserver, ResolvConf, Setting, options};
use crate::Warning;

/// Reads a file. A carriage return is a character like any other to the resolver.
pub(super) fn read(text: &str) -> ResolvConf {
    let mut reader = Reader::default();
    for (index, line) in text.split('\n').enumerate() {
        reader.number = index + 1;
        reader.line(line);
    }
    reader.mark_unused();
    let Reader { entries, warnings, .. } = reader;
    ResolvConf { text: text.to_owned(), entries, warnings, manager: Manager::of(text) }
}

#[derive(Default)]
struct Reader {
    number: usize,
    entries: Vec<Entry>,
    warnings: Vec<Warning>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if line.trim().is_empty() || line.starts_with(['#', ';']) {
            return;
        }
        let keyword = line.split([' ', '\t']).next().unwrap_or_default();
        let mut words = line.split([' ', '\t']).skip(1).filter(|word| !word.is_empty());
        match keyword {
            "nameserver" => self.nameserver(words.next().unwrap_or_default()),
            "domain" => self.domain(words.next().unwrap_or_default()),
            "search" => self.list(words, Setting::Search),
            "sortlist" => self.list(words, Setting::Sortlist),
            "options" => {
                let words: Vec<&str> = words.collect();
                let problems =
                    words.iter().filter_map(|word| options::problem(word.trim_end_matches('\r')));
                problems.for_each(|problem| self.warn(problem));
                self.list(words.into_iter(), Setting::Options);
            }
            _ => self.unknown(line),
        }
    }

    fn unknown(&mut self, line: &str) {
        let trimmed = line.trim_start();
        let first = trimmed.split_whitespace().next().unwrap_or_default();
        self.warn(if trimmed.starts_with(['#', ';']) {
            // It is no comment, yet a line that is not understood does nothing either.
            return;
        } else if trimmed.len() < line.len() {
            format!("white space stands before `{first}`, and the line is ignored")
        } else {
            format!("`{first}` is not a setting of the resolver, and is ignored")
        });
    }

    fn nameserver(&mut self, word: &str) {
        match nameserver(word) {
            Some(server) => self.push(Setting::Nameserver(server)),
            None if word.ends_with('\r') => self
                .warn("the line ends with a carriage return, and the server is ignored".to_owned()),
            None if word.is_empty() => self.warn("`nameserver` needs an address".to_owned()),
            None => self.warn(format!("`{word}` is not an address, and the server is ignored")),
        }
    }

    fn domain(&mut self, word: &str) {
        if word.is_empty() {
            return self.warn("`domain` without a domain is ignored".to_owned());
        }
        self.check_domain(word);
        self.push(Setting::Domain(word.to_owned()));
    }

    fn list<'a>(&mut self, words: impl Iterator<Item = &'a str>, make: fn(Vec<String>) -> Setting) {
        let words: Vec<String> = words.map(str::to_owned).collect();
        if words.is_empty() {
            return self
                .warn("there is nothing behind the keyword, and the line is ignored".to_owned());
        }
        let setting = make(words);
        if let Setting::Search(domains) = &setting {
            domains.iter().for_each(|domain| self.check_domain(domain));
        }
        self.push(setting);
    }

    fn check_domain(&mut self, domain: &str) {
        if domain.ends_with('\r') {
            self.warn(
                "the line ends with a carriage return, which becomes a part of the domain"
                    .to_owned(),
            );
        } else if domain.starts_with(['#', ';']) {
            self.warn(format!(
                "`{domain}` is taken for a domain: a comment needs a line of its own"
            ));
        }
    }

    fn push(&mut self, setting: Setting) {
        self.entries.push(Entry { line: self.number, setting, used: true });
    }

    fn warn(&mut self, message: String) {
        self.warnings.push(Warning::new(self.number, message));
    }

    fn mark_unused(&mut self) {
        let mut servers = 0;
        let is_list =
            |setting: &Setting| matches!(setting, Setting::Search(_) | Setting::Domain(_));
        let last = self.entries.iter().rposition(|entry| is_list(&entry.setting));
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let message = match &entry.setting {
                Setting::Nameserver(server) => {
                    servers += 1;
                    (servers > MOST_NAMESERVERS).then(|| {
                        format!("`{server}` is never asked: only the first {MOST_NAMESERVERS} servers are")
                    })
                }
                setting if is_list(setting) && Some(index) != last => {
                    Some("a later `search` or `domain` takes its place".to_owned())
                }
                _ => None,
            };
            entry.used = message.is_none();
            self.warnings.extend(message.map(|message| Warning::new(entry.line, message)));
        }
        self.warnings.sort_by_key(|warning| warning.line);
    }
}

/// Reads an address: IPv4 in any of the forms of inet_aton(3), or IPv6, perhaps with an interface.
fn nameserver(word: &str) -> Option<Nameserver> {
    if let Some(address) = inet_aton(word) {
        return Some(IpAddr::V4(address).into());
    }
    let (address, zone) = match word.split_once('%') {
        Some((address, zone)) => (address, Some(zone.to_owned())),
        None => (word, None),
    };
    match address.parse() {
        Ok(IpAddr::V6(address)) => Some(Nameserver { address: IpAddr::V6(address), zone }),
        _ => None,
    }
}

/// Reads one to four numbers, decimal, octal or hexadecimal; the last one fills the bytes that are left.
pub(crate) fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.').map(number);
    let mut numbers = Vec::with_capacity(4);
    for part in parts.by_ref().take(4) {
        numbers.push(part?);
    }
    if parts.next().is_some() {
        return None;
    }
    let last = numbers.pop()?;
    let room = 8 * (4 - numbers.len());
    if u64::from(last) >> room != 0 {
        return None;
    }
    let head = numbers.iter().try_fold(0_u32, |head, part| (*part < 256).then(|| head << 8 | part));
    let head = u64::from(head?) << room;
    u32::try_from(head | u64::from(last)).ok().map(Ipv4Addr::from)
}

fn number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match (lower.strip_prefix("0x"), lower.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (lower.as_str(), 10),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    u32::from_str_radix(digits, radix).ok().filter(|_| plain)
}

//! The one pass in which PVE reads a file: what stands further down does not exist yet.

use std::collections::{BTreeMap, BTreeSet};

use super::address::parse_cidr;
use super::file::{Alias, FwFile, IpsetEntry, Line, LineKind, OptionEntry, ParsedRule, Section};
use super::options::{parse_option, rate_limit_fault};
use super::rule::Rule;
use super::scope::{Place, Prefix, Reference};
use super::text::{cut_comment, is_name, is_space, set, trim_line, truthy, word};
use super::verify::verify;
use crate::Warning;

/// The longest name of a group, so that its chains fit into the kernel's 28 letters.
const LONGEST_GROUP: usize = 18;

/// The longest name of a set of addresses.
const LONGEST_IPSET: usize = 64;

/// Reads the text of a file that is empty but for it.
pub(super) fn read(mut file: FwFile) -> FwFile {
    let text = std::mem::take(&mut file.text);
    file.lines.reserve(text.bytes().filter(|byte| *byte == b'\n').count() + 1);
    let mut reader = Reader {
        file,
        section: None,
        group: Vec::new(),
        entries: Vec::new(),
        seen: BTreeSet::new(),
    };
    // PVE takes a file that is empty or a single `0` for an absent one.
    if truthy(&text) {
        text.split_terminator('\n')
            .enumerate()
            .for_each(|(index, line)| reader.line(index + 1, line));
    }
    reader.close();
    let mut file = reader.file;
    file.failure = file.option("log_ratelimit").and_then(rate_limit_fault);
    file.text = text;
    file
}

struct Reader {
    file: FwFile,
    section: Option<usize>,
    /// The rules so far when a group is open.
    group: Vec<ParsedRule>,
    /// The entries so far when a set is open.
    entries: Vec<IpsetEntry>,
    /// What those entries hold.
    seen: BTreeSet<String>,
}

/// What a line turned out to be, or why it is lost.
type Read = Result<LineKind, String>;

impl Reader {
    fn line(&mut self, number: usize, raw: &str) {
        let line = trim_line(raw);
        let kind = if line.starts_with('#') {
            LineKind::Comment
        } else if line.chars().all(is_space) {
            LineKind::Blank
        } else {
            self.content(number, &line).unwrap_or_else(|why| {
                self.file.warnings.push(Warning::new(number, why));
                LineKind::Lost
            })
        };
        self.file.lines.push(Line { section: self.section, kind });
    }

    fn content(&mut self, number: usize, line: &str) -> Read {
        if let Some(header) = self.header(line) {
            return header;
        }
        match self.section.and_then(|index| self.file.sections.get(index)) {
            None => Err(homeless(line)),
            Some(Section::Options) => self.option(number, line),
            Some(Section::Aliases) => self.alias(number, line),
            Some(Section::Rules) => self.rule(number, line),
            Some(Section::Group(_)) => self.group_rule(number, line),
            Some(Section::Ipset(_)) => self.ipset_entry(number, line),
        }
    }

    fn header(&mut self, line: &str) -> Option<Read> {
        if !line.starts_with('[') {
            return None;
        }
        let reads = self.file.reads;
        if line.eq_ignore_ascii_case("[options]") {
            return Some(self.open(Section::Options));
        }
        if line.eq_ignore_ascii_case("[rules]") {
            return Some(self.open(Section::Rules));
        }
        if reads.aliases && line.eq_ignore_ascii_case("[aliases]") {
            return Some(self.open(Section::Aliases));
        }
        if let Some((name, comment)) = named_header(line, "[group").filter(|_| reads.groups) {
            return Some(self.open_group(&name, comment));
        }
        let (name, comment) = named_header(line, "[ipset").filter(|_| reads.ipsets)?;
        Some(self.open_ipset(&name, comment))
    }

    /// Puts away what the open section holds; of a group or set that is opened twice, the last counts.
    fn close(&mut self) {
        let section = self.section.take().and_then(|index| self.file.sections.get(index));
        match section {
            Some(Section::Group(name)) => {
                self.file.groups.insert(name.clone(), std::mem::take(&mut self.group));
            }
            Some(Section::Ipset(name)) => {
                self.file.ipsets.insert(name.clone(), std::mem::take(&mut self.entries));
            }
            Some(Section::Options | Section::Aliases | Section::Rules) | None => {}
        }
    }

    fn open(&mut self, section: Section) -> Read {
        self.close();
        self.section = Some(self.file.sections.len());
        self.file.sections.push(section);
        Ok(LineKind::Header)
    }

    // A header with a bad name closes the section before it, so what follows is in none.
    fn check_name(&mut self, name: &str, longest: usize) -> Result<(), String> {
        if name.len() <= longest && is_name(name) {
            return Ok(());
        }
        self.close();
        Err(format!(
            "`{name}` is no name of 2 to {longest} letters, digits, `-` and `_`, so its section is ignored"
        ))
    }

    fn open_group(&mut self, name: &str, comment: Option<&str>) -> Read {
        self.check_name(name, LONGEST_GROUP)?;
        self.file.names_mut().add_group(name);
        keep_comment(&mut self.file.group_comments, name, comment);
        self.open(Section::Group(name.to_owned()))
    }

    fn open_ipset(&mut self, name: &str, comment: Option<&str>) -> Read {
        self.check_name(name, LONGEST_IPSET)?;
        self.file.names_mut().add_ipset(name);
        keep_comment(&mut self.file.ipset_comments, name, comment);
        self.seen.clear();
        self.open(Section::Ipset(name.to_owned()))
    }

    fn option(&mut self, line: usize, text: &str) -> Read {
        let (key, value) = parse_option(self.file.level, text)?;
        self.file.options.push(OptionEntry { key, value, line });
        Ok(LineKind::Content(self.file.options.len() - 1))
    }

    fn rule(&mut self, line: usize, text: &str) -> Read {
        let rule = self.parse_rule(line, text)?;
        self.file.rules.push(rule);
        Ok(LineKind::Content(self.file.rules.len() - 1))
    }

    fn group_rule(&mut self, line: usize, text: &str) -> Read {
        let rules = std::mem::replace(&mut self.file.scope.place, Place::Group);
        let rule = self.parse_rule(line, text);
        self.file.scope.place = rules;
        self.group.push(rule?);
        Ok(LineKind::Content(self.group.len() - 1))
    }

    fn parse_rule(&mut self, line: usize, text: &str) -> Result<ParsedRule, String> {
        let rule = Rule::parse_line(text).map_err(|error| error.to_string())?;
        for value in [set(rule.source.as_deref()), set(rule.dest.as_deref())].into_iter().flatten()
        {
            self.look_up(value);
        }
        let verified = verify(&rule, &self.file.scope).map_err(|error| error.to_string())?;
        for (property, fault) in &verified.errors {
            let message = format!("{property}: {fault}; the rule is kept and never applied");
            self.file.warnings.push(Warning::new(line, message));
        }
        Ok(ParsedRule { rule, line, errors: verified.errors, version: verified.version })
    }

    // In a node's file PVE reads no names, but its search for one creates the section it looks in, and from there on
    // PVE reads such a section.
    fn look_up(&mut self, value: &str) {
        if self.file.reads.ipsets && self.file.reads.aliases {
            return;
        }
        let cluster = &self.file.scope.cluster;
        if let Some(reference) = Reference::ipset(value) {
            self.file.reads.ipsets |= !cluster.ipsets.contains(reference.name);
        } else if let Some(reference) = Reference::alias(value) {
            let known = cluster.aliases.contains_key(&reference.name.to_ascii_lowercase());
            self.file.reads.aliases |= !(known && reference.prefix == Prefix::Cluster);
        }
    }

    // A line that is not `name address` becomes a nameless alias, without a warning.
    fn alias(&mut self, line: usize, text: &str) -> Read {
        let (text, comment) = match cut_comment(text) {
            (before, Some(comment)) => (before.trim_end_matches(is_space), Some(comment)),
            (text, None) => (text, None),
        };
        let (name, rest) = word(text);
        let comment = comment.filter(|text| truthy(text)).map(str::to_owned);
        let mut rest = rest.chars();
        let value =
            rest.next().map(|_| rest.as_str()).filter(|v| !v.is_empty() && !v.contains(is_space));
        let Some(value) = value else {
            let nameless = Alias { name: String::new(), cidr: String::new(), comment: None, line };
            self.file.aliases.insert(String::new(), nameless);
            return Ok(LineKind::Lost);
        };
        let not_address =
            || format!("`{value}` is not an address or a network, so this alias is ignored");
        let (cidr, _) = parse_cidr(value).ok_or_else(not_address)?;
        self.file.names_mut().add_alias(name, &cidr);
        let alias = Alias { name: name.to_owned(), cidr, comment, line };
        self.file.aliases.insert(name.to_ascii_lowercase(), alias);
        Ok(LineKind::Content(line))
    }

    fn ipset_entry(&mut self, line: usize, text: &str) -> Read {
        let (text, comment) = cut_comment(text);
        let (cidr, nomatch) = match split_entry(text) {
            Some((cidr, nomatch)) => (Some(cidr), nomatch),
            // Perl keeps what it matched last: the comment, or else the line itself.
            None => (None, comment.is_none_or(truthy)),
        };
        let (cidr, error) = self.read_entry(cidr);
        if let Some(error) = &error {
            self.file.warnings.push(Warning::new(
                line,
                format!("{error}; the entry is kept and left out of the set"),
            ));
        }
        self.seen.insert(cidr.clone().unwrap_or_default());
        let comment = comment.filter(|text| truthy(text)).map(str::to_owned);
        self.entries.push(IpsetEntry { cidr, nomatch, comment, error, line });
        Ok(LineKind::Content(self.entries.len() - 1))
    }

    fn read_entry(&mut self, text: Option<&str>) -> (Option<String>, Option<String>) {
        let Some(text) = text else {
            return (None, Some("this is not one address, network or alias".to_owned()));
        };
        let known = match Reference::alias(text) {
            Some(reference) => {
                self.file.reads.aliases = true;
                let known = self.file.scope.alias(&reference).is_some();
                known
                    .then(|| text.to_owned())
                    .ok_or_else(|| format!("there is no alias `{text}` above this line"))
            }
            None => parse_cidr(text)
                .map(|(cidr, _)| cidr)
                .ok_or_else(|| format!("`{text}` is not an address, a network or an alias")),
        };
        match known {
            Err(why) => (Some(text.to_owned()), Some(why)),
            Ok(cidr) if has_zero_prefix(&cidr) => {
                (Some(cidr), Some("a set cannot hold a network of prefix 0".to_owned()))
            }
            Ok(cidr) if self.seen.contains(&cidr) => {
                let error = format!("`{cidr}` is in the set already");
                (Some(cidr), Some(error))
            }
            Ok(cidr) => (Some(cidr), None),
        }
    }
}

fn homeless(line: &str) -> String {
    let why = match line {
        _ if line.ends_with('\r') => {
            ": PVE does not read a header that ends with a carriage return"
        }
        _ if line.starts_with('\u{feff}') => {
            ": PVE does not read a header behind a byte order mark"
        }
        _ => "",
    };
    format!("this line is in no section, so it is ignored{why}")
}

fn has_zero_prefix(cidr: &str) -> bool {
    cidr.split_once('/').is_some_and(|(_, length)| length.bytes().all(|b| b == b'0'))
}

/// Splits an entry into what it holds and whether it excludes that: `[!] ADDRESS`.
fn split_entry(text: &str) -> Option<(&str, bool)> {
    let text = text.trim_end_matches(is_space);
    let (entry, nomatch) =
        match text.strip_prefix('!').map(|rest| rest.trim_start_matches(is_space)) {
            Some(rest) if !rest.is_empty() => (rest, true),
            _ => (text, false),
        };
    (!entry.is_empty() && !entry.contains(is_space)).then_some((entry, nomatch))
}

/// Reads a header with a name, such as `[group NAME] # comment`: the name in lower case and the comment.
fn named_header<'a>(line: &'a str, start: &str) -> Option<(String, Option<&'a str>)> {
    let (head, rest) = line.split_at_checked(start.len())?;
    let rest = rest.strip_prefix(is_space).filter(|_| head.eq_ignore_ascii_case(start))?;
    let rest = rest.trim_start_matches(is_space);
    let name_end = |at: &usize| *at > 0 && ends_header(&rest[at + 1..]);
    let end = word(rest).0.rmatch_indices(']').map(|(at, _)| at).find(name_end)?;
    let comment = cut_comment(&rest[end + 1..]).1;
    Some((rest[..end].to_ascii_lowercase(), comment))
}

fn ends_header(rest: &str) -> bool {
    // Only the first letter is looked at before the blanks, so that a long run of `]` costs nothing.
    match rest.chars().next() {
        None | Some('#') => true,
        Some(c) => {
            is_space(c)
                && matches!(rest.trim_start_matches(is_space).chars().next(), None | Some('#'))
        }
    }
}

fn keep_comment(comments: &mut BTreeMap<String, String>, name: &str, comment: Option<&str>) {
    if let Some(comment) = comment.filter(|text| truthy(text)) {
        comments.insert(name.to_owned(), comment.to_owned());
    }
}

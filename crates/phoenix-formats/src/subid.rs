//! The ids that users may give away in user namespaces: subuid(5) and subgid(5).
//!
//! The rules are those of newuidmap(1) and newgidmap(1) of shadow, which LXC asks wherever they are installed. Owns the
//! lines of one file ([`SubId`]), what of a range nobody has granted yet, and lines that grant it. Deliberately not
//! understood: `subid` of nsswitch.conf(5), by which another source is asked and not the file; and users that are not
//! named by their name or number.

use crate::Warning;
use crate::lines::lines;

/// The longest line that shadow reads, in bytes; a longer one does not count.
const LONGEST: usize = 1023;

/// Ids in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The first one.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Range {
    /// Returns the id behind the last one.
    fn end(self) -> u64 {
        self.first.saturating_add(self.count)
    }
}

/// A user as the files may name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User<'a> {
    /// The name, as passwd(5) has it; without `:` and line ends.
    pub name: &'a str,
    /// The number.
    pub uid: u32,
}

/// The superuser.
pub const ROOT: User<'_> = User { name: "root", uid: 0 };

/// One line that grants ids to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// The user, by name or number.
    pub owner: String,
    /// The ids.
    pub range: Range,
}

/// A file in the form of subuid(5), every byte kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubId {
    text: String,
    entries: Vec<Entry>,
    warnings: Vec<Warning>,
}

impl SubId {
    /// Reads a file; a line that shadow skips, or takes differently from version to version, is a warning and grants
    /// nothing.
    pub fn parse(text: &str) -> Self {
        let mut file = Self { text: text.to_owned(), entries: Vec::new(), warnings: Vec::new() };
        for line in lines(text) {
            // To shadow a carriage return is a part of the last number.
            let carriage = line.end.starts_with('\r');
            match read(line.text, carriage) {
                Ok(Some((owner, range))) => {
                    let owner = owner.to_owned();
                    file.entries.push(Entry { line: line.number, owner, range });
                }
                Ok(None) => {}
                Err(why) => file.warnings.push(Warning::new(line.number, why)),
            }
        }
        file
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the lines that grant something, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns what is skipped, by line.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns what no line grants to a user of the ranges that are needed, sorted, none twice; several lines may
    /// grant one range together.
    pub fn missing(&self, user: User<'_>, needed: &[Range]) -> Vec<Range> {
        let number = user.uid.to_string();
        let is_own = |owner: &str| owner == user.name || owner == number;
        let own = self.entries.iter().filter(|entry| is_own(&entry.owner));
        let granted = joined(own.map(|entry| entry.range));
        let mut granted = granted.iter().copied().peekable();
        let mut missing = Vec::new();
        for range in joined(needed.iter().copied()) {
            let (mut at, end) = (range.first, range.end());
            while at < end {
                while granted.next_if(|grant| grant.end() <= at).is_some() {}
                let next = granted.peek().filter(|grant| grant.first < end);
                let until = next.map_or(end, |grant| grant.first.max(at));
                if until > at {
                    missing.push(Range { first: at, count: until - at });
                }
                at = next.map_or(end, |grant| grant.end());
            }
        }
        missing
    }

    /// Returns the text with a line at its end for each range that is missing; it is unchanged when none is.
    pub fn grant(&self, user: User<'_>, needed: &[Range]) -> String {
        let mut text = self.text.clone();
        for Range { first, count } in self.missing(user, needed) {
            // Always a bare line feed: shadow does not know carriage returns.
            crate::lines::push_line(&mut text, &format!("{}:{first}:{count}", user.name), "\n");
        }
        text
    }
}

/// Returns ranges sorted, those that meet or overlap as one, without empty ones.
fn joined(ranges: impl Iterator<Item = Range>) -> Vec<Range> {
    let mut all = ranges.filter(|range| range.count > 0).collect::<Vec<_>>();
    all.sort_unstable();
    let mut joined: Vec<Range> = Vec::with_capacity(all.len());
    for range in all {
        match joined.last_mut() {
            Some(last) if range.first <= last.end() => {
                last.count = last.end().max(range.end()) - last.first;
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// Reads one line: what it grants, nothing, or why it grants nothing.
fn read(line: &str, carriage: bool) -> Result<Option<(&str, Range)>, String> {
    if line.is_empty() && !carriage || line.starts_with('#') {
        return Ok(None);
    }
    if line.len() > LONGEST {
        return Err("a line that is longer than shadow reads".to_owned());
    }
    let fields = line.split(':').collect::<Vec<_>>();
    let [owner, first, count] = fields[..] else {
        return Err("not of the form `name:first:count`".to_owned());
    };
    if owner.is_empty() {
        return Err("there is no user before the first `:`".to_owned());
    }
    if owner.starts_with(['+', '-']) {
        return Err("a line of NIS, which shadow skips".to_owned());
    }
    if carriage {
        return Err("a carriage return behind the count, by which shadow skips the line".to_owned());
    }
    Ok(Some((owner, Range { first: number(first)?, count: number(count)? })))
}

/// Reads a number in decimal: one with a zero before it is octal to some versions of shadow.
fn number(text: &str) -> Result<u64, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let octal = text.len() > 1 && text.starts_with('0');
    let number = text.parse().ok().filter(|_| plain && !octal);
    number.ok_or_else(|| format!("`{text}` is not a decimal number"))
}

//! Ports, ranges of them, and sets of them by protocol.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

/// A transport protocol that has ports and that a public interface's rules can accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP, IP protocol 6.
    Tcp,
    /// UDP, IP protocol 17.
    Udp,
}

impl Protocol {
    /// Returns the protocol of that name in lower case (`tcp`, `udp`), if it is one of the two.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// One port or several in a row, shown as `443` or `8000:8010`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self { first: 0, last: u16::MAX };

    /// Returns the range of one port.
    pub fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Returns the range with both ends in it, or nothing when the ends are the wrong way round.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// Returns the lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// Returns the highest port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Says whether every port of `other` is in this range.
    pub fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Reads a port or range with `separator` between its ends; either end may be left out after it.
    pub(super) fn parse(text: &str, separator: char) -> Option<Self> {
        match text.split_once(separator) {
            None => parse_port(text).map(Self::one),
            Some((first, last)) => Self::new(or_else(first, 0)?, or_else(last, u16::MAX)?),
        }
    }
}

fn or_else(text: &str, default: u16) -> Option<u16> {
    if text.is_empty() { Some(default) } else { parse_port(text) }
}

/// Names of services as services(5) has them, for the ports that people forward by name.
const SERVICES: &[(&str, u16)] = &[
    ("domain", 53),
    ("http", 80),
    ("http-alt", 8080),
    ("https", 443),
    ("imap", 143),
    ("imap2", 143),
    ("imaps", 993),
    ("ntp", 123),
    ("pop3", 110),
    ("pop3s", 995),
    ("smtp", 25),
    ("ssh", 22),
    ("submission", 587),
    ("submissions", 465),
];

fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let service = || SERVICES.iter().find(|(name, _)| *name == text).map(|(_, port)| *port);
    if digits { text.parse().ok() } else { service() }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}:{}", self.first, self.last)
        }
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A set of ports by protocol, such as those that a guest's public rules accept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortSet(BTreeMap<Protocol, Vec<PortRange>>);

impl PortSet {
    /// Says whether every port of `range` is in the set.
    pub fn covers(&self, protocol: Protocol, range: PortRange) -> bool {
        self.meeting(protocol, range).next().is_some_and(|own| own.covers(range))
    }

    /// Says whether some port of `range` is in the set.
    pub fn meets(&self, protocol: Protocol, range: PortRange) -> bool {
        self.meeting(protocol, range).next().is_some()
    }

    /// Says whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the ports of `range` that are not in the set, in order.
    pub fn missing(&self, protocol: Protocol, range: PortRange) -> Vec<PortRange> {
        let mut gaps = Vec::new();
        let mut next = u32::from(range.first);
        for own in self.meeting(protocol, range) {
            gaps.extend(gap(next, u32::from(own.first)));
            next = u32::from(own.last) + 1;
        }
        gaps.extend(gap(next, u32::from(range.last) + 1));
        gaps
    }

    // The ranges are sorted and apart, so those that meet `range` stand in a row.
    fn meeting(
        &self,
        protocol: Protocol,
        range: PortRange,
    ) -> impl Iterator<Item = PortRange> + '_ {
        let ranges = self.0.get(&protocol).map_or(&[][..], Vec::as_slice);
        let start = ranges.partition_point(|own| own.last < range.first);
        ranges[start..].iter().copied().take_while(move |own| own.first <= range.last)
    }
}

/// Returns the ports from `start` up to but not including `end`, if there are any.
fn gap(start: u32, end: u32) -> Option<PortRange> {
    let last = u16::try_from(end.checked_sub(1)?).ok()?;
    PortRange::new(u16::try_from(start).ok()?, last)
}

impl FromIterator<(Protocol, PortRange)> for PortSet {
    fn from_iter<I: IntoIterator<Item = (Protocol, PortRange)>>(items: I) -> Self {
        let mut sorted: Vec<_> = items.into_iter().collect();
        sorted.sort_unstable();
        let mut set = Self::default();
        for (protocol, range) in sorted {
            append(set.0.entry(protocol).or_default(), range);
        }
        set
    }
}

/// Adds `range`, which begins no earlier than the last of `ranges`, joining it when they touch.
fn append(ranges: &mut Vec<PortRange>, range: PortRange) {
    match ranges.last_mut() {
        Some(own) if u32::from(range.first) <= u32::from(own.last) + 1 => {
            own.last = own.last.max(range.last);
        }
        _ => ranges.push(range),
    }
}

/// Writes ports as people list them: `80, 443, 8000:8010`.
pub(super) fn list(ranges: &[PortRange]) -> String {
    ranges.iter().map(PortRange::to_string).collect::<Vec<_>>().join(", ")
}

//! Addresses in rules, as Perl's Net::IP reads them, and in aliases and sets, where PVE is stricter.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::text::has_trailing_comma;

/// Tells the two IP versions apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// Returns `4` or `6`, as PVE reports it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "4",
            Self::V6 => "6",
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// The addresses from the first to the last, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) version: IpVersion,
    pub(super) first: u128,
    pub(super) last: u128,
}

impl Span {
    fn prefix((version, address): (IpVersion, u128), length: u32) -> Self {
        let host = version.bits().saturating_sub(length);
        let mask = if host >= 128 { u128::MAX } else { (1 << host) - 1 };
        Self { version, first: address & !mask, last: address | (mask & Self::all(version).last) }
    }

    /// Returns every address of the version.
    pub(super) fn all(version: IpVersion) -> Self {
        let last = if version == IpVersion::V4 { u128::from(u32::MAX) } else { u128::MAX };
        Self { version, first: 0, last }
    }

    /// Returns the addresses of a network.
    pub(super) fn of(network: IpNet) -> Self {
        Self::prefix(number(network.addr()), u32::from(network.prefix_len()))
    }

    /// Tells whether the two have an address in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.version == other.version && self.first <= other.last && other.first <= self.last
    }

    /// Tells whether every address of `other` is in `self`.
    pub(super) fn holds(&self, other: &Self) -> bool {
        self.version == other.version && self.first <= other.first && other.last <= self.last
    }
}

/// Tells whether the spans together hold every address of `network`.
pub(super) fn cover(spans: &[Span], network: &Span) -> bool {
    let mut spans: Vec<_> = spans.iter().filter(|span| span.meets(network)).collect();
    spans.sort_unstable();
    let mut next = network.first;
    for span in spans {
        if span.first > next {
            return false;
        }
        if span.last >= network.last {
            return true;
        }
        next = next.max(span.last + 1);
    }
    false
}

/// Returns the version and the number of an address.
pub(super) fn number(address: IpAddr) -> (IpVersion, u128) {
    match address {
        IpAddr::V4(v4) => (IpVersion::V4, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (IpVersion::V6, u128::from(v6)),
    }
}

/// One entry of an address list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) span: Span,
    /// Whether the entry is spelled as iptables and PVE both read it.
    pub(super) plain: bool,
}

/// Reads an address list of a rule: addresses, networks and at most one range; one IP version throughout.
pub(super) fn parse_list(text: &str) -> Result<Vec<Element>, String> {
    if has_trailing_comma(text) {
        return Err("a comma at the end of the list".to_owned());
    }
    let elements = text.split(',').map(parse_element).collect::<Result<Vec<_>, _>>()?;
    if elements.windows(2).any(|pair| pair[0].span.version != pair[1].span.version) {
        return Err("IPv4 and IPv6 addresses in one list".to_owned());
    }
    if elements.len() > 1 && text.contains('-') {
        return Err("a range of addresses must stand alone, not in a list".to_owned());
    }
    Ok(elements)
}

/// Returns the IP version of an address list of a rule, as [`parse_list`] reads it.
pub(super) fn list_version(text: &str) -> Result<IpVersion, String> {
    // Nearly every list is a single address, and the first entry's version is that of all.
    let first = match text.split_once(',') {
        None => parse_element(text)?,
        Some((first, _)) => {
            parse_list(text)?;
            parse_element(first)?
        }
    };
    Ok(first.span.version)
}

fn parse_element(text: &str) -> Result<Element, String> {
    let bad = || format!("`{text}` is not an address, a network, a range or a name");
    let after_first = text.get(1..).unwrap_or_default();
    let split = |c| after_first.find(c).map(|at| (&text[..=at], &text[at + 2..]));
    match (split('/'), split('-'), split('+')) {
        (Some((address, length)), _, _) if !length.is_empty() => prefix(address, length),
        (_, Some((first, last)), _) if !last.is_empty() => range(first, last).ok_or_else(bad),
        (_, _, Some((first, count))) if !count.is_empty() => offset(first, count).ok_or_else(bad),
        _ => {
            let (start, plain) = address(text).ok_or_else(bad)?;
            Ok(Element { span: Span::prefix(start, start.0.bits()), plain })
        }
    }
}

// Net::IP gives up reading a prefix that is not digits and takes the bare address; iptables reads a netmask there.
fn prefix(text: &str, length: &str) -> Result<Element, String> {
    let (start, plain) = address(text).ok_or_else(|| format!("`{text}` is not an address"))?;
    let (version, bits) = (start.0, start.0.bits());
    if !length.bytes().all(|b| b.is_ascii_digit()) {
        let mask = netmask(version, length);
        let span = Span::prefix(start, mask.unwrap_or(bits));
        return Ok(Element { span, plain: plain && mask.is_some() });
    }
    let number = length
        .trim_start_matches('0')
        .parse()
        .unwrap_or(if length.contains(|c| c != '0') { 999 } else { 0 });
    if number > bits {
        return Err(format!("a prefix length of {length} in an address of {bits} bits"));
    }
    let span = Span::prefix(start, number);
    if span.first != start.1 {
        return Err(format!(
            "`{text}/{length}` is no network: the bits after the prefix are not all zero"
        ));
    }
    Ok(Element { span, plain: plain && !(length.len() > 1 && length.starts_with('0')) })
}

fn netmask(version: IpVersion, text: &str) -> Option<u32> {
    let (found, mask) = number(text.parse().ok()?);
    let bits = version.bits();
    let ones = (mask << (128 - bits)).leading_ones();
    (found == version && ones == mask.count_ones()).then_some(ones)
}

// Net::IP reads the numbers at the start of every quad of the last address and does not check the rest.
fn range(first: &str, last: &str) -> Option<Element> {
    let (start, plain) = address(first)?;
    let (end, whole) = match (start.0, address(last)) {
        (_, Some(end)) => end,
        (IpVersion::V4, None) => ((IpVersion::V4, u128::from(loose_quads(last)?)), false),
        (IpVersion::V6, None) => return None,
    };
    let span = Span { version: start.0, first: start.1, last: end.1 };
    let plain = plain && whole;
    (start.0 == end.0 && start.1 <= end.1).then_some(Element { span, plain })
}

fn loose_quads(text: &str) -> Option<u32> {
    let quad = |part: &str| {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 { Some(0) } else { part.get(..digits)?.parse::<u8>().ok() }
    };
    let mut octets = [0; 4];
    for (octet, part) in octets.iter_mut().zip(text.split('.')) {
        *octet = quad(part)?;
    }
    Some(u32::from_be_bytes(octets))
}

fn offset(first: &str, count: &str) -> Option<Element> {
    let ((version, start), _) = address(first)?;
    let last = start.checked_add(count.parse().ok()?)?;
    let span = Span { version, first: start, last };
    Span::all(version).holds(&span).then_some(Element { span, plain: false })
}

/// Reads one address as Net::IP does; the flag tells whether it is spelled in full.
fn address(text: &str) -> Option<((IpVersion, u128), bool)> {
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some((number(v4.into()), true));
    }
    if let Some(v4) = short_quads(text) {
        return Some(((IpVersion::V4, u128::from(v4)), false));
    }
    // Net::IP takes 7 colons at most, although `::` may stand for one group at either end.
    let colons = text.bytes().filter(|b| *b == b':').count();
    let v6 = text.parse::<Ipv6Addr>().ok().filter(|_| colons < 8)?;
    Some((number(v6.into()), true))
}

// Net::IP fills up missing quads with zeros and takes leading zeros.
fn short_quads(text: &str) -> Option<u32> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let Some(part) = parts.next() else { break };
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let significant = part.trim_start_matches('0');
        *octet = if digits && significant.is_empty() {
            0
        } else {
            significant.parse().ok().filter(|_| digits)?
        };
    }
    parts.next().is_none().then_some(u32::from_be_bytes(octets))
}

/// Reads an address or network of an alias or a set; its text loses a prefix of full length.
///
/// Host bits may be set, and the length of the prefix is not checked: PVE looks only at the form.
pub(super) fn parse_cidr(text: &str) -> Option<(String, IpVersion)> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    if length.is_some_and(|l| l.is_empty() || !l.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let version = number(address.parse().ok()?).0;
    let full = length == Some(if version == IpVersion::V4 { "32" } else { "128" });
    Some((if full { address } else { text }.to_owned(), version))
}

/// Returns the addresses of an alias or a set's entry, as the kernel masks it.
pub(super) fn cidr_span(text: &str) -> Option<Span> {
    let (address, length) = text.split_once('/').unwrap_or((text, "128"));
    let start = number(address.parse().ok()?);
    let length: u32 = length.parse().ok()?;
    Some(Span::prefix(start, length.min(start.0.bits())))
}

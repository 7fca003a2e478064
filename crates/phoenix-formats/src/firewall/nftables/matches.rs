//! What packets a rule matches: addresses, protocols, ports.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::address::{IpVersion, Span, cidr_span, parse_list};
use super::super::check::Property;
use super::super::file::{FwFile, IpsetEntry, ParsedRule};
use super::super::rule::Rule;
use super::super::scope::{Level, Prefix, Reference};
use super::super::services::service;
use super::super::tables::{has_ports, macro_rules, protocol_name, protocol_number};
use super::super::text::set;
use super::super::verify::Port;
use super::{Writer, icmp};

const VERSIONS: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

/// A set of addresses of one version, without those that it excludes.
pub(super) struct NamedSet {
    number: usize,
    version: IpVersion,
    name: String,
    held: Vec<Span>,
    excepted: Vec<Span>,
}

impl NamedSet {
    pub(super) fn render(&self) -> String {
        let one = |suffix: &str, spans: &[Span]| {
            if spans.is_empty() {
                return String::new();
            }
            let kind = match self.version {
                IpVersion::V4 => "ipv4_addr",
                IpVersion::V6 => "ipv6_addr",
            };
            format!(
                "\tset {}{suffix} {{\n\t\t# {}\n\t\ttype {kind}; flags interval;\n\t\telements = {{ {} }}\n\t}}\n\n",
                self.name(),
                super::printable(&self.name),
                elements(spans)
            )
        };
        one("", &self.held) + &one("_not", &self.excepted)
    }

    fn name(&self) -> String {
        format!("set_{}", self.number)
    }
}

/// The addresses that a rule names, of one version.
enum Addresses {
    /// Any.
    All,
    /// None of this version.
    None,
    /// Those of this expression, which stands behind `ip saddr`, and those of the other one not.
    Only(String, Option<String>),
}

/// The matches of a rule, one for each line that it becomes.
pub(super) struct Matches {
    lines: Vec<String>,
}

impl Matches {
    /// Translates what a rule matches, or says why that cannot be told.
    pub(super) fn of(
        writer: &mut Writer<'_>,
        file: &FwFile,
        parsed: &ParsedRule,
    ) -> Result<Self, &'static str> {
        let rule = &parsed.rule;
        let mut lines = Vec::new();
        let named = [&rule.source, &rule.dest].iter().any(|text| set(text.as_deref()).is_some());
        for version in VERSIONS {
            if parsed.version.is_some_and(|only| only != version) {
                continue;
            }
            let source = addresses(writer, file, rule.source.as_deref(), version)?;
            let dest = addresses(writer, file, rule.dest.as_deref(), version)?;
            let (Some(source), Some(dest)) =
                (source.words(version, "saddr"), dest.words(version, "daddr"))
            else {
                continue;
            };
            // Without addresses one line is for both versions.
            let family = match (parsed.version, named) {
                (Some(IpVersion::V4), false) => "meta nfproto ipv4 ",
                (Some(IpVersion::V6), false) => "meta nfproto ipv6 ",
                _ => "",
            };
            for service in services(rule, version)? {
                let line = format!("{family}{source}{dest}{service}");
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        Ok(Self { lines })
    }

    /// Returns what stands before the verdict, ending with a blank or empty.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

impl Addresses {
    /// Returns the words of a match; `None` when nothing can match.
    fn words(&self, version: IpVersion, field: &str) -> Option<String> {
        let family = match version {
            IpVersion::V4 => "ip",
            IpVersion::V6 => "ip6",
        };
        match self {
            Self::All => Some(String::new()),
            Self::None => None,
            Self::Only(held, None) => Some(format!("{family} {field} {held} ")),
            Self::Only(held, Some(not)) => {
                Some(format!("{family} {field} {held} {family} {field} != {not} "))
            }
        }
    }
}

fn addresses(
    writer: &mut Writer<'_>,
    file: &FwFile,
    text: Option<&str>,
    version: IpVersion,
) -> Result<Addresses, &'static str> {
    let Some(text) = set(text) else { return Ok(Addresses::All) };
    if let Some(reference) = Reference::ipset(text) {
        return named_set(writer, file, &reference, version);
    }
    let spans = match Reference::alias(text) {
        Some(reference) => {
            vec![alias_span(writer, file, &reference).ok_or("its alias is not known")?]
        }
        None => {
            let elements = parse_list(text).map_err(|_| "its addresses cannot be read")?;
            elements.iter().map(|element| element.span).collect()
        }
    };
    let spans = merged(spans.into_iter().filter(|span| span.version == version).collect());
    if spans.is_empty() {
        return Ok(Addresses::None);
    }
    Ok(Addresses::Only(format!("{{ {} }}", elements(&spans)), None))
}

fn named_set(
    writer: &mut Writer<'_>,
    file: &FwFile,
    reference: &Reference<'_>,
    version: IpVersion,
) -> Result<Addresses, &'static str> {
    if reference.prefix == Prefix::Sdn {
        return Err("SDN's sets are not in the files");
    }
    let (guest, cluster) = (writer.guest, writer.cluster);
    // A group, which stands in the cluster's file, sees only the cluster's sets.
    let of_guest = file.level() == Level::Guest && reference.prefix != Prefix::Cluster;
    let own = guest.ipsets().get(reference.name).filter(|_| of_guest);
    let in_cluster = || {
        let found = cluster.ipsets().get(reference.name);
        found.filter(|_| reference.prefix != Prefix::Guest)
    };
    let is_own = own.is_some();
    let entries = own.or_else(in_cluster).ok_or("its set is not known")?;
    let key = (is_own, reference.name.to_owned(), version);
    if !writer.sets.contains_key(&key) {
        let (held, excepted) = spans_of(writer, file, entries, version);
        let number = writer.sets.len() + 1;
        let name = reference.name.to_owned();
        let named = NamedSet { number, version, name, held, excepted };
        writer.sets.insert(key.clone(), named);
    }
    let named = &writer.sets[&key];
    if named.held.is_empty() {
        return Ok(Addresses::None);
    }
    let not = (!named.excepted.is_empty()).then(|| format!("@{}_not", named.name()));
    Ok(Addresses::Only(format!("@{}", named.name()), not))
}

fn spans_of(
    writer: &Writer<'_>,
    file: &FwFile,
    entries: &[IpsetEntry],
    version: IpVersion,
) -> (Vec<Span>, Vec<Span>) {
    let good = entries.iter().filter(|entry| entry.error.is_none());
    let (excepted, held): (Vec<_>, Vec<_>) = good.partition(|entry| entry.nomatch);
    let spans = |entries: Vec<&IpsetEntry>| {
        let texts = entries.into_iter().filter_map(|entry| entry.cidr.as_deref());
        let found = texts.filter_map(|text| match Reference::alias(text) {
            Some(reference) => alias_span(writer, file, &reference),
            None => cidr_span(text),
        });
        merged(found.filter(|span| span.version == version).collect())
    };
    (spans(held), spans(excepted))
}

fn alias_span(writer: &Writer<'_>, file: &FwFile, reference: &Reference<'_>) -> Option<Span> {
    let name = reference.name.to_ascii_lowercase();
    let of_guest = file.level() == Level::Guest && reference.prefix != Prefix::Cluster;
    let own = writer.guest.aliases().get(&name).filter(|_| of_guest);
    let cluster =
        || writer.cluster.aliases().get(&name).filter(|_| reference.prefix != Prefix::Guest);
    cidr_span(&own.or_else(cluster)?.cidr)
}

/// Puts spans in order, and together where they meet: nft(8) refuses those that overlap.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort();
    let mut all: Vec<Span> = Vec::new();
    for span in spans {
        match all.last_mut() {
            Some(last) if span.first <= last.last.saturating_add(1) => {
                last.last = last.last.max(span.last);
            }
            _ => all.push(span),
        }
    }
    all
}

fn elements(spans: &[Span]) -> String {
    let texts = spans.iter().map(|span| {
        let (first, last) = (address(span.version, span.first), address(span.version, span.last));
        if first == last { first } else { format!("{first}-{last}") }
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn address(version: IpVersion, number: u128) -> String {
    match version {
        IpVersion::V4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).to_string(),
        IpVersion::V6 => Ipv6Addr::from(number).to_string(),
    }
}

/// Returns the matches of protocol and ports, one for each service that a rule is about.
fn services(rule: &Rule, version: IpVersion) -> Result<Vec<String>, &'static str> {
    let Some(name) = rule.action.macro_name() else {
        return service_words(rule, version).map(|words| words.into_iter().collect());
    };
    let mut all = Vec::new();
    for template in macro_rules(name, Some(version)) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let one = Rule {
            proto: Some(template.proto.to_owned()),
            dport: owned(template.dport).or_else(|| rule.dport.clone()),
            sport: owned(template.sport).or_else(|| rule.sport.clone()),
            ..rule.clone()
        };
        all.extend(service_words(&one, version)?);
    }
    Ok(all)
}

/// Returns the match of one service; `None` when it has no meaning in this version.
fn service_words(rule: &Rule, version: IpVersion) -> Result<Option<String>, &'static str> {
    let Some(word) = set(rule.proto.as_deref()) else { return Ok(Some(String::new())) };
    let name = protocol_name(word);
    let icmp_type = set(rule.icmp_type.as_deref()).or(set(rule.dport.as_deref()));
    match (name, version) {
        ("ip" | "hopopt", _) => Ok(Some(String::new())),
        ("icmp", IpVersion::V6) | ("icmpv6", IpVersion::V4) => Ok(None),
        ("icmp" | "icmpv6", _) => match icmp_type {
            None => Ok(Some(by_number(name)?)),
            Some(kind) => {
                icmp::matched(kind, version).map(Some).ok_or("its ICMP type is not known to nft")
            }
        },
        _ if has_ports(name) => {
            let sport = ports(rule.sport.as_deref(), Property::Sport)?;
            let dport = ports(rule.dport.as_deref(), Property::Dport)?;
            let sport = sport.map(|list| format!("{name} sport {list} "));
            let dport = dport.map(|list| format!("{name} dport {list} "));
            match (sport, dport) {
                (None, None) => by_number(name).map(Some),
                (sport, dport) => Ok(Some(sport.unwrap_or_default() + &dport.unwrap_or_default())),
            }
        }
        _ => by_number(name).map(Some),
    }
}

fn by_number(name: &str) -> Result<String, &'static str> {
    let number = protocol_number(name).ok_or("nft has no number for its protocol")?;
    Ok(format!("meta l4proto {number} "))
}

/// Returns a list of ports as a set of nft(8); `None` for all.
fn ports(list: Option<&str>, property: Property) -> Result<Option<String>, &'static str> {
    let Some(list) = set(list) else { return Ok(None) };
    let mut ranges = BTreeSet::new();
    for item in list.split(',') {
        ranges.insert(match Port::read(item, property) {
            Ok(Port::Number(port)) => (port, port),
            Ok(Port::Range(first, last)) => (first, last),
            Ok(Port::Service) => service(item).map(|(port, _)| (port, port)).ok_or(BAD_PORT)?,
            Ok(Port::IcmpType) | Err(_) => return Err(BAD_PORT),
        });
    }
    let mut all: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges {
        match all.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => all.push((first, last)),
        }
    }
    let text = |(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    match all.as_slice() {
        [one] => Ok(Some(text(one))),
        all => Ok(Some(format!("{{ {} }}", all.iter().map(text).collect::<Vec<_>>().join(", ")))),
    }
}

const BAD_PORT: &str = "its ports cannot be read";

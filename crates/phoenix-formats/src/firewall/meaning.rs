//! Whether two rules mean the same to PVE, however they are spelled.

use super::address::{Span, parse_list};
use super::check::Property;
use super::rule::{Action, Rule, RuleKind};
use super::scope::Reference;
use super::services::service;
use super::tables::{has_ports, macro_name, protocol_name};
use super::text::set;
use super::verify::Port;

/// A rule without its comment, in the one spelling that stands for all that mean the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meaning<'a> {
    enabled: bool,
    kind: &'a RuleKind,
    action: Action,
    iface: Option<&'a str>,
    source: Option<Addresses>,
    dest: Option<Addresses>,
    proto: Option<&'a str>,
    dport: Option<Ports>,
    sport: Option<Ports>,
    log: Option<&'a str>,
    icmp_type: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Addresses {
    Spans(Vec<Span>),
    Named(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Ports {
    Ranges(Vec<(u16, u16)>),
    Words(String),
}

impl Rule {
    /// Tells whether PVE makes the same of both rules; the comments may differ.
    ///
    /// Equal are: any letter case of a macro or alias, `10.0.0.1` and `10.0.0.1/32`, protocols by name and number
    /// (except those of ICMP, which differ in IP version), service names and their ports, and lists in any order.
    pub fn same_meaning(&self, other: &Self) -> bool {
        // Most rules of an edited file are spelled as they were.
        self == other || self.meaning() == other.meaning()
    }

    pub(super) fn meaning(&self) -> Meaning<'_> {
        let proto = set(self.proto.as_deref()).map(protocol_name);
        let with_ports = proto.is_some_and(has_ports);
        Meaning {
            enabled: self.enabled,
            kind: &self.kind,
            action: plain_action(&self.action),
            iface: set(self.iface.as_deref()),
            source: set(self.source.as_deref()).map(addresses),
            dest: set(self.dest.as_deref()).map(addresses),
            proto,
            dport: set(self.dport.as_deref()).map(|list| ports(list, Property::Dport, with_ports)),
            sport: set(self.sport.as_deref()).map(|list| ports(list, Property::Sport, with_ports)),
            log: set(self.log.as_deref()),
            icmp_type: self.icmp_type.as_deref().filter(|text| !text.is_empty()),
        }
    }
}

fn plain_action(action: &Action) -> Action {
    match action {
        Action::Macro(name, verdict) => {
            Action::Macro(macro_name(name).unwrap_or(name).to_owned(), *verdict)
        }
        Action::Plain(_) | Action::Group(_) | Action::Unknown(_) => action.clone(),
    }
}

fn addresses(text: &str) -> Addresses {
    if Reference::alias(text).is_some() {
        return Addresses::Named(text.to_ascii_lowercase());
    }
    match parse_list(text) {
        // What iptables reads otherwise than PVE is equal to its own spelling only.
        Ok(elements) if elements.iter().all(|element| element.plain) => {
            let mut spans: Vec<_> = elements.into_iter().map(|element| element.span).collect();
            spans.sort_unstable();
            spans.dedup();
            Addresses::Spans(spans)
        }
        _ => Addresses::Named(text.to_owned()),
    }
}

// The kernel compares a packet with every entry of the list, so neither order nor repetition matters.
fn ports(text: &str, property: Property, with_ports: bool) -> Ports {
    let range = |item: &str| match Port::read(item, property) {
        Ok(Port::Number(port)) => Some((port, port)),
        Ok(Port::Range(first, last)) => Some((first, last)),
        Ok(Port::Service) => service(item).map(|(port, _)| (port, port)),
        Ok(Port::IcmpType) | Err(_) => None,
    };
    let ranges =
        with_ports.then(|| text.split(',').map(range).collect::<Option<Vec<_>>>()).flatten();
    let Some(mut ranges) = ranges else { return Ports::Words(text.to_owned()) };
    ranges.sort_unstable();
    ranges.dedup();
    Ports::Ranges(ranges)
}

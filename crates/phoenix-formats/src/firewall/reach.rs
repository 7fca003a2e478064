//! Whether the node's own chain lets connections from its local network in: the question that tells a lockout.
//!
//! Follows the order in which `pve-firewall` builds the chain for packets to the node, and is careful where it cannot
//! know: an accepting rule counts only if it covers the whole network, a refusing one if it meets any of it. What the
//! kernel decides before any rule (invalid packets, flooding, spoofed broadcasts) is left out.

use std::fmt;

use ipnet::IpNet;

use super::address::{Span, cidr_span, cover, parse_list};
use super::check::Property;
use super::file::{FwFile, IpsetEntry, ParsedRule};
use super::rule::{Action, Rule, RuleKind, Verdict};
use super::scope::{Level, Prefix, Reference};
use super::services::service;
use super::tables::{macro_rules, protocol_name};
use super::text::set;
use super::verify::Port;

/// The tcp ports that PVE opens to its management addresses: web interface, VNC, SPICE, ssh, migration.
const MANAGEMENT: [(u16, u16); 5] =
    [(8006, 8006), (5900, 5999), (3128, 3128), (22, 22), (60000, 60050)];

/// Says whether a connection gets in, and what decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Passage {
    /// Every address of the network gets in.
    Open(Decider),
    /// Some address of the network may not get in.
    Closed(Decider),
}

impl Passage {
    /// Tells whether every address of the network gets in.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Returns what decides it.
    pub fn decider(&self) -> &Decider {
        match self {
            Self::Open(decider) | Self::Closed(decider) => decider,
        }
    }

    fn by(verdict: Verdict, decider: Decider) -> Self {
        if verdict == Verdict::Accept { Self::Open(decider) } else { Self::Closed(decider) }
    }
}

/// Names what decides about a connection to the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decider {
    /// The firewall of the cluster is off, so there is no rule at all.
    ClusterOff,
    /// The firewall of this node is off.
    HostOff,
    /// PVE refuses the cluster's file as a whole, so what stays in force is unknown.
    ClusterUnread,
    /// The set `blacklist` of the cluster.
    Blacklist,
    /// A rule.
    Rule {
        /// The file it is in.
        level: Level,
        /// Number of its line, counted from 1.
        line: usize,
        /// The rule as PVE writes it.
        text: String,
    },
    /// PVE's own rules for the management addresses.
    Management,
    /// The `policy_in` of the cluster.
    Policy(Verdict),
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterOff => f.write_str("the cluster's firewall is off"),
            Self::HostOff => f.write_str("the node's firewall is off"),
            Self::ClusterUnread => f.write_str("PVE refuses the cluster's file"),
            Self::Blacklist => f.write_str("the set `blacklist`"),
            Self::Rule { level: Level::Host, line, text } => {
                write!(f, "`{text}`, line {line} of `host.fw`")
            }
            Self::Rule { line, text, .. } => write!(f, "`{text}`, line {line} of `cluster.fw`"),
            Self::Management => f.write_str("PVE's own rules for the management addresses"),
            Self::Policy(verdict) => write!(f, "the cluster's `policy_in: {verdict}`"),
        }
    }
}

/// Those who ask to be let in, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The addresses they come from.
    pub from: IpNet,
    /// The addresses of the node that they may call; rules with a destination count as accepting only for all of them.
    pub to: IpNet,
    /// The node's local network, whose addresses PVE lets manage the node.
    pub local_network: IpNet,
}

/// Says whether connections of a protocol from the whole local network reach a port of the node.
///
/// The order is: `blacklist`, the rules of the node, those of the cluster, the management addresses, `policy_in`.
/// `local_network` counts as a management network unless the cluster has an alias `local_network`, as in PVE. A rule
/// with an interface, a source port or a destination beside the network never counts as accepting.
pub fn host_opens(
    cluster: &FwFile,
    host: Option<&FwFile>,
    local_network: IpNet,
    proto: &str,
    port: u16,
) -> Passage {
    let caller = Caller { from: local_network, to: local_network, local_network };
    host_admits(cluster, host, &caller, proto, port)
}

/// Says whether connections of a protocol from every address of the caller reach a port of the node.
///
/// The order is that of [`host_opens`].
pub fn host_admits(
    cluster: &FwFile,
    host: Option<&FwFile>,
    caller: &Caller,
    proto: &str,
    port: u16,
) -> Passage {
    if cluster.failure().is_some() {
        return Passage::Closed(Decider::ClusterUnread);
    }
    if cluster.option("enable").is_none_or(|value| value == "0") {
        return Passage::Open(Decider::ClusterOff);
    }
    if host.and_then(|host| host.option("enable")) == Some("0") {
        return Passage::Open(Decider::HostOff);
    }
    let Caller { from, to, local_network } = *caller;
    let [network, called, local_network] = [from, to, local_network].map(Span::of);
    let knock =
        Knock { cluster, network, called, local_network, proto: protocol_name(proto), port };
    if knock.is_blacklisted() {
        return Passage::Closed(Decider::Blacklist);
    }
    let files = host.into_iter().chain([cluster]);
    if let Some(passage) = files.into_iter().find_map(|file| knock.ask_rules(file, &file.rules)) {
        return passage;
    }
    if knock.is_management() {
        return Passage::Open(Decider::Management);
    }
    let policy = cluster.option("policy_in").and_then(Verdict::from_word).unwrap_or(Verdict::Drop);
    Passage::by(policy, Decider::Policy(policy))
}

/// A connection that asks to be let in.
struct Knock<'a> {
    cluster: &'a FwFile,
    network: Span,
    called: Span,
    local_network: Span,
    proto: &'a str,
    port: u16,
}

/// How much of the network something holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    Nobody,
    Some,
    All,
}

impl Share {
    fn decides(self, verdict: Verdict) -> bool {
        self >= if verdict == Verdict::Accept { Self::All } else { Self::Some }
    }
}

impl Knock<'_> {
    fn is_blacklisted(&self) -> bool {
        let set = self.cluster.ipsets.get("blacklist");
        set.is_some_and(|entries| {
            self.share_of_set(self.cluster, entries, &self.network) > Share::Nobody
        })
    }

    fn is_management(&self) -> bool {
        let is_port = MANAGEMENT.iter().any(|(first, last)| (*first..=*last).contains(&self.port));
        if self.proto != "tcp" || !is_port {
            return false;
        }
        let mut spans = match self.cluster.aliases.get("local_network") {
            Some(alias) => cidr_span(&alias.cidr).into_iter().collect(),
            None => vec![self.local_network],
        };
        let entries = self.cluster.ipsets.get("management").map(Vec::as_slice).unwrap_or_default();
        let (held, excepted) = self.spans_of(self.cluster, entries);
        spans.extend(held);
        share(&spans, &excepted, &self.network) == Share::All
    }

    fn ask_rules(&self, file: &FwFile, rules: &[ParsedRule]) -> Option<Passage> {
        let applied = rules.iter().filter(|rule| rule.is_applied());
        let for_us =
            |rule: &&ParsedRule| rule.version.is_none_or(|version| version == self.network.version);
        applied.filter(for_us).find_map(|parsed| self.ask_rule(file, parsed))
    }

    fn ask_rule(&self, file: &FwFile, parsed: &ParsedRule) -> Option<Passage> {
        let rule = &parsed.rule;
        if let (RuleKind::Group, Action::Group(name)) = (&rule.kind, &rule.action) {
            let group = self.cluster.groups.get(name)?;
            let passage = self.ask_rules(self.cluster, group)?;
            // The group is asked for packets of one interface only, and nobody knows which one ours come by.
            return Some(passage)
                .filter(|passage| set(rule.iface.as_deref()).is_none() || !passage.is_open());
        }
        let verdict = rule.action.verdict().filter(|_| rule.kind == RuleKind::In)?;
        let decider =
            Decider::Rule { level: file.level, line: parsed.line, text: rule.to_string() };
        let share = self.share_of_rule(file, parsed);
        share.decides(verdict).then(|| Passage::by(verdict, decider))
    }

    fn share_of_rule(&self, file: &FwFile, parsed: &ParsedRule) -> Share {
        let rule = &parsed.rule;
        let anywhere = |value: Option<&str>, wanted: &Span| {
            value.map_or(Share::All, |text| self.share_of(file, text, wanted))
        };
        let iface = if set(rule.iface.as_deref()).is_some() { Share::Some } else { Share::All };
        let filters = [
            iface,
            anywhere(set(rule.source.as_deref()), &self.network),
            anywhere(set(rule.dest.as_deref()), &self.called),
            self.share_of_ports(parsed),
        ];
        filters.into_iter().min().unwrap_or(Share::All)
    }

    fn share_of_ports(&self, parsed: &ParsedRule) -> Share {
        let rule = &parsed.rule;
        let Some(name) = rule.action.macro_name() else { return self.share_of_service(rule) };
        let rules = macro_rules(name, parsed.version.or(Some(self.network.version)));
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let service = |template: super::tables::Template| Rule {
            proto: Some(template.proto.to_owned()),
            dport: owned(template.dport).or_else(|| rule.dport.clone()),
            sport: owned(template.sport).or_else(|| rule.sport.clone()),
            ..Rule::new(rule.kind.clone(), rule.action.clone())
        };
        rules
            .map(|template| self.share_of_service(&service(template)))
            .max()
            .unwrap_or(Share::Nobody)
    }

    fn share_of_service(&self, rule: &Rule) -> Share {
        let proto = set(rule.proto.as_deref()).map(protocol_name);
        // The number 0 of these names stands for every protocol.
        let any_proto = matches!(proto, None | Some("ip" | "hopopt"));
        let our_port = set(rule.dport.as_deref())
            .is_none_or(|list| list.split(',').any(|item| self.is_our_port(item)));
        match (any_proto || proto == Some(self.proto), our_port, set(rule.sport.as_deref())) {
            (true, true, None) => Share::All,
            (true, true, Some(_)) => Share::Some,
            _ => Share::Nobody,
        }
    }

    fn is_our_port(&self, item: &str) -> bool {
        match Port::read(item, Property::Dport) {
            Ok(Port::Number(port)) => port == self.port,
            Ok(Port::Range(first, last)) => (first..=last).contains(&self.port),
            Ok(Port::Service) => service(item).is_some_and(|(port, _)| port == self.port),
            Ok(Port::IcmpType) | Err(_) => false,
        }
    }

    fn share_of(&self, file: &FwFile, text: &str, wanted: &Span) -> Share {
        if let Some(reference) = Reference::ipset(text) {
            let own =
                file.ipsets.get(reference.name).filter(|_| reference.prefix != Prefix::Cluster);
            let found = own.or_else(|| self.cluster.ipsets.get(reference.name));
            // What SDN's sets hold is not in the files.
            return found.map_or(Share::Some, |entries| self.share_of_set(file, entries, wanted));
        }
        match Reference::alias(text) {
            Some(reference) => self
                .alias_span(file, &reference)
                .map_or(Share::Some, |span| share(&[span], &[], wanted)),
            None => {
                let spans: Vec<_> = parse_list(text)
                    .unwrap_or_default()
                    .iter()
                    .map(|element| element.span)
                    .collect();
                share(&spans, &[], wanted)
            }
        }
    }

    fn share_of_set(&self, file: &FwFile, entries: &[IpsetEntry], wanted: &Span) -> Share {
        let (held, excepted) = self.spans_of(file, entries);
        share(&held, &excepted, wanted)
    }

    fn spans_of(&self, file: &FwFile, entries: &[IpsetEntry]) -> (Vec<Span>, Vec<Span>) {
        let good = entries.iter().filter(|entry| entry.error.is_none());
        let (excepted, held): (Vec<_>, Vec<_>) = good.partition(|entry| entry.nomatch);
        let spans = |entries: Vec<&IpsetEntry>| {
            let texts = entries.into_iter().filter_map(|entry| entry.cidr.as_deref());
            texts.filter_map(|text| self.entry_span(file, text)).collect()
        };
        (spans(held), spans(excepted))
    }

    fn entry_span(&self, file: &FwFile, text: &str) -> Option<Span> {
        match Reference::alias(text) {
            Some(reference) => self.alias_span(file, &reference),
            None => cidr_span(text),
        }
    }

    fn alias_span(&self, file: &FwFile, reference: &Reference<'_>) -> Option<Span> {
        let name = reference.name.to_ascii_lowercase();
        let own = file.aliases.get(&name).filter(|_| reference.prefix != Prefix::Cluster);
        let cluster =
            || self.cluster.aliases.get(&name).filter(|_| reference.prefix != Prefix::Guest);
        cidr_span(&own.or_else(cluster)?.cidr)
    }
}

/// Says how much of the network the spans hold without the excepted ones; of two that hold it, the narrower decides.
fn share(held: &[Span], excepted: &[Span], network: &Span) -> Share {
    let lifted =
        |span: &Span| excepted.iter().any(|except| span.holds(except) && except.holds(network));
    if !excepted.iter().any(|except| except.meets(network)) && cover(held, network) {
        Share::All
    } else if held.iter().any(|span| span.meets(network) && !lifted(span)) {
        Share::Some
    } else {
        Share::Nobody
    }
}

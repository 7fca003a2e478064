//! Whether the declared rules leave the operator a way to the node.
//!
//! What only the node has may open or shut a way too: its own aliases and sets, and rules that are not
//! declared. Where that could decide otherwise nothing is said here, but when a plan is made.

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv4Net};
use phoenix_formats::firewall::{
    Caller, Decider, FwFile, IpsetEntry, Level, ParsedRule, Passage, host_admits,
};

use crate::desired::{ClusterFirewall, Desired, Located, NodeFirewall, Policy};
use crate::load::finding::{Finding, Findings};
use crate::problem::Severity;
use crate::source::Origin;

/// The ways to a node: ssh, and the web interface of Proxmox VE.
const WAYS: [(u16, &str); 2] = [(22, "ssh"), (8006, "the web interface")];

/// Notes rules that shut the node to its own network, or to an address of an operator: both ways are an
/// error, one is a warning.
pub(super) fn lockout(desired: &Desired, findings: &mut Findings) {
    let (Some(firewall), Some(address)) = (&desired.firewall, &desired.network.address) else {
        return;
    };
    if firewall.enabled == Some(false) {
        return;
    }
    let declared = Declared::new(firewall, address.value);
    let network = IpNet::V4(address.value.trunc());
    declared.ask(network, &format!("the node's own network {network}"), None, findings);
    for operator in &firewall.operators {
        let name = format!("the operator's address {}", operator.value);
        declared.ask(operator.value, &name, Some(&operator.origin), findings);
    }
}

/// The declared rules as files, with the place of each line.
struct Declared<'a> {
    firewall: &'a ClusterFirewall,
    own: Ipv4Net,
    cluster: FwFile,
    host: FwFile,
    cluster_lines: Lines,
    host_lines: Lines,
}

impl<'a> Declared<'a> {
    fn new(firewall: &'a ClusterFirewall, own: Ipv4Net) -> Self {
        let cluster_lines = Lines::of_cluster(firewall);
        let host_lines = firewall.node.as_ref().map(Lines::of_node).unwrap_or_default();
        let cluster = FwFile::parse(Level::Cluster, &cluster_lines.text(), None);
        let host = FwFile::parse(Level::Host, &host_lines.text(), Some(&cluster));
        Self { firewall, own, cluster, host, cluster_lines, host_lines }
    }

    fn ask(&self, from: IpNet, name: &str, origin: Option<&Origin>, findings: &mut Findings) {
        let local_network = IpNet::V4(self.own.trunc());
        let caller = Caller { from, to: IpNet::from(IpNet::V4(self.own).addr()), local_network };
        let mut shut = BTreeMap::<Origin, Vec<String>>::new();
        for (port, way) in WAYS {
            let passage = host_admits(&self.cluster, Some(&self.host), &caller, "tcp", port);
            if let Passage::Closed(decider) = passage
                && self.is_certain(&decider)
            {
                let place = self.place(&decider).or(origin).unwrap_or(&self.firewall.origin);
                shut.entry(place.clone()).or_default().push(format!("{port} ({way})"));
            }
        }
        let no_way = shut.values().map(Vec::len).sum::<usize>() == WAYS.len();
        let error = no_way && !self.firewall.allow_lockout;
        let severity = if error { Severity::Error } else { Severity::Warning };
        for (place, ports) in shut {
            let message = format!("{name} would no longer reach port {}", ports.join(" and "));
            let help = help(from, error);
            findings.push(Finding::new(severity, place, message).label("shuts it").help(help));
        }
    }

    /// Returns whether nothing that only the node has can decide before this.
    fn is_certain(&self, decider: &Decider) -> bool {
        let unknown = |rule: &ParsedRule| rule.rule.enabled && !rule.errors.is_empty();
        let before = |file: &FwFile, line: usize| {
            file.rules().iter().any(|rule| rule.line < line && unknown(rule))
        };
        match decider {
            Decider::Rule { level: Level::Host, line, .. } => !before(&self.host, *line),
            Decider::Rule { line, .. } => {
                !before(&self.host, usize::MAX) && !before(&self.cluster, *line)
            }
            Decider::Policy(_) => {
                let known = self.cluster.ipsets().contains_key("management");
                known && !before(&self.host, usize::MAX) && !before(&self.cluster, usize::MAX)
            }
            _ => true,
        }
    }

    fn place(&self, decider: &Decider) -> Option<&Origin> {
        match decider {
            Decider::Rule { level: Level::Host, line, .. } => self.host_lines.place(*line),
            Decider::Rule { line, .. } => self.cluster_lines.place(*line),
            _ => None,
        }
    }
}

/// Returns a network as one writes it: a single address without its prefix length.
fn plain(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

fn help(from: IpNet, is_error: bool) -> String {
    let from = plain(from);
    let rule =
        format!("Put a rule before it that accepts tcp 22,8006 from `{from}`, or narrow this one");
    if is_error {
        format!("{rule}; `\"allow_lockout\": true` if it is meant.")
    } else {
        format!("{rule}.")
    }
}

/// The lines of a file, each with the place where it is declared.
#[derive(Default)]
struct Lines(Vec<(String, Option<Origin>)>);

impl Lines {
    fn of_cluster(firewall: &ClusterFirewall) -> Self {
        let mut lines = Self::default();
        let policy = firewall.policy_in.unwrap_or(Policy::Drop).as_str();
        lines.push(["[OPTIONS]", "enable: 1", &format!("policy_in: {policy}"), "[ALIASES]"]);
        let definitions = &firewall.definitions;
        for alias in definitions.aliases.values() {
            lines.push([format!("{} {}", alias.value.name, alias.value.cidr)]);
        }
        for (name, set) in &definitions.ipsets {
            lines.push([format!("[IPSET {name}]")]);
            lines.push(set.value.iter().map(entry));
        }
        lines.push(["[RULES]"]);
        lines.rules(firewall.rules.as_ref());
        for (name, group) in &definitions.groups {
            lines.push([format!("[group {name}]")]);
            lines.rules(group.value.rules.as_ref());
        }
        lines
    }

    fn of_node(node: &NodeFirewall) -> Self {
        let mut lines = Self::default();
        lines.push(["[OPTIONS]"]);
        lines.push(node.options.iter().map(|(key, value)| format!("{key}: {value}")));
        lines.push(["[RULES]"]);
        lines.rules(node.rules.as_ref());
        lines
    }

    fn push<T: Into<String>>(&mut self, lines: impl IntoIterator<Item = T>) {
        self.0.extend(lines.into_iter().map(|line| (line.into(), None)));
    }

    fn rules(&mut self, rules: Option<&Vec<Located<phoenix_formats::firewall::Rule>>>) {
        let rules = rules.into_iter().flatten();
        self.0.extend(rules.map(|rule| (rule.value.to_string(), Some(rule.origin.clone()))));
    }

    fn text(&self) -> String {
        self.0.iter().map(|(line, _)| format!("{line}\n")).collect()
    }

    /// Returns where a line is declared, by its number counted from 1.
    fn place(&self, line: usize) -> Option<&Origin> {
        self.0.get(line.checked_sub(1)?)?.1.as_ref()
    }
}

fn entry(entry: &IpsetEntry) -> String {
    let cidr = entry.cidr.as_deref().unwrap_or_default();
    format!("{}{cidr}", if entry.nomatch { "!" } else { "" })
}

//! Whether the operator still gets in: by ssh and by the web interface, from the node's own network, from
//! declared addresses, and from where the present ssh session comes.
//!
//! What is declared alone decides at [`crate::check`]; here also what only the node has.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use phoenix_formats::firewall::{Caller, Decider, FwFile, Level, Passage, host_admits};

use super::set::Set;
use crate::desired::{ClusterFirewall, Located};
use crate::location::Place;
use crate::observed::Observed;
use crate::probe::{Argv, Probe, argv};
use crate::refusal::Refusal;
use crate::source::Origin;

/// The ways to a node: ssh, and the web interface of Proxmox VE.
const SSH: u16 = 22;
const WEB: u16 = 8006;

fn session_argv() -> Argv {
    argv(["printenv", "SSH_CONNECTION"])
}

/// Asks from where the operator is connected: sshd(8) leaves it in the environment of the session.
pub(super) fn session_probe() -> Probe {
    Probe::Run { place: Place::Node, argv: session_argv() }
}

/// Those who must get in.
pub(super) struct Asker<'a> {
    who: Who<'a>,
    caller: Caller,
    pub(super) ports: Vec<u16>,
}

enum Who<'a> {
    Network,
    Declared(&'a Origin),
    Session,
}

impl Asker<'_> {
    /// Returns whether they reach a port, with the files as they are in some state.
    pub(super) fn enters(&self, cluster: &FwFile, host: Option<&str>, port: u16) -> Passage {
        let host = host.map(|text| FwFile::parse(Level::Host, text, Some(cluster)));
        host_admits(cluster, host.as_ref(), &self.caller, "tcp", port)
    }

    fn name(&self) -> String {
        let from = self.caller.from;
        let plain = if from.prefix_len() == from.max_prefix_len() {
            from.addr().to_string()
        } else {
            from.to_string()
        };
        match self.who {
            Who::Network => format!("the node's own network {plain}"),
            Who::Declared(_) => format!("the operator's address {plain}"),
            Who::Session => format!("{plain}, from where this ssh session comes,"),
        }
    }

    /// Returns the ports that are shut at the end, with what shuts the first of them.
    fn shut(&self, set: &Set) -> Vec<(u16, Decider)> {
        let (cluster, host) = (&set.cluster.after, set.host.after.as_deref());
        let shut = |port: &u16| match self.enters(cluster, host, *port) {
            Passage::Closed(decider) => Some((*port, decider)),
            Passage::Open(_) => None,
        };
        self.ports.iter().filter_map(shut).collect()
    }

    fn was_open(&self, set: &Set, port: u16) -> bool {
        self.enters(&set.cluster.present, set.host.before.as_deref(), port).is_open()
    }
}

/// Returns those who must get in, as far as they are known.
pub(super) fn askers<'a>(observed: &Observed<'a>) -> Vec<Asker<'a>> {
    let Some(firewall) = &observed.desired.firewall else { return Vec::new() };
    let own = own_address(observed);
    // Without an address of its own nothing counts as the node's network.
    let nobody = IpNet::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let local_network = own.map_or(nobody, |own| IpNet::V4(own.trunc()));
    let to = own.map_or(nobody, |own| IpNet::from(IpAddr::V4(own.addr())));
    let ways = vec![SSH, WEB];
    let ask =
        |who, from, to, ports| Asker { who, caller: Caller { from, to, local_network }, ports };
    let network = own.map(|_| ask(Who::Network, local_network, to, ways.clone()));
    let operators = firewall.operators.iter();
    let operators = operators
        .map(|at: &Located<IpNet>| ask(Who::Declared(&at.origin), at.value, to, ways.clone()));
    let session = session(observed).map(|(from, to, port)| ask(Who::Session, from, to, vec![port]));
    network.into_iter().chain(operators).chain(session).collect()
}

/// Returns the node's own address: the declared one, else the first that a bridge of it has.
fn own_address(observed: &Observed<'_>) -> Option<Ipv4Net> {
    let declared = observed.desired.network.address.as_ref().map(|address| address.value);
    let bridges = observed.links.iter().filter(|link| link.is_bridge());
    let v4 = |net: &IpNet| if let IpNet::V4(net) = net { Some(*net) } else { None };
    declared.or_else(|| bridges.flat_map(|link| &link.addresses).find_map(|a| v4(&a.net)))
}

/// Returns from where the session comes, and to which address and port of the node.
fn session(observed: &Observed<'_>) -> Option<(IpNet, IpNet, u16)> {
    let output = observed.facts.ran(Place::Node, &session_argv())?;
    let words = output.stdout.split_whitespace().collect::<Vec<_>>();
    let [from, _, to, port] = words.as_slice() else { return None };
    // An address of a link alone carries its link: fe80::1%vmbr0.
    let address = |word: &str| word.split('%').next()?.parse::<IpAddr>().ok();
    let (from, to) = (address(from)?, address(to)?);
    let known = output.success() && !from.is_loopback();
    known.then_some((from.into(), to.into(), port.parse().ok()?))
}

/// Refuses files that shut somebody out by every way, unless that is declared to be meant.
pub(super) fn refusals(observed: &Observed<'_>, set: &Set) -> Vec<Refusal> {
    let Some(firewall) = observed.desired.firewall.as_ref() else { return Vec::new() };
    if firewall.allow_lockout || !set.concerns_node() {
        return Vec::new();
    }
    let refusal = |asker: Asker<'_>| {
        let shut = asker.shut(set);
        let (_, decider) = shut.first().filter(|_| shut.len() == asker.ports.len())?;
        let message = format!("{} would no longer reach {}: {decider}", asker.name(), ports(&shut));
        let origin = place(firewall, set, decider, &asker.who);
        let help = "Add a rule that lets it in, above what shuts it out, or declare `\"allow_lockout\": true` if it is meant.";
        Some(Refusal::declared(&origin, message, help))
    };
    askers(observed).into_iter().filter_map(refusal).collect()
}

/// Tells what is shut that was open: one way of two, or all where that is declared to be meant.
pub(super) fn notes(observed: &Observed<'_>, set: &Set) -> Vec<String> {
    if !set.concerns_node() {
        return Vec::new();
    }
    let note = |asker: Asker<'_>| {
        let mut shut = asker.shut(set);
        shut.retain(|(port, _)| asker.was_open(set, *port));
        let (_, decider) = shut.first()?;
        Some(format!("{} will no longer reach {}: {decider}", asker.name(), ports(&shut)))
    };
    askers(observed).into_iter().filter_map(note).collect()
}

fn ports(shut: &[(u16, Decider)]) -> String {
    let ports = shut.iter().map(|(port, _)| port.to_string()).collect::<Vec<_>>().join(" and ");
    format!("port{} {ports}", if shut.len() == 1 { "" } else { "s" })
}

/// Returns where that stands which shuts somebody out.
fn place(firewall: &ClusterFirewall, set: &Set, decider: &Decider, who: &Who<'_>) -> Origin {
    let rule = |file: &FwFile, rules: Option<&Vec<Located<_>>>, line: usize| {
        let index = file.rules().iter().position(|rule| rule.line == line)?;
        Some(rules?.get(index)?.origin.clone())
    };
    let found = match decider {
        Decider::Rule { level: Level::Host, line, .. } => {
            let host = set.host.after.as_deref().unwrap_or_default();
            let host = FwFile::parse(Level::Host, host, Some(&set.cluster.after));
            rule(&host, firewall.node.as_ref().and_then(|node| node.rules.as_ref()), *line)
        }
        Decider::Rule { line, .. } => rule(&set.cluster.after, firewall.rules.as_ref(), *line),
        _ => None,
    };
    match (found, who) {
        (Some(origin), _) => origin,
        (None, Who::Declared(origin)) => (*origin).clone(),
        (None, Who::Network | Who::Session) => firewall.origin.clone(),
    }
}

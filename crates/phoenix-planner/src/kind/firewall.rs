//! Proxmox VE's firewall: `cluster.fw`, and the file of every container that declares rules.
//!
//! Declared options and, when rules are declared, all of `[RULES]` are owned; aliases, sets, groups
//! and own-line comments stay. pve-firewall reads its files every ten seconds, so the order of writing
//! is one in which every half-way state is safe: guests before the cluster's file, which turns
//! everything on. What is declared is checked in [`crate::check`]; virtual machines come later.

use ipnet::IpNet;
use phoenix_formats::Vmid;
use phoenix_formats::firewall::{
    Action as RuleAction, FwEdit, FwFile, Level, Names, Rule, RuleKind, Scope, Verdict, host_opens,
};
use phoenix_formats::iptables::{PortRange, Protocol};

use super::nginx_site::PORTS;
use crate::address::Address;
use crate::desired::{ClusterFirewall, Container, Desired, Located, Policy, PublicInterface};
use crate::location::Location;
use crate::observed::Observed;
use crate::operation::{Operation, Write};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;
use crate::source::Origin;

/// Permission bits of a `.fw` file; the cluster file system sets its own anyway.
const FILE_MODE: u32 = 0o640;

/// The ways to a node: ssh, and the web interface of Proxmox VE.
const SSH: u16 = 22;
const WEB: u16 = 8006;

/// The comment by which the rules of the public interface are known (spec, 3.4).
const PUBLIC: &str = "eth1 (public)";

fn cluster_path() -> Location {
    Location::node("/etc/pve/firewall/cluster.fw")
}

fn host_path() -> Location {
    Location::node("/etc/pve/local/host.fw")
}

fn guest_path(vmid: Vmid) -> Location {
    Location::node(&format!("/etc/pve/firewall/{vmid}.fw"))
}

/// Returns the name by which Proxmox VE's rules know the public interface.
fn public_name() -> String {
    format!("net{}", PublicInterface::INDEX)
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let _ = facts;
    let guests = desired.containers.keys().map(|vmid| Probe::File(guest_path(*vmid)));
    guests.chain([cluster_path(), host_path()].map(Probe::File)).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    let cluster = observed.facts.text(&cluster_path());
    let cluster = FwFile::parse(Level::Cluster, cluster.unwrap_or_default(), None);
    let (mut guests, mut shut) = (Vec::new(), Vec::new());
    for container in observed.in_order() {
        if observed.unlocked(container.vmid).is_some() {
            match guest(observed, container, &cluster) {
                Ok(action) => {
                    shut.extend(
                        action
                            .iter()
                            .filter(|_| shuts(observed, container, &cluster))
                            .map(|_| container.vmid),
                    );
                    guests.extend(action.map(|action| draft.add(action, &[])));
                }
                Err(more) => refusals.extend(more),
            }
        }
    }
    if !shut.is_empty() {
        let ids = shut.iter().map(Vmid::to_string).collect::<Vec<_>>().join(", ");
        draft.note(format!("the firewall of {ids} is turned on: interfaces with firewall=1 then take only what the rules let in"));
    }
    if let Some(firewall) = &observed.desired.firewall {
        let after = guests.iter().map(|id| (*id, Edge::After)).collect::<Vec<_>>();
        match self::cluster(observed, firewall, &cluster) {
            Ok(action) => drop(action.map(|action| draft.add(action, &after))),
            Err(more) => refusals.extend(more),
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Refuses a set that shuts the node to its own network, with the aliases, sets and groups that only
/// the node has; what needs no node is checked when the operator's files are read.
fn lockout(
    observed: &Observed<'_>,
    firewall: &ClusterFirewall,
    action: &Action,
) -> Option<Refusal> {
    let Some(Operation::Write(Write { after, .. })) = action.operations.first() else {
        return None;
    };
    let network = IpNet::V4(observed.desired.network.address.as_ref()?.value.trunc());
    let cluster = FwFile::parse(Level::Cluster, after, None);
    let host = observed.facts.text(&host_path());
    let host = host.map(|text| FwFile::parse(Level::Host, text, Some(&cluster)));
    let closed = |port| !host_opens(&cluster, host.as_ref(), network, "tcp", port).is_open();
    (closed(SSH) && closed(WEB)).then(|| {
        let message =
            format!("the node's own network {network} would no longer reach ports {SSH} and {WEB}");
        let help = "Add a rule that accepts one of them from there.";
        Refusal::declared(&firewall.origin, message, help)
    })
}

fn cluster(
    observed: &Observed<'_>,
    firewall: &ClusterFirewall,
    present: &FwFile,
) -> Result<Option<Action>, Vec<Refusal>> {
    let at = cluster_path();
    let options = [
        ("enable", firewall.enabled.map(flag)),
        ("policy_in", firewall.policy_in.map(Policy::as_str)),
        ("policy_out", firewall.policy_out.map(Policy::as_str)),
    ];
    let rules =
        firewall.rules.as_ref().map(|rules| rules.iter().map(|r| r.value.clone()).collect());
    let absent = observed.facts.text(&at).is_none();
    if absent && firewall.enabled == Some(false) {
        return Ok(None);
    }
    let scope = Scope::rules(Level::Cluster).with_cluster(Names::of(present));
    check(firewall.rules.iter().flatten(), &scope)?;
    let wanted = Wanted { options: &options, rules };
    let address = Address::new("firewall", "cluster");
    let action = change(address, at, absent, present, wanted, &firewall.origin, None)?;
    match action.as_ref().and_then(|action| lockout(observed, firewall, action)) {
        Some(refusal) => Err(vec![refusal]),
        None => Ok(action),
    }
}

fn guest(
    observed: &Observed<'_>,
    container: &Container,
    cluster: &FwFile,
) -> Result<Option<Action>, Vec<Refusal>> {
    let at = guest_path(container.vmid);
    let text = observed.facts.text(&at);
    let present = FwFile::parse(Level::Guest, text.unwrap_or_default(), Some(cluster));
    let firewall = container.firewall.as_ref();
    let enabled = firewall.and_then(|firewall| firewall.enabled);
    let rules = rules(container, &present);
    if text.is_none() && (enabled == Some(false) || firewall.is_none() && rules.is_none()) {
        return Ok(None);
    }
    let options = [
        ("enable", enabled.map(flag)),
        ("policy_in", firewall.and_then(|firewall| firewall.policy_in).map(Policy::as_str)),
        ("policy_out", firewall.and_then(|firewall| firewall.policy_out).map(Policy::as_str)),
    ];
    let declared = firewall.and_then(|firewall| firewall.rules.as_ref());
    check(declared.into_iter().flatten(), present.scope())?;
    let wanted = Wanted { options: &options, rules };
    let origin = firewall.map_or(&container.origin, |firewall| &firewall.origin);
    let address = Address::new("firewall", container.vmid);
    change(address, at, text.is_none(), &present, wanted, origin, Some(container.vmid))
}

/// Refuses rules that Proxmox VE would not apply in this file, such as one that names an alias which
/// the node does not have; what needs no node is checked when the operator's files are read.
fn check<'a>(
    rules: impl Iterator<Item = &'a Located<Rule>>,
    scope: &Scope,
) -> Result<(), Vec<Refusal>> {
    let refusal = |rule: &Located<Rule>| {
        let problem = rule.value.check(scope).into_iter().next()?;
        let help = "Correct the rule, or make on the node what it names.";
        let message = format!("Proxmox VE would not apply this rule: {problem}");
        Some(Refusal::declared(&rule.origin, message, help))
    };
    let refusals = rules.filter_map(refusal).collect::<Vec<_>>();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Returns whether a container that took everything takes only what its rules let in afterwards.
fn shuts(observed: &Observed<'_>, container: &Container, cluster: &FwFile) -> bool {
    let text = observed.facts.text(&guest_path(container.vmid)).unwrap_or_default();
    let present = FwFile::parse(Level::Guest, text, Some(cluster));
    let Some(firewall) = &container.firewall else { return false };
    let accepts = match firewall.policy_in {
        Some(policy) => policy == Policy::Accept,
        None => present.option("policy_in") == Some("ACCEPT"),
    };
    firewall.enabled == Some(true) && present.option("enable") != Some("1") && !accepts
}

/// Returns the rules that a container's file shall have; `None` leaves them alone.
///
/// The rules of the public interface come first, and go with it. Where no rules are declared, those
/// that are there stay behind them.
fn rules(container: &Container, present: &FwFile) -> Option<Vec<Rule>> {
    let declared = container.firewall.as_ref().and_then(|firewall| firewall.rules.as_ref());
    let declared =
        declared.map(|rules| rules.iter().map(|rule| rule.value.clone()).collect::<Vec<_>>());
    let public = container.public.as_ref().is_some_and(|public| public.enabled);
    let of_public = PORTS.map(public_rule);
    let wanted = if public { of_public.to_vec() } else { Vec::new() };
    let is_ours = |rule: &Rule| {
        let meant = of_public.iter().any(|p| p.same_meaning(rule));
        // Without the interface, only what carries phoenix's own comment was made for it.
        meant && (public || rule.comment.as_deref() == Some(PUBLIC))
    };
    let present = present.rules().iter().map(|rule| &rule.rule);
    if declared.is_none() && !public && !present.clone().any(is_ours) {
        return None;
    }
    let rest = declared.unwrap_or_else(|| present.filter(|r| !is_ours(r)).cloned().collect());
    Some(wanted.into_iter().chain(rest).collect())
}

fn public_rule(port: u16) -> Rule {
    Rule {
        iface: Some(public_name()),
        proto: Some("tcp".to_owned()),
        dport: Some(port.to_string()),
        comment: Some(PUBLIC.to_owned()),
        ..Rule::new(RuleKind::In, RuleAction::Plain(Verdict::Accept))
    }
}

/// Returns the ports that a rule opens to everybody on the public interface.
pub(super) fn opened_publicly(rule: &Rule) -> Vec<(Protocol, PortRange)> {
    let here = rule.iface.as_ref().is_none_or(|iface| *iface == public_name());
    let everybody = rule.source.is_none() && rule.dest.is_none() && rule.sport.is_none();
    let accepts =
        rule.enabled && rule.kind == RuleKind::In && rule.action.verdict() == Some(Verdict::Accept);
    let protocol = rule.proto.as_deref().and_then(Protocol::from_name);
    let (Some(protocol), Some(ports), true) = (protocol, &rule.dport, here && everybody && accepts)
    else {
        return Vec::new();
    };
    let range = |part: &str| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        PortRange::new(first.parse().ok()?, last.parse().ok()?)
    };
    ports.split(',').filter_map(range).map(|range| (protocol, range)).collect()
}

fn flag(on: bool) -> &'static str {
    if on { "1" } else { "0" }
}

/// What a `.fw` file shall say; `None` leaves it alone.
struct Wanted<'a> {
    options: &'a [(&'static str, Option<&'static str>)],
    rules: Option<Vec<Rule>>,
}

fn change(
    address: Address,
    at: Location,
    absent: bool,
    present: &FwFile,
    wanted: Wanted<'_>,
    origin: &Origin,
    guest: Option<Vmid>,
) -> Result<Option<Action>, Vec<Refusal>> {
    let options = wanted.options.iter().filter_map(|(key, value)| Some((*key, (*value)?)));
    let options = options.filter(|(key, value)| present.option(key) != Some(value));
    let mut edits = options
        .map(|(key, value)| FwEdit::SetOption { key: key.to_owned(), value: value.to_owned() })
        .collect::<Vec<_>>();
    edits.extend(wanted.rules.map(FwEdit::SetRules));
    let after = present.edit(&edits).map_err(|error| {
        let help = "Mend the file by hand, then plan again.";
        vec![Refusal::file(&at, None, error.to_string(), help)]
    })?;
    if after == present.text() {
        return Ok(None);
    }
    let before = (!absent).then(|| present.text().to_owned());
    let wanted = FwFile::parse(present.level(), &after, None);
    let reason = reason(present, &wanted);
    Ok(Some(Action {
        address,
        verb: if absent { Verb::Add } else { Verb::Change },
        reason,
        disruption: Disruption::None,
        guest,
        origin: Some(origin.clone()),
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: vec![Operation::Write(Write::new(at, before, after, FILE_MODE))],
    }))
}

/// Returns how many rules come and go, and which options change.
fn reason(before: &FwFile, after: &FwFile) -> String {
    let count = |of: &FwFile, other: &FwFile| {
        let stands = |rule: &Rule| other.rules().iter().any(|r| r.rule == *rule);
        of.rules().iter().filter(|rule| !stands(&rule.rule)).count()
    };
    let mut parts = Vec::new();
    for option in after.options() {
        if before.option(option.key) != Some(option.value.as_str()) {
            parts.push(format!("{} {}", option.key, option.value));
        }
    }
    match (count(after, before), count(before, after)) {
        (0, 0) if parts.is_empty() => parts.push("order of rules".to_owned()),
        (0, 0) => {}
        (new, 0) => parts.push(format!("{new} rule{} added", plural(new))),
        (0, old) => parts.push(format!("{old} rule{} removed", plural(old))),
        (new, old) => parts.push(format!("{new} rule{} added, {old} removed", plural(new))),
    }
    parts.join(", ")
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

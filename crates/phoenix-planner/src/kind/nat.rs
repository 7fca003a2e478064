//! NAT on the node that a container's own public address makes obsolete.
//!
//! Live rules are deleted one by one, by their exact words; saved ones by editing the file. All of it
//! comes last, after the container has shown its interface, its route and its sockets. What also
//! serves something else is reported and left.

mod proof;
pub(super) mod sources;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use phoenix_formats::iptables::{
    PortRange, PortSet, Protocol, Removal, Rule, delete_argv, obsolete,
};
use phoenix_formats::net::NetText;

use self::sources::{Source, SourceKind};
use super::nginx_site::PORTS;
use super::{lxc, nginx_site};
use crate::address::Address;
use crate::desired::{Container, Desired, Ipv4Config, PublicInterface};
use crate::observed::Observed;
use crate::operation::{Operation, Run, Shown, Write};
use crate::plan::{Action, ActionId, Attribute, Disruption, Draft, Edge, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    if nginx_site::public(desired).next().is_none() {
        return Vec::new();
    }
    sources::probes(facts)
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let with_nat = nginx_site::public(observed.desired);
    let with_nat = with_nat.filter(|(container, _)| observed.unlocked(container.vmid).is_some());
    let with_nat = with_nat.collect::<Vec<_>>();
    if with_nat.is_empty() {
        return Ok(());
    }
    let sources = sources::read(observed.facts, draft)?;
    let mut progress = Progress::of(&sources, draft);
    for (container, public) in with_nat {
        plan_one(observed, container, public, &sources, &mut progress, draft);
    }
    Ok(())
}

/// What earlier actions have done to the sources, by the sources' numbers: a file is edited once for
/// each port, one after the other.
struct Progress {
    /// The rules that are gone from it.
    gone: BTreeMap<usize, Vec<usize>>,
    /// The last action that edited it.
    editors: BTreeMap<usize, ActionId>,
}

impl Progress {
    /// Notes who has edited the files by now.
    fn of(sources: &[Source], draft: &Draft) -> Self {
        let editor = |source: &Source| match &source.kind {
            SourceKind::File { at, .. } => draft.written(at).map(|(id, _)| id),
            SourceKind::Live => None,
        };
        let editors =
            sources.iter().enumerate().filter_map(|(n, source)| Some((n, editor(source)?)));
        Self { editors: editors.collect(), gone: BTreeMap::new() }
    }
}

/// The rules of one port, by source: the indices of what goes.
type Group = BTreeMap<usize, Vec<Removal>>;

fn plan_one(
    observed: &Observed<'_>,
    container: &Container,
    public: &PublicInterface,
    sources: &[Source],
    progress: &mut Progress,
    draft: &mut Draft,
) {
    let Some(internal) = internal_address(observed, container) else { return };
    let groups = groups(observed, container, internal, sources, draft);
    let served = proof::Served::of(observed, container, internal, draft);
    let allowed = groups.into_iter().filter(|(port, _)| served.allows(container, *port, draft));
    let allowed = allowed.collect::<Vec<_>>();
    if allowed.is_empty() {
        return;
    }
    let ports = allowed.iter().map(|(port, _)| *port).collect();
    let Some(proof) = proof::plan(observed, container, public, &served, ports, draft) else {
        for (port, _) in allowed {
            draft.defer(address(port), format!("{} is stopped and not declared to start at boot: it cannot show that it serves the port itself", lxc::address(container.vmid)));
        }
        return;
    };
    for (port, group) in allowed {
        let mut action = remove(container, port, &group, sources, &mut progress.gone);
        // Two gateways can have served the same port on two addresses of the node.
        if draft.find(&action.address).is_some() {
            action.address = action.address.part(container.vmid);
        }
        let is_file = |number: &&usize| matches!(sources[**number].kind, SourceKind::File { .. });
        let files = group.keys().filter(is_file).collect::<Vec<_>>();
        // A file that another port's rules were taken out of before must be as that left it.
        let earlier = files.iter().filter_map(|number| progress.editors.get(number));
        let mut needs = earlier.map(|id| (*id, Edge::Needs)).collect::<Vec<_>>();
        needs.push((proof, Edge::Needs));
        let id = draft.add(action, &needs);
        progress.editors.extend(files.into_iter().map(|number| (*number, id)));
    }
}

fn address(port: u16) -> Address {
    Address::new("nat", port)
}

/// What is left of the NAT to a container that its public interface makes obsolete.
pub(crate) struct Remaining {
    /// The container's internal address.
    pub(crate) internal: Ipv4Addr,
    /// What was read.
    pub(crate) from: String,
    /// The rules with their places, or why it is not known.
    pub(crate) rules: Result<Vec<String>, String>,
}

/// Returns what is left of the NAT to a container; `None` when its internal address is not known.
pub(crate) fn remaining(
    observed: &Observed<'_>,
    container: &Container,
) -> Result<Option<Remaining>, Vec<Refusal>> {
    let Some(internal) = internal_address(observed, container) else { return Ok(None) };
    let sources = sources::read(observed.facts, &Draft::default())?;
    let (accepted, local) = (accepted(container), local_addresses(observed));
    let of = |source: &Source| {
        let verdicts = obsolete(&source.rules, internal, &local, &accepted);
        let shown = verdicts.remove.iter().map(|removal| source.shown(&removal.rule));
        shown.collect::<Vec<_>>()
    };
    let has_live = sources.iter().any(|source| matches!(source.kind, SourceKind::Live));
    let rules = if has_live {
        Ok(sources.iter().flat_map(of).collect())
    } else {
        Err("the node does not say its live rules".to_owned())
    };
    let from = sources.iter().map(Source::name).collect::<Vec<_>>().join(", ");
    Ok(Some(Remaining { internal, from, rules }))
}

/// Returns the container's internal address: the declared one, else that of its configuration.
fn internal_address(observed: &Observed<'_>, container: &Container) -> Option<Ipv4Addr> {
    if let Some(Ipv4Config::Static(ip)) = container.net0.as_ref()?.ip {
        return Some(ip.addr());
    }
    let net0 = observed.config(container.vmid)?.get("net0")?;
    let ip = NetText::parse(net0).get("ip")?.parse::<ipnet::Ipv4Net>().ok()?;
    Some(ip.addr())
}

/// Returns the obsolete rules by the port that they serve, and reports those that are left.
fn groups(
    observed: &Observed<'_>,
    container: &Container,
    internal: Ipv4Addr,
    sources: &[Source],
    draft: &mut Draft,
) -> BTreeMap<u16, Group> {
    for line in sources::script_lines(observed.facts, internal) {
        draft.note(format!("{line} is a script with a rule about {internal}: it is left, and brings the rule back when it runs"));
    }
    let accepted = accepted(container);
    let local = local_addresses(observed);
    let mut groups = BTreeMap::<u16, Group>::new();
    for (number, source) in sources.iter().enumerate() {
        let verdicts = obsolete(&source.rules, internal, &local, &accepted);
        for left in &verdicts.left {
            let what = format!("{} stays: {}", source.shown(&left.rule), left.reason);
            draft.defer(address(port_of(&left.rule).unwrap_or(0)), what);
        }
        for command in source.opaque_about(internal) {
            draft.note(format!(
                "{command} is about {internal} and more than a plain rule: it is left"
            ));
        }
        for removal in verdicts.remove {
            let port = port_of(&removal.rule).unwrap_or(PORTS[1]);
            groups.entry(port).or_default().entry(number).or_default().push(removal);
        }
    }
    groups
}

/// Returns the ports that the container's public rules accept from everybody.
fn accepted(container: &Container) -> PortSet {
    let always = PORTS.map(|port| (Protocol::Tcp, PortRange::one(port)));
    let rules = container.firewall.iter().flat_map(|firewall| firewall.rules.iter().flatten());
    let declared = rules.flat_map(|rule| super::firewall::opened_publicly(&rule.value));
    always.into_iter().chain(declared).collect()
}

fn local_addresses(observed: &Observed<'_>) -> Vec<Ipv4Addr> {
    let all = observed.links.iter().flat_map(|link| &link.addresses);
    let v4 = all.filter_map(|address| match address.net {
        ipnet::IpNet::V4(net) => Some(net.addr()),
        ipnet::IpNet::V6(_) => None,
    });
    v4.collect()
}

/// Returns the lowest port that a rule is about.
fn port_of(rule: &Rule) -> Option<u16> {
    let spec = rule.spec();
    let ports = spec.dports.or(spec.sports)?;
    ports.value.first().map(|range| range.first())
}

fn remove(
    container: &Container,
    port: u16,
    group: &Group,
    sources: &[Source],
    gone: &mut BTreeMap<usize, Vec<usize>>,
) -> Action {
    let mut attributes = Vec::new();
    let (mut edits, mut deletions) = (Vec::new(), Vec::new());
    for (number, removals) in group {
        let source = &sources[*number];
        match &source.kind {
            SourceKind::Live => {
                attributes.extend(removals.iter().map(live_attribute));
                deletions.extend(removals.iter().map(delete_live));
            }
            SourceKind::File { at, .. } => {
                let gone = gone.entry(*number).or_default();
                let before = source.without(gone);
                gone.extend(removals.iter().map(|removal| removal.index));
                let after = source.without(gone);
                let write = Write::new(at.clone(), Some(before), after, sources::FILE_MODE);
                edits.push(Operation::Write(write));
            }
        }
    }
    // Files first: an edit can be taken back, and a file that has changed meanwhile stops the rest.
    let operations = edits.into_iter().chain(deletions).collect();
    Action {
        address: address(port),
        verb: Verb::Remove,
        reason: format!("{} has its own address now", container.vmid),
        disruption: Disruption::None,
        guest: Some(container.vmid),
        origin: None,
        attributes,
        notes: Vec::new(),
        operations,
    }
}

fn delete_live(removal: &Removal) -> Operation {
    let run = Run::on_node(delete_argv(&removal.rule));
    Operation::Run(Run { shown: Shown::AsAttribute, ..run })
}

fn live_attribute(removal: &Removal) -> Attribute {
    Attribute {
        verb: Verb::Remove,
        name: "live rule".to_owned(),
        before: Some(sources::rule_text(&removal.rule)),
        after: None,
        class: None,
        notes: vec![removal.reason.to_string()],
    }
}

/// Returns the actions that a proof comes after.
fn before_proof(container: &Container, draft: &Draft) -> Vec<(ActionId, Edge)> {
    let configured = draft.find(&lxc::address(container.vmid));
    let started = lxc::planned(container, draft);
    let sites = nginx_site::planned(container, draft);
    configured.into_iter().chain(started).chain(sites).map(|id| (id, Edge::Needs)).collect()
}

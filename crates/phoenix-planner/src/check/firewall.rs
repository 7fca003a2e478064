//! Rules that are valid and do nothing: those that no packet can match, and those that stand twice.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::IpNet;
use phoenix_formats::Vmid;
use phoenix_formats::firewall::{Action, NeverMatches, Rule, RuleKind};

use crate::desired::{Container, Desired, Ipv4Config, Located, Vm};
use crate::load::finding::{Finding, Findings};
use crate::load::firewall::{Home, scope};

/// Notes rules of the cluster and of all guests that do nothing.
pub(super) fn idle_rules(desired: &Desired, findings: &mut Findings) {
    let cluster = desired.firewall.iter().flat_map(|firewall| {
        let node = firewall.node.as_ref().and_then(|node| node.rules.as_ref());
        firewall.rules.iter().chain(node)
    });
    let owners = owners(desired);
    let node = desired.network.address.as_ref().map(|address| IpNet::V4(address.value));
    for rules in cluster {
        twice(rules, findings);
        findings.extend(rules.iter().filter_map(|rule| foreign_to_node(rule, node, &owners)));
    }
    if let Some(firewall) = &desired.firewall {
        let groups = firewall.definitions.groups.values();
        groups.filter_map(|group| group.value.rules.as_ref()).for_each(|r| twice(r, findings));
    }
    let containers = desired.containers.values();
    let containers =
        containers.map(|container| (&container.firewall, container_addresses(container)));
    let vms = desired.vms.values().map(|vm| (&vm.firewall, vm_addresses(vm)));
    for (firewall, local) in containers.chain(vms) {
        let rules = firewall.as_ref().and_then(|firewall| firewall.rules.as_deref());
        let rules = rules.unwrap_or_default();
        twice(rules, findings);
        findings.extend(rules.iter().filter_map(|rule| foreign_to_guest(rule, &local)));
    }
}

/// Returns the addresses of a container; none when one of its interfaces may have any.
fn container_addresses(container: &Container) -> Vec<IpNet> {
    let Some(Ipv4Config::Static(internal)) = container.net0.as_ref().and_then(|net0| net0.ip)
    else {
        return Vec::new();
    };
    let public = container.public.as_ref().filter(|public| public.enabled).map(|public| public.ip);
    std::iter::once(internal).chain(public).map(IpNet::V4).collect()
}

fn vm_addresses(vm: &Vm) -> Vec<IpNet> {
    vm.address.iter().map(|address| IpNet::V4(address.value)).collect()
}

fn owners(desired: &Desired) -> BTreeMap<Ipv4Addr, Vmid> {
    let containers = desired.containers.values().map(|c| (c.vmid, container_addresses(c)));
    let vms = desired.vms.values().map(|vm| (vm.vmid, vm_addresses(vm)));
    let all =
        containers.chain(vms).flat_map(|(vmid, nets)| nets.into_iter().map(move |net| (net, vmid)));
    all.filter_map(|(net, vmid)| match net {
        IpNet::V4(net) => Some((net.addr(), vmid)),
        IpNet::V6(_) => None,
    })
    .collect()
}

fn twice(rules: &[Located<Rule>], findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    for rule in rules {
        let first = seen.entry(rule.value.said()).or_insert(rule);
        if first.origin != rule.origin {
            findings.push(
                Finding::warning(rule.origin.clone(), "the same rule stands twice")
                    .label("has no effect")
                    .with(first.origin.clone(), "first here")
                    .help("Remove one of the two."),
            );
        }
    }
}

fn foreign_to_guest(rule: &Located<Rule>, local: &[IpNet]) -> Option<Finding> {
    if is_for_all(&rule.value) {
        return None;
    }
    let why = rule.value.never_matches(&scope(Home::Guest(None), &rule.value), local)?;
    let (field, help) = match &why {
        NeverMatches::NoSuchNic { .. } => ("iface", "Write `eth0` or `eth1`."),
        NeverMatches::ForeignDestination { .. } => {
            ("dest", "Remove `dest`: the rule is for packets to this guest anyway.")
        }
        NeverMatches::ForeignSource { .. } => {
            ("source", "Remove `source`: the rule is for packets from this guest anyway.")
        }
        NeverMatches::OtherVersion { .. } => {
            ("macro", "Write another macro, or `proto` and `port`.")
        }
    };
    let finding =
        Finding::warning(rule.origin.at(field), format!("this rule never matches: {why}"));
    Some(finding.label("never matches").help(help))
}

/// Returns whether a rule names neither an own address nor anything else that a guest may not have, as
/// most do.
fn is_for_all(rule: &Rule) -> bool {
    let own = match rule.kind {
        RuleKind::In => &rule.dest,
        _ => &rule.source,
    };
    matches!(rule.action, Action::Plain(_)) && own.is_none() && rule.iface.is_none()
}

/// A rule of the cluster is for the node itself; many are written for guests, and do nothing there.
fn foreign_to_node(
    rule: &Located<Rule>,
    node: Option<IpNet>,
    owners: &BTreeMap<Ipv4Addr, Vmid>,
) -> Option<Finding> {
    // A guest's rule is asked about its own addresses: here these are the node's.
    let local = node.map(|node| vec![node])?;
    let why = rule.value.never_matches(&scope(Home::Guest(None), &rule.value), &local)?;
    let (field, address) = match &why {
        NeverMatches::ForeignDestination { dest } => ("dest", dest),
        NeverMatches::ForeignSource { source_address } => ("source", source_address),
        NeverMatches::NoSuchNic { .. } | NeverMatches::OtherVersion { .. } => return None,
    };
    let owner = address.trim_end_matches("/32").parse().ok().and_then(|a: Ipv4Addr| owners.get(&a));
    let (what, help) = match owner {
        Some(vmid) => (
            format!("`{address}` is guest {vmid}"),
            format!("Move it to `firewall.rules` of {vmid}, or remove it."),
        ),
        None => (
            format!("`{address}` is not the node"),
            format!("Remove `{field}`, or move the rule to the guest that it is for."),
        ),
    };
    let message =
        format!("this rule never matches: {what}, and cluster rules are for the node itself");
    Some(Finding::warning(rule.origin.at(field), message).label("never matches").help(help))
}

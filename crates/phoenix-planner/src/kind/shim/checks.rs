//! What must be true on the node before the shim is made.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::wanted::{Old, Wanted};
use super::{FILE, LINK, file, served};
use crate::check::unusable;
use crate::kind::{interfaces, lxc};
use crate::observed::Observed;
use crate::refusal::Refusal;

/// Checks the bridge, the address and the files against the node.
pub(super) fn check(observed: &Observed<'_>, wanted: &Wanted<'_>) -> Result<(), Vec<Refusal>> {
    let origin = &observed.desired.network.public_bridge;
    let origin = origin.as_ref().map_or(&wanted.address.origin, |bridge| &bridge.origin);
    let bridge = observed.require_bridge(wanted.bridge, origin).err();
    let others = [taken(observed, wanted), foreign(observed), not_read(observed)];
    let refusals = bridge.into_iter().chain(outside(observed, wanted));
    let refusals = refusals.chain(others.into_iter().flatten()).collect::<Vec<_>>();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn refused(wanted: &Wanted<'_>, what: String, help: &str) -> Refusal {
    let message = format!("the shim cannot have {}: {what}", wanted.address.value);
    Refusal::declared(&wanted.address.origin, message, help)
}

/// The containers answer the shim on the link, so that it must be in the subnet of each.
fn outside(observed: &Observed<'_>, wanted: &Wanted<'_>) -> Vec<Refusal> {
    let own = wanted.address.value;
    let help = "Write a free address of the public subnet as `network.public_shim_address`.";
    let declared = observed.desired.network.public_subnet.iter().map(|subnet| subnet.value);
    let subnets = served(observed.desired).map(|(_, public)| public.ip.trunc());
    let mut refusals = Vec::new();
    for subnet in subnets.chain(declared) {
        let edge = Ipv4Net::new(own, subnet.prefix_len()).ok().and_then(unusable);
        let why = match edge {
            _ if !subnet.contains(&own) => format!("it is not in the public subnet {subnet}"),
            Some(edge) => format!("it is {edge}"),
            None => continue,
        };
        refusals.push(refused(wanted, why, help));
    }
    refusals
}

/// Returns who has the address already. That no declared guest has it is checked when the files are read.
fn taken(observed: &Observed<'_>, wanted: &Wanted<'_>) -> Option<Refusal> {
    let own = wanted.address.value;
    let whose = owner(observed, own)?;
    Some(refused(wanted, format!("it is {whose}"), "Take a free address of the public subnet."))
}

fn owner(observed: &Observed<'_>, own: Ipv4Addr) -> Option<String> {
    let desired = observed.desired;
    let containers = desired.containers.values();
    let of_guests = containers.flat_map(|container| {
        let public = container.public.as_ref().and_then(|public| public.gateway);
        public.into_iter().chain(container.net0.as_ref().and_then(|net0| net0.gateway))
    });
    let node = desired.network.gateway.as_ref().map(|gateway| gateway.value);
    if of_guests.chain(node).any(|gateway| gateway == own) {
        return Some("a gateway's".to_owned());
    }
    let has = |link: &&phoenix_formats::iproute::Link| {
        link.name != LINK && link.addresses.iter().any(|address| address.net.addr() == own)
    };
    if let Some(link) = observed.links.iter().find(has) {
        return Some(format!("the node's own, on {}", link.name));
    }
    let guest = lxc::undeclared_owner(observed, own)?;
    Some(format!("that of guest {guest} on this node"))
}

/// Refuses files of somebody else.
fn foreign(observed: &Observed<'_>) -> Option<Refusal> {
    let at = file();
    if matches!(Old::of(observed.facts.text(&at)), Old::Foreign) {
        let message = "phoenix needs this file for the shim, and has not written it";
        return Some(Refusal::file(&at, None, message, "Move it away, then plan again."));
    }
    let (other, line) = interfaces::stanza_elsewhere(observed.facts, LINK, &at)?;
    let message = format!("`{LINK}` is configured here, which is the name of phoenix's own link");
    Some(Refusal::file(&other, Some(line), message, "Remove the stanza, then plan again."))
}

fn not_read(observed: &Observed<'_>) -> Option<Refusal> {
    if interfaces::reads(observed.facts, &file()) {
        return None;
    }
    let message = format!("it does not read {FILE}: the shim would be gone at the next boot");
    let help = "Add the line `source /etc/network/interfaces.d/*` at its end, then plan again.";
    Some(Refusal::file(&interfaces::main_file(), None, message, help))
}

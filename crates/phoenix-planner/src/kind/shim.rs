//! `shim/vmbr0`: an interface of the node beside the macvlan interfaces of its containers, since the node
//! and the children of its own bridge do not reach each other otherwise, in either direction.
//!
//! Owns the link `phoenix-shim`, known by its name, and one file of interfaces(5), known by its header:
//! the address, a route to each public address, an entry of the bridge's table for each public MAC, and the
//! rule that gives what is routed through the node the shim's address. All of it is made at once by the same
//! programs that the file names, and nothing else of the node's network is loaded again. Without
//! `network.public_shim_address`, or without a container that it is for, all of it goes.
//!
//! Deliberately not done: IPv6, which the link does not speak, and the order of files at boot: the file must
//! be read after the bridge's, as Debian and Proxmox VE have it.

mod checks;
mod reading;
mod steps;
mod wanted;

use self::reading::Reading;
use self::wanted::{Old, Wanted};
use super::{interfaces, lxc};
use crate::address::Address;
use crate::desired::{Container, Desired, MacvlanMode, PublicInterface, PublicKind};
use crate::location::Location;
use crate::observed::Observed;
use crate::operation::Want;
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe};
use crate::refusal::Refusal;

/// The name of the link.
pub(crate) const LINK: &str = "phoenix-shim";

/// The file of interfaces(5) that makes it at boot.
const FILE: &str = "/etc/network/interfaces.d/phoenix-shim";

fn file() -> Location {
    Location::node(FILE)
}

/// Returns the address of the shim on a bridge.
pub(crate) fn address(bridge: &str) -> Address {
    Address::new("shim", bridge)
}

/// Returns whether the shim reaches a public interface: only children in the mode `bridge` hear each other.
pub(crate) fn serves(desired: &Desired, public: &PublicInterface) -> bool {
    let reachable = public.kind == PublicKind::Macvlan(MacvlanMode::Bridge);
    public.enabled && reachable && desired.network.shim.is_some()
}

/// Returns the containers whose public interface the shim reaches.
pub(crate) fn served(
    desired: &Desired,
) -> impl Iterator<Item = (&Container, &PublicInterface)> + Clone {
    let all = desired.containers.values();
    let public = all.filter_map(|container| Some((container, container.public.as_ref()?)));
    public.filter(|(_, public)| serves(desired, public))
}

/// One thing that the node must show of the shim.
pub(crate) struct Effect {
    /// The part of the resource, if it is one.
    pub(crate) part: Option<String>,
    /// What is so when it is fine.
    pub(crate) title: String,
    pub(crate) argv: Argv,
    pub(crate) want: Want,
}

/// Returns what the node must show of the shim that is declared, with its bridge.
pub(crate) fn effects(desired: &Desired) -> Option<(String, Vec<Effect>)> {
    let wanted = Wanted::of(desired)?;
    Some((wanted.bridge.to_string(), steps::effects(&wanted)))
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let mut probes = vec![Probe::File(file())];
    let wanted = Wanted::of(desired);
    if wanted.is_some() {
        probes.extend(interfaces::file_probes(facts));
    }
    probes.extend(reading::probes(wanted.as_ref(), facts));
    probes
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    match Wanted::of(observed.desired) {
        Some(wanted) => ensure(observed, &wanted, draft),
        None => {
            remove(observed, draft);
            Ok(())
        }
    }
}

fn ensure(
    observed: &Observed<'_>,
    wanted: &Wanted<'_>,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    let address = address(wanted.bridge.as_str());
    if interfaces::are_missing(observed.facts) {
        // Every real node has the file; a folder that was captured for something else may not.
        draft.defer(address, "there is no /etc/network/interfaces here");
        return Ok(());
    }
    checks::check(observed, wanted)?;
    let reading = Reading::of(observed, wanted.bridge.as_str());
    let lags = reading.lags(wanted);
    let operations = steps::ensure(wanted, &reading, &lags);
    if operations.is_empty() {
        return Ok(());
    }
    let is_new = reading.text.is_none() && reading.link.is_none();
    let differs = reading.text.as_ref() != Some(&wanted.render());
    let file = differs.then(|| "its file differs".to_owned());
    let faults = file.into_iter().chain(lags).collect::<Vec<_>>();
    let action = Action {
        address,
        verb: if is_new { Verb::Add } else { Verb::Change },
        reason: reason(wanted, &faults, is_new),
        disruption: Disruption::Live,
        guest: None,
        origin: Some(wanted.address.origin.clone()),
        attributes: Vec::new(),
        notes: notes(wanted, &faults, is_new),
        operations,
    };
    draft.add(action, &after_guests(draft));
    Ok(())
}

/// How many faults the reason names; the notes have all.
const NAMED: usize = 2;

fn reason(wanted: &Wanted<'_>, faults: &[String], is_new: bool) -> String {
    if is_new {
        let ips = wanted.ways.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return format!("the node, and guests routed through it, reach {ips}");
    }
    let named = faults.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match faults.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}, {more} more"),
    }
}

fn notes(wanted: &Wanted<'_>, faults: &[String], is_new: bool) -> Vec<String> {
    match faults.len() {
        _ if is_new => wanted.notes(),
        few if few <= NAMED => Vec::new(),
        _ => faults[NAMED..].to_vec(),
    }
}

/// Comes when the interfaces that it is for are there: until then nobody answers by it.
fn after_guests(draft: &Draft) -> Vec<(ActionId, Edge)> {
    let guests = draft.find_all(|address| address.as_str().starts_with("lxc/"));
    guests.into_iter().map(|id| (id, Edge::After)).collect()
}

fn remove(observed: &Observed<'_>, draft: &mut Draft) {
    let old = Old::of(observed.facts.text(&file()));
    let link = observed.links.iter().find(|link| link.name == LINK);
    if matches!(old, Old::Foreign) || matches!(old, Old::None) && link.is_none() {
        return;
    }
    let fallback = link.and_then(|link| link.lower.clone());
    let bridge = old.bridge().map(str::to_owned).or(fallback).unwrap_or_else(|| "vmbr0".to_owned());
    let reading = Reading::of(observed, &bridge);
    let reason = match &observed.desired.network.shim {
        Some(_) => "no container has a macvlan interface that it is for",
        None => "`network.public_shim_address` is not declared any more",
    };
    let action = Action {
        address: address(&bridge),
        verb: Verb::Remove,
        reason: reason.to_owned(),
        disruption: Disruption::Live,
        guest: None,
        origin: None,
        attributes: Vec::new(),
        notes: left_behind(observed),
        operations: steps::remove(&reading, &bridge),
    };
    draft.add(action, &after_guests(draft));
}

/// Says what the node does not reach from then on.
fn left_behind(observed: &Observed<'_>) -> Vec<String> {
    let containers = observed.desired.containers.values();
    let public = containers.filter_map(|container| container.public.as_ref());
    let left = public.filter(|public| public.enabled && lxc::bypasses_node(public));
    let note = |public: &PublicInterface| {
        format!("the node, and guests routed through it, no longer reach {}", public.ip.addr())
    };
    left.map(note).collect()
}

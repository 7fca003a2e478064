//! What must be true on the node before a public interface is attached.

use phoenix_formats::iproute::{Route, read_route};

use crate::desired::{Container, PublicInterface};
use crate::kind::shim;
use crate::location::Place;
use crate::observed::Observed;
use crate::probe::{Argv, Probe};
use crate::refusal::Refusal;

/// Returns the question whether the node has the public address's subnet on a link of its own.
pub(in super::super) fn route_probe(container: &Container) -> Option<Probe> {
    let wanted = container.public.as_ref().filter(|wanted| wanted.enabled)?;
    Some(Probe::Run { place: Place::Node, argv: route_argv(wanted) })
}

fn route_argv(wanted: &PublicInterface) -> Argv {
    let ip = wanted.ip.addr().to_string();
    ["ip", "-json", "route", "get", &ip].map(str::to_owned).to_vec()
}

/// Checks the bridge and the address against the node.
pub(super) fn check(observed: &Observed<'_>, wanted: &PublicInterface) -> Result<(), Vec<Refusal>> {
    let checks = [bridge(observed, wanted), on_link(observed, wanted)];
    let refusals = checks.into_iter().filter_map(Result::err).collect::<Vec<_>>();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn bridge(observed: &Observed<'_>, wanted: &PublicInterface) -> Result<(), Refusal> {
    let declared = observed.desired.network.public_bridge.as_ref();
    let origin = declared.map_or(&wanted.origin, |located| &located.origin);
    observed.require_bridge(&wanted.bridge, origin)?;
    if observed.uplinks(&wanted.bridge).is_empty() {
        return Err(Refusal::declared(
            origin,
            format!("bridge `{}` has no physical uplink on this node", wanted.bridge),
            "Name the bridge that the LAN is plugged into, or give this one a port.",
        ));
    }
    Ok(())
}

/// The spec's check: the node itself must have the address's subnet on the public bridge, or the
/// operator must say that it is there.
fn on_link(observed: &Observed<'_>, wanted: &PublicInterface) -> Result<(), Refusal> {
    let network = &observed.desired.network;
    let ip = wanted.ip.addr();
    if network.public_subnet.as_ref().is_some_and(|subnet| subnet.value.contains(&ip)) {
        return Ok(());
    }
    let answer = observed.facts.ran(Place::Node, &route_argv(wanted));
    let route = answer.and_then(|output| read_route(&output.stdout).ok());
    let found = match route {
        Some(route) if route.is_on_link() && route.device == wanted.bridge.as_str() => {
            return Ok(());
        }
        // The shim's own route stands before that of the bridge.
        Some(route) if route.device == shim::LINK && has_subnet(observed, wanted) => return Ok(()),
        Some(Route { via: Some(via), device, .. }) => format!("by the gateway {via} on {device}"),
        Some(Route { device, .. }) => format!("on {device}"),
        None => "by no route".to_owned(),
    };
    Err(Refusal::declared(
        &wanted.origin.at("ip"),
        format!(
            "{ip} is not in a subnet of bridge `{}`: this node reaches it {found}",
            wanted.bridge
        ),
        format!(
            "Correct the address, or, if that subnet is on the wire although the node has no address in it, state it as `network.public_subnet`: \"{}\".",
            wanted.ip.trunc()
        ),
    ))
}

/// Returns whether the bridge has an address in the public address's subnet.
fn has_subnet(observed: &Observed<'_>, wanted: &PublicInterface) -> bool {
    let bridge = observed.links.iter().find(|link| link.name == wanted.bridge.as_str());
    let mut addresses = bridge.into_iter().flat_map(|link| &link.addresses);
    addresses.any(|address| address.net.contains(&std::net::IpAddr::V4(wanted.ip.addr())))
}

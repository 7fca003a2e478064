//! Whether the node's own address, gateway, servers and name can be used.

use std::net::IpAddr;

use super::address::edge;
use crate::desired::{Desired, Located};
use crate::load::finding::{Finding, Findings};

/// The name of every machine for itself.
const LOCALHOST: &str = "localhost";

/// Notes what is wrong with the node's own network and name.
pub(super) fn node(desired: &Desired, findings: &mut Findings) {
    findings.extend(gateway(desired));
    findings.extend(nameless(desired));
    let servers = desired.network.nameservers.iter().flatten();
    findings.extend(servers.filter_map(silent));
    let name = desired.identity.hostname.as_ref();
    findings.extend(name.filter(|name| name.value == LOCALHOST).map(|name| {
        let finding = Finding::error(
            name.origin.clone(),
            format!("`{LOCALHOST}` cannot be the name of a node"),
        );
        finding.label("the loopback's name").help("Write a name of its own, such as `phoenix`.")
    }));
}

fn gateway(desired: &Desired) -> Option<Finding> {
    let gateway = desired.network.gateway.as_ref()?;
    let address = desired.network.address.as_ref()?;
    let error = |message: String| Finding::error(gateway.origin.clone(), message);
    let (ip, net) = (gateway.value, address.value);
    if ip == net.addr() {
        let finding = error(format!("`{ip}` is the node's gateway and its address at once"));
        let finding = finding.label("the same").with(address.origin.clone(), "as this");
        return Some(finding.help("Write the address of the router as `gateway`."));
    }
    // With a /32 every gateway is outside, and the route to it is made by the interface.
    if net.prefix_len() < 32 && !net.contains(&ip) {
        let subnet = net.trunc();
        let finding = error(format!("the gateway `{ip}` is outside the subnet `{subnet}`"));
        let finding = finding.label("cannot be reached").with(address.origin.clone(), "from here");
        return Some(finding.help("Write a gateway of that subnet, or correct `address`."));
    }
    let why = edge(ip, net)?;
    let finding = error(format!("the gateway `{ip}` cannot be a host")).label(why);
    Some(finding.help("Write the address of the router as `gateway`."))
}

/// An address without a bridge is known to the checks and kept nowhere.
fn nameless(desired: &Desired) -> Option<Finding> {
    let network = &desired.network;
    if network.bridge.is_some() {
        return None;
    }
    let address = network.address.as_ref().map(|address| &address.origin);
    let origin = address.or(network.gateway.as_ref().map(|gateway| &gateway.origin))?;
    let finding = Finding::advice(origin.clone(), "no bridge is named that has this");
    Some(
        finding
            .label("left alone")
            .help("Write the node's bridge as `name` beside it, such as `vmbr0`."),
    )
}

fn silent(server: &Located<IpAddr>) -> Option<Finding> {
    let ip = server.value;
    (ip.is_unspecified() || ip.is_multicast()).then(|| {
        let finding =
            Finding::error(server.origin.clone(), format!("`{ip}` cannot be a name server"));
        finding.label("no host has it").help("Write the address of a host that answers for names.")
    })
}

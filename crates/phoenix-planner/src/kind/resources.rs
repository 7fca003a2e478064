//! The addresses of everything that a plan for these files may hold, whether it differs or not.

use super::{shim, subid};
use crate::address::Address;
use crate::desired::Desired;

/// Resources of every node.
const OF_NODE: [(&str, &str); 7] = [
    ("firewall", "cluster"),
    ("firewall", "node"),
    ("hosts", "node"),
    ("identity", "hostname"),
    ("identity", "timezone"),
    ("resolv-conf", "node"),
    ("service", "pve-firewall"),
];

/// Resources of a node that keeps a DNS server.
const OF_DNS: [(&str, &str); 4] = [
    ("dnsmasq", "records"),
    ("package", "dnsmasq"),
    ("package", "dnsmasq-base"),
    ("service", "dnsmasq"),
];

/// Returns whether an address is a resource of these files, or a part of one.
///
/// Which ports have NAT is only seen on the node, so that every port is one.
pub fn is_resource(address: &Address, desired: &Desired) -> bool {
    address.as_str().starts_with("nat/") || all(desired).any(|other| address.is_within(&other))
}

fn all(desired: &Desired) -> impl Iterator<Item = Address> {
    let containers = desired.containers.keys().map(|vmid| ("lxc", vmid));
    let guests = containers.chain(desired.vms.keys().map(|vmid| ("vm", vmid)));
    let guests = guests.flat_map(|(kind, vmid)| [kind, "firewall"].map(|k| Address::new(k, vmid)));
    let bridge = desired.network.bridge.iter().flat_map(|bridge| {
        [Address::new("interfaces", &bridge.value), Address::new("package", "ifupdown2")]
    });
    let dns = desired.dns.iter().filter(|dns| dns.enabled).flat_map(|_| OF_DNS);
    let public = desired.network.public_bridge.iter();
    let shims = public.map(|bridge| shim::address(bridge.value.as_str()));
    let named = OF_NODE.into_iter().chain(dns);
    let certificates = desired.trust.certificates.values().map(super::certificate::address);
    let trust = certificates.chain([super::renewal::address()]);
    let own = bridge.chain(shims).chain(trust).chain(subid::addresses(desired));
    guests.chain(own).chain(named.map(|(kind, name)| Address::new(kind, name)))
}

//! Links that a node has which is only described by its interfaces(5).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::json::{Link, LinkAddress, Scope};
use crate::MacAddr;
use crate::interfaces::{Address, Interface, InterfaceKind, Network};

/// The MTU that Ethernet has when nobody says otherwise.
const ETHERNET_MTU: u32 = 1500;

/// The MTU of the loopback.
const LOOPBACK_MTU: u32 = 65536;

/// Returns the links of a node that has brought up all that its interfaces(5) describe.
///
/// The loopback comes first, then the interfaces that are configured, then those that are only ports or
/// members. Everything is up, with `auto` or without. An address that DHCP would give is not known and
/// not there, nor are link-local addresses. Ethernet addresses are made from the names, alike each time;
/// a bridge has that of its first port, as in the kernel.
pub fn links_of(network: &Network) -> Vec<Link> {
    let masters = masters(network);
    let known: BTreeSet<&str> = network.interfaces().iter().map(|own| own.name.as_str()).collect();
    let mut links = vec![loopback(network.get("lo"))];
    let own =
        network.interfaces().iter().filter(|interface| interface.kind != InterfaceKind::Loopback);
    links.extend(own.map(|interface| link(interface, &masters)));
    let bare = parts(network).filter(|(name, _)| !known.contains(name));
    let bare: BTreeSet<&str> = bare.map(|(name, _)| name).collect();
    links.extend(bare.into_iter().map(|name| port(name, &masters)));
    for (link, index) in links.iter_mut().zip(1..) {
        link.index = index;
    }
    links
}

/// Returns every port, member and lower link with the interface above it.
fn parts(network: &Network) -> impl Iterator<Item = (&str, &Interface)> {
    network.interfaces().iter().flat_map(|own| {
        let names = own.ports.iter().chain(&own.members).chain(&own.parent);
        names.map(move |name| (name.as_str(), own))
    })
}

/// Returns the bridge or bond above each of its ports.
fn masters(network: &Network) -> BTreeMap<&str, &Interface> {
    parts(network).filter(|(name, own)| own.parent.as_deref() != Some(*name)).collect()
}

fn loopback(interface: Option<&Interface>) -> Link {
    let mut addresses =
        vec![host(IpAddr::V4(Ipv4Addr::LOCALHOST), 8), host(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)];
    addresses[0].label = Some("lo".to_owned());
    addresses.extend(interface.iter().flat_map(|own| link_addresses(own)));
    Link {
        mac: "00:00:00:00:00:00".parse().ok(),
        link_type: "loopback".to_owned(),
        mtu: LOOPBACK_MTU,
        flags: flags(&["LOOPBACK", "UP", "LOWER_UP"]),
        addresses,
        ..ethernet("lo")
    }
}

fn host(address: IpAddr, prefix: u8) -> LinkAddress {
    let net = IpNet::new(address, prefix).expect("8 and 128 are prefixes of their families");
    LinkAddress { net, label: None, scope: Scope::Host, secondary: false }
}

fn link(interface: &Interface, masters: &BTreeMap<&str, &Interface>) -> Link {
    let given = interface.hwaddress.as_deref().and_then(|mac| mac.parse().ok());
    let first_port =
        interface.ports.iter().chain(&interface.members).chain(&interface.parent).next();
    let inherited = first_port.map(|name| mac_of(name));
    Link {
        kind: kind(interface),
        lower: interface.parent.clone(),
        mac: Some(given.or(inherited).unwrap_or_else(|| mac_of(&interface.name))),
        mtu: interface.mtu.unwrap_or(ETHERNET_MTU),
        vlan_filtering: interface.vlan_aware,
        addresses: link_addresses(interface),
        ..port(&interface.name, masters)
    }
}

fn kind(interface: &Interface) -> Option<String> {
    match &interface.kind {
        InterfaceKind::Bridge => Some("bridge".to_owned()),
        InterfaceKind::Bond => Some("bond".to_owned()),
        InterfaceKind::Vlan => Some("vlan".to_owned()),
        InterfaceKind::Other(kind) => Some(kind.clone()),
        InterfaceKind::Loopback | InterfaceKind::Physical => None,
    }
}

fn port(name: &str, masters: &BTreeMap<&str, &Interface>) -> Link {
    let master = masters.get(name);
    // A port whose MTU nobody sets takes that of its bridge.
    let mtu = master.and_then(|own| own.mtu).unwrap_or(ETHERNET_MTU);
    Link { master: master.map(|own| own.name.clone()), mtu, ..ethernet(name) }
}

fn ethernet(name: &str) -> Link {
    Link {
        index: 0,
        name: name.to_owned(),
        kind: None,
        lower: None,
        master: None,
        mac: Some(mac_of(name)),
        link_type: "ether".to_owned(),
        mtu: ETHERNET_MTU,
        flags: flags(&["BROADCAST", "MULTICAST", "UP", "LOWER_UP"]),
        vlan_filtering: false,
        addresses: Vec::new(),
    }
}

fn flags(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Makes an Ethernet address of a name: locally administered, by the FNV-1a hash.
fn mac_of(name: &str) -> MacAddr {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let [a, b, c, d, e, ..] = hash.to_be_bytes();
    let text = format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}");
    text.parse().expect("02 begins no group address")
}

fn link_addresses(interface: &Interface) -> Vec<LinkAddress> {
    let mut subnets = BTreeSet::new();
    let mut link_address = |address: &Address| LinkAddress {
        net: address.net,
        label: label(address, &interface.name),
        scope: Scope::Global,
        secondary: address.net.addr().is_ipv4() && !subnets.insert(address.net.trunc()),
    };
    interface.addresses.iter().map(&mut link_address).collect()
}

fn label(address: &Address, name: &str) -> Option<String> {
    let own = address.label.clone().unwrap_or_else(|| name.to_owned());
    address.net.addr().is_ipv4().then_some(own)
}

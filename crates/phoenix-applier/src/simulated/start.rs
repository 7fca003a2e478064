//! Why a container would not start.

use std::collections::BTreeSet;

use phoenix_formats::id_map::{IdKind, IdMap};
use phoenix_formats::iproute::Link;
use phoenix_formats::lxc_conf::{Features, LxcConf};
use phoenix_formats::subid::{ROOT, Range, SubId};

use super::nets::{Nic, Nics, Origin, Vlan};

/// The longest name that the kernel gives an interface.
const LONGEST_NAME: usize = 15;

/// Settings without which Proxmox VE makes no configuration for LXC.
const NEEDED: [&str; 3] = ["arch", "ostype", "rootfs"];

/// Returns why a container with this configuration would not start, its network aside.
pub(super) fn check_settings(conf: &LxcConf) -> Result<(), String> {
    if conf.get("template") == Some("1") {
        return Err("it is a template".to_owned());
    }
    if let Some(key) = NEEDED.iter().find(|key| conf.get(key).is_none()) {
        return Err(format!("`{key}` is missing"));
    }
    let features = conf.get("features").unwrap_or_default().parse::<Features>();
    features.map(drop).map_err(|error| format!("`features`: {error}"))
}

/// Returns why a container cannot have the ids of its own `lxc.idmap` lines, by what the node's file grants root
/// (newuidmap(1)), and by what the kernel takes (user_namespaces(7)).
pub(super) fn check_ids(conf: &LxcConf, kind: IdKind, granted: &str) -> Result<(), String> {
    if !conf.raw().iter().any(|(key, _)| key == "lxc.idmap") {
        return Ok(());
    }
    let map = IdMap::of(conf);
    let range = |first: u32, count: u32| Range { first: first.into(), count: count.into() };
    let outside = map.ids(kind).iter().map(|ids| range(ids.outside, ids.count)).collect::<Vec<_>>();
    if let Some(missing) = SubId::parse(granted).missing(ROOT, &outside).first() {
        let Range { first, count } = missing;
        return Err(format!("root is not granted {count} ids from {first} on"));
    }
    let inside = map.ids(kind).iter().map(|ids| range(ids.inside, ids.count)).collect::<Vec<_>>();
    if meet(inside) || meet(outside) {
        return Err("an id is mapped twice: Invalid argument".to_owned());
    }
    Ok(())
}

fn meet(mut ranges: Vec<Range>) -> bool {
    ranges.sort_unstable();
    ranges.windows(2).any(|two| two[0].first + two[0].count > two[1].first)
}

/// Returns the first reason why a container with these interfaces would not start on a node with these links.
///
/// `taken` holds the links and Ethernet addresses of the macvlans that other guests have.
pub(super) fn check(
    nics: &Nics,
    links: &[Link],
    taken: &BTreeSet<(String, String)>,
) -> Result<(), String> {
    if let Some(fault) = nics.faults.first() {
        return Err(fault.clone());
    }
    let mut names = BTreeSet::new();
    for (number, name, nic) in nics.named() {
        nic_fault(nic, links, taken).map_err(|why| format!("network interface {number}: {why}"))?;
        if name.len() > LONGEST_NAME {
            return Err(format!("`{name}` is too long for the name of an interface"));
        }
        if !names.insert(name.clone()) {
            return Err(format!("two interfaces are called `{name}`"));
        }
    }
    one_early_gateway(nics)
}

fn one_early_gateway(nics: &Nics) -> Result<(), String> {
    let early = || nics.by_number.values().flat_map(|nic| &nic.early_gateways);
    let count = |v4: bool| early().filter(|gateway| gateway.is_ipv4() == v4).count();
    if count(true) > 1 || count(false) > 1 {
        return Err("a second default route cannot be added: File exists".to_owned());
    }
    Ok(())
}

fn nic_fault(nic: &Nic, links: &[Link], taken: &BTreeSet<(String, String)>) -> Result<(), String> {
    let kind = nic.kind.as_deref().ok_or("it has no type")?;
    let parent = nic.parent.as_deref();
    let link = parent.and_then(|name| links.iter().find(|link| link.name == name));
    match (kind, parent, link) {
        (_, None, _) if nic.origin == Origin::Setting => Err("it has no bridge".to_owned()),
        ("empty" | "none", _, _) | ("veth", None, _) => Ok(()),
        (_, None, _) => Err(format!("a {kind} needs a link")),
        ("veth", Some(name), Some(link)) if link.is_bridge() => {
            bridge_fault(nic, name, link, links)
        }
        ("veth", Some(name), _) => Err(format!("bridge `{name}` does not exist")),
        (_, Some(name), None) => Err(format!("there is no link `{name}`")),
        ("ipvlan", _, _) if nic.mac.is_some() => {
            Err("the Ethernet address of an ipvlan cannot be set".to_owned())
        }
        ("macvlan" | "ipvlan", Some(name), Some(link)) => match &link.master {
            Some(master) => {
                Err(format!("`{name}` is a port of `{master}`: Device or resource busy"))
            }
            None => address_fault(nic, name, taken),
        },
        _ => Ok(()),
    }
}

fn address_fault(nic: &Nic, link: &str, taken: &BTreeSet<(String, String)>) -> Result<(), String> {
    match &nic.mac {
        Some(mac) if taken.contains(&(link.to_owned(), mac.to_ascii_uppercase())) => {
            Err(format!("`{mac}` on `{link}`: Address already in use"))
        }
        _ => Ok(()),
    }
}

fn bridge_fault(nic: &Nic, name: &str, bridge: &Link, links: &[Link]) -> Result<(), String> {
    if nic.origin == Origin::Setting && nic.mtu.is_some_and(|mtu| mtu > bridge.mtu) {
        return Err(format!("its MTU is more than that of `{name}`"));
    }
    let has_uplink = links.iter().any(|port| port.master.as_deref() == Some(name));
    match nic.vlan {
        _ if bridge.vlan_filtering => Ok(()),
        Vlan::Trunks => {
            Err(format!("bridge `{name}` does not keep VLANs apart, which trunks need"))
        }
        Vlan::Tag if !has_uplink => {
            Err(format!("bridge `{name}` has no physical port for the VLAN"))
        }
        Vlan::Tag | Vlan::None => Ok(()),
    }
}

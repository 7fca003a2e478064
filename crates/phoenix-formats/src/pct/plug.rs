//! Network interfaces of a running container: plugged, unplugged, given addresses.

use std::collections::BTreeSet;

use super::Class;
use super::net_change::{Link, NetChange};
use super::running::Run;
use crate::lxc_conf::Section;
use crate::net::LxcNet;

/// The longest name that the kernel gives an interface.
const LONGEST_NAME: usize = 15;

/// What Proxmox VE writes as soon as the host side is plugged, before the addresses.
const PLUGGED: [&str; 5] = ["bridge", "firewall", "link_down", "rate", "tag"];

/// What it writes once the addresses are there.
const ADDRESSES: [&str; 4] = ["gw", "gw6", "ip", "ip6"];

/// Brings an interface into force; returns the value to store.
pub(super) fn plug_net(run: &mut Run<'_>, key: &str, value: &str) -> Result<String, String> {
    let new =
        LxcNet::parse(value).map_err(|error| error.to_string())?.completed(&run.node.random_mac);
    let old = run.stage.sections.main.get(key).map(LxcNet::parse).transpose();
    let old = old.map_err(|error| format!("its present value is broken: {error}"))?;
    let change = NetChange::of(old.as_ref(), &new);
    if change.link == Link::Recreated {
        // The old interface is deleted, and the file written without it, before the new one is tried.
        run.stage.sections.main.values.remove(key);
        run.written = Some(run.stage.sections.written());
    }
    check_port(run, &new, change.link)?;
    check_name(run, key, old.as_ref(), &new, change.link)?;
    let class = addressed(run, key, old.as_ref(), &new, &change);
    run.classes.insert(key.to_owned(), class);
    run.silent.extend(change.silent.iter().map(|property| format!("{key}.{property}")));
    note_written(run, key, old.as_ref(), &new, change.link);
    Ok(new.canonical())
}

fn check_port(run: &Run<'_>, new: &LxcNet, link: Link) -> Result<(), String> {
    let made = matches!(link, Link::Added | Link::Recreated);
    // A port that stays down is not put on its bridge; one that is made takes the bridge's MTU.
    if link == Link::Kept || (new.is_on("link_down") && !made) {
        return Ok(());
    }
    let name = new.get("bridge").ok_or("it has no bridge")?;
    let bridge =
        run.node.bridges.get(name).ok_or_else(|| format!("there is no bridge `{name}`"))?;
    match () {
        () if new.is_on("link_down") || bridge.vlan_aware => Ok(()),
        () if new.get("trunks").is_some() => Err(format!("`{name}` must be VLAN aware for trunks")),
        () if new.get("tag").is_some() && !bridge.has_uplink => {
            Err(format!("`{name}` has no physical port for a VLAN"))
        }
        () => Ok(()),
    }
}

fn check_name(
    run: &Run<'_>,
    key: &str,
    old: Option<&LxcNet>,
    new: &LxcNet,
    link: Link,
) -> Result<(), String> {
    let name = new.name();
    let in_use = || names_in_use(run, key, old).contains(name);
    match link {
        Link::Kept | Link::Replugged => Ok(()),
        _ if name.len() > LONGEST_NAME => {
            Err(format!("the kernel takes no interface name as long as `{name}`"))
        }
        _ if in_use() => Err(format!("the name `{name}` is in use in the guest")),
        _ => Ok(()),
    }
}

/// The names of the guest's other interfaces.
fn names_in_use(run: &Run<'_>, key: &str, old: Option<&LxcNet>) -> BTreeSet<String> {
    if let Some(interfaces) = &run.live.interfaces {
        // The key's own interface was deleted just now, if it was there.
        let own = old.map(LxcNet::name);
        return interfaces.keys().filter(|name| Some(name.as_str()) != own).cloned().collect();
    }
    let main = &run.stage.sections.main;
    let nets = main.entries().filter(|(other, _)| other.starts_with("net") && *other != key);
    let nets = nets
        .filter_map(|(_, value)| run.node.stored_net(value).ok())
        .map(|net| net.name().to_owned());
    nets.chain(raw_names(main)).chain(["lo".to_owned()]).collect()
}

fn raw_names(main: &Section) -> impl Iterator<Item = String> {
    let is_name = |key: &str| key.starts_with("lxc.net.") && key.ends_with(".name");
    main.raw().iter().filter(move |(key, _)| is_name(key)).map(|(_, value)| value.clone())
}

/// Returns the class of the whole change: an address that cannot be added leaves the old one there.
fn addressed(
    run: &mut Run<'_>,
    key: &str,
    old: Option<&LxcNet>,
    new: &LxcNet,
    change: &NetChange,
) -> Class {
    let Some(old) = old.filter(|_| matches!(change.link, Link::Kept | Link::Replugged)) else {
        return change.class();
    };
    let is_stuck = |property: &&str| {
        let wanted = new.get(property).filter(|value| value.contains('/'));
        let changes = old.get(property) != new.get(property);
        changes && wanted.is_some_and(|address| !run.live.takes_address(new.name(), address))
    };
    let stuck: Vec<&str> = ["ip", "ip6"].into_iter().filter(is_stuck).collect();
    run.silent.extend(stuck.iter().map(|property| format!("{key}.{property}")));
    match change.link {
        Link::Kept if !stuck.is_empty() => Class::PendingSilent,
        _ => change.class(),
    }
}

/// Notes the file that stands there if a later change fails: not every property is in it yet.
fn note_written(run: &mut Run<'_>, key: &str, old: Option<&LxcNet>, new: &LxcNet, link: Link) {
    let kept = old.filter(|_| matches!(link, Link::Kept | Link::Replugged));
    let plugged = match kept {
        Some(old) => old.merged(new, &PLUGGED).merged(new, &ADDRESSES),
        None => new.without(&["host-managed", "mtu", "rate", "trunks"]),
    };
    let main = &mut run.stage.sections.main;
    main.values.insert(key.to_owned(), plugged.canonical());
    run.written = Some(run.stage.sections.written());
}

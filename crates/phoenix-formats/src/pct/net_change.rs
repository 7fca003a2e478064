//! What a change of a `netN` value does to a running container.

use std::collections::BTreeSet;

use super::Class;
use crate::lxc_conf::volume;
use crate::net::{LxcNet, same_value};

/// What becomes of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// It stays as it is.
    Kept,
    /// Its host side is taken off the bridge and put on again.
    Replugged,
    /// It is deleted and made anew.
    Recreated,
    /// It is new.
    Added,
}

/// A change of a `netN` value, taken apart.
#[derive(Debug)]
pub(super) struct NetChange {
    pub(super) link: Link,
    /// Addresses that the guest loses.
    pub(super) address_lost: bool,
    /// Properties that take effect only after a restart, without being listed as pending.
    pub(super) silent: BTreeSet<&'static str>,
}

impl NetChange {
    /// Takes a change apart; `old` is what the interface runs with, if there is one.
    pub(super) fn of(old: Option<&LxcNet>, new: &LxcNet) -> Self {
        let link = link(old, new);
        let address_lost = |old| ["ip", "ip6"].iter().any(|key| loses_address(key, old, new));
        let silent = match (old, link) {
            (Some(old), Link::Kept | Link::Replugged) => silent(old, new, link),
            // A new host side takes the bridge's MTU.
            _ => new.get("mtu").map(|_| "mtu").into_iter().collect(),
        };
        Self { link, address_lost: old.is_some_and(address_lost), silent }
    }

    /// Returns how the change takes effect as a whole.
    pub(super) fn class(&self) -> Class {
        match self.link {
            Link::Added => Class::Live,
            Link::Replugged | Link::Recreated => Class::Reconnect,
            Link::Kept if self.address_lost => Class::Reconnect,
            Link::Kept if !self.silent.is_empty() => Class::PendingSilent,
            Link::Kept => Class::Live,
        }
    }
}

fn link(old: Option<&LxcNet>, new: &LxcNet) -> Link {
    let Some(old) = old else { return Link::Added };
    // Compared as text: another letter case counts as another address, and none as a random one.
    let mac = old.get("hwaddr").is_some() && old.get("hwaddr") == new.get("hwaddr");
    let port = old.get("bridge") == new.get("bridge") && same_number("tag", old, new);
    let plug = same_given("firewall", old, new) && old.is_on("link_down") == new.is_on("link_down");
    match () {
        () if !mac || old.name() != new.name() => Link::Recreated,
        () if port && plug => Link::Kept,
        () => Link::Replugged,
    }
}

fn same_number(key: &str, old: &LxcNet, new: &LxcNet) -> bool {
    same_value(key, old.get(key), new.get(key))
}

/// For the firewall, one that is not given differs from one that is off.
fn same_given(key: &str, old: &LxcNet, new: &LxcNet) -> bool {
    old.get(key) == new.get(key)
}

fn loses_address(key: &str, old: &LxcNet, new: &LxcNet) -> bool {
    let address = |net: &LxcNet| net.get(key).and_then(|text| text.parse::<ipnet::IpNet>().ok());
    address(old).is_some_and(|old| address(new).is_none_or(|new| new.addr() != old.addr()))
}

fn silent(old: &LxcNet, new: &LxcNet, link: Link) -> BTreeSet<&'static str> {
    let differs = |key: &&str| !same_number(key, old, new);
    // Plugging the port hands the trunks over too.
    let trunks = (link == Link::Kept).then_some("trunks");
    ["mtu", "host-managed"].into_iter().chain(trunks).filter(differs).collect()
}

/// Returns the class of a change between two texts; what does not parse is refused.
pub(super) fn class_of(key: &str, old: Option<&str>, new: Option<&str>) -> Class {
    let parse = |text: Option<&str>| text.map(LxcNet::parse).transpose();
    match (parse(old), parse(new)) {
        (Ok(_), Ok(None)) => deletion(key),
        (Ok(old), Ok(Some(new))) => NetChange::of(old.as_ref(), &new).class(),
        _ => Class::Refused,
    }
}

/// Proxmox VE unplugs interfaces with one digit at once, and forgets about the others.
pub(super) fn deletion(key: &str) -> Class {
    if volume::index(key, "net").is_some_and(|number| number < 10) {
        Class::Reconnect
    } else {
        Class::Pending
    }
}

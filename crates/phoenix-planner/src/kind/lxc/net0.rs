//! `net0`: the internal interface, from `network_config`.
//!
//! It is owned whole, except what phoenix cannot declare: an undeclared MAC, rate, MTU, VLAN tags,
//! IPv6, the state of the link, and keys that it does not know stay.

use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::net::NetText;
use sha2::{Digest, Sha256};

use super::keys::{KeyChange, present};
use crate::desired::{Container, InternalInterface, Ipv4Config};
use crate::observed::Observed;
use crate::refusal::Refusal;

const KEY: &str = "net0";

/// Returns the change of `net0`, if any.
pub(super) fn change(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
) -> Result<Option<KeyChange>, Refusal> {
    let Some(wanted) = &container.net0 else { return Ok(None) };
    let before = present(conf, KEY);
    let before_net = NetText::parse(before.unwrap_or_default());
    let firewall = container.firewall.as_ref().and_then(|firewall| firewall.enabled);
    let after = with_firewall(declared(wanted, &before_net), firewall);
    if after == before_net {
        return Ok(None);
    }
    let differences = before_net.differences(&after);
    if differences.is_empty() {
        return Ok(None);
    }
    if let (Some(bridge), true) = (&wanted.bridge, differences.iter().any(|key| key == "bridge")) {
        observed.require_bridge(bridge, &wanted.origin.at("bridge"))?;
    }
    if before.is_none() && after.get("bridge").is_none() {
        return Err(Refusal::declared(
            &wanted.origin,
            format!(
                "container {} has no `net0` yet, and no bridge is declared for it",
                container.vmid
            ),
            "Add `bridge` with the name of a bridge of the node.",
        ));
    }
    let mut change = KeyChange::new(conf, KEY, Some(after.to_string()));
    if before.is_some() {
        let part = |key: &String| {
            let of = |net: &NetText| net.get(key).map(str::to_owned);
            (key.clone(), of(&before_net), of(&after))
        };
        change.parts = differences.iter().map(part).collect();
    }
    Ok(Some(change))
}

/// Returns `net0` of a container that is made. Without a declared MAC it gets one that is the same in every
/// plan.
pub(super) fn of_new(
    observed: &Observed<'_>,
    container: &Container,
) -> Result<Option<String>, Refusal> {
    let Some(wanted) = &container.net0 else { return Ok(None) };
    let Some(bridge) = &wanted.bridge else {
        let message =
            format!("container {} is new, and no bridge is declared for it", container.vmid);
        let help = "Add `bridge` with the name of a bridge of the node.";
        return Err(Refusal::declared(&wanted.origin, message, help));
    };
    observed.require_bridge(bridge, &wanted.origin.at("bridge"))?;
    let firewall = container.firewall.as_ref().and_then(|firewall| firewall.enabled);
    let net = with_firewall(declared(wanted, &NetText::parse("")), firewall);
    let mac = derived_mac(observed, container);
    Ok(Some(if net.get("hwaddr").is_some() { net } else { net.with("hwaddr", &mac) }.to_string()))
}

/// The prefix that Proxmox VE chooses Ethernet addresses with.
const PREFIX: &str = "BC:24:11";

/// Returns an Ethernet address that belongs to a guest of this domain, the same one each time.
fn derived_mac(observed: &Observed<'_>, container: &Container) -> String {
    let domain = observed.desired.identity.domain.as_ref().map_or("", |domain| &domain.value);
    let name = format!("{domain}/{}/{KEY}", container.vmid);
    let bytes = Sha256::digest(name);
    format!("{PREFIX}:{:02X}:{:02X}:{:02X}", bytes[0], bytes[1], bytes[2])
}

/// Returns the interface as declared, on top of what stays; what already means the same keeps its
/// spelling, as Proxmox VE takes another spelling of a MAC for another interface.
fn declared(wanted: &InternalInterface, before: &NetText) -> NetText {
    let mut net = set(before.clone(), "name", wanted.name.as_str());
    if let Some(bridge) = &wanted.bridge {
        net = set(net, "bridge", bridge.as_str());
    }
    if let Some(mac) = wanted.mac {
        net = set(net, "hwaddr", &mac.to_string());
    }
    match wanted.ip {
        Some(Ipv4Config::Static(ip)) => net = set(net, "ip", &ip.to_string()),
        Some(Ipv4Config::Dhcp) => net = set(net, "ip", "dhcp"),
        Some(Ipv4Config::Manual) => net = set(net, "ip", "manual"),
        None => {}
    }
    match (wanted.gateway, wanted.ip) {
        (Some(gateway), _) => set(net, "gw", &gateway.to_string()),
        (None, Some(_)) => net.without("gw"),
        (None, None) => net,
    }
}

/// Returns an interface that is filtered as declared.
pub(super) fn with_firewall(net: NetText, enabled: Option<bool>) -> NetText {
    match enabled {
        Some(true) => set(net, "firewall", "1"),
        Some(false) if net.get("firewall").is_some() => net.without("firewall"),
        Some(false) | None => net,
    }
}

/// Returns an interface with a value, unless it says the same already in other words.
pub(super) fn set(net: NetText, key: &str, value: &str) -> NetText {
    if net.says(key, value) { net } else { net.with(key, value) }
}

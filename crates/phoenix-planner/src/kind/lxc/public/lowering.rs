//! How a node takes a public interface: as the spec's string, as raw keys, or as a plain port.

use ipnet::Ipv4Net;
use phoenix_formats::net::{NetText, same_value};

use super::super::net0::{set, with_firewall};
use super::PREFIX;
use crate::desired::{Attachment, Container, PublicInterface, PublicKind};
use crate::location::Place;
use crate::observed::Observed;
use crate::probe::{Probe, argv};
use crate::refusal::Refusal;

/// Keys of the spec's string; others are not part of the declaration and stay as they are.
const OWNED: [&str; 8] = ["name", "macaddr", "hwaddr", "bridge", "type", "mode", "ip", "gw"];

/// Raw keys that the declaration decides; others, such as `mtu`, stay as they are.
const OWNED_RAW: [&str; 12] = [
    "type",
    "link",
    "flags",
    "name",
    "hwaddr",
    "macvlan.mode",
    "ipvlan.mode",
    "ipvlan.isolation",
    "veth.pair",
    "veth.mode",
    "ipv4.address",
    // Never written: a second default gateway keeps the container from starting.
    "ipv4.gateway",
];

/// A way in which a node takes a public interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lowering {
    /// The spec's string, by `pct set`.
    Pct,
    /// Raw `lxc.net.1.*` keys.
    Raw,
    /// A plain port of the bridge, by `pct set`.
    Veth,
}

/// Returns the question what types of interface the node's `pct` takes.
pub(in super::super) fn capability_probe() -> Probe {
    Probe::Run { place: Place::Node, argv: argv(["pct", "help", "set", "--verbose"]) }
}

/// Returns the types of interface that the help of `pct set` lists for `netN`.
fn types_of(help: &str) -> Vec<String> {
    // The option's text is wrapped: its words are one stream up to the next option.
    let words = help.split_whitespace().collect::<Vec<_>>().join("");
    let of_net = words.split("-net[n]").nth(1).unwrap_or_default();
    let of_type = of_net.split("type=<").nth(1).and_then(|rest| rest.split('>').next());
    of_type.unwrap_or_default().split('|').map(str::to_owned).collect()
}

/// Returns whether the node's `pct` takes a type of interface.
pub(super) fn pct_takes(observed: &Observed<'_>, kind: &str) -> bool {
    let Probe::Run { place, argv } = capability_probe() else { return false };
    let help = observed.facts.ran(place, &argv).map(|output| output.stdout.as_str());
    types_of(help.unwrap_or_default()).iter().any(|taken| taken == kind)
}

impl Lowering {
    /// Returns the lowering for this node: by what is declared, else by what the node can do.
    pub(super) fn choose(
        observed: &Observed<'_>,
        wanted: &PublicInterface,
    ) -> Result<Self, Vec<Refusal>> {
        if wanted.kind == PublicKind::Veth {
            return Ok(Self::Veth);
        }
        let takes = pct_takes(observed, wanted.kind.as_str());
        match observed.desired.network.attachment {
            Attachment::Lxc => Ok(Self::Raw),
            Attachment::Auto => Ok(if takes { Self::Pct } else { Self::Raw }),
            Attachment::Pct if takes => Ok(Self::Pct),
            Attachment::Pct => Err(vec![Refusal::declared(
                &wanted.origin.at("type"),
                format!("this node's pct does not take type={}", wanted.kind.as_str()),
                "Take `network.macvlan_attachment` away, or set it to `auto` or `lxc`.",
            )]),
        }
    }
}

/// Returns the interface as raw keys, in the order that liblxc needs: `type` resets an interface, and
/// its options are refused before it.
pub(super) fn raw_form(
    wanted: &PublicInterface,
    mac: Option<&str>,
    host_only: bool,
    present: &[(String, String)],
) -> Vec<(String, String)> {
    let mut keys =
        vec![("type", wanted.kind.as_str().to_owned()), ("link", wanted.bridge.to_string())];
    match wanted.kind {
        // The kernel's default is `private`, in which guests of one bridge do not reach each other.
        PublicKind::Macvlan(mode) => keys.push(("macvlan.mode", mode.as_str().to_owned())),
        PublicKind::Ipvlan => keys.push(("ipvlan.mode", "l3".to_owned())),
        PublicKind::Veth => {}
    }
    keys.push(("flags", "up".to_owned()));
    keys.push(("name", PublicInterface::NAME.to_owned()));
    keys.extend(mac.map(|mac| ("hwaddr", mac.to_owned())));
    keys.push(("ipv4.address", address(wanted, host_only).to_string()));
    let named = keys.into_iter().map(|(key, value)| (format!("{PREFIX}{key}"), value));
    let kept = present.iter().filter(|(key, _)| !OWNED_RAW.contains(&&key[PREFIX.len()..]));
    named.chain(kept.cloned()).collect()
}

/// Returns how the raw keys differ, one line for each that is there in both.
pub(super) fn differences(left: &[(String, String)], right: &[(String, String)]) -> Vec<String> {
    let value = |key: &str| right.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let differs = |(key, before): &(String, String)| {
        let after = value(key).filter(|after| *after != before)?;
        Some(format!("{} {before} → {after}", key.strip_prefix(PREFIX).unwrap_or(key)))
    };
    left.iter().filter_map(differs).collect()
}

/// Returns whether raw keys build the same interface.
pub(super) fn same_raw(left: &[(String, String)], right: &[(String, String)]) -> bool {
    let same = |(a, b): (&(String, String), &(String, String))| {
        let key = match a.0.strip_prefix(PREFIX) {
            Some("ipv4.address") => "ip",
            Some("hwaddr") => "hwaddr",
            _ => "",
        };
        a.0 == b.0 && same_value(key, Some(&a.1), Some(&b.1))
    };
    let sorted = |pairs: &[(String, String)]| {
        let mut pairs = pairs.to_vec();
        pairs.sort();
        pairs
    };
    let type_first = left.first().map(|(key, _)| key) == right.first().map(|(key, _)| key);
    type_first && left.len() == right.len() && sorted(left).iter().zip(&sorted(right)).all(same)
}

/// Returns the interface in the spec's form, on top of what is not part of it, but for the gateway: it
/// belongs to the interface's own table, and here it would be a second default route without a metric.
pub(super) fn spec_form(
    wanted: &PublicInterface,
    mac: Option<&str>,
    host_only: bool,
    present: Option<&NetText>,
) -> NetText {
    let net = NetText::parse(&wanted.spec_string()).without("gw");
    let net = net.with("ip", &address(wanted, host_only).to_string());
    let net = mac.map_or(net.clone(), |mac| net.with("macaddr", mac));
    let present = present.map(|present| present.pairs()).into_iter().flatten();
    present
        .filter(|(key, _)| !OWNED.contains(key))
        .fold(net, |net, (key, value)| net.with(key, value))
}

/// Returns the interface as a port of the bridge, on top of what is not declared.
pub(super) fn veth_form(
    container: &Container,
    wanted: &PublicInterface,
    mac: Option<&str>,
    host_only: bool,
    present: Option<&NetText>,
) -> NetText {
    let mut net = present.cloned().unwrap_or_default();
    // No gateway: a second one would move the container's default route at once.
    for key in ["gw", "mode", "macaddr"] {
        net = net.without(key);
    }
    net = set(net, "name", PublicInterface::NAME);
    net = set(net, "bridge", wanted.bridge.as_str());
    if let Some(mac) = mac {
        net = set(net, "hwaddr", mac);
    }
    net = set(net, "ip", &address(wanted, host_only).to_string());
    net = set(net, "type", "veth");
    with_firewall(net, container.firewall.as_ref().and_then(|firewall| firewall.enabled))
}

fn address(wanted: &PublicInterface, host_only: bool) -> Ipv4Net {
    if host_only { Ipv4Net::from(wanted.ip.addr()) } else { wanted.ip }
}

//! Lines of ip(8) that make the links of a lab.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::iproute::Link;

use super::name::LabName;
use super::shape::{INTERNET, Shape, hardware_macs};
use crate::simulated::{Nic, Origin, Plug, chosen_mac};

/// The router's bridge, by which the LAN is one wire.
const LAN: &str = "lan0";

/// Returns the lines that make the namespaces which are always there.
pub(super) fn namespaces(name: &LabName) -> Vec<String> {
    super::ALWAYS.iter().map(|place| format!("netns add {}", name.netns(place))).collect()
}

/// Returns the lines for the router: the LAN's wire, the internet, and the node's hardware plugged in.
pub(super) fn router(name: &LabName, shape: &Shape) -> Vec<String> {
    let plug = |port: &str, place: &str, end: &str, more: &str| {
        let netns = name.netns(place);
        format!("link add {port} type veth peer name {end} netns {netns}{more}")
    };
    let mut lines = vec![
        "link set lo up".to_owned(),
        format!("link add {LAN} type bridge stp_state 0 forward_delay 0"),
        plug("client", "lan", "eth0", ""),
        plug("internet", "internet", "eth0", ""),
    ];
    let macs = hardware_macs(shape);
    let mut ports = vec!["client".to_owned()];
    for (number, link) in shape.hardware().enumerate() {
        let port = format!("node{number}");
        let mac = macs.get(&link.name).map(|mac| format!(" address {mac}")).unwrap_or_default();
        lines.push(plug(&port, super::NODE, &link.name, &mac));
        ports.push(port);
    }
    lines.extend(ports.iter().map(|port| format!("link set {port} master {LAN} up")));
    lines.extend(shape.router.iter().map(|own| format!("address add {own} dev {LAN}")));
    lines.push(format!("link set {LAN} up"));
    lines.push(format!("address add {} dev internet", INTERNET[0]));
    lines.push("link set internet up".to_owned());
    lines
}

/// Returns the lines for a machine with one interface and one gateway.
pub(super) fn client(address: &str, gateway: &str) -> Vec<String> {
    vec![
        "link set lo up".to_owned(),
        format!("address add {address} dev eth0"),
        "link set eth0 up".to_owned(),
        format!("route add default via {gateway}"),
    ]
}

/// Returns the lines that make the node's own network.
pub(super) fn node(shape: &Shape) -> Vec<String> {
    let mut lines = vec!["link set lo up".to_owned()];
    let bridges = || shape.links.iter().filter(|link| link.is_bridge());
    for bridge in bridges() {
        // A kernel without VLANs refuses even to be told that there are none.
        let vlans = if bridge.vlan_filtering { " vlan_filtering 1" } else { "" };
        lines.push(format!(
            "link add {} mtu {} type bridge stp_state 0 forward_delay 0{vlans}",
            bridge.name, bridge.mtu
        ));
    }
    lines.extend(fixed_macs(shape));
    let ports = shape.hardware();
    lines.extend(ports.map(|link| match &link.master {
        Some(bridge) => format!("link set {} master {bridge} up", link.name),
        None => format!("link set {} up", link.name),
    }));
    lines.extend(bridges().map(|bridge| format!("link set {} up", bridge.name)));
    lines.extend(shape.links.iter().flat_map(addresses));
    let gateways = shape.gateways.iter();
    lines.extend(
        gateways.map(|to| format!("route add default via {} dev {}", to.address, to.device)),
    );
    lines
}

/// A bridge has the address of its first port, as ifupdown2 gives it; else it would change with every
/// guest that is plugged in.
fn fixed_macs(shape: &Shape) -> Vec<String> {
    let macs = hardware_macs(shape);
    let mut first = BTreeMap::new();
    for link in shape.hardware() {
        if let (Some(bridge), Some(mac)) = (&link.master, macs.get(&link.name)) {
            first.entry(bridge).or_insert(mac);
        }
    }
    first.iter().map(|(bridge, mac)| format!("link set {bridge} address {mac}")).collect()
}

fn addresses(link: &Link) -> Vec<String> {
    let global = link.addresses.iter().filter(|own| !own.net.addr().is_loopback());
    global.map(|own| format!("address add {} dev {}", own.net, link.name)).collect()
}

/// An interface of a guest on its way into the guest's namespace.
pub(super) struct Plugged<'a> {
    pub(super) vmid: Vmid,
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) nic: &'a Nic,
}

impl Plugged<'_> {
    /// Returns the name of the node's end of a veth, as Proxmox VE has it.
    pub(super) fn port(&self) -> String {
        format!("veth{}i{}", self.vmid, self.number)
    }

    pub(super) fn is_port(&self) -> bool {
        self.nic.kind.as_deref() == Some("veth")
    }

    /// Returns the lines that make it on the node, its inner end in the guest's namespace.
    pub(super) fn outside(&self, lab: &LabName) -> Vec<String> {
        let kind = self.nic.kind.as_deref().unwrap_or("veth");
        let (name, netns) = (&self.name, lab.netns(&self.vmid.to_string()));
        let parent = self.nic.parent.as_deref();
        let mac = self.mac();
        let mac = mac.map(|mac| format!(" address {mac}")).unwrap_or_default();
        let mtu = self.nic.mtu.map(|mtu| format!(" mtu {mtu}")).unwrap_or_default();
        match (kind, parent) {
            ("veth", _) => {
                let port = self.port();
                let add = format!(
                    "link add {port}{mtu} type veth peer name {name}{mac}{mtu} netns {netns}"
                );
                std::iter::once(add).chain(self.port_up()).collect()
            }
            ("empty" | "none", _) => Vec::new(),
            (kind, Some(parent)) => {
                // What LXC takes when nobody says it.
                let private = (kind == "macvlan").then_some("private");
                let mode = self.nic.mode.as_deref().or(private);
                let mode = mode.map(|mode| format!(" mode {mode}")).unwrap_or_default();
                vec![format!(
                    "link add link {parent} name {name} netns {netns}{mac}{mtu} type {kind}{mode}"
                )]
            }
            (kind, None) => vec![format!("link add name {name} netns {netns}{mac} type {kind}")],
        }
    }

    /// Returns the lines that plug the node's end of a veth in, when LXC has made the pair.
    pub(super) fn port_up(&self) -> Vec<String> {
        let port = self.port();
        let plug =
            self.nic.parent.as_ref().map(|bridge| format!("link set {port} master {bridge}"));
        let up = (self.nic.state != Plug::Unplugged).then(|| format!("link set {port} up"));
        plug.into_iter().chain(up).collect()
    }

    /// Returns the keys of lxc.container.conf(5) that make it.
    pub(super) fn keys(&self) -> Vec<String> {
        let kind = self.nic.kind.as_deref().unwrap_or("veth");
        let pair = self.is_port().then(|| ("veth.pair".to_owned(), self.port()));
        let link = self.nic.parent.clone().filter(|_| !self.is_port());
        let mode = self.nic.mode.clone().map(|mode| (format!("{kind}.mode"), mode));
        let own = |key: &str, value: Option<String>| value.map(|value| (key.to_owned(), value));
        let keys = [
            own("type", Some(kind.to_owned())),
            own("link", link),
            own("name", Some(self.name.clone())),
            own("hwaddr", self.mac()),
            own("mtu", self.nic.mtu.map(|mtu| mtu.to_string())),
        ];
        let keys = keys.into_iter().chain([pair, mode]).flatten();
        keys.map(|(key, value)| format!("lxc.net.{}.{key} = {value}", self.number)).collect()
    }

    fn mac(&self) -> Option<String> {
        let may = self.nic.kind.as_deref() != Some("ipvlan");
        let given = self.nic.mac.clone().filter(|_| may);
        given.or_else(|| self.is_port().then(|| chosen_mac(self.vmid, self.number)))
    }

    /// Returns the lines that set it up inside.
    pub(super) fn inside(&self) -> Vec<String> {
        let name = &self.name;
        let mut lines = Vec::new();
        // Setting the link up fails while its Ethernet address is in use, and then all of it is tried again.
        let addresses = self.nic.addresses.iter();
        lines.extend(addresses.map(|own| format!("address replace {own} dev {name}")));
        if self.nic.state != Plug::Down {
            lines.push(format!("link set {name} up"));
        }
        let gateways = self.nic.early_gateways.iter().chain(&self.nic.gateways);
        lines.extend(gateways.map(|to| {
            let near = self.nic.addresses.iter().any(|own| own.contains(to));
            let far = if near { "" } else { " onlink" };
            format!("route replace default via {to} dev {name}{far}")
        }));
        lines
    }

    /// Returns whether the guest sets it up itself, once it is started.
    pub(super) fn is_the_guests(&self) -> bool {
        self.nic.origin == Origin::Setting
    }
}

//! What a declared container would take away from the node, or from a guest that is not declared.
//!
//! Among the declared ones the operator's files are checked when they are read; here it is about
//! what only the node knows.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::net::NetText;
use phoenix_formats::{MacAddr, Vmid};

use crate::desired::{Container, Ipv4Config};
use crate::kind::shim;
use crate::location::Location;
use crate::observed::Observed;
use crate::refusal::Refusal;
use crate::source::Origin;

/// Something of which there can be one on a network, in the words of the complaint.
type Claim = (&'static str, String);

/// Returns every address, MAC and host name that a declared container shares with the node, or with a
/// guest of the node that is not declared.
pub(super) fn find(observed: &Observed<'_>) -> Vec<Refusal> {
    let guests = observed.undeclared().flat_map(|(vmid, at, text)| {
        claims_of_guest(text).into_iter().map(move |claim| (claim, Owner::Guest(vmid, at.clone())))
    });
    let node = claims_of_node(observed).into_iter().map(|claim| (claim, Owner::Node));
    let taken = guests.chain(node).collect::<BTreeMap<_, _>>();
    let declared = observed.desired.containers.values().flat_map(claims_of_declared);
    let clash =
        |(claim, origin): (Claim, Origin)| Some(refusal(&claim, &origin, taken.get(&claim)?));
    declared.filter_map(clash).collect()
}

/// Who has something already.
enum Owner {
    Node,
    Guest(Vmid, Location),
}

fn refusal((what, value): &Claim, origin: &Origin, owner: &Owner) -> Refusal {
    let (whose, help) = match owner {
        Owner::Node => {
            ("this node's own".to_owned(), "Take another one for the container.".to_owned())
        }
        Owner::Guest(vmid, at) => (
            format!("that of guest {vmid} on this node"),
            format!("Take another one, or change guest {vmid} first (see {at})."),
        ),
    };
    Refusal::declared(origin, format!("{what} {value} is already {whose}"), help)
}

/// Returns the guest that is not declared and has an address.
pub(in crate::kind) fn undeclared_owner(observed: &Observed<'_>, ip: Ipv4Addr) -> Option<Vmid> {
    let claim = ("address", ip.to_string());
    let mut guests = observed.undeclared();
    guests.find(|(_, _, text)| claims_of_guest(text).contains(&claim)).map(|(vmid, ..)| vmid)
}

fn claims_of_node(observed: &Observed<'_>) -> Vec<Claim> {
    // Of the shim's address the files decide, and its MAC is a new one each time.
    let links = || observed.links.iter().filter(|link| link.name != shim::LINK);
    let name = observed.node_name().map(|name| ("host name", name.to_lowercase()));
    let macs = links().filter_map(|link| Some(("MAC", link.mac?.to_string())));
    let addresses = links().flat_map(|link| &link.addresses);
    let addresses = addresses.map(|address| ("address", address.net.addr().to_string()));
    name.into_iter().chain(macs).chain(addresses).collect()
}

fn claims_of_declared(container: &Container) -> Vec<(Claim, Origin)> {
    let mut claims = Vec::new();
    if let Some(name) = &container.hostname {
        claims.push((("host name", name.value.to_lowercase()), name.origin.clone()));
    }
    if let Some(net0) = &container.net0 {
        claims.extend(net0.mac.map(|mac| (("MAC", mac.to_string()), net0.origin.clone())));
        if let Some(Ipv4Config::Static(ip)) = net0.ip {
            claims.push((("address", ip.addr().to_string()), net0.origin.at("ip")));
        }
    }
    if let Some(public) = container.public.as_ref().filter(|public| public.enabled) {
        claims.push((("address", public.ip.addr().to_string()), public.origin.at("ip")));
        let mac = public.mac.map(|mac| (("MAC", mac.to_string()), public.origin.at("mac_address")));
        claims.extend(mac);
    }
    claims
}

/// Returns what a guest's configuration claims; a container's and a virtual machine's lines differ,
/// and both are read: a MAC is a MAC wherever it stands.
fn claims_of_guest(text: &str) -> Vec<Claim> {
    let conf = LxcConf::parse(text);
    let mut claims = Vec::new();
    for (key, value) in conf.entries() {
        match key {
            "hostname" | "name" => claims.push(("host name", value.to_lowercase())),
            _ if key.starts_with("net") || key.starts_with("ipconfig") => {
                claims.extend(of_net(value));
            }
            _ => {}
        }
    }
    for (key, value) in conf.raw() {
        match key.rsplit_once('.') {
            Some((_, "hwaddr")) => claims.extend(mac(value)),
            Some((_, "address")) => claims.extend(address(value)),
            _ => {}
        }
    }
    claims
}

fn of_net(value: &str) -> Vec<Claim> {
    let net = NetText::parse(value);
    let macs = net.pairs().filter_map(|(_, value)| mac(value));
    let address = net.get("ip").and_then(address);
    macs.chain(address).collect()
}

fn mac(text: &str) -> Option<Claim> {
    Some(("MAC", text.parse::<MacAddr>().ok()?.to_string()))
}

fn address(text: &str) -> Option<Claim> {
    let address = text.split('/').next()?.parse::<Ipv4Addr>().ok()?;
    Some(("address", address.to_string()))
}

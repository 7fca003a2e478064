//! Links and addresses as ip(8) writes them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::MacAddr;

/// What ip(8) says when something lives for ever: the largest number of 32 bits.
const FOR_EVER: u32 = u32::MAX;

/// Says why a text is not what ip(8) prints.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The text is not JSON at all.
    #[error("not JSON")]
    NotJson(#[source] serde_json::Error),
    /// It is JSON of another shape.
    #[error("not the JSON that `ip` prints")]
    Shape(#[source] serde_json::Error),
    /// It holds no answer.
    #[error("`ip` says nothing")]
    Empty,
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() { Self::Shape(error) } else { Self::NotJson(error) }
    }
}

/// How far an address is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everywhere.
    Global,
    /// On this machine only.
    Host,
    /// On the link only.
    Link,
    /// Another one.
    #[serde(other)]
    Other,
}

/// An address of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkAddress {
    /// The address with its prefix.
    pub net: IpNet,
    /// The label, such as `vmbr0:1`; IPv6 addresses have none.
    pub label: Option<String>,
    /// How far it is known.
    pub scope: Scope,
    /// Says that another address of the same subnet came first.
    pub secondary: bool,
}

/// A network interface as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number, from 1.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it is (`bridge`, `veth`, `macvlan`, `bond`, `vlan` …); hardware has no kind.
    pub kind: Option<String>,
    /// The link below a macvlan or VLAN, or the other end of a veth in the same namespace.
    pub lower: Option<String>,
    /// The bridge or bond that it is a port of.
    pub master: Option<String>,
    /// Its Ethernet address.
    pub mac: Option<MacAddr>,
    /// What is on the wire: `ether`, `loopback`, `none` …
    pub link_type: String,
    /// The MTU in bytes.
    pub mtu: u32,
    /// The flags, such as `UP` and `LOWER_UP`.
    pub flags: Vec<String>,
    /// Says that a bridge keeps VLANs apart.
    pub vlan_filtering: bool,
    /// The addresses, in order.
    pub addresses: Vec<LinkAddress>,
}

impl Link {
    /// Says whether it is hardware: Ethernet that no driver of virtual links made.
    pub fn is_physical(&self) -> bool {
        self.link_type == "ether" && self.kind.is_none()
    }

    /// Says whether it is a Linux bridge.
    pub fn is_bridge(&self) -> bool {
        self.kind.as_deref() == Some("bridge")
    }

    /// Says whether it is set up by its administrator, with or without a carrier.
    pub fn is_up(&self) -> bool {
        self.flags.iter().any(|flag| flag == "UP")
    }
}

/// Reads what `ip -json -details address show` prints.
///
/// # Errors
///
/// Says that the text is not JSON, or not of this shape. Fields that are not known are skipped.
pub fn read_links(json: &str) -> Result<Vec<Link>, ReadError> {
    let raw: Vec<RawLink> = serde_json::from_str(json)?;
    // ip(8) prints empty objects for links that a filter leaves out.
    Ok(raw.into_iter().filter(|link| !link.ifname.is_empty()).map(Link::from).collect())
}

/// Writes links as `ip -json -details address show` prints them, in one line without an end.
pub fn links_json(links: &[Link]) -> String {
    let raw: Vec<RawLink> = links.iter().map(RawLink::from).collect();
    serde_json::to_string(&raw).expect("text, numbers and lists are always JSON")
}

/// A link in the order in which ip(8) writes its fields.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct RawLink {
    ifindex: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    ifname: String,
    flags: Vec<String>,
    mtu: u32,
    qdisc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    master: Option<String>,
    operstate: String,
    group: String,
    txqlen: u32,
    link_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast: Option<String>,
    promiscuity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    linkinfo: Option<RawInfo>,
    addr_info: Vec<RawAddress>,
}

// Written out, since a link of ip(8) without a field is not a link with the empty text in it.
impl Default for RawLink {
    fn default() -> Self {
        Self {
            ifindex: 0,
            link: None,
            ifname: String::new(),
            flags: Vec::new(),
            mtu: 0,
            qdisc: "noqueue".to_owned(),
            master: None,
            operstate: "UNKNOWN".to_owned(),
            group: "default".to_owned(),
            txqlen: 1000,
            link_type: String::new(),
            address: None,
            broadcast: None,
            promiscuity: 0,
            linkinfo: None,
            addr_info: Vec::new(),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct RawInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    info_kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info_data: Option<RawData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info_slave_kind: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct RawData {
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan_filtering: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct RawAddress {
    family: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<IpAddr>,
    prefixlen: u8,
    scope: Scope,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    secondary: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default)]
    valid_life_time: u32,
    #[serde(default)]
    preferred_life_time: u32,
}

impl From<RawLink> for Link {
    fn from(raw: RawLink) -> Self {
        let info = raw.linkinfo.unwrap_or_default();
        let filtering = info.info_data.and_then(|data| data.vlan_filtering);
        Self {
            index: raw.ifindex,
            name: raw.ifname,
            kind: info.info_kind,
            lower: raw.link,
            master: raw.master,
            mac: raw.address.and_then(|mac| mac.parse().ok()),
            link_type: raw.link_type,
            mtu: raw.mtu,
            flags: raw.flags,
            vlan_filtering: filtering.is_some_and(|value| value != 0),
            addresses: raw.addr_info.into_iter().filter_map(address).collect(),
        }
    }
}

/// Reads an address; one without `local`, as tunnels can have, is none here.
fn address(raw: RawAddress) -> Option<LinkAddress> {
    let net = IpNet::new(raw.local?, raw.prefixlen).ok()?;
    Some(LinkAddress { net, label: raw.label, scope: raw.scope, secondary: raw.secondary })
}

impl From<&Link> for RawLink {
    fn from(link: &Link) -> Self {
        let ether = link.link_type == "ether";
        let state = if link.link_type == "loopback" {
            "UNKNOWN"
        } else if link.is_up() {
            "UP"
        } else {
            "DOWN"
        };
        let broadcast = if ether { "ff:ff:ff:ff:ff:ff" } else { "00:00:00:00:00:00" };
        Self {
            ifindex: link.index,
            link: link.lower.clone(),
            ifname: link.name.clone(),
            flags: link.flags.clone(),
            mtu: link.mtu,
            master: link.master.clone(),
            operstate: state.to_owned(),
            link_type: link.link_type.clone(),
            address: link.mac.map(|mac| mac.to_string().to_ascii_lowercase()),
            broadcast: link.mac.map(|_| broadcast.to_owned()),
            linkinfo: info(link),
            addr_info: link.addresses.iter().map(RawAddress::from).collect(),
            ..Self::default()
        }
    }
}

fn info(link: &Link) -> Option<RawInfo> {
    let data =
        link.is_bridge().then(|| RawData { vlan_filtering: Some(u32::from(link.vlan_filtering)) });
    let port = link.master.as_ref().map(|_| "bridge".to_owned());
    let info = RawInfo { info_kind: link.kind.clone(), info_data: data, info_slave_kind: port };
    (info.info_kind.is_some() || info.info_slave_kind.is_some()).then_some(info)
}

impl From<&LinkAddress> for RawAddress {
    fn from(address: &LinkAddress) -> Self {
        let family = if address.net.addr().is_ipv4() { "inet" } else { "inet6" };
        Self {
            family: family.to_owned(),
            local: Some(address.net.addr()),
            prefixlen: address.net.prefix_len(),
            scope: address.scope.clone(),
            secondary: address.secondary,
            label: address.label.clone(),
            valid_life_time: FOR_EVER,
            preferred_life_time: FOR_EVER,
        }
    }
}

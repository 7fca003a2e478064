//! What is wanted of the node itself: its network and its names.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::Ipv4Net;
use phoenix_formats::BridgeName;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Located;

/// How a public interface is attached: `network.macvlan_attachment`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Attachment {
    /// By what the node can do: `pct` where it takes the type, else raw keys.
    #[default]
    Auto,
    /// Always by `pct set`.
    Pct,
    /// Always by raw `lxc.net.N.*` keys.
    Lxc,
}

/// What is declared under `network`.
#[derive(Debug, Clone)]
pub struct Network {
    /// `network.public_bridge`: the bridge of public interfaces.
    pub public_bridge: Option<Located<BridgeName>>,
    /// `network.public_subnet`: the subnet of public addresses, where the node has none in it.
    pub public_subnet: Option<Located<Ipv4Net>>,
    /// `network.public_shim_address`: the node's own address beside its macvlan containers.
    pub shim: Option<Located<Ipv4Addr>>,
    /// `network.macvlan_attachment`; `auto` when absent.
    pub attachment: Attachment,
    /// `network.public_domain`, in lower case and without a dot at its end: what lies below it must lead to
    /// the public address.
    pub public_domain: Option<Located<String>>,
    /// `network.public_resolver`: who is asked for the public domain.
    pub public_resolver: Option<Located<SocketAddr>>,
    /// `network.interfaces.name`: the node's own bridge.
    pub bridge: Option<Located<BridgeName>>,
    /// `network.interfaces.address`: the node's own address.
    pub address: Option<Located<Ipv4Net>>,
    /// `network.interfaces.gateway`: the node's way to everywhere else.
    pub gateway: Option<Located<Ipv4Addr>>,
    /// `network.interfaces.dns_nameservers`; `None` leaves them alone.
    pub nameservers: Option<Vec<Located<IpAddr>>>,
}

/// What the node is called, and in which time it lives.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// `network.hostname`: the node's name without domain; `None` leaves it alone.
    pub hostname: Option<Located<String>>,
    /// `domain_name`, in lower case and without a dot at its end; `None` when it is not declared.
    pub domain: Option<Located<String>>,
    /// `timezone`, as tzdata names it; `None` leaves it alone.
    pub timezone: Option<Located<String>>,
}

//! What is wanted of the interfaces of containers.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use phoenix_formats::{BridgeName, InterfaceName, MacAddr};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::location::AbsolutePath;
use crate::source::Origin;

/// The IPv4 configuration of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ipv4Config {
    /// A fixed address with its prefix length.
    Static(Ipv4Net),
    /// By DHCP.
    Dhcp,
    /// Left to the guest.
    Manual,
}

/// `network_config` of a container: its `net0`.
#[derive(Debug, Clone)]
pub struct InternalInterface {
    /// Where it stands.
    pub origin: Origin,
    /// The name inside the container, such as `eth0`.
    pub name: InterfaceName,
    /// The bridge; `None` leaves it alone.
    pub bridge: Option<BridgeName>,
    /// `mac_address` of the container, or `network_config.hwaddr`; `None` keeps the present one.
    pub mac: Option<MacAddr>,
    /// The address; `None` leaves it alone.
    pub ip: Option<Ipv4Config>,
    /// The gateway; `None` with a static address means none.
    pub gateway: Option<Ipv4Addr>,
}

/// How a public interface is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKind {
    /// A macvlan child of the bridge, in this mode.
    Macvlan(MacvlanMode),
    /// An ipvlan child in L3 mode, with the parent's MAC.
    Ipvlan,
    /// A port of the bridge like any other, which Proxmox VE's firewall can see.
    Veth,
}

impl PublicKind {
    /// Returns the word of the operator's file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Macvlan(_) => "macvlan",
            Self::Ipvlan => "ipvlan",
            Self::Veth => "veth",
        }
    }
}

/// The mode of a macvlan interface (ip-link(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MacvlanMode {
    /// Children of one parent reach each other.
    #[default]
    Bridge,
    /// Children reach nothing but what is outside.
    Private,
    /// Children reach each other through an outside switch that reflects.
    Vepa,
}

impl MacvlanMode {
    /// Returns the kernel's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Private => "private",
            Self::Vepa => "vepa",
        }
    }
}

/// `public_interface` of a container: its `net1`.
#[derive(Debug, Clone)]
pub struct PublicInterface {
    /// Where it stands.
    pub origin: Origin,
    /// `false` takes the interface away again.
    pub enabled: bool,
    /// `type` and `mode`.
    pub kind: PublicKind,
    /// The bridge: `network.public_bridge`.
    pub bridge: BridgeName,
    /// The public address with the prefix length of its subnet.
    pub ip: Ipv4Net,
    /// The gateway of the public subnet.
    pub gateway: Option<Ipv4Addr>,
    /// The declared MAC; `None` for ipvlan, which has none of its own.
    pub mac: Option<MacAddr>,
    /// Files whose listen lines are kept on all interfaces; `/etc/nginx/sites-available/gateway` by default.
    pub nginx_sites: Vec<AbsolutePath>,
}

impl PublicInterface {
    /// The interface's name inside the container: the spec gives it.
    pub const NAME: &'static str = "eth1";
    /// The interface's index: `net1`, `lxc.net.1.*`.
    pub const INDEX: u8 = 1;

    /// Returns the interface in the spec's form, which plans always show.
    pub fn spec_string(&self) -> String {
        let mut words = vec![format!("name={}", Self::NAME)];
        words.extend(self.mac.map(|mac| format!("macaddr={mac}")));
        words.push(format!("bridge={}", self.bridge));
        words.push(format!("type={}", self.kind.as_str()));
        words.extend(match self.kind {
            PublicKind::Macvlan(mode) => Some(format!("mode={}", mode.as_str())),
            PublicKind::Ipvlan => Some("mode=l3".to_owned()),
            PublicKind::Veth => None,
        });
        words.push(format!("ip={}", self.ip));
        words.extend(self.gateway.map(|gateway| format!("gw={gateway}")));
        words.join(",")
    }
}

//! What the operator wants, checked: if you hold a [`Desired`], its values are valid on their own and
//! agree with each other. What only the node can tell is checked when a plan is made.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use phoenix_formats::firewall::Rule;
use phoenix_formats::{BridgeName, InterfaceName, MacAddr, Vmid};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::location::AbsolutePath;
use crate::source::Origin;

/// A value with the place where the operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub origin: Origin,
}

/// Everything that the operator declares and phoenix manages.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The node's network, as far as guests need it.
    pub network: Network,
    /// The cluster's firewall; `None` when it is not declared, and then left alone.
    pub firewall: Option<ClusterFirewall>,
    /// The containers by number.
    pub containers: BTreeMap<Vmid, Container>,
    /// The virtual machines by number.
    pub vms: BTreeMap<Vmid, Vm>,
}

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
    /// `network.macvlan_attachment`; `auto` when absent.
    pub attachment: Attachment,
    /// `network.interfaces.name`: the node's own bridge.
    pub bridge: Option<Located<BridgeName>>,
    /// `network.interfaces.address`: the node's own address.
    pub address: Option<Located<Ipv4Net>>,
}

/// A firewall policy for what no rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Policy {
    /// Let it through.
    Accept,
    /// Drop it silently.
    Drop,
    /// Refuse it with an answer.
    Reject,
}

impl Policy {
    /// Returns the word that `.fw` files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
            Self::Reject => "REJECT",
        }
    }
}

/// The `firewall` object of the global file.
#[derive(Debug, Clone)]
pub struct ClusterFirewall {
    /// Where it stands.
    pub origin: Origin,
    /// `enabled`; `None` leaves the option alone.
    pub enabled: Option<bool>,
    /// `default_input_policy`; `None` leaves the option alone.
    pub policy_in: Option<Policy>,
    /// `default_output_policy`; `None` leaves the option alone.
    pub policy_out: Option<Policy>,
    /// `global_firewall_rules` in order; `None` leaves the rules alone, empty means no rules.
    pub rules: Option<Vec<Located<Rule>>>,
}

/// The `firewall` object of a guest.
#[derive(Debug, Clone)]
pub struct GuestFirewall {
    /// Where it stands.
    pub origin: Origin,
    /// `enabled`; `None` leaves the option alone.
    pub enabled: Option<bool>,
    /// `default_input_policy` or `policy_in`; `None` leaves the option alone.
    pub policy_in: Option<Policy>,
    /// `default_output_policy` or `policy_out`; `None` leaves the option alone.
    pub policy_out: Option<Policy>,
    /// `rules` in order, interface names already as Proxmox VE wants them (`net1` for `eth1`);
    /// `None` leaves the rules alone, empty means no rules.
    pub rules: Option<Vec<Located<Rule>>>,
}

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

/// Start order of a guest: `boot_order` and `boot_delay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Startup {
    /// `order=`.
    pub order: Option<u32>,
    /// `up=`: seconds to wait after its start.
    pub up: Option<u32>,
    /// `down=`: seconds to wait for its shutdown.
    pub down: Option<u32>,
}

/// One container.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its number.
    pub vmid: Vmid,
    /// Where it stands.
    pub origin: Origin,
    /// `name`: its host name.
    pub hostname: Option<Located<String>>,
    /// `memory_mb` in MiB.
    pub memory: Option<Located<u64>>,
    /// `swap_mb` in MiB.
    pub swap: Option<Located<u64>>,
    /// `cores`.
    pub cores: Option<Located<u32>>,
    /// `start_at_boot`.
    pub onboot: Option<Located<bool>>,
    /// `boot_order`, `boot_delay`; `None` when neither is declared.
    pub startup: Option<Located<Startup>>,
    /// `network_config.nameservers`; `None` leaves them alone, empty means the node's.
    pub nameservers: Option<Located<Vec<IpAddr>>>,
    /// Nesting from `apparmor_manages_nesting` or `pct_options`; `None` leaves it alone.
    pub nesting: Option<Located<bool>>,
    /// Other `features` of `pct_options`, such as `keyctl=1`.
    pub features: BTreeMap<String, Located<String>>,
    /// `network_config`: `net0`.
    pub net0: Option<InternalInterface>,
    /// `public_interface`: `net1`. A disabled one without an address is as good as none.
    pub public: Option<PublicInterface>,
    /// `lxc_options` as raw keys and values, in order.
    pub raw: Vec<Located<(String, String)>>,
    /// `firewall`.
    pub firewall: Option<GuestFirewall>,
    /// `dependencies` and `clone_from_ctid`.
    pub dependencies: Vec<Located<Vmid>>,
}

/// One virtual machine, as far as phoenix manages it yet: its name, address and firewall.
#[derive(Debug, Clone)]
pub struct Vm {
    /// Its number.
    pub vmid: Vmid,
    /// Where it stands.
    pub origin: Origin,
    /// `name`.
    pub name: Option<Located<String>>,
    /// `network_config.ip`, when it is a fixed address.
    pub address: Option<Located<Ipv4Net>>,
    /// `firewall`.
    pub firewall: Option<GuestFirewall>,
    /// `dependencies` and `clone_from_vmid`.
    pub dependencies: Vec<Located<Vmid>>,
}

//! What is wanted of guests.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::Ipv4Net;
use phoenix_formats::Vmid;

use super::{
    GuestFirewall, HealthCheck, InternalInterface, Located, Making, Mount, PublicInterface,
};
use crate::source::Origin;

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
    /// How it comes to be.
    pub making: Making,
    /// `mount_points`, `volumes`, `zfs_volumes` and `shared_volumes`, by the path in the container.
    pub mounts: Vec<Mount>,
    /// `health_check`.
    pub health: Option<HealthCheck>,
    /// `lxc_options`, `apparmor_profile` and `id_maps` as raw keys and values, in order.
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

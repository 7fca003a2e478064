//! What is wanted of guests.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use phoenix_formats::{BridgeName, Vmid};

use super::{
    GuestFirewall, HealthCheck, InternalInterface, Ipv4Config, Located, Making, Mount,
    PublicInterface,
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

/// What a virtual machine is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VmSource {
    /// `clone_from_vmid`: a full clone of another one.
    Clone(Located<Vmid>),
    /// `template_image`: a file's absolute path or a volume.
    Image(Located<String>),
}

/// What counts only when a virtual machine is made: its own value, else that of `vm_defaults`.
#[derive(Debug, Clone, Default)]
pub struct VmMaking {
    /// `cores`.
    pub cores: Option<u32>,
    /// `memory_mb` in MiB.
    pub memory: Option<u64>,
    /// `disk_size_gb` in GiB; the default is for clones only, since images have a size of their own.
    pub disk: Option<Located<u64>>,
    /// `storage_pool`.
    pub storage: Option<String>,
    /// `network_bridge`.
    pub bridge: Option<Located<BridgeName>>,
}

/// The addresses that cloud-init gives to a virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmAddress {
    /// `network_config.ip`.
    pub ip: Ipv4Config,
    /// `network_config.gw`.
    pub gateway: Option<Ipv4Addr>,
}

/// One virtual machine.
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
    /// `cores`.
    pub cores: Option<Located<u32>>,
    /// `memory_mb` in MiB.
    pub memory: Option<Located<u64>>,
    /// `disk_size_gb` in GiB.
    pub disk: Option<Located<u64>>,
    /// `network_bridge`.
    pub bridge: Option<Located<BridgeName>>,
    /// `start_at_boot`.
    pub onboot: Option<Located<bool>>,
    /// `boot_order`, `boot_delay`; `None` when neither is declared.
    pub startup: Option<Located<Startup>>,
    /// `network_config.ip` and `gw`: what cloud-init sets.
    pub cloud_address: Option<VmAddress>,
    /// `network_config.nameserver`; `None` leaves them alone.
    pub nameservers: Option<Located<Vec<IpAddr>>>,
    /// `user_config.username`.
    pub user: Option<Located<String>>,
    /// `is_template`; `None` leaves it alone.
    pub is_template: Option<Located<bool>>,
    /// `template_snapshot_name`; none for a template, which cannot have one.
    pub snapshot: Option<Located<String>>,
    /// What it is made of; `None` when it is not to be made.
    pub source: Option<VmSource>,
    /// What counts when it is made.
    pub making: VmMaking,
}

impl Vm {
    /// Returns whether it is declared to be a template.
    pub fn is_template(&self) -> bool {
        self.is_template.as_ref().is_some_and(|located| located.value)
    }
}

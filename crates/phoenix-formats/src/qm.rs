//! A virtual machine's configuration file, `/etc/pve/qemu-server/<vmid>.conf`, and its `netN` and
//! `ipconfigN` values: `virtio=BC:24:11:00:00:01,bridge=vmbr0` and `ip=10.0.0.5/24,gw=10.0.0.1`.
//!
//! The manual is qm.conf(5); the rules of the values are the schemas of `PVE::QemuServer` and what it does
//! with an `ipconfigN` when the machine starts, measured by running them on a corpus. The grammar of the
//! file is that of a container's but for its heads, its keys, and that it has no raw keys.
//!
//! Owns which strings Proxmox VE takes and how it prints them, and an editor that changes nothing but the
//! lines it was told to change. Deliberately not understood: the types of settings beyond these two, what
//! Proxmox VE keeps in `[special:…]`, whether a bridge exists, what cloud-init makes of an address, and
//! whether a gateway can be reached from it.

mod conf;
mod ipconfig;
mod net;
mod schema;
mod view;

pub use conf::{VmConf, is_agent_on, is_key};
pub use ipconfig::{IpConfig, IpConfigError};
pub use net::{FirewallFlag, VmNet};
pub use view::{ipconfig_view, net_view};

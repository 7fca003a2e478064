//! The `netN` and `ipconfigN` values of a virtual machine: `virtio=BC:24:11:00:00:01,bridge=vmbr0` and
//! `ip=10.0.0.5/24,gw=10.0.0.1`.
//!
//! The manual is qm.conf(5); the rules are the schemas of `PVE::QemuServer` and what it does with an
//! `ipconfigN` when the machine starts, measured by running them on a corpus.
//!
//! Owns which strings Proxmox VE takes and how it prints them. Deliberately not understood: whether a
//! bridge exists, what cloud-init makes of an address, and whether a gateway can be reached from it.

mod ipconfig;
mod net;
mod schema;
mod view;

pub use ipconfig::{IpConfig, IpConfigError};
pub use net::{FirewallFlag, VmNet};
pub use view::{ipconfig_view, net_view};

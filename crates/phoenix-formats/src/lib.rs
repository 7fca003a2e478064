//! Reads and writes the file formats that a Proxmox VE node keeps, losing nothing it does not understand.
//!
//! Every codec follows the same rules:
//!
//! - It never does IO: text in, values and text out.
//! - Parsing never fails as a whole. What is wrong with a line is a [`Warning`] with its position.
//! - An edit changes only what it was told to change; every other byte stays.

pub mod certificate;
pub mod dnsmasq;
pub mod firewall;
pub mod fstab;
pub mod hosts;
pub mod id_map;
pub mod interfaces;
pub mod iproute;
pub mod iptables;
mod lines;
pub mod lxc_conf;
mod mac_addr;
mod names;
pub mod net;
pub mod nginx;
pub mod pct;
pub mod property;
pub mod public_interface;
pub mod qm;
pub mod resolv_conf;
pub mod storage_cfg;
pub mod subid;
mod vmid;
mod warning;
pub mod yaml;

pub use mac_addr::{MacAddr, ParseMacAddrError};
pub use names::{BridgeName, InterfaceName, NodeName, ParseNameError};
pub use vmid::{ParseVmidError, Vmid};
pub use warning::Warning;

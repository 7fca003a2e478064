//! What `pct` would look up on the node.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::{LxcNet, NetError, NetText};

/// A bridge of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bridge {
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Whether it filters VLANs itself.
    pub vlan_aware: bool,
    /// Whether a physical interface is its port; VLAN tags need one unless it is VLAN aware.
    pub has_uplink: bool,
}

impl Bridge {
    /// Returns a bridge with a physical port that is not VLAN aware, as installers make it.
    pub fn new(mtu: u32) -> Self {
        Self { mtu, vlan_aware: false, has_uplink: true }
    }
}

/// How a storage names the volumes of containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// As raw images in a directory: `local:101/vm-101-disk-0.raw`.
    Directory,
    /// As block devices: `local-lvm:vm-101-disk-0`.
    Block,
}

/// What is known about which things of a kind exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: any of them may exist, so none is refused for its absence.
    Any,
    /// These exist, and no others.
    Only(BTreeSet<String>),
}

impl Known {
    /// Returns that these exist and no others.
    pub fn only<const N: usize>(names: [&str; N]) -> Self {
        Self::Only(names.iter().map(|name| (*name).to_owned()).collect())
    }

    pub(super) fn may_have(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(name),
        }
    }
}

/// What `pct set` would look up on the node, and the Ethernet address that it would choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// The bridges by name.
    pub bridges: BTreeMap<String, Bridge>,
    /// The device nodes that exist, with their whole paths.
    pub devices: Known,
    /// The directories that exist, as far as containers could mount them.
    pub directories: Known,
    /// The storages whose new volumes can be told beforehand.
    pub storages: BTreeMap<String, Storage>,
    /// The hook scripts that exist, as volumes.
    pub hookscripts: Known,
    /// What stands for an Ethernet address that `pct` chooses at random.
    pub random_mac: String,
}

impl NodeView {
    /// The text that stands for a random Ethernet address unless the caller gives another.
    pub const RANDOM_MAC: &str = "<RANDOM-MAC>";

    /// Returns a node with these bridges, the device nodes of every kernel, the storages that the
    /// installer makes and no hook scripts.
    pub fn with_bridges(bridges: BTreeMap<String, Bridge>) -> Self {
        let devices =
            ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "fuse", "kvm", "net/tun"];
        Self {
            bridges,
            devices: Known::Only(devices.iter().map(|name| format!("/dev/{name}")).collect()),
            directories: Known::Any,
            storages: BTreeMap::from([
                ("local".to_owned(), Storage::Directory),
                ("local-lvm".to_owned(), Storage::Block),
            ]),
            hookscripts: Known::Only(BTreeSet::new()),
            random_mac: Self::RANDOM_MAC.to_owned(),
        }
    }

    /// Reads a stored interface, also one whose address is only the text that stands for one.
    pub(super) fn stored_net(&self, value: &str) -> Result<LxcNet, NetError> {
        let text = NetText::parse(value);
        if text.get("hwaddr") != Some(self.random_mac.as_str()) {
            return LxcNet::parse(value);
        }
        Ok(LxcNet::parse(&text.without("hwaddr").to_string())?.completed(&self.random_mac))
    }
}

impl Default for NodeView {
    /// Returns a node with the bridge `vmbr0` of MTU 1500.
    fn default() -> Self {
        Self::with_bridges(BTreeMap::from([("vmbr0".to_owned(), Bridge::new(1500))]))
    }
}

//! A machine's network interface.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::schema::NET_SCHEMA;
use crate::MacAddr;
use crate::net::NetError;

/// A machine's `netN` value that Proxmox VE takes: property to value, booleans as `0` and `1`, all else
/// verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmNet {
    values: BTreeMap<&'static str, String>,
}

impl VmNet {
    /// Returns the value, or everything that Proxmox VE would refuse it for.
    pub fn parse(text: &str) -> Result<Self, NetError> {
        NET_SCHEMA.parse(text).map(|values| Self { values })
    }

    /// Returns a property's value as Proxmox VE keeps it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Returns whether a boolean property is `1`; one that is not given is not.
    pub fn is_on(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    /// Returns the network card, such as `virtio`.
    pub fn model(&self) -> &str {
        self.get("model").unwrap_or_default()
    }

    /// Returns the Ethernet address, equal whatever its letter case.
    pub fn mac(&self) -> Option<MacAddr> {
        self.get("macaddr").and_then(|text| text.parse().ok())
    }

    /// Returns the value with the interface behind the firewall or not.
    #[must_use = "the value itself is not changed"]
    pub fn with_firewall(&self, on: FirewallFlag) -> Self {
        let mut values = self.values.clone();
        match on {
            FirewallFlag::On => values.insert("firewall", "1".to_owned()),
            FirewallFlag::Off => values.remove("firewall"),
        };
        Self { values }
    }

    /// Returns the properties by key.
    pub fn parsed(&self) -> BTreeMap<String, String> {
        self.values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    /// Returns the text that Proxmox VE prints: the card with its address, then the others sorted by key.
    pub fn canonical(&self) -> String {
        NET_SCHEMA.canonical(&self.values)
    }
}

/// Says whether an interface goes through the firewall's bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirewallFlag {
    /// `firewall=1`.
    On,
    /// No `firewall`.
    Off,
}

impl fmt::Display for VmNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl FromStr for VmNet {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

//! The addresses that cloud-init gives to a machine's interface.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::schema::IPCONFIG_SCHEMA;
use crate::property::PropertyError;

/// An `ipconfigN` value with which Proxmox VE starts the machine, values verbatim.
///
/// Proxmox VE stores more than this: it takes a gateway beside `ip=dhcp` and refuses it only when the
/// machine starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpConfig {
    values: BTreeMap<&'static str, String>,
}

/// Says why Proxmox VE does not start a machine with an `ipconfigN`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IpConfigError {
    /// It is not stored in the first place.
    #[error(transparent)]
    Property(#[from] PropertyError),
    /// It is stored, and refused at the start.
    #[error("`{gateway}` cannot stand beside `{address}`: the gateway comes with the address then")]
    Gateway {
        /// The property of the gateway, `gw` or `gw6`.
        gateway: &'static str,
        /// The address that stands beside it, such as `ip=dhcp`.
        address: String,
    },
}

impl IpConfig {
    /// Returns the value, or why the machine would not start with it.
    pub fn parse(text: &str) -> Result<Self, IpConfigError> {
        let own = Self { values: IPCONFIG_SCHEMA.parse(text)? };
        match own.idle_gateway() {
            Some((gateway, address)) => Err(IpConfigError::Gateway { gateway, address }),
            None => Ok(own),
        }
    }

    /// Returns the gateway whose address comes from elsewhere. `ip=manual` takes one, `ip6=manual` does not.
    fn idle_gateway(&self) -> Option<(&'static str, String)> {
        let dhcp = |address: &str| address == "dhcp";
        let word = |address: &str| !address.contains(':');
        let beside = |gateway, key, comes: fn(&str) -> bool| {
            let address = self.get(key).filter(|_| self.get(gateway).is_some())?;
            comes(address).then(|| (gateway, format!("{key}={address}")))
        };
        beside("gw", "ip", dhcp).or_else(|| beside("gw6", "ip6", word))
    }

    /// Returns a property's value as it was given.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Returns the properties by key.
    pub fn parsed(&self) -> BTreeMap<String, String> {
        self.values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    /// Returns the text that Proxmox VE prints: sorted by key.
    pub fn canonical(&self) -> String {
        IPCONFIG_SCHEMA.canonical(&self.values)
    }
}

impl fmt::Display for IpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl FromStr for IpConfig {
    type Err = IpConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

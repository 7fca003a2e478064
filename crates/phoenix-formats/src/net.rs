//! The `netN` values of a container: `name=eth0,bridge=vmbr0,ip=dhcp`.
//!
//! The manual is pct.conf(5), `net[n]`; the rules are the schema of `PVE::LXC::Config` and the formats of
//! `PVE::JSONSchema`, measured by running them on a corpus.
//!
//! Owns which strings Proxmox VE takes and how it prints them ([`LxcNet`]), the same value as plain
//! text for nodes that take more than stock ones do ([`NetText`]), and when two values mean the same.
//! Deliberately not understood: keys that stock Proxmox VE does not have, which stay as text; whether a bridge exists
//! and what a change costs a running guest, which is the business of [`crate::pct`].

mod same;
mod schema;
mod text;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use same::same_value;
pub(crate) use schema::SCHEMA;
pub use text::NetText;
pub use view::NetView;

use crate::MacAddr;
use crate::property::PropertyError;

/// Says everything that is wrong with a `netN` value.
pub type NetError = PropertyError;

/// A `netN` value that Proxmox VE takes: property to value, booleans as `0` and `1`, all else verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LxcNet {
    values: BTreeMap<&'static str, String>,
}

impl LxcNet {
    /// Returns the value, or everything that Proxmox VE would refuse it for.
    pub fn parse(text: &str) -> Result<Self, NetError> {
        SCHEMA.parse(text).map(|values| Self { values })
    }

    /// Returns a property's value as Proxmox VE keeps it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Returns whether a boolean property is `1`; one that is not given is not.
    pub fn is_on(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    /// Returns the name of the interface inside the guest.
    pub fn name(&self) -> &str {
        self.get("name").unwrap_or_default()
    }

    /// Returns the Ethernet address, equal whatever its letter case.
    pub fn mac(&self) -> Option<MacAddr> {
        self.get("hwaddr").and_then(|text| text.parse().ok())
    }

    /// Returns the properties by key.
    pub fn parsed(&self) -> BTreeMap<String, String> {
        self.values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    /// Returns the text that Proxmox VE prints: `name`, then the others sorted by key.
    pub fn canonical(&self) -> String {
        SCHEMA.canonical(&self.values)
    }

    /// Returns the value as Proxmox VE stores it: `type=veth`, and `mac` where no address is given.
    pub(crate) fn completed(mut self, mac: &str) -> Self {
        self.values.insert("type", "veth".to_owned());
        self.values.entry("hwaddr").or_insert_with(|| mac.to_owned());
        self
    }

    /// Returns the value with these properties as `other` has them.
    pub(crate) fn merged(&self, other: &Self, keys: &[&str]) -> Self {
        let is_theirs = |key: &&str| keys.contains(key);
        let own = self.values.iter().filter(|(key, _)| !is_theirs(key));
        let theirs = other.values.iter().filter(|(key, _)| is_theirs(key));
        Self { values: own.chain(theirs).map(|(key, value)| (*key, value.clone())).collect() }
    }

    /// Returns the value without these properties.
    pub(crate) fn without(&self, keys: &[&str]) -> Self {
        self.merged(&Self { values: BTreeMap::new() }, keys)
    }
}

impl fmt::Display for LxcNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl FromStr for LxcNet {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

//! Names of resources, as Terraform names them: `lxc/101`, `lxc/101/nginx/gateway`, `nat/443`.

use std::fmt;
use std::str::FromStr;

use phoenix_formats::Vmid;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names one resource of a node: `KIND/NAME`, then `/PART` for what lives in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    /// Returns the address of `name` of a kind.
    pub fn new(kind: &str, name: impl fmt::Display) -> Self {
        Self(format!("{kind}/{name}"))
    }

    /// Returns the address of a part of this resource.
    #[must_use = "the address itself does not change"]
    pub fn part(&self, part: impl fmt::Display) -> Self {
        Self(format!("{}/{part}", self.0))
    }

    /// Returns whether this is `other` or a part of it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the number of the container or virtual machine that the resource is, or is a part of.
    pub fn guest(&self) -> Option<Vmid> {
        let name = self.0.strip_prefix("lxc/").or_else(|| self.0.strip_prefix("vm/"))?;
        name.split('/').next()?.parse().ok()
    }

    /// Returns whether the resource is a guest, a part of one, or made for one.
    pub fn is_of_guest(&self) -> bool {
        let mut parts = self.0.split('/');
        match (parts.next(), parts.next()) {
            (Some("lxc" | "vm" | "nat" | "certificate"), _) => true,
            (Some("firewall"), Some(name)) => name.parse::<Vmid>().is_ok(),
            _ => false,
        }
    }

    /// Returns the address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split('/').collect::<Vec<_>>();
        let plain = |part: &&str| !part.is_empty() && !part.contains(char::is_whitespace);
        if parts.len() >= 2 && parts.iter().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseAddressError { input: text.to_owned() })
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Says that a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` is not an address of the form `lxc/101` or `lxc/101/nginx/gateway`")]
pub struct ParseAddressError {
    input: String,
}

//! What `phoenix inspect net` says about one string.

use std::collections::BTreeMap;

use serde::Serialize;

use super::LxcNet;

/// Shows whether Proxmox VE takes a `netN` value, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetView {
    /// The string as it was given.
    pub input: String,
    /// Whether Proxmox VE takes it.
    pub accepted: bool,
    /// What is wrong with it; `null` when it is accepted.
    pub error: Option<String>,
    /// Its properties; `null` when it is not accepted.
    pub parsed: Option<BTreeMap<String, String>>,
    /// What Proxmox VE prints back; `null` when it is not accepted.
    pub canonical: Option<String>,
}

impl NetView {
    /// Returns the view of a string.
    pub fn of(input: &str) -> Self {
        let (net, error) = match LxcNet::parse(input) {
            Ok(net) => (Some(net), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            input: input.to_owned(),
            accepted: net.is_some(),
            error,
            parsed: net.as_ref().map(LxcNet::parsed),
            canonical: net.as_ref().map(LxcNet::canonical),
        }
    }
}

//! What `phoenix inspect qm-net` and `qm-ipconfig` say about one string: the shape of `net`.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{IpConfig, VmNet};
use crate::net::NetView;

/// Returns whether Proxmox VE takes a machine's `netN` value, and as what.
pub fn net_view(input: &str) -> NetView {
    view(input, VmNet::parse(input), |net| (net.parsed(), net.canonical()))
}

/// Returns whether a machine would start with an `ipconfigN` value, and as what.
pub fn ipconfig_view(input: &str) -> NetView {
    view(input, IpConfig::parse(input), |addresses| (addresses.parsed(), addresses.canonical()))
}

fn view<T, E: Display>(
    input: &str,
    read: Result<T, E>,
    shown: impl FnOnce(&T) -> (BTreeMap<String, String>, String),
) -> NetView {
    let error = read.as_ref().err().map(E::to_string);
    let (parsed, canonical) = read.ok().as_ref().map(shown).unzip();
    NetView { input: input.to_owned(), accepted: error.is_none(), error, parsed, canonical }
}

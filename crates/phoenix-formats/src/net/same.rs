//! When two values of an interface's property mean the same.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::MacAddr;
use crate::property::check;

/// Returns whether two values of a property mean the same; `None` is a property that is not given.
///
/// Ethernet addresses are equal in any letter case, booleans and numbers by value, addresses however
/// they are written. A boolean that is not given is off, a type that is not given is `veth`.
pub fn same_value(key: &str, left: Option<&str>, right: Option<&str>) -> bool {
    left == right || meaning(key, left) == meaning(key, right)
}

#[derive(PartialEq)]
enum Meaning<'a> {
    Nothing,
    Text(&'a str),
    Mac(MacAddr),
    Number(f64),
    Network(IpNet),
    Address(IpAddr),
}

fn meaning<'a>(key: &str, value: Option<&'a str>) -> Meaning<'a> {
    let Some(text) = value.or_else(|| default(key)) else { return Meaning::Nothing };
    let read = match key {
        "hwaddr" | "macaddr" => text.parse().ok().map(Meaning::Mac),
        "firewall" | "link_down" | "host-managed" => check::boolean(text).ok().map(Meaning::Text),
        "mtu" | "tag" | "rate" => {
            check::number(text).ok().and(text.parse().ok()).map(Meaning::Number)
        }
        "ip" | "ip6" => text.parse().ok().map(Meaning::Network),
        "gw" | "gw6" => text.parse().ok().map(Meaning::Address),
        _ => None,
    };
    read.unwrap_or(Meaning::Text(text))
}

fn default(key: &str) -> Option<&'static str> {
    match key {
        "firewall" | "link_down" | "host-managed" => Some("0"),
        "type" => Some("veth"),
        _ => None,
    }
}

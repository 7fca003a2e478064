//! The IPv4 routes of one device in the main table, and the forwarding table of a bridge, as ip(8) and
//! bridge(8) write them.

use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::json::ReadError;
use crate::MacAddr;

/// The state of an entry that does not age.
const PERMANENT: &str = "permanent";

/// A route by a device, without a gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceRoute {
    /// Where to.
    pub destination: Ipv4Net,
    /// The address that the machine takes for what it sends there.
    pub source: Option<Ipv4Addr>,
}

#[derive(Serialize, Deserialize)]
struct RawRoute {
    dst: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefsrc: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
}

/// Reads what `ip -json route show dev DEVICE` prints; routes by a gateway are left out.
///
/// # Errors
///
/// Says that the text is not JSON, or not of this shape. Fields that are not known are skipped.
pub fn read_device_routes(json: &str) -> Result<Vec<DeviceRoute>, ReadError> {
    if json.trim().is_empty() {
        return Ok(Vec::new());
    }
    let raw: Vec<RawRoute> = serde_json::from_str(json)?;
    let route = |raw: RawRoute| {
        let host = || raw.dst.parse().ok().map(|host: Ipv4Addr| Ipv4Net::from(host));
        let destination = raw.dst.parse().ok().or_else(host)?;
        let source = raw.prefsrc.and_then(|source| Ipv4Addr::from_str(&source).ok());
        raw.gateway.is_none().then_some(DeviceRoute { destination, source })
    };
    Ok(raw.into_iter().filter_map(route).collect())
}

/// Writes routes as `ip -json route show dev DEVICE` prints them, in one line without an end.
pub fn device_routes_json(routes: &[DeviceRoute]) -> String {
    let raw = routes.iter().map(|route| {
        let net = route.destination;
        let host = net.prefix_len() == 32;
        RawRoute {
            dst: if host { net.addr().to_string() } else { net.to_string() },
            gateway: None,
            scope: Some("link".to_owned()),
            prefsrc: route.source.map(|source| source.to_string()),
            flags: Vec::new(),
        }
    });
    serde_json::to_string(&raw.collect::<Vec<_>>()).expect("text and lists are always JSON")
}

/// An entry of a bridge's own forwarding table; what only a device listens to is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FdbEntry {
    /// The Ethernet address.
    pub mac: MacAddr,
    /// The bridge.
    pub bridge: String,
    /// Whether the bridge hands frames for it to the machine itself, for ever.
    pub permanent: bool,
    /// The VLAN, where the bridge keeps them apart.
    pub vlan: Option<u16>,
}

#[derive(Serialize, Deserialize)]
struct RawEntry {
    mac: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    master: Option<String>,
    #[serde(default)]
    state: String,
}

/// Reads what `bridge -json fdb show dev DEVICE` prints; entries of the device alone (`self`) are left out.
///
/// # Errors
///
/// Says that the text is not JSON, or not of this shape. Fields that are not known are skipped.
pub fn read_fdb(json: &str) -> Result<Vec<FdbEntry>, ReadError> {
    if json.trim().is_empty() {
        return Ok(Vec::new());
    }
    let raw: Vec<RawEntry> = serde_json::from_str(json)?;
    let entry = |raw: RawEntry| {
        let (mac, bridge) = (raw.mac.parse().ok()?, raw.master?);
        Some(FdbEntry { mac, bridge, permanent: raw.state == PERMANENT, vlan: raw.vlan })
    };
    Ok(raw.into_iter().filter_map(entry).collect())
}

/// Writes entries as `bridge -json fdb show dev DEVICE` prints them, in one line without an end.
pub fn fdb_json(entries: &[FdbEntry]) -> String {
    let raw = entries.iter().map(|entry| RawEntry {
        mac: entry.mac.to_string().to_ascii_lowercase(),
        vlan: entry.vlan,
        flags: Vec::new(),
        master: Some(entry.bridge.clone()),
        state: if entry.permanent { PERMANENT.to_owned() } else { String::new() },
    });
    serde_json::to_string(&raw.collect::<Vec<_>>()).expect("text and lists are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    // As iproute2 6.1 printed them in a network namespace.
    const ROUTES: &str =
        r#"[{"dst":"192.168.1.153","scope":"link","prefsrc":"192.168.1.14","flags":[]}]"#;
    const FDB: &str = r#"[{"mac":"02:00:00:00:01:01","flags":["self"],"state":"permanent"},{"mac":"33:33:00:00:00:01","flags":["self"],"state":"permanent"},{"mac":"02:00:00:00:01:01","flags":[],"master":"vmbr0","state":"permanent"},{"mac":"52:54:00:fe:00:01","flags":[],"master":"vmbr0","state":""}]"#;

    #[test]
    fn what_is_read_is_written_again() {
        assert_eq!(device_routes_json(&read_device_routes(ROUTES).unwrap()), ROUTES);
        let entries = read_fdb(FDB).unwrap();
        assert_eq!(entries.len(), 2);
        assert!(entries[0].permanent && !entries[1].permanent);
        assert_eq!(read_fdb(&fdb_json(&entries)).unwrap(), entries);
    }

    #[test]
    fn only_routes_of_the_link_count() {
        let text = r#"[{"dst":"default","gateway":"10.0.0.1","flags":[]},{"dst":"10.0.0.0/24","flags":[]}]"#;
        let routes = read_device_routes(text).unwrap();
        assert_eq!(routes.len(), 1);
        assert_eq!(routes[0].destination.to_string(), "10.0.0.0/24");
        assert!(read_device_routes("").unwrap().is_empty() && read_fdb("\n").unwrap().is_empty());
        assert!(read_device_routes("[").is_err() && read_fdb("{}").is_err());
    }
}

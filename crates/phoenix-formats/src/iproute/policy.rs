//! Routing rules and the routes of one table, as ip(8) writes them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::json::ReadError;

/// A routing rule: whose packets look in which table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its place in the order; the least is asked first.
    pub priority: u32,
    /// The source that packets must have; `None` for any.
    pub from: Option<IpNet>,
    /// The table by number, or by its name in `rt_tables`; empty for a rule of another kind.
    pub table: String,
}

/// A route of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRoute {
    /// Where it leads: `default`, a subnet or an address.
    pub destination: String,
    /// The gateway; nothing when the destination is on the link.
    pub via: Option<IpAddr>,
    /// The link by which packets leave; empty for a route of another kind, such as `unreachable`.
    pub device: String,
    /// The least of two routes to one destination wins; 0 when `ip` says none.
    pub metric: u32,
}

/// Reads what `ip -json rule show` prints.
///
/// # Errors
///
/// Says that the text is not JSON, or not of this shape.
pub fn read_rules(json: &str) -> Result<Vec<Rule>, ReadError> {
    let raw: Vec<RawRule> = serde_json::from_str(json)?;
    Ok(raw.into_iter().map(Rule::from).collect())
}

/// Reads what `ip -json route show` prints, for one table.
///
/// # Errors
///
/// Says that the text is not JSON, or not of this shape.
pub fn read_routes(json: &str) -> Result<Vec<TableRoute>, ReadError> {
    // A table without routes is printed as nothing by some versions.
    if json.trim().is_empty() {
        return Ok(Vec::new());
    }
    let raw: Vec<RawRoute> = serde_json::from_str(json)?;
    Ok(raw.into_iter().map(TableRoute::from).collect())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRule {
    priority: u32,
    src: String,
    srclen: Option<u8>,
    table: String,
}

impl From<RawRule> for Rule {
    fn from(raw: RawRule) -> Self {
        let address = raw.src.parse::<IpAddr>().ok();
        let from = address.and_then(|address| match raw.srclen {
            Some(length) => IpNet::new(address, length).ok(),
            None => Some(IpNet::from(address)),
        });
        Self { priority: raw.priority, from, table: raw.table }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRoute {
    dst: String,
    gateway: Option<IpAddr>,
    dev: String,
    metric: u32,
}

impl From<RawRoute> for TableRoute {
    fn from(raw: RawRoute) -> Self {
        let RawRoute { dst, gateway, dev, metric } = raw;
        Self { destination: dst, via: gateway, device: dev, metric }
    }
}

//! Routing rules and the routes of one table, as `ip -json rule show` and `ip -json route show table N`
//! say them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::json::ReadError;

/// A routing rule, as far as it chooses a table by the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Its place: the smallest number is asked first.
    pub priority: u32,
    /// The source addresses that it is for; `None` for all, or for what is not an IPv4 address.
    pub source: Option<Ipv4Net>,
    /// The table, by name or number.
    pub table: String,
}

/// A route of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableRoute {
    /// Where to; `None` is everywhere else.
    pub destination: Option<Ipv4Net>,
    /// The gateway; `None` on the link itself.
    pub gateway: Option<Ipv4Addr>,
    /// The link by which packets leave.
    pub device: String,
}

impl fmt::Display for TableRoute {
    /// Prints the words of ip(8), such as `default via 192.168.1.1 dev eth1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.destination {
            Some(net) => write!(f, "{net}")?,
            None => f.write_str("default")?,
        }
        match self.gateway {
            Some(gateway) => write!(f, " via {gateway} dev {}", self.device),
            None => write!(f, " dev {}", self.device),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RawRule {
    #[serde(default)]
    priority: u32,
    #[serde(default)]
    src: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    srclen: Option<u8>,
    #[serde(default)]
    table: String,
}

#[derive(Serialize, Deserialize)]
struct RawTableRoute {
    #[serde(default)]
    dst: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
    #[serde(default)]
    dev: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
}

/// Reads what `ip -json rule show` prints.
///
/// # Errors
///
/// Says that the text is not JSON, or not of this shape. Fields that are not known are skipped.
pub fn read_rules(json: &str) -> Result<Vec<Rule>, ReadError> {
    let raw: Vec<RawRule> = serde_json::from_str(json)?;
    let rule = |raw: RawRule| {
        let length = raw.srclen.unwrap_or(Ipv4Addr::BITS as u8);
        let source = Ipv4Addr::from_str(&raw.src).ok();
        let source = source.and_then(|source| Ipv4Net::new(source, length).ok());
        Rule { priority: raw.priority, source, table: raw.table }
    };
    Ok(raw.into_iter().map(rule).collect())
}

/// Reads what `ip -json route show table N` prints; a table that never was is no text, or the beginning
/// of one.
///
/// # Errors
///
/// Says that the text is not JSON, or not of this shape. Fields that are not known are skipped.
pub fn read_table(json: &str) -> Result<Vec<TableRoute>, ReadError> {
    if matches!(json.trim(), "" | "[") {
        return Ok(Vec::new());
    }
    let raw: Vec<RawTableRoute> = serde_json::from_str(json)?;
    let route = |raw: RawTableRoute| {
        let gateway = raw.gateway.and_then(|gateway| match gateway {
            IpAddr::V4(gateway) => Some(gateway),
            IpAddr::V6(_) => None,
        });
        Some(TableRoute { destination: destination(&raw.dst)?, gateway, device: raw.dev })
    };
    Ok(raw.into_iter().filter_map(route).collect())
}

/// Reads `default`, an address or a network; `None` for what is none of them.
fn destination(text: &str) -> Option<Option<Ipv4Net>> {
    if text == "default" {
        return Some(None);
    }
    let host = || text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from);
    text.parse().ok().or_else(host).map(Some)
}

/// Writes rules as `ip -json rule show` prints them, in one line without an end.
pub fn rules_json(rules: &[Rule]) -> String {
    let raw = rules.iter().map(|rule| RawRule {
        priority: rule.priority,
        src: rule.source.map_or_else(|| "all".to_owned(), |net| net.addr().to_string()),
        srclen: rule.source.map(|net| net.prefix_len()).filter(|&length| length < 32),
        table: rule.table.clone(),
    });
    serde_json::to_string(&raw.collect::<Vec<_>>()).expect("text and numbers are always JSON")
}

/// Writes routes as `ip -json route show table N` prints them, in one line without an end.
pub fn table_json(routes: &[TableRoute]) -> String {
    let raw = routes.iter().map(|route| RawTableRoute {
        dst: match route.destination {
            None => "default".to_owned(),
            Some(net) if net.prefix_len() == 32 => net.addr().to_string(),
            Some(net) => net.to_string(),
        },
        gateway: route.gateway.map(IpAddr::V4),
        dev: route.device.clone(),
        scope: route.gateway.is_none().then(|| "link".to_owned()),
        flags: Vec::new(),
    });
    serde_json::to_string(&raw.collect::<Vec<_>>()).expect("text and numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    // As iproute2 6.1 printed them in a network namespace.
    const RULES: &str = r#"[{"priority":0,"src":"all","table":"local"},{"priority":101,"src":"192.168.1.153","table":"101"},{"priority":32766,"src":"all","table":"main"}]"#;
    const TABLE: &str = r#"[{"dst":"default","gateway":"192.168.1.1","dev":"eth1","flags":[]},{"dst":"192.168.1.0/24","dev":"eth1","scope":"link","flags":[]}]"#;

    #[test]
    fn what_is_read_is_written_again() {
        assert_eq!(rules_json(&read_rules(RULES).unwrap()), RULES);
        assert_eq!(table_json(&read_table(TABLE).unwrap()), TABLE);
    }

    #[test]
    fn a_table_that_never_was_is_empty() {
        for text in ["", "[", "[ ]\n", "[]"] {
            assert_eq!(read_table(text).unwrap(), []);
        }
        assert!(read_table("nonsense").is_err());
    }

    #[test]
    fn routes_are_shown_in_the_words_of_ip() {
        let shown = read_table(TABLE).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown, ["default via 192.168.1.1 dev eth1", "192.168.1.0/24 dev eth1"]);
    }
}

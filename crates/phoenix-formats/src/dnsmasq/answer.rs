//! Questions and what dnsmasq answers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::domain::Server;

/// What a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// The name of an address.
    Ptr,
    /// Another type, of which phoenix knows no records.
    Other,
}

/// A record of an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// Another name for what was asked for.
    Cname(String),
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A name.
    Ptr(String),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cname(name) => write!(f, "CNAME {name}."),
            Self::A(address) => write!(f, "A {address}"),
            Self::Aaaa(address) => write!(f, "AAAA {address}"),
            Self::Ptr(name) => write!(f, "PTR {name}."),
        }
    }
}

/// What dnsmasq answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer<'a> {
    /// These records; several addresses come in any order.
    Records(Vec<Record>),
    /// The name exists and has no such record (NOERROR, empty).
    NoData,
    /// There is no such name (NXDOMAIN).
    NoName,
    /// The question goes to these servers, in no order. Without any it goes to those of resolv.conf(5), and is refused
    /// when dnsmasq does not read that.
    Forwarded(Vec<Server<'a>>),
    /// The addresses of an interface of the machine.
    Interface(String),
}

impl Answer<'_> {
    /// Returns an address as a record.
    pub(super) fn record(address: IpAddr) -> Record {
        match address {
            IpAddr::V4(address) => Record::A(address),
            IpAddr::V6(address) => Record::Aaaa(address),
        }
    }

    /// Returns the addresses in the answer.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let Self::Records(records) = self else { return Vec::new() };
        let address = |record: &Record| match record {
            Record::A(address) => Some(IpAddr::V4(*address)),
            Record::Aaaa(address) => Some(IpAddr::V6(*address)),
            Record::Cname(_) | Record::Ptr(_) => None,
        };
        records.iter().filter_map(address).collect()
    }
}

//! What a rule does with a packet.

use std::fmt;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::ports::PortRange;

/// Addresses in a row, both ends in it; mostly just one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AddressRange {
    /// The lowest address.
    pub first: Ipv4Addr,
    /// The highest address.
    pub last: Ipv4Addr,
}

impl AddressRange {
    /// Says whether `address` is in the range.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// Returns the address when there is only one.
    pub fn single(self) -> Option<Ipv4Addr> {
        (self.first == self.last).then_some(self.first)
    }
}

/// What a rule does with a packet that it matches (iptables-extensions(8)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// `-j ACCEPT`.
    Accept,
    /// `-j DNAT --to-destination [A[-B]][:P[-Q[/BASE]]]`.
    Dnat {
        /// The new addresses; without them only the port changes.
        addresses: Option<AddressRange>,
        /// The new ports; without them the port stays.
        ports: Option<PortRange>,
        /// The port that is mapped to the first of `ports`, with the following ones in step.
        base: Option<u16>,
    },
    /// `-j REDIRECT [--to-ports P[-Q]]`: to this machine itself.
    Redirect {
        /// The new ports; without them the port stays.
        ports: Option<PortRange>,
    },
    /// `-j SNAT --to-source …`.
    Snat {
        /// The new source as it is written.
        source: String,
    },
    /// `-j MASQUERADE`.
    Masquerade,
    /// `-g CHAIN`.
    Goto(String),
    /// Any other target: DROP, REJECT, a chain …
    Other(String),
}

/// Where a DNAT leads, as its option's value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Destination {
    pub(super) addresses: Option<AddressRange>,
    pub(super) ports: Option<PortRange>,
    pub(super) base: Option<u16>,
}

impl Destination {
    /// Reads the value of `--to-destination`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (addresses, ports) = text.split_once(':').map_or((text, None), |(a, p)| (a, Some(p)));
        let addresses = if addresses.is_empty() { None } else { Some(address_range(addresses)?) };
        let (ports, base) = ports.map_or(Some((None, None)), based_ports)?;
        (addresses.is_some() || ports.is_some()).then_some(Self { addresses, ports, base })
    }
}

fn address_range(text: &str) -> Option<AddressRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = AddressRange { first: first.parse().ok()?, last: last.parse().ok()? };
    (range.first <= range.last).then_some(range)
}

fn based_ports(text: &str) -> Option<(Option<PortRange>, Option<u16>)> {
    let (range, base) = text.split_once('/').map_or((text, None), |(r, b)| (r, Some(b)));
    let base = base.map_or(Some(None), |b| b.parse().ok().map(Some))?;
    Some((Some(target_ports(range)?), base))
}

/// Reads ports as targets have them, `P` or `P-Q` with both ends given.
pub(super) fn target_ports(text: &str) -> Option<PortRange> {
    let complete = !text.starts_with('-') && !text.ends_with('-');
    PortRange::parse(text, '-').filter(|_| complete)
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addresses {
            Some(AddressRange { first, last }) if first == last => first.fmt(f)?,
            Some(AddressRange { first, last }) => write!(f, "{first}-{last}")?,
            None => {}
        }
        if let Some(ports) = self.ports {
            write!(f, ":{}", dashed(ports))?;
        }
        self.base.map_or(Ok(()), |base| write!(f, "/{base}"))
    }
}

/// Writes ports as targets have them.
pub(super) fn dashed(ports: PortRange) -> String {
    ports.to_string().replace(':', "-")
}

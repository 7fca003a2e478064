//! The first word of a `listen` directive: an address, a name, a socket's path, a port.
//!
//! Follows nginx's own reading (measured on 1.22 and 1.26). Host names are deliberately not resolved.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

/// The port of a `listen` that names none, for a server that root starts.
const DEFAULT_PORT: u16 = 80;

/// Says on which addresses a `listen` directive listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenAddress {
    /// Every IPv4 address: a port alone, `*`, or `0.0.0.0` in any spelling.
    Wildcard4,
    /// Every IPv6 address: `[::]` in any spelling.
    Wildcard6,
    /// An address of the machine itself: `127.0.0.0/8` or `::1`.
    Loopback(IpAddr),
    /// One IPv4 address.
    Ip4(Ipv4Addr),
    /// One IPv6 address.
    Ip6(Ipv6Addr),
    /// A Unix socket at a path.
    Unix(String),
    /// A host name, which nginx resolves when it starts.
    Name(String),
    /// What nginx refuses.
    Invalid(String),
}

impl ListenAddress {
    /// Returns the address that nginx binds; `None` for names, Unix sockets and what nginx refuses.
    pub fn ip(&self) -> Option<IpAddr> {
        match *self {
            Self::Wildcard4 => Some(Ipv4Addr::UNSPECIFIED.into()),
            Self::Wildcard6 => Some(Ipv6Addr::UNSPECIFIED.into()),
            Self::Loopback(ip) => Some(ip),
            Self::Ip4(ip) => Some(ip.into()),
            Self::Ip6(ip) => Some(ip.into()),
            Self::Unix(_) | Self::Name(_) | Self::Invalid(_) => None,
        }
    }
}

impl From<IpAddr> for ListenAddress {
    fn from(ip: IpAddr) -> Self {
        match ip {
            _ if is_loopback(ip) => Self::Loopback(ip),
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Self::Wildcard4,
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Self::Wildcard6,
            IpAddr::V4(ip) => Self::Ip4(ip),
            IpAddr::V6(ip) => Self::Ip6(ip),
        }
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The ports of a `listen` directive, first and last; most name one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ports {
    /// The first port.
    pub first: u16,
    /// The last port; equal to the first when it is one.
    pub last: u16,
}

impl Ports {
    /// Says whether `port` is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Returns the port when it is one.
    pub fn single(self) -> Option<u16> {
        (self.first == self.last).then_some(self.first)
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (number(first)?, number(last)?);
        let ports = Self { first: port(first)?, last: port(last)? };
        (ports.first <= ports.last).then_some(ports)
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self { first: DEFAULT_PORT, last: DEFAULT_PORT }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        if first == last { write!(f, "{first}") } else { write!(f, "{first}-{last}") }
    }
}

/// Reads decimal digits; `None` when there is anything else or nothing. A number too big for a port is the biggest.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

fn port(number: u32) -> Option<u16> {
    u16::try_from(number).ok().filter(|&port| port > 0)
}

/// Reads the first argument of a `listen` directive.
pub(super) fn parse(text: &str) -> (ListenAddress, Ports) {
    let parsed = match text.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("unix:") => unix(&text[5..]),
        _ if text.starts_with('[') => ipv6(&text[1..]),
        _ => ipv4_or_name(text),
    };
    parsed.unwrap_or_else(|| (ListenAddress::Invalid(text.to_owned()), Ports::default()))
}

fn unix(path: &str) -> Option<(ListenAddress, Ports)> {
    (!path.is_empty()).then(|| (ListenAddress::Unix(path.to_owned()), Ports::default()))
}

fn ipv6(text: &str) -> Option<(ListenAddress, Ports)> {
    let (host, rest) = text.split_once(']')?;
    let ip: Ipv6Addr = host.parse().ok()?;
    let ports = match rest.strip_prefix(':') {
        Some(ports) => Ports::parse(ports)?,
        None if rest.is_empty() => Ports::default(),
        None => return None,
    };
    Some((IpAddr::from(ip).into(), ports))
}

fn ipv4_or_name(text: &str) -> Option<(ListenAddress, Ports)> {
    if text.contains(['/', '?']) {
        return None;
    }
    let (host, ports) = match text.split_once(':') {
        Some((host, ports)) => (host, Ports::parse(ports)?),
        None if is_ports(text) => {
            return Ports::parse(text).map(|ports| (ListenAddress::Wildcard4, ports));
        }
        None => (text, Ports::default()),
    };
    match host {
        "" => None,
        "*" => Some((ListenAddress::Wildcard4, ports)),
        _ => {
            let address = ipv4(host).map(|ip| IpAddr::from(ip).into());
            Some((address.unwrap_or_else(|| ListenAddress::Name(host.to_owned())), ports))
        }
    }
}

/// Says whether a word without a colon is a port or a range of ports and not a host.
fn is_ports(text: &str) -> bool {
    text.split('-').count() <= 2 && text.split('-').all(|part| number(part).is_some())
}

/// Reads an IPv4 address as nginx does, and what it leaves to the resolver as the resolver does (inet_aton(3)).
fn ipv4(host: &str) -> Option<Ipv4Addr> {
    dotted(host).or_else(|| classic(host)).map(Ipv4Addr::from)
}

/// Reads four decimal numbers with dots between; nginx takes leading zeros, and an empty number for 0.
fn dotted(host: &str) -> Option<u32> {
    let mut address = 0;
    let mut parts = 0;
    for part in host.split('.') {
        let octet = if part.is_empty() { 0 } else { number(part)? };
        address = address << 8 | u32::from(u8::try_from(octet).ok()?);
        parts += 1;
        if parts > 4 {
            return None;
        }
    }
    (parts == 4 && address != u32::MAX).then_some(address)
}

/// Reads one to four numbers in decimal, octal (`0…`) or hexadecimal (`0x…`), the last filling what is left.
fn classic(host: &str) -> Option<u32> {
    let mut parts: Vec<u32> = Vec::with_capacity(4);
    for part in host.splitn(5, '.') {
        parts.push(c_number(part)?);
    }
    let (&last, octets) = parts.split_last()?;
    let bits = 32_usize.checked_sub(8 * octets.len()).filter(|&bits| bits > 0)?;
    let mut address = 0_u32;
    for &octet in octets {
        address = address << 8 | u32::from(u8::try_from(octet).ok()?);
    }
    let fits = bits == 32 || last >> bits == 0;
    fits.then(|| if bits == 32 { last } else { address << bits | last })
}

fn c_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { u32::from_str_radix(digits, radix).ok() } else { None }
}

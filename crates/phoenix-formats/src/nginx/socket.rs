//! The sockets that a configuration asks for, and those that a machine has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use super::address::ListenAddress;
use super::listen::Listen;
use super::load::Loaded;
use super::place::Subsystem;

/// The most sockets that are listed; wide ranges of ports on many addresses are more than any machine can open.
const MAX_SOCKETS: usize = 1 << 17;

/// Names a listening TCP or Unix socket, written as ss(8) writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Socket {
    /// An IPv6 socket on all addresses that takes IPv4 too: `*:443`.
    Dual(u16),
    /// A socket on one address, or on all of one family: `10.0.0.1:80`, `0.0.0.0:443`, `[::]:443`.
    Tcp(IpAddr, u16),
    /// A socket at a path.
    Unix(String),
}

impl Socket {
    /// Reads the local address of a line of `ss -Hltn`; `None` when there is none.
    ///
    /// An interface after `%` is left out.
    pub fn from_ss_line(line: &str) -> Option<Self> {
        let local = line.split_whitespace().nth(3)?;
        let (host, port) = local.rsplit_once(':')?;
        let port = port.parse().ok()?;
        if host == "*" {
            return Some(Self::Dual(port));
        }
        let without_interface = host.split('%').next()?;
        let address = without_interface.trim_start_matches('[').trim_end_matches(']');
        Some(Self::Tcp(address.parse().ok()?, port))
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dual(port) => write!(f, "*:{port}"),
            Self::Tcp(IpAddr::V4(ip), port) => write!(f, "{ip}:{port}"),
            Self::Tcp(IpAddr::V6(ip), port) => write!(f, "[{ip}]:{port}"),
            Self::Unix(path) => f.write_str(path),
        }
    }
}

/// Reads what `ss -Hltn` prints; lines without an address are left out.
pub fn listening_sockets(ss: &str) -> BTreeSet<Socket> {
    ss.lines().filter_map(Socket::from_ss_line).collect()
}

/// Returns the sockets that nginx opens when it starts from the main file at `root`; see [`Loaded::sockets`].
pub fn sockets(root: &str, read: &BTreeMap<String, String>) -> BTreeSet<Socket> {
    Loaded::new(root, read).sockets()
}

/// The listens that share one socket on all interfaces, if one of them does: a part of nginx, a family and a port.
type Family = (Subsystem, bool, u16);

impl Loaded {
    /// Returns the TCP and Unix sockets that nginx opens.
    ///
    /// A socket on all interfaces swallows those on single addresses of its port, unless they have socket options of
    /// their own. Of host names only `localhost` is known; the others are in [`Loaded::listen_names`].
    pub fn sockets(&self) -> BTreeSet<Socket> {
        let mut wide: BTreeMap<Family, bool> = BTreeMap::new();
        for (listen, ip, port) in self.tcp() {
            if ip.is_unspecified() {
                *wide.entry((listen.subsystem, ip.is_ipv4(), port)).or_default() |=
                    ip.is_ipv6() && listen.is_dual();
            }
        }
        let mut sockets: BTreeSet<Socket> = self.unix().collect();
        for (listen, ip, port) in self.tcp() {
            sockets.insert(match wide.get(&(listen.subsystem, ip.is_ipv4(), port)) {
                Some(true) if ip.is_unspecified() => Socket::Dual(port),
                Some(_) if !ip.is_unspecified() && !listen.has_socket_options() => continue,
                _ => Socket::Tcp(ip, port),
            });
        }
        sockets
    }

    /// Returns every TCP listen, for each of its ports.
    fn tcp(&self) -> impl Iterator<Item = (&Listen, IpAddr, u16)> {
        let listens =
            self.listens().iter().map(|loaded| &loaded.listen).filter(|listen| !listen.is_udp());
        let known = listens.filter_map(|listen| Some((listen, bound_ip(&listen.address)?)));
        let each = known.flat_map(|(listen, ip)| {
            let ports = listen.ports.first..=listen.ports.last;
            ports.map(move |port| (listen, ip, port))
        });
        each.take(MAX_SOCKETS)
    }

    fn unix(&self) -> impl Iterator<Item = Socket> {
        self.listens().iter().filter_map(|loaded| match &loaded.listen.address {
            ListenAddress::Unix(path) => Some(Socket::Unix(path.clone())),
            _ => None,
        })
    }
}

/// Returns the address that nginx binds for a directive as far as it is known without asking a resolver.
fn bound_ip(address: &ListenAddress) -> Option<IpAddr> {
    match address {
        ListenAddress::Name(name) if name == "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        other => other.ip(),
    }
}

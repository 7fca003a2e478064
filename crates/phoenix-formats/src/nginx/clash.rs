//! What nginx would refuse, or silently change, once some listens have moved to all interfaces.
//!
//! The rules are measured on nginx 1.22 and 1.26. Only the sockets that an edit touches are judged: ports 80 and 443.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::address::Ports;
use super::listen::Listen;
use super::place::Subsystem;

/// Says why a `listen` directive cannot listen on all interfaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ListenProblem {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// What is in the way.
    pub reason: ListenProblemReason,
    /// The other directive, where there is one.
    pub other: Option<ListenSite>,
}

/// Names the place of a `listen` directive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ListenSite {
    /// Path of the file; `None` in the file itself.
    pub file: Option<String>,
    /// Number of the line, counted from 1.
    pub line: usize,
}

/// Names what stands in the way of a rewrite.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenProblemReason {
    /// nginx does not read the file at all, for the reason given.
    Syntax(String),
    /// The server would listen twice on the same address, with different parameters.
    DifferentParameters,
    /// Two servers would both be the default of one address.
    TwoDefaultServers,
    /// Parameters of the socket would stand twice for one address.
    SocketOptionsTwice,
    /// Servers that differ in TLS, PROXY protocol or plain HTTP/2 would share one socket and its protocol.
    ProtocolsDiffer,
    /// An IPv6 socket with `ipv6only=off` and an IPv4 socket want the same port.
    DualStack,
    /// Another socket holds one address of the same port, so that the port cannot be opened on all of them.
    AddressTaken,
}

impl fmt::Display for ListenProblemReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax(message) => message,
            Self::DifferentParameters => {
                "the server would listen twice on this port, with different parameters"
            }
            Self::TwoDefaultServers => "two servers would be the `default_server` of this port",
            Self::SocketOptionsTwice => "options of the socket would be given twice for this port",
            Self::ProtocolsDiffer => {
                "servers with different `ssl`, `proxy_protocol` or `http2` would share this port"
            }
            Self::DualStack => {
                "an IPv6 socket with `ipv6only=off` takes this port for IPv4 as well"
            }
            Self::AddressTaken => {
                "another socket has one address of this port, so all of them cannot be opened"
            }
        })
    }
}

impl ListenProblem {
    /// Tells the problem without its line.
    pub(super) fn told(&self) -> String {
        match &self.other {
            Some(ListenSite { file: Some(file), line }) => {
                format!("{} (see `{file}` line {line})", self.reason)
            }
            Some(ListenSite { file: None, line }) => format!("{} (see line {line})", self.reason),
            None => self.reason.to_string(),
        }
    }
}

impl fmt::Display for ListenProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.told())
    }
}

/// What one `listen` directive asks for, before and after the edit.
#[derive(Debug, Clone)]
pub(super) struct Claim<'a> {
    pub(super) listen: &'a Listen,
    /// The server, unique over all claims.
    pub(super) server: usize,
    /// The file when it is not the edited one.
    pub(super) file: Option<&'a str>,
    pub(super) fate: Fate,
}

/// Says what the edit does with a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It stays as it is.
    Keep,
    /// It listens on all interfaces.
    Widen,
    /// It goes, since another directive of the server says the same.
    Drop,
}

/// A socket on all interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wide {
    pub(super) ip: IpAddr,
    pub(super) port: u16,
    pub(super) udp: bool,
}

/// The ports that the edit is about.
pub(super) const PORTS: [u16; 2] = [80, 443];

impl Wide {
    /// Returns every socket that an edit can touch.
    fn all() -> impl Iterator<Item = Self> {
        let ips: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let sockets = ips.into_iter().flat_map(|ip| PORTS.map(|port| (ip, port)));
        sockets.flat_map(|(ip, port)| [false, true].map(|udp| Self { ip, port, udp }))
    }

    /// Returns the socket that a directive would ask for once it listens on all interfaces.
    pub(super) fn of(listen: &Listen, port: u16) -> Option<Self> {
        let ip = match listen.address.ip()? {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Some(Self { ip, port, udp: listen.is_udp() })
    }
}

impl Claim<'_> {
    fn old(&self) -> Option<IpAddr> {
        self.listen.address.ip()
    }

    fn new_ip(&self) -> Option<IpAddr> {
        match self.fate {
            Fate::Keep => self.old(),
            Fate::Widen | Fate::Drop => Wide::of(self.listen, 0).map(|wide| wide.ip),
        }
    }

    /// Says whether the claim will be one for exactly this socket, by http.
    fn is_for(&self, wide: Wide) -> bool {
        self.is_http() && self.is_on_port(wide) && self.new_ip() == Some(wide.ip)
    }

    fn is_http(&self) -> bool {
        self.listen.subsystem == Subsystem::Http
    }

    fn is_on_port(&self, wide: Wide) -> bool {
        let ports: Ports = self.listen.ports;
        ports.contains(wide.port) && self.listen.is_udp() == wide.udp
    }

    fn has_reuseport(&self) -> bool {
        self.listen.has("reuseport")
    }

    fn site(&self) -> ListenSite {
        ListenSite { file: self.file.map(str::to_owned), line: self.listen.line }
    }
}

/// Judges every socket that the edit touches.
pub(super) fn problems(claims: &[Claim<'_>]) -> Vec<ListenProblem> {
    let touched =
        |wide: &Wide| claims.iter().any(|claim| claim.fate != Fate::Keep && claim.is_for(*wide));
    let mut problems: Vec<_> =
        Wide::all().filter(touched).flat_map(|wide| judge(wide, claims)).collect();
    problems.sort();
    problems.dedup();
    problems
}

fn judge(wide: Wide, claims: &[Claim<'_>]) -> Vec<ListenProblem> {
    let here: Vec<&Claim<'_>> = claims.iter().filter(|claim| claim.is_for(wide)).collect();
    let live: Vec<&Claim<'_>> =
        here.iter().copied().filter(|claim| claim.fate != Fate::Drop).collect();
    let mut problems = twice_in_a_server(&live);
    let defaults = |claim: &Claim<'_>| claim.listen.is_default();
    problems.extend(second(&live, defaults, &ListenProblemReason::TwoDefaultServers));
    let options = |claim: &Claim<'_>| claim.listen.has_socket_options();
    problems.extend(second(&live, options, &ListenProblemReason::SocketOptionsTwice));
    // Two directives of one server that differ are told once.
    if problems.iter().all(|problem| problem.reason != ListenProblemReason::DifferentParameters) {
        problems.extend(protocols(&here));
    }
    problems.extend(neighbours(wide, &live, claims));
    problems
}

/// Builds a problem of two claims, told from the side of the one that the edit moves.
fn problem(one: &Claim<'_>, two: &Claim<'_>, reason: ListenProblemReason) -> ListenProblem {
    let (subject, other) =
        if two.fate == Fate::Keep && one.fate != Fate::Keep { (one, two) } else { (two, one) };
    ListenProblem { line: subject.listen.line, reason, other: Some(other.site()) }
}

fn twice_in_a_server(live: &[&Claim<'_>]) -> Vec<ListenProblem> {
    let mut seen: BTreeMap<usize, &Claim<'_>> = BTreeMap::new();
    let mut problems = Vec::new();
    for claim in live {
        match seen.get(&claim.server) {
            Some(first) => {
                problems.push(problem(first, claim, ListenProblemReason::DifferentParameters))
            }
            None => drop(seen.insert(claim.server, claim)),
        }
    }
    problems
}

/// Finds what only one server may have; two directives of one server are a problem of their own.
fn second(
    live: &[&Claim<'_>],
    has: impl Fn(&Claim<'_>) -> bool,
    reason: &ListenProblemReason,
) -> Vec<ListenProblem> {
    let mut having = live.iter().filter(|claim| has(claim));
    let Some(first) = having.next() else { return Vec::new() };
    let others = having.filter(|claim| claim.server != first.server);
    others.map(|claim| problem(first, claim, reason.clone())).collect()
}

/// Compares what is spoken on the addresses that become one: nginx gives every server of an address the protocols of
/// all. HTTP/2 counts only without TLS, since with TLS the client chooses.
fn protocols(here: &[&Claim<'_>]) -> Vec<ListenProblem> {
    let mut spoken: BTreeMap<Option<IpAddr>, [bool; 3]> = BTreeMap::new();
    for claim in here {
        let all = spoken.entry(claim.old()).or_default();
        for (flag, name) in all.iter_mut().zip(["ssl", "proxy_protocol", "http2"]) {
            *flag |= claim.listen.has(name);
        }
    }
    let speech = |claim: &Claim<'_>| {
        let [ssl, proxy, http2] = spoken.get(&claim.old()).copied().unwrap_or_default();
        [ssl, proxy, http2 && !ssl]
    };
    let Some(first) = here.first() else { return Vec::new() };
    let different = here.iter().find(|claim| speech(claim) != speech(first));
    different
        .map(|claim| problem(first, claim, ListenProblemReason::ProtocolsDiffer))
        .into_iter()
        .collect()
}

/// Finds sockets that the kernel does not open beside one on all interfaces (`bind()` fails with EADDRINUSE).
fn neighbours(wide: Wide, live: &[&Claim<'_>], claims: &[Claim<'_>]) -> Vec<ListenProblem> {
    let Some(own) = live.iter().find(|claim| claim.fate != Fate::Keep).or(live.first()) else {
        return Vec::new();
    };
    let reuseport = live.iter().any(|claim| claim.has_reuseport());
    let dual = live.iter().any(|claim| claim.listen.is_dual());
    let near = claims.iter().filter(|claim| claim.fate != Fate::Drop && claim.is_on_port(wide));
    let mut problems = Vec::new();
    for claim in near {
        let Some(ip) = claim.new_ip() else { continue };
        let takes_all = ip.is_unspecified() && claim.listen.is_dual();
        let reason = match (wide.ip.is_ipv4(), ip.is_ipv4()) {
            (true, false) if takes_all => ListenProblemReason::DualStack,
            (false, true) if dual => ListenProblemReason::DualStack,
            (own, its) if own != its => continue,
            _ if reuseport && claim.has_reuseport() => continue,
            _ if !claim.is_http() => ListenProblemReason::AddressTaken,
            _ if !ip.is_unspecified() && claim.listen.has_socket_options() => {
                ListenProblemReason::AddressTaken
            }
            _ => continue,
        };
        problems.push(problem(own, claim, reason));
    }
    problems
}

//! The way to one address, as `ip -json route get` says it.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::json::{Link, LinkAddress, ReadError};
use crate::interfaces::Network;

/// What kind of way it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// To another machine; ip(8) does not say so.
    #[default]
    Unicast,
    /// To this machine itself.
    Local,
    /// To all on the link.
    Broadcast,
    /// To a group.
    Multicast,
    /// Nowhere, or not known here.
    #[serde(other)]
    Other,
}

/// The way to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The address that was asked about.
    pub destination: IpAddr,
    /// What kind of way it is.
    pub kind: RouteKind,
    /// The gateway; nothing when the address is on the link.
    pub via: Option<IpAddr>,
    /// The link by which packets leave.
    pub device: String,
    /// The source that packets get.
    pub source: Option<IpAddr>,
}

impl Route {
    /// Says whether the address is on the link itself: another machine, without a gateway.
    pub fn is_on_link(&self) -> bool {
        self.kind == RouteKind::Unicast && self.via.is_none()
    }
}

/// Reads what `ip -json route get ADDRESS` prints.
///
/// # Errors
///
/// Says that the text is not JSON, not of this shape, or empty.
pub fn read_route(json: &str) -> Result<Route, ReadError> {
    let raw: Vec<RawRoute> = serde_json::from_str(json)?;
    let raw = raw.into_iter().next().ok_or(ReadError::Empty)?;
    let other_family = raw.via.and_then(|via| via.host);
    Ok(Route {
        destination: raw.dst,
        kind: raw.kind,
        via: raw.gateway.or(other_family),
        device: raw.dev,
        source: raw.prefsrc,
    })
}

#[derive(Deserialize)]
struct RawRoute {
    #[serde(default, rename = "type")]
    kind: RouteKind,
    dst: IpAddr,
    gateway: Option<IpAddr>,
    via: Option<RawVia>,
    #[serde(default)]
    dev: String,
    prefsrc: Option<IpAddr>,
}

#[derive(Deserialize)]
struct RawVia {
    host: Option<IpAddr>,
}

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// The gateway's address.
    pub address: IpAddr,
    /// The link on which it is.
    pub device: String,
}

impl Gateway {
    /// Returns the default routes that interfaces(5) describes, in order.
    pub fn of(network: &Network) -> Vec<Self> {
        let all = network.interfaces().iter();
        let pairs =
            all.flat_map(|own| own.gateways.iter().map(|&address| (address, own.name.clone())));
        pairs.map(|(address, device)| Self { address, device }).collect()
    }
}

/// What a program answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status with which it ends.
    pub exit: i32,
    /// What it prints.
    pub stdout: String,
    /// What it says beside.
    pub stderr: String,
}

/// Answers `ip -json route get ADDRESS` as a node with these links and default routes would.
///
/// A local address is reached by `lo`; else the longest subnet of a link that is up decides, then the
/// first default route of the family on a link that is up. Without any, ip(8) ends with 2.
pub fn route_get(links: &[Link], gateways: &[Gateway], address: IpAddr) -> Answer {
    let found = local(links, address)
        .or_else(|| on_link(links, address))
        .or_else(|| by_gateway(links, gateways, address));
    match found {
        Some(answer) => Answer { exit: 0, stdout: to_line(&answer), stderr: String::new() },
        None => Answer {
            exit: 2,
            stdout: String::new(),
            stderr: "RTNETLINK answers: Network is unreachable\n".to_owned(),
        },
    }
}

fn to_line(answer: &RawAnswer) -> String {
    let json = serde_json::to_string(&[answer]).expect("text, numbers and lists are always JSON");
    json + "\n"
}

fn addresses(links: &[Link]) -> impl Iterator<Item = (&Link, &LinkAddress)> {
    links
        .iter()
        .filter(|link| link.is_up())
        .flat_map(|link| link.addresses.iter().map(move |own| (link, own)))
}

/// One answer in the order in which ip(8) writes its fields; those of one family are absent for the other.
#[derive(Default, Serialize)]
struct RawAnswer {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<RouteKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dst: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
    dev: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefsrc: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<u32>,
    flags: [u32; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pref: Option<&'static str>,
}

impl RawAnswer {
    /// Returns an answer with what every answer of the address's family has.
    fn new(address: IpAddr, device: &str, source: Option<IpAddr>) -> Self {
        let bare =
            Self { dst: Some(address), dev: device.to_owned(), prefsrc: source, ..Self::default() };
        match address {
            IpAddr::V4(_) => Self { uid: Some(0), cache: Some(Vec::new()), ..bare },
            IpAddr::V6(_) => {
                Self { from: Some("::"), metric: Some(METRIC), pref: Some("medium"), ..bare }
            }
        }
    }
}

/// The metric that the kernel gives a route of IPv6 when nobody says otherwise.
const METRIC: u32 = 1024;

/// The metric of the route that an IPv6 address brings with it.
const SUBNET_METRIC: u32 = 256;

fn local(links: &[Link], address: IpAddr) -> Option<RawAnswer> {
    // All of the loopback's IPv4 subnet is local.
    let own = |(link, own): &(&Link, &LinkAddress)| {
        own.net.addr() == address
            || (link.name == "lo" && address.is_ipv4() && own.net.contains(&address))
    };
    addresses(links).find(own)?;
    let answer =
        RawAnswer { kind: Some(RouteKind::Local), ..RawAnswer::new(address, "lo", Some(address)) };
    Some(match address {
        IpAddr::V4(_) => RawAnswer { cache: Some(vec!["local"]), ..answer },
        IpAddr::V6(_) => {
            RawAnswer { table: Some("local"), protocol: Some("kernel"), metric: Some(0), ..answer }
        }
    })
}

fn on_link(links: &[Link], address: IpAddr) -> Option<RawAnswer> {
    let (link, own) = subnet(links, address)?;
    let answer = RawAnswer::new(address, &link.name, Some(own.net.addr()));
    Some(match (address, own.net) {
        (IpAddr::V4(v4), IpNet::V4(net)) if net.prefix_len() < 31 && v4 == net.broadcast() => {
            RawAnswer {
                kind: Some(RouteKind::Broadcast),
                cache: Some(vec!["local", "brd"]),
                ..answer
            }
        }
        (IpAddr::V4(_), _) => answer,
        (IpAddr::V6(_), _) => {
            RawAnswer { protocol: Some("kernel"), metric: Some(SUBNET_METRIC), ..answer }
        }
    })
}

/// Returns the link whose longest subnet holds the address, with the first address of that subnet.
fn subnet(links: &[Link], address: IpAddr) -> Option<(&Link, &LinkAddress)> {
    let holding =
        addresses(links).filter(|(_, own)| own.net.contains(&address) && !is_host(own.net));
    // Of several alike the kernel has the first: `max_by_key` would take the last.
    holding.reduce(
        |best, next| if next.1.net.prefix_len() > best.1.net.prefix_len() { next } else { best },
    )
}

/// An address without a subnet brings no route to others.
fn is_host(net: IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

fn by_gateway(links: &[Link], gateways: &[Gateway], address: IpAddr) -> Option<RawAnswer> {
    let mut of_family =
        gateways.iter().filter(|gateway| gateway.address.is_ipv4() == address.is_ipv4());
    let up =
        |gateway: &&Gateway| links.iter().any(|link| link.name == gateway.device && link.is_up());
    let gateway = of_family.find(up)?;
    let source = source(links, gateway);
    let answer = RawAnswer::new(address, &gateway.device, source);
    Some(RawAnswer { gateway: Some(gateway.address), ..answer })
}

/// Returns the source towards a gateway: the link's address in its subnet, else its first of the family.
fn source(links: &[Link], gateway: &Gateway) -> Option<IpAddr> {
    let link = links.iter().find(|link| link.name == gateway.device)?;
    let of_family = |own: &&LinkAddress| own.net.addr().is_ipv4() == gateway.address.is_ipv4();
    let mut own = link.addresses.iter().filter(of_family);
    let same = own.clone().find(|own| own.net.contains(&gateway.address));
    same.or_else(|| own.next()).map(|own| own.net.addr())
}

//! What a lab consists of: decided from the captured node and from what the operator declares.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use phoenix_formats::Vmid;
use phoenix_formats::iproute::{Gateway, Link};
use phoenix_planner::desired::Desired;

use crate::simulated::{Nics, SimulatedNode};

/// The network behind the router, of which documentation may speak (RFC 5737).
pub(super) const INTERNET: [&str; 2] = ["203.0.113.1/24", "203.0.113.10/24"];

/// From which host of its subnet on the LAN client looks for a free address.
const FIRST_CLIENT: u32 = 50;

/// What the operator's files say about the network that the node's files do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    public: Vec<Ipv4Net>,
    gateways: BTreeSet<Ipv4Addr>,
}

impl Hints {
    /// Takes them from what is declared.
    pub fn of(desired: &Desired) -> Self {
        let declared =
            desired.containers.values().filter_map(|container| container.public.as_ref());
        let mut hints = Self::default();
        for public in declared {
            hints.public.push(public.ip);
            hints.gateways.extend(public.gateway);
        }
        hints
    }
}

/// A lab before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// The node's links: bridges, and the hardware that plugs them into the LAN.
    pub(super) links: Vec<Link>,
    /// The node's default gateways.
    pub(super) gateways: Vec<Gateway>,
    /// The router's addresses on the LAN.
    pub(super) router: Vec<Ipv4Net>,
    /// The LAN client's address, and its gateway.
    pub(super) client: Option<(Ipv4Net, Ipv4Addr)>,
    /// The guests that run.
    pub(super) running: Vec<Vmid>,
    /// Links of kinds that a lab does not make.
    pub(super) left_out: Vec<String>,
}

impl Shape {
    pub(super) fn of(node: &SimulatedNode, hints: &Hints) -> Self {
        let routing = node.host_routing();
        let (links, others) = routing.links.into_iter().partition::<Vec<_>, _>(is_made);
        let known = Known::of(node, &links, &routing.gateways, hints);
        let router = known.router();
        let others = others.into_iter().filter(|link| link.link_type != "loopback");
        Self {
            client: known.client(&router),
            router,
            gateways: routing.gateways,
            running: node.guests().into_iter().filter(|&vmid| node.is_running(vmid)).collect(),
            left_out: others.map(|link| link.name).collect(),
            links,
        }
    }

    /// Returns the links that stand for hardware.
    pub(super) fn hardware(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.is_physical())
    }
}

fn is_made(link: &Link) -> bool {
    link.is_bridge() || link.is_physical()
}

/// The subnets of the LAN, and the addresses that somebody has or asks for.
struct Known {
    subnets: Vec<Ipv4Net>,
    taken: BTreeSet<Ipv4Addr>,
    gateways: BTreeSet<Ipv4Addr>,
}

impl Known {
    fn of(node: &SimulatedNode, links: &[Link], gateways: &[Gateway], hints: &Hints) -> Self {
        let guests = node.guests().into_iter().map(|vmid| node.nics_of(vmid)).collect::<Vec<_>>();
        let nics = || guests.iter().flat_map(|nics: &Nics| nics.by_number.values());
        let own = v4(links.iter().flat_map(|link| &link.addresses).map(|own| own.net));
        let theirs = v4(nics().flat_map(|nic| nic.addresses.iter().copied()));
        let taken = own.iter().chain(&theirs).chain(&hints.public).map(Ipv4Net::addr).collect();
        let asked = nics().flat_map(|nic| nic.gateways.iter().chain(&nic.early_gateways).copied());
        let asked = asked.chain(gateways.iter().map(|gateway| gateway.address));
        let asked = asked.filter_map(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        let gateways = asked.chain(hints.gateways.iter().copied()).collect();
        // The public subnet is where strangers are, so it comes first.
        let mut seen = BTreeSet::new();
        let all = hints.public.iter().chain(own.iter().rev()).map(Ipv4Net::trunc);
        let subnets = all.filter(|net| net.prefix_len() < 31 && seen.insert(*net)).collect();
        Self { subnets, taken, gateways }
    }

    /// Gives the router every gateway that somebody asks for and nobody has, and at least one address
    /// in each subnet.
    fn router(&self) -> Vec<Ipv4Net> {
        let in_subnet = |net: &Ipv4Net| {
            let asked = self.gateways.iter().filter(|asked| net.contains(*asked));
            let free = asked.filter(|asked| !self.taken.contains(asked)).copied();
            let mut own = free.collect::<Vec<_>>();
            if own.is_empty() {
                own.extend(net.hosts().find(|host| !self.taken.contains(host)));
            }
            own.into_iter()
                .filter_map(|ip| Ipv4Net::new(ip, net.prefix_len()).ok())
                .collect::<Vec<_>>()
        };
        self.subnets.iter().flat_map(in_subnet).collect()
    }

    fn client(&self, router: &[Ipv4Net]) -> Option<(Ipv4Net, Ipv4Addr)> {
        let subnet = self.subnets.first()?;
        let gateway = router.iter().map(Ipv4Net::addr).find(|own| subnet.contains(own))?;
        let is_free = |host: &Ipv4Addr| {
            !self.taken.contains(host) && !router.iter().any(|own| own.addr() == *host)
        };
        let late = subnet.hosts().skip(usize::try_from(FIRST_CLIENT).ok()?.saturating_sub(1));
        let host =
            late.take(256).find(is_free).or_else(|| subnet.hosts().take(256).find(is_free))?;
        Some((Ipv4Net::new(host, subnet.prefix_len()).ok()?, gateway))
    }
}

fn v4(nets: impl Iterator<Item = ipnet::IpNet>) -> Vec<Ipv4Net> {
    let nets = nets.filter_map(|net| match net {
        ipnet::IpNet::V4(net) => Some(net),
        ipnet::IpNet::V6(_) => None,
    });
    nets.filter(|net| !net.addr().is_loopback()).collect()
}

/// Returns the Ethernet addresses that the stand-ins of the node's hardware have, by name.
pub(super) fn hardware_macs(shape: &Shape) -> BTreeMap<String, String> {
    let numbered = shape.hardware().zip(1..=u8::MAX);
    numbered.map(|(link, n)| (link.name.clone(), format!("52:54:00:fe:00:{n:02x}"))).collect()
}

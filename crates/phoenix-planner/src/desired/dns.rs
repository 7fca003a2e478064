//! What is wanted of the node's dnsmasq: whom it asks, and which names it gives itself.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::Vmid;

use crate::source::Origin;

/// `dns_server`: the dnsmasq of the node.
#[derive(Debug, Clone)]
pub struct DnsServer {
    /// Where it stands.
    pub origin: Origin,
    /// `enabled`; without it the object declares one.
    pub enabled: bool,
    /// `upstream_servers` in order, [`DnsServer::GOOGLE`] where none are declared.
    pub upstream: Vec<IpAddr>,
    /// The container to which names of [`NameSource::Gateway`] lead.
    pub gateway: Option<Vmid>,
    /// The names that it answers itself, by name and IP version; none when it is not enabled.
    pub names: Vec<DnsName>,
}

impl DnsServer {
    /// The upstream servers of the spec: Google's.
    pub const GOOGLE: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4))];
}

/// Where a name comes from. Of several sources of one name the least counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameSource {
    /// `dns_records` of a guest.
    Records,
    /// `step_ca.dns_name`, and `ca` in the domain.
    Authority,
    /// `portainer_agent_hostname` of a guest.
    Agent,
    /// `traefik_service` of a guest, and `portainer_api`: the gateway's address.
    Gateway,
    /// The guest's or the node's own name.
    Own,
    /// `traefik` in the domain, the dashboard of the container with the feature `traefik`: the gateway's address, else
    /// its own.
    Dashboard,
}

/// Whom a name is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A container.
    Container(Vmid),
    /// A virtual machine.
    Vm(Vmid),
    /// The node itself.
    Node,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node => f.write_str("the node"),
            Self::Container(vmid) => write!(f, "lxc/{vmid}"),
            Self::Vm(vmid) => write!(f, "vm/{vmid}"),
        }
    }
}

/// What one source says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameClaim {
    /// The address.
    pub address: IpAddr,
    /// Where it comes from.
    pub source: NameSource,
    /// Whom it is about.
    pub owner: Owner,
    /// Where the operator wrote it.
    pub origin: Origin,
}

/// One name that is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsName {
    /// The whole name in lower case, without a dot at its end. With `*.` in front: every name below.
    pub name: String,
    /// What is answered.
    pub claim: NameClaim,
    /// What other sources say, which does not count.
    pub beaten: Vec<NameClaim>,
}

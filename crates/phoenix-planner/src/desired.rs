//! What the operator wants, checked: if you hold a [`Desired`], its values are valid on their own and
//! agree with each other. What only the node can tell is checked when a plan is made.

mod dns;
mod firewall;
mod guest;
mod interface;
mod making;
mod nginx;
mod node;
mod trust;

use std::collections::BTreeMap;

use phoenix_formats::Vmid;

pub use dns::{DnsName, DnsServer, NameClaim, NameSource, Owner};
pub use firewall::{
    ClusterFirewall, Definitions, ForwardPolicy, Group, GuestFirewall, LogLevel, NodeFirewall,
    Options, Policy,
};
pub use guest::{Container, Startup, Vm, VmAddress, VmMaking, VmSource};
pub use interface::{InternalInterface, Ipv4Config, MacvlanMode, PublicInterface, PublicKind};
pub use making::{Datasets, HealthCheck, IdMaps, Making, Mount, MountSource, Span, Template};
pub use nginx::{Nginx, OwnFile};
pub use node::{Attachment, Identity, Network};
pub use trust::{
    Authority, Certificate, Command, PackageSource, Program, ProgramSource, Proxy, Routed, Trust,
    Volume,
};

use crate::source::Origin;

/// A value with the place where the operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub origin: Origin,
}

/// Everything that the operator declares and phoenix manages.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The node's network.
    pub network: Network,
    /// What the node is called.
    pub identity: Identity,
    /// The node's dnsmasq; `None` when it is not declared, and then left alone.
    pub dns: Option<DnsServer>,
    /// The cluster's firewall; `None` when it is not declared, and then left alone.
    pub firewall: Option<ClusterFirewall>,
    /// The node's ZFS datasets, as far as they are declared.
    pub datasets: Datasets,
    /// The containers by number.
    pub containers: BTreeMap<Vmid, Container>,
    /// The virtual machines by number.
    pub vms: BTreeMap<Vmid, Vm>,
    /// What is set up inside of guests, and the certificates.
    pub trust: Trust,
}

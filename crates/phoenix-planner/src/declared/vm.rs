//! `phoenix_vm_configs.json`: the virtual machines.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DnsRecord, GuestFirewall, List, Scalar, TraefikService};

/// The virtual machines. Other fields are accepted and left alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "phoenix: phoenix_vm_configs.json")]
pub struct VmFile {
    /// The virtual machines.
    pub vms: Option<List<Vm>>,
}

/// One virtual machine: phoenix manages its firewall, and needs its name and address.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Vm {
    /// Its number, 100 to 999999999. Needed.
    pub vmid: Option<Scalar>,
    /// Its name.
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")
    )]
    pub name: Option<String>,
    /// Its network.
    pub network_config: Option<VmNetworkConfig>,
    /// Its firewall.
    pub firewall: Option<GuestFirewall>,
    /// DNS records, answered by the node's DNS server.
    pub dns_records: Option<List<DnsRecord>>,
    /// The service in it that is reached through the gateway.
    pub traefik_service: Option<TraefikService>,
    /// The name of the Portainer agent in it, which leads to its address.
    pub portainer_agent_hostname: Option<String>,
    /// Numbers of the guests that must be there before this one.
    pub dependencies: Option<List<Scalar>>,
    /// The number of the virtual machine that this one is cloned from.
    pub clone_from_vmid: Option<Scalar>,
}

/// The network of a virtual machine.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct VmNetworkConfig {
    /// The IPv4 address with its prefix length, or `dhcp`, or `manual`.
    #[schemars(regex(pattern = r"^(dhcp|manual|[0-9.]+/[0-9]{1,2})$"), example = &"10.0.0.111/24")]
    pub ip: Option<String>,
    /// The gateway. Accepted, not managed yet.
    pub gw: Option<String>,
    /// The name server. Accepted, not managed yet.
    pub nameserver: Option<String>,
}

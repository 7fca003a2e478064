//! `phoenix_hypervisor_config.json`: the node and what is global.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BaseSetup, ClusterFirewall, PortainerApi, Scalar, SharedVolumes, StepCa, Traefik, Words, Zfs,
};
use crate::desired::Attachment;

/// The node and what is global, as far as phoenix manages it. Other fields are accepted and left alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "phoenix: phoenix_hypervisor_config.json")]
pub struct HypervisorFile {
    /// The node's network.
    pub network: Option<Network>,
    /// The domain of the node and of its guests' names.
    #[schemars(example = &"internal.example.com")]
    pub domain_name: Option<String>,
    /// The node's time zone, as tzdata names it. Absent: left alone.
    #[schemars(example = &"Europe/Berlin")]
    pub timezone: Option<String>,
    /// The node's DNS server, dnsmasq. Absent: left alone.
    pub dns_server: Option<DnsServer>,
    /// The certificate authority.
    pub step_ca: Option<StepCa>,
    /// What the feature `base_setup` brings.
    pub base_setup: Option<BaseSetup>,
    /// The proxy in the container with the feature `traefik`.
    pub traefik: Option<Traefik>,
    /// The folder of the node with the operator's own scripts, for features that phoenix does not know.
    #[schemars(regex(pattern = r"^/"))]
    pub feature_scripts_dir: Option<String>,
    /// The folder of the node with the scripts that containers name in `application_script`.
    #[schemars(regex(pattern = r"^/"))]
    pub application_scripts_dir: Option<String>,
    /// Portainer. Only its name is read.
    pub portainer_api: Option<PortainerApi>,
    /// The cluster's firewall. Absent: left alone.
    pub firewall: Option<ClusterFirewall>,
    /// Folders of the node that guests share, by name.
    pub shared_volumes: Option<SharedVolumes>,
    /// Where the datasets of pools are mounted, as `BASE/POOL/DATASET`. Default: where ZFS mounts them.
    #[schemars(regex(pattern = r"^/"), example = &"/mnt/pve")]
    pub mount_point_base: Option<String>,
    /// The node's ZFS.
    pub zfs: Option<Zfs>,
}

/// The node's network.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Network {
    /// The node's bridge that is connected to the physical uplink; public interfaces attach to it. Needed
    /// as soon as a container has an enabled `public_interface`.
    #[schemars(example = &"vmbr0", length(min = 1, max = 15))]
    pub public_bridge: Option<String>,
    /// The subnet of public addresses, for a node that has no address of its own in it. Default: the
    /// subnets of the bridge.
    #[schemars(example = &"192.168.1.0/24")]
    pub public_subnet: Option<String>,
    /// How a public interface is attached. Default: `auto`.
    pub macvlan_attachment: Option<Attachment>,
    /// A free address of the public subnet by which the node, and guests that are routed through it, reach
    /// its own macvlan containers. Absent: they do not.
    #[schemars(example = &"192.168.1.14")]
    pub public_shim_address: Option<String>,
    /// The public domain: `phoenix verify` looks whether names below it lead to the public address.
    #[schemars(example = &"example.com")]
    pub public_domain: Option<String>,
    /// The DNS server that `phoenix verify` asks for the public domain, with or without a port. Default:
    /// the public domain is not looked at.
    #[schemars(example = &"1.1.1.1")]
    pub public_resolver: Option<String>,
    /// The node's own interface.
    pub interfaces: Option<Interfaces>,
    /// The node's name, without its domain. Absent: left alone.
    #[schemars(example = &"phoenix", length(min = 1, max = 63))]
    pub hostname: Option<String>,
}

/// The node's own interface.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Interfaces {
    /// The node's bridge.
    #[schemars(example = &"vmbr0", length(min = 1, max = 15))]
    pub name: Option<String>,
    /// The node's address with its prefix length.
    #[schemars(example = &"10.0.0.13/24")]
    pub address: Option<String>,
    /// The node's default gateway, inside the subnet of `address`. Absent: left alone.
    #[schemars(regex(pattern = r"^[0-9.]+$"), example = &"10.0.0.1")]
    pub gateway: Option<String>,
    /// The name servers that the node asks, in order. Absent: left alone.
    pub dns_nameservers: Option<Words>,
}

/// The node's DNS server, dnsmasq.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct DnsServer {
    /// Whether phoenix keeps it. Default: `true`.
    pub enabled: Option<bool>,
    /// The servers that it asks for every other name, in order. Default: `["8.8.8.8", "8.8.4.4"]`.
    pub upstream_servers: Option<Words>,
    /// The number of the container through which the names of `traefik_service` are reached. Default: the
    /// one with a public interface, else the one with the feature `traefik`.
    #[schemars(example = &"101")]
    pub gateway: Option<Scalar>,
}

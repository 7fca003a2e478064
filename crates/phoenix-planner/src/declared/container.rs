//! `phoenix_lxc_configs.json`: the containers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::{
    DnsRecord, GuestFirewall, HealthCheck, IdMap, List, MountPoint, Nginx, Scalar, TraefikService,
    Volume, Words,
};
use crate::desired::MacvlanMode;

/// The containers. Other fields are accepted and left alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "phoenix: phoenix_lxc_configs.json")]
pub struct ContainerFile {
    /// The containers by their number, 100 to 999999999.
    #[schemars(extend("propertyNames" = { "pattern": "^[1-9][0-9]{2,8}$" }))]
    pub lxc_configs: Option<BTreeMap<Number, Option<Container>>>,
}

/// The number of a container, which is the name of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub Vmid);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// One container, as far as phoenix manages it. Other fields are accepted and left alone; so is every
/// field that is absent or `null`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Container {
    /// The host name.
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")
    )]
    pub name: Option<String>,
    /// Memory in MiB.
    #[schemars(range(min = 16))]
    pub memory_mb: Option<u64>,
    /// Swap in MiB.
    pub swap_mb: Option<u64>,
    /// How many cores the container may use.
    #[schemars(range(min = 1, max = 8192))]
    pub cores: Option<u64>,
    /// Whether the container starts with the node.
    pub start_at_boot: Option<bool>,
    /// The place in the order of starting; the lowest starts first.
    #[schemars(range(max = 2_147_483_647))]
    pub boot_order: Option<u64>,
    /// Seconds to wait after its start before the next guest starts, and for its shutdown.
    #[schemars(range(max = 2_147_483_647))]
    pub boot_delay: Option<u64>,
    /// The internal interface, `net0`.
    pub network_config: Option<NetworkConfig>,
    /// The Ethernet address of `net0`. Absent: the present one stays.
    #[schemars(regex(pattern = r"^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$"))]
    pub mac_address: Option<String>,
    /// The public interface, `net1`.
    pub public_interface: Option<PublicInterface>,
    /// Features of `pct set --features`, each as `name=value`, such as `nesting=1`.
    #[schemars(inner(regex(pattern = r"^\s*[a-z_]+\s*=")))]
    pub pct_options: Option<List<String>>,
    /// Raw keys of lxc.container.conf(5), each as `lxc.key=value` or `lxc.key: value`.
    #[schemars(inner(regex(pattern = r"^\s*lxc\.[a-z0-9_.-]+\s*[:=]")))]
    pub lxc_options: Option<List<String>>,
    /// Whether the feature `nesting` is on. It wins over `nesting=…` in `pct_options`.
    pub apparmor_manages_nesting: Option<bool>,
    /// The container's firewall.
    pub firewall: Option<GuestFirewall>,
    /// DNS records, answered by the node's DNS server.
    pub dns_records: Option<List<DnsRecord>>,
    /// The service in it that is reached through the gateway.
    pub traefik_service: Option<TraefikService>,
    /// The name of the Portainer agent in it, which leads to its internal address.
    pub portainer_agent_hostname: Option<String>,
    /// What is set up in it: `base_setup`, `nginx`, `step_ca`, `step_cli`, `traefik`, `trusted_ca`, or the name of a
    /// script in `feature_scripts_dir`.
    pub features: Option<List<String>>,
    /// Where step(1) in it asks the certificate authority, with the feature `step_cli`. Default: the authority's name,
    /// port 9000.
    #[schemars(regex(pattern = r"^https://"), example = &"https://ca.internal.example.com:9000")]
    pub bootstrap_ca_url: Option<String>,
    /// The web server in it. The feature `nginx` alone is its package and its service.
    pub nginx: Option<Nginx>,
    /// The name of the operator's own script in `application_scripts_dir`, which is run when everything else of it is
    /// set up.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"))]
    pub application_script: Option<String>,
    /// Numbers of the guests that must be there before this one.
    pub dependencies: Option<List<Scalar>>,
    /// The number of the container that this one is cloned from.
    pub clone_from_ctid: Option<Scalar>,
    /// What the container is made from: the path of a template on the node, or `storage:vztmpl/FILE`.
    #[schemars(example = &"local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst")]
    pub template: Option<String>,
    /// The file name of a prebuilt template: where a storage has it, it counts instead of `template` and
    /// `clone_from_ctid`.
    pub template_file: Option<String>,
    /// The snapshot that is made of the container when it is complete, and that clones are made of.
    #[schemars(length(min = 2, max = 40), regex(pattern = r"^[A-Za-z][A-Za-z0-9_-]+$"))]
    pub template_snapshot_name: Option<String>,
    /// The storage of its root file system.
    #[schemars(example = &"local-zfs")]
    pub storage_pool: Option<String>,
    /// The size of its root file system in GiB; it grows and never shrinks.
    #[schemars(range(min = 1))]
    pub storage_size_gb: Option<u64>,
    /// Whether its root is nobody on the node. Default for a new one: that of what it is cloned from, else
    /// `true`. It cannot be changed in place.
    pub unprivileged: Option<bool>,
    /// Whether it is turned into a template, which is cloned and never started.
    pub is_template: Option<bool>,
    /// Whether snapshots are made of it: `pre-configured` as soon as it is made, `final-form` when it is
    /// complete. Templates, and containers with folders of the node, have none.
    pub enable_lifecycle_snapshots: Option<bool>,
    /// The AppArmor profile, the raw key `lxc.apparmor.profile`.
    #[schemars(example = &"unconfined")]
    pub apparmor_profile: Option<String>,
    /// Users and groups of an unprivileged container that are the node's own.
    pub id_maps: Option<List<IdMap>>,
    /// Folders of the node that it mounts.
    pub mount_points: Option<List<MountPoint>>,
    /// Volumes that are made for it.
    pub volumes: Option<List<Volume>>,
    /// The same as `volumes`.
    pub zfs_volumes: Option<List<Volume>>,
    /// How it is found out whether it serves those that depend on it.
    pub health_check: Option<HealthCheck>,
}

/// The internal interface of a container, `net0`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct NetworkConfig {
    /// The interface's name inside the container. Default: `eth0`.
    #[schemars(length(min = 1, max = 15))]
    pub name: Option<String>,
    /// The node's bridge. Absent: left alone.
    #[schemars(example = &"vmbr0", length(min = 1, max = 15))]
    pub bridge: Option<String>,
    /// The IPv4 address with its prefix length, or `dhcp`, or `manual`.
    #[schemars(regex(pattern = r"^(dhcp|manual|[0-9.]+/[0-9]{1,2})$"), example = &"10.0.0.153/24")]
    pub ip: Option<String>,
    /// The gateway, inside the subnet of `ip`.
    #[schemars(regex(pattern = r"^[0-9.]+$"), example = &"10.0.0.1")]
    pub gw: Option<String>,
    /// The name servers. Absent: left alone; empty: those of the node.
    #[schemars(example = &"10.0.0.13")]
    pub nameservers: Option<Words>,
    /// The same as the container's `mac_address`.
    #[schemars(regex(pattern = r"^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$"))]
    pub hwaddr: Option<String>,
}

/// How a public interface is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InterfaceType {
    /// A macvlan child of the bridge. Proxmox VE's firewall does not see its traffic.
    #[default]
    Macvlan,
    /// An ipvlan child of the bridge in L3 mode, with the bridge's Ethernet address.
    Ipvlan,
    /// A port of the bridge like any other, which Proxmox VE's firewall sees.
    Veth,
}

/// The public interface of a container, `net1`, named `eth1` inside.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct PublicInterface {
    /// Whether the container has it; `false` takes it away again. Needed.
    pub enabled: Option<bool>,
    /// How it is built. Default: `macvlan`.
    #[serde(rename = "type")]
    pub kind: Option<InterfaceType>,
    /// The mode; only with the type `macvlan`. Default: `bridge`.
    pub mode: Option<MacvlanMode>,
    /// The public IPv4 address with its prefix length. Needed.
    #[schemars(regex(pattern = r"^[0-9.]+/[0-9]{1,2}$"), example = &"192.168.1.153/24")]
    pub ip: Option<String>,
    /// The gateway of the public subnet.
    #[schemars(regex(pattern = r"^[0-9.]+$"), example = &"192.168.1.1")]
    pub gw: Option<String>,
    /// The Ethernet address. Not with the type `ipvlan`. Absent: the present one stays.
    #[schemars(regex(pattern = r"^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$"))]
    pub mac_address: Option<String>,
    /// Files in the container whose nginx `listen` lines are kept on all interfaces. Default: those of `nginx.files`,
    /// else `["/etc/nginx/sites-available/gateway"]`; an empty list: none.
    #[schemars(inner(regex(pattern = r"^/")))]
    pub nginx_sites: Option<List<String>>,
}

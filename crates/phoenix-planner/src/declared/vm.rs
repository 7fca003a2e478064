//! `phoenix_vm_configs.json`: the virtual machines.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DnsRecord, GuestFirewall, List, Scalar, TraefikService, Words};

/// The virtual machines. Other fields are accepted and left alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "phoenix: phoenix_vm_configs.json")]
pub struct VmFile {
    /// What a virtual machine is made with where it does not say so itself. One that exists is left as it is.
    pub vm_defaults: Option<VmDefaults>,
    /// The virtual machines.
    pub vms: Option<List<Vm>>,
}

/// What virtual machines are made with.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct VmDefaults {
    /// How many cores it may use.
    #[schemars(range(min = 1, max = 8192))]
    pub cores: Option<u64>,
    /// Memory in MiB.
    #[schemars(range(min = 16))]
    pub memory_mb: Option<u64>,
    /// The size in GiB to which the disk of a clone grows.
    #[schemars(range(min = 1, max = 131_072))]
    pub disk_size_gb: Option<u64>,
    /// The storage of its disks.
    pub storage_pool: Option<String>,
    /// The node's bridge of its first interface.
    #[schemars(length(min = 1, max = 15))]
    pub network_bridge: Option<String>,
}

/// One virtual machine, as far as phoenix manages it. Other fields are accepted and left alone; so is every
/// field that is absent or `null`.
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
    /// Whether it is a template, from which others are cloned and which never runs.
    pub is_template: Option<bool>,
    /// The image of its disk, of which it is made: a file on the node, by its path or by its name in
    /// `/var/lib/vz/template/iso`, or a volume such as `local:import/debian-13.qcow2`.
    #[schemars(example = &"debian-13-genericcloud-amd64.qcow2", length(min = 1))]
    pub template_image: Option<String>,
    /// The snapshot that it shall have; clones are made of that state. A template has none.
    #[schemars(length(max = 40), regex(pattern = r"^[A-Za-z][A-Za-z0-9_-]+$"))]
    pub template_snapshot_name: Option<String>,
    /// How many cores it may use.
    #[schemars(range(min = 1, max = 8192))]
    pub cores: Option<u64>,
    /// Memory in MiB.
    #[schemars(range(min = 16))]
    pub memory_mb: Option<u64>,
    /// The size of its disk `scsi0` in GiB. It grows, and never shrinks.
    #[schemars(range(min = 1, max = 131_072))]
    pub disk_size_gb: Option<u64>,
    /// The storage of its disks, when it is made.
    pub storage_pool: Option<String>,
    /// The node's bridge of its first interface, `net0`.
    #[schemars(length(min = 1, max = 15))]
    pub network_bridge: Option<String>,
    /// Whether it starts with the node.
    pub start_at_boot: Option<bool>,
    /// The place in the order of starting; the lowest starts first.
    #[schemars(range(max = 2_147_483_647))]
    pub boot_order: Option<u64>,
    /// Seconds to wait after its start before the next guest starts, and for its shutdown.
    #[schemars(range(max = 2_147_483_647))]
    pub boot_delay: Option<u64>,
    /// The user that cloud-init makes.
    pub user_config: Option<VmUser>,
    /// Its network, which cloud-init sets.
    pub network_config: Option<VmNetworkConfig>,
    /// What is set up in it by its guest agent: `base_setup`, `step_cli`, `trusted_ca`, or the name of a script in
    /// `feature_scripts_dir`.
    pub features: Option<List<String>>,
    /// Folders of NFS servers that it mounts, by its guest agent. Absent: left alone.
    pub volumes: Option<List<VmVolume>>,
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
    /// The number of the virtual machine that this one is a full clone of.
    pub clone_from_vmid: Option<Scalar>,
}

/// A folder of an NFS server that a virtual machine mounts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct VmVolume {
    /// What it is: `nfs`. Others are left alone.
    #[serde(rename = "type")]
    #[schemars(example = &"nfs")]
    pub kind: Option<String>,
    /// What it is for. Not used.
    pub name: Option<String>,
    /// The server's name or address. Needed.
    #[schemars(example = &"10.0.0.13")]
    pub server: Option<String>,
    /// The folder on the server. Needed.
    #[schemars(regex(pattern = r"^/"), example = &"/srv/data")]
    pub path: Option<String>,
    /// Where the machine mounts it. Needed.
    #[schemars(regex(pattern = r"^/"), example = &"/mnt/data")]
    pub mount_point: Option<String>,
}

/// The user that cloud-init makes in a virtual machine.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct VmUser {
    /// The user's name. Absent: the one of the image.
    #[schemars(length(min = 1))]
    pub username: Option<String>,
}

/// The network of a virtual machine.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct VmNetworkConfig {
    /// The IPv4 address with its prefix length, or `dhcp`, or `manual`.
    #[schemars(regex(pattern = r"^(dhcp|manual|[0-9.]+/[0-9]{1,2})$"), example = &"10.0.0.111/24")]
    pub ip: Option<String>,
    /// The gateway, inside the subnet of `ip`.
    #[schemars(regex(pattern = r"^[0-9.]+$"), example = &"10.0.0.1")]
    pub gw: Option<String>,
    /// The name server, or several. Absent: left alone.
    #[schemars(example = &"10.0.0.13")]
    pub nameserver: Option<Words>,
}

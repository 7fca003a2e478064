//! What stands in the operator's files, as they wrote it: types are checked, meanings are not.
//!
//! Every field is optional: absent and `null` mean "leave alone". Only fields that phoenix manages are
//! here; the rest of an operator's files is accepted and listed. The docs of these types are the
//! descriptions in the JSON Schemas and in the manual.

mod certificates;
mod container;
mod firewall;
mod hypervisor;
mod names;
mod scalar;
mod storage;
mod trust;
mod vm;

pub use certificates::{Certificate, CertificateFile, GuestType, PostCommand};
pub use container::{
    Container, ContainerFile, InterfaceType, NetworkConfig, Number, PublicInterface,
};
pub use firewall::{
    Alias, ClusterFirewall, Group, GuestFirewall, IpsetEntry, LogRateLimit, NodeFirewall, Removed,
    RemovedHere, Rule, RuleType,
};
pub use hypervisor::{DnsServer, HypervisorFile, Interfaces, Network};
pub use names::{DnsRecord, PortainerApi};
pub use scalar::{List, Scalar, Words};
pub use storage::{
    CommandLine, Dataset, HealthCheck, IdKind, IdMap, MountPoint, SharedVolume, SharedVolumes,
    Volume, Zfs,
};
pub use trust::{BaseSetup, Nginx, PackageSource, Program, StepCa, Traefik, TraefikService};
pub use vm::{Vm, VmDefaults, VmFile, VmNetworkConfig, VmUser, VmVolume};

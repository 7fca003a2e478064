//! Firewalls of the cluster and of guests.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{List, Scalar};
use crate::desired::Policy;

/// The cluster's firewall: `/etc/pve/firewall/cluster.fw`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct ClusterFirewall {
    /// Whether the firewall works at all, for the node and for every guest. Absent: left alone.
    pub enabled: Option<bool>,
    /// What happens to packets to the node that no rule decides. Absent: left alone.
    pub default_input_policy: Option<Policy>,
    /// What happens to packets from the node that no rule decides. Absent: left alone.
    pub default_output_policy: Option<Policy>,
    /// The rules for the node itself, in order; the first that matches decides. They do not apply to
    /// guests. Absent: left alone; an empty list: no rules.
    pub global_firewall_rules: Option<List<Rule>>,
}

/// A guest's firewall: `/etc/pve/firewall/<number>.fw`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct GuestFirewall {
    /// Whether the guest is filtered. Absent: left alone.
    pub enabled: Option<bool>,
    /// What happens to packets to the guest that no rule decides. Absent: left alone.
    pub default_input_policy: Option<Policy>,
    /// What happens to packets from the guest that no rule decides. Absent: left alone.
    pub default_output_policy: Option<Policy>,
    /// The same as `default_input_policy`, in Proxmox VE's own word.
    pub policy_in: Option<Policy>,
    /// The same as `default_output_policy`, in Proxmox VE's own word.
    pub policy_out: Option<Policy>,
    /// The rules in order; the first that matches decides. Absent: left alone; an empty list: no rules.
    pub rules: Option<List<Rule>>,
}

/// The direction of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleType {
    /// Packets to the node or guest.
    In,
    /// Packets from the node or guest.
    Out,
    /// Packets through the node. Not for guests.
    Forward,
    /// A security group: `action` names it.
    Group,
}

/// One firewall rule.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Rule {
    /// The direction. Needed.
    #[serde(rename = "type")]
    pub direction: Option<RuleType>,
    /// `ACCEPT`, `DROP` or `REJECT`; for the type `group` the name of the security group. Needed.
    #[schemars(example = &"ACCEPT")]
    pub action: Option<String>,
    /// A macro of Proxmox VE, such as `SSH` or `HTTPS`, instead of `proto` and `port`.
    #[serde(rename = "macro")]
    #[schemars(example = &"HTTPS")]
    pub macro_name: Option<String>,
    /// The protocol, such as `tcp`. Needed with `port`.
    #[schemars(example = &"tcp")]
    pub proto: Option<Scalar>,
    /// Where packets come from: an address, subnet, range, alias, `+ipset`, or a list with commas.
    #[schemars(example = &"10.0.0.0/24")]
    pub source: Option<String>,
    /// Where packets go to, written as `source`.
    #[schemars(example = &"10.0.0.13")]
    pub dest: Option<String>,
    /// The port that packets go to: a number, `80:90` for a range, or a list with commas.
    #[schemars(example = &"80,443")]
    pub port: Option<Scalar>,
    /// The port that packets come from, written as `port`.
    pub sport: Option<Scalar>,
    /// The interface: `eth0` or `net0` of a guest, the device's name on the node.
    #[schemars(example = &"eth1")]
    pub iface: Option<String>,
    /// The level at which matches are logged: `nolog`, `emerg`, `alert`, `crit`, `err`, `warning`,
    /// `notice`, `info` or `debug`.
    #[schemars(example = &"info")]
    pub log: Option<String>,
    /// The ICMP type by name. Only with `proto` `icmp` or `icmpv6`.
    #[schemars(example = &"echo-request")]
    pub icmp_type: Option<Scalar>,
    /// `false` keeps the rule in the file without effect. Default: `true`.
    pub enabled: Option<bool>,
    /// What the rule is for, on one line.
    pub comment: Option<String>,
}

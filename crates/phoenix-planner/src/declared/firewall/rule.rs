//! Rules of firewalls.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::Scalar;

/// The direction of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleType {
    /// Packets to the node or guest.
    In,
    /// Packets from the node or guest.
    Out,
    /// Packets through the node. Not for guests; in force only with `nftables` of the node.
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
    /// Where packets come from: an address, subnet, range, alias, `+ipset`, or a list of addresses with
    /// commas. Aliases and sets must be declared or on the node.
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

//! Firewalls of the cluster, the node and guests.

mod names;
mod node;
mod rule;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::names::{Alias, Group, IpsetEntry, Removed, RemovedHere};
pub use self::node::NodeFirewall;
pub use self::rule::{Rule, RuleType};
use super::{List, Words};
use crate::desired::{ForwardPolicy, LogLevel, Policy};

/// The cluster's firewall: `/etc/pve/firewall/cluster.fw`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct ClusterFirewall {
    /// Whether the firewall works at all, for the node and for every guest. Absent: left alone.
    pub enabled: Option<bool>,
    /// What happens to packets to the node that no rule decides. Absent: left alone.
    pub default_input_policy: Option<Policy>,
    /// What happens to packets from the node that no rule decides. Absent: left alone.
    pub default_output_policy: Option<Policy>,
    /// What happens to packets through the node that no rule decides; in force only with `nftables` of
    /// the node. Absent: left alone.
    pub default_forward_policy: Option<ForwardPolicy>,
    /// Whether frames between guests are filtered too. Absent: left alone.
    pub ebtables: Option<bool>,
    /// How much is logged. Absent: left alone.
    pub log_ratelimit: Option<LogRateLimit>,
    /// The rules for the node itself, in order; the first that matches decides. They do not apply to
    /// guests. Absent: left alone; an empty list: no rules.
    pub global_firewall_rules: Option<List<Rule>>,
    /// Names for addresses and networks, which rules of the node and of guests can use. Those that are
    /// not named here are left alone.
    pub aliases: Option<BTreeMap<String, Option<Alias>>>,
    /// Sets of addresses by name, which rules use as `+name`. Those that are not named here are left
    /// alone; an empty list: an empty set.
    pub ipsets: Option<BTreeMap<String, Option<List<IpsetEntry>>>>,
    /// Security groups by name, which rules of the type `group` use. Those that are not named here are
    /// left alone.
    pub groups: Option<BTreeMap<String, Option<Group>>>,
    /// Names that shall not be in the file any more.
    pub removed: Option<Removed>,
    /// The firewall of this node alone.
    pub node: Option<NodeFirewall>,
    /// From where operators reach the node: addresses or networks. Rules that would shut ssh and the web
    /// interface to one of them are an error; one of the two is a warning.
    #[schemars(example = &"192.168.1.10")]
    pub operator_addresses: Option<Words>,
    /// `true` makes warnings of the errors that tell a lockout. Default: `false`.
    pub allow_lockout: Option<bool>,
}

/// How much is logged.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct LogRateLimit {
    /// Whether there is a limit. Default: `true`.
    pub enabled: Option<bool>,
    /// How many packets are logged in a time: `N/second`, `N/minute`, `N/hour` or `N/day`. Default:
    /// `1/second`.
    #[schemars(example = &"5/minute", regex(pattern = r"^[1-9][0-9]*/(second|minute|hour|day)$"))]
    pub rate: Option<String>,
    /// How many packets are logged before the rate counts. Default: 5.
    pub burst: Option<u64>,
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
    /// Whether DHCP passes. Proxmox VE lets it pass unless this is `false`. Absent: left alone.
    pub dhcp: Option<bool>,
    /// Whether neighbour discovery passes, without which there is no IPv6. Absent: left alone.
    pub ndp: Option<bool>,
    /// Whether the guest may send router advertisements. Absent: left alone.
    pub radv: Option<bool>,
    /// Whether the guest may only use its own Ethernet addresses. Absent: left alone.
    pub macfilter: Option<bool>,
    /// Whether the guest may only use its own IP addresses. Absent: left alone.
    pub ipfilter: Option<bool>,
    /// The level at which packets to the guest that the policy refuses are logged. Absent: left alone.
    pub log_level_in: Option<LogLevel>,
    /// The level at which packets from the guest that the policy refuses are logged. Absent: left alone.
    pub log_level_out: Option<LogLevel>,
    /// The rules in order; the first that matches decides. Absent: left alone; an empty list: no rules.
    pub rules: Option<List<Rule>>,
    /// Names for addresses and networks, for the rules of this guest. Those that are not named here are
    /// left alone.
    pub aliases: Option<BTreeMap<String, Option<Alias>>>,
    /// Sets of addresses by name, for the rules of this guest, and `ipfilter-netN`: the addresses that
    /// its interface N may use. Those that are not named here are left alone; an empty list: an empty set.
    pub ipsets: Option<BTreeMap<String, Option<List<IpsetEntry>>>>,
    /// Names that shall not be in the file any more.
    pub removed: Option<RemovedHere>,
}

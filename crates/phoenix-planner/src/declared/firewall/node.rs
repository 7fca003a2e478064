//! The firewall of one node.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{List, Words};
use super::Rule;
use crate::desired::LogLevel;

/// The firewall of this node alone: `/etc/pve/local/host.fw`. What is absent is left alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct NodeFirewall {
    /// Whether this node itself is filtered, where the cluster's firewall is enabled.
    pub enabled: Option<bool>,
    /// Rules for this node, in order; they stand before those of the cluster. An empty list: no rules.
    pub rules: Option<List<Rule>>,
    /// Whether packets with a broadcast address as their source are dropped.
    pub nosmurfs: Option<bool>,
    /// Whether packets with impossible TCP flags are dropped.
    pub tcpflags: Option<bool>,
    /// Whether neighbour discovery passes, without which there is no IPv6.
    pub ndp: Option<bool>,
    /// Whether tracked connections are logged.
    pub log_nf_conntrack: Option<bool>,
    /// Whether packets pass that belong to no tracked connection.
    pub nf_conntrack_allow_invalid: Option<bool>,
    /// Whether floods of TCP connections are slowed down.
    pub protection_synflood: Option<bool>,
    /// How many new TCP connections a second one address may open.
    pub protection_synflood_rate: Option<u64>,
    /// How many new TCP connections one address may open before the rate counts.
    pub protection_synflood_burst: Option<u64>,
    /// Whether the newer firewall on nftables takes over: then rules of the type `forward` are in force.
    pub nftables: Option<bool>,
    /// The level at which packets to the node that the policy refuses are logged.
    pub log_level_in: Option<LogLevel>,
    /// The level at which packets from the node that the policy refuses are logged.
    pub log_level_out: Option<LogLevel>,
    /// The level at which packets through the node that the policy refuses are logged.
    pub log_level_forward: Option<LogLevel>,
    /// The level at which packets with impossible TCP flags are logged.
    pub tcp_flags_log_level: Option<LogLevel>,
    /// The level at which packets with a broadcast address as their source are logged.
    pub smurf_log_level: Option<LogLevel>,
    /// Helpers of connection tracking: `amanda`, `ftp`, `irc`, `netbios-ns`, `pptp`, `sane`, `sip`,
    /// `snmp`, `tftp`.
    pub nf_conntrack_helpers: Option<Words>,
    /// How many connections are tracked, 32768 or more.
    #[schemars(range(min = 32768))]
    pub nf_conntrack_max: Option<u64>,
    /// Seconds after which an idle TCP connection is forgotten, 7875 or more.
    #[schemars(range(min = 7875))]
    pub nf_conntrack_tcp_timeout_established: Option<u64>,
    /// Seconds after which a half-open TCP connection is forgotten, 30 to 60.
    #[schemars(range(min = 30, max = 60))]
    pub nf_conntrack_tcp_timeout_syn_recv: Option<u64>,
}

//! What is wanted of Proxmox VE's firewall.

use std::collections::BTreeMap;

use ipnet::IpNet;
use phoenix_formats::firewall::{Alias, IpsetEntry, Rule};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Located;
use crate::source::Origin;

/// A firewall policy for what no rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Policy {
    /// Let it through.
    Accept,
    /// Drop it silently.
    Drop,
    /// Refuse it with an answer.
    Reject,
}

impl Policy {
    /// Returns the word that `.fw` files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
            Self::Reject => "REJECT",
        }
    }
}

/// A firewall policy for packets through the node, which cannot be rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ForwardPolicy {
    /// Let it through.
    Accept,
    /// Drop it silently.
    Drop,
}

impl ForwardPolicy {
    /// Returns the word that `.fw` files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
        }
    }
}

/// A level of syslog(3), or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing is logged.
    NoLog,
    /// The system is unusable.
    Emerg,
    /// Action must be taken at once.
    Alert,
    /// Critical.
    Crit,
    /// An error.
    Err,
    /// A warning.
    Warning,
    /// Normal and worth knowing.
    Notice,
    /// Information.
    Info,
    /// For finding faults.
    Debug,
}

impl LogLevel {
    /// Returns the word that `.fw` files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoLog => "nolog",
            Self::Emerg => "emerg",
            Self::Alert => "alert",
            Self::Crit => "crit",
            Self::Err => "err",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// Declared options of a `.fw` file beside `enable` and the policies of packets in and out, as the file
/// says them, in the order of Proxmox VE's manual. An option that is not in it is left alone.
pub type Options = Vec<(&'static str, String)>;

/// What rules can name, as far as it is declared; what is not in it is left alone.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// Aliases by name in lower case.
    pub aliases: BTreeMap<String, Located<Alias>>,
    /// The entries of sets of addresses, by the sets' names in lower case.
    pub ipsets: BTreeMap<String, Located<Vec<IpsetEntry>>>,
    /// Security groups by name in lower case; only a cluster has any.
    pub groups: BTreeMap<String, Located<Group>>,
    /// Names in lower case of aliases that go.
    pub removed_aliases: Vec<Located<String>>,
    /// Names in lower case of sets that go.
    pub removed_ipsets: Vec<Located<String>>,
    /// Names in lower case of groups that go.
    pub removed_groups: Vec<Located<String>>,
}

impl Definitions {
    /// Returns whether nothing is defined.
    pub fn defines_nothing(&self) -> bool {
        self.aliases.is_empty() && self.ipsets.is_empty() && self.groups.is_empty()
    }

    /// Returns whether something goes.
    pub fn removes(&self) -> bool {
        let all = [&self.removed_aliases, &self.removed_ipsets, &self.removed_groups];
        all.iter().any(|names| !names.is_empty())
    }
}

/// One security group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// `comment`; `None` leaves it alone.
    pub comment: Option<String>,
    /// `rules` in order; `None` leaves the rules alone, empty means no rules.
    pub rules: Option<Vec<Located<Rule>>>,
}

/// The `firewall` object of the global file.
#[derive(Debug, Clone)]
pub struct ClusterFirewall {
    /// Where it stands.
    pub origin: Origin,
    /// `enabled`; `None` leaves the option alone.
    pub enabled: Option<bool>,
    /// `default_input_policy`; `None` leaves the option alone.
    pub policy_in: Option<Policy>,
    /// `default_output_policy`; `None` leaves the option alone.
    pub policy_out: Option<Policy>,
    /// The other options.
    pub options: Options,
    /// `global_firewall_rules` in order; `None` leaves the rules alone, empty means no rules.
    pub rules: Option<Vec<Located<Rule>>>,
    /// `aliases`, `ipsets`, `groups` and `removed`.
    pub definitions: Definitions,
    /// `node`; `None` leaves the node's file alone.
    pub node: Option<NodeFirewall>,
    /// `operator_addresses`.
    pub operators: Vec<Located<IpNet>>,
    /// `allow_lockout`; `false` when absent.
    pub allow_lockout: bool,
}

/// `firewall.node`: the firewall of this node alone.
#[derive(Debug, Clone)]
pub struct NodeFirewall {
    /// Where it stands.
    pub origin: Origin,
    /// The options with `enable`.
    pub options: Options,
    /// `rules` in order; `None` leaves the rules alone, empty means no rules.
    pub rules: Option<Vec<Located<Rule>>>,
}

/// The `firewall` object of a guest.
#[derive(Debug, Clone)]
pub struct GuestFirewall {
    /// Where it stands.
    pub origin: Origin,
    /// `enabled`; `None` leaves the option alone.
    pub enabled: Option<bool>,
    /// `default_input_policy` or `policy_in`; `None` leaves the option alone.
    pub policy_in: Option<Policy>,
    /// `default_output_policy` or `policy_out`; `None` leaves the option alone.
    pub policy_out: Option<Policy>,
    /// The other options.
    pub options: Options,
    /// `rules` in order, interface names already as Proxmox VE wants them (`net1` for `eth1`);
    /// `None` leaves the rules alone, empty means no rules.
    pub rules: Option<Vec<Located<Rule>>>,
    /// `aliases`, `ipsets` and `removed`.
    pub definitions: Definitions,
}

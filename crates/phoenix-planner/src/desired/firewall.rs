//! What is wanted of Proxmox VE's firewall.

use phoenix_formats::firewall::Rule;
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
    /// `global_firewall_rules` in order; `None` leaves the rules alone, empty means no rules.
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
    /// `rules` in order, interface names already as Proxmox VE wants them (`net1` for `eth1`);
    /// `None` leaves the rules alone, empty means no rules.
    pub rules: Option<Vec<Located<Rule>>>,
}

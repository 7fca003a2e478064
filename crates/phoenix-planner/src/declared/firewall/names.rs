//! What rules can name: aliases, sets of addresses, security groups.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{List, Words};
use super::Rule;

/// A name for an address or network.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Alias {
    /// The address or network. Needed.
    #[schemars(example = &"10.0.0.153")]
    pub cidr: Option<String>,
    /// What it is, on one line.
    pub comment: Option<String>,
}

/// One entry of a set of addresses.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct IpsetEntry {
    /// An address, a network, or the name of an alias. Needed.
    #[schemars(example = &"10.0.0.0/24")]
    pub cidr: Option<String>,
    /// `true` takes its addresses out of the set. Default: `false`.
    pub nomatch: Option<bool>,
    /// What it is, on one line.
    pub comment: Option<String>,
}

/// A security group: rules that other rules use together.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Group {
    /// What it is for, on one line.
    pub comment: Option<String>,
    /// Its rules in order, without `iface` and without other groups. Absent: left alone; an empty list: no
    /// rules.
    pub rules: Option<List<Rule>>,
}

/// Names that shall not be in the cluster's file any more.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Removed {
    /// Names of aliases.
    pub aliases: Option<Words>,
    /// Names of sets of addresses.
    pub ipsets: Option<Words>,
    /// Names of security groups.
    pub groups: Option<Words>,
}

/// Names that shall not be in the guest's file any more.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct RemovedHere {
    /// Names of aliases.
    pub aliases: Option<Words>,
    /// Names of sets of addresses.
    pub ipsets: Option<Words>,
}

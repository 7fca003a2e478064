//! The node's own file: `host.fw`.

use phoenix_formats::firewall::{FwFile, Level, RuleKind};

use super::file::{Change, Owner, Presence, edited, option_edits, pairs, rule_edit};
use super::host_path;
use super::names::{Declared, check};
use super::set::Set;
use crate::address::Address;
use crate::desired::Definitions;
use crate::observed::Observed;
use crate::refusal::Refusal;

/// The node's file at both ends; `None` where there is none.
pub(super) struct Host {
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Host {
    pub(super) fn of(observed: &Observed<'_>, change: Option<&Change>) -> Self {
        let before = observed.facts.text(&host_path()).map(str::to_owned);
        let after = change.map(|change| change.after.clone()).or_else(|| before.clone());
        Self { before, after }
    }
}

pub(super) fn plan(
    observed: &Observed<'_>,
    cluster: &FwFile,
) -> Result<Option<Change>, Vec<Refusal>> {
    let firewall = observed.desired.firewall.as_ref();
    let Some(own) = firewall.and_then(|firewall| firewall.node.as_ref()) else { return Ok(None) };
    let at = host_path();
    let text = observed.facts.text(&at);
    let present = FwFile::parse(Level::Host, text.unwrap_or_default(), Some(cluster));
    let mut edits = option_edits(&present, pairs(&own.options));
    edits.extend(rule_edit(own.rules.as_ref()));
    let after = edited(&present, &at, &edits, Some(cluster))?;
    let definitions = Definitions::default();
    let declared = Declared { rules: own.rules.as_ref(), definitions: &definitions };
    check(&declared, &after, &after, &at, &own.origin)?;
    let address = Address::new("firewall", "node");
    let owner = Owner { address, at, origin: &own.origin, guest: None };
    Ok(Change::between(owner, Presence::of(text), &present, &after))
}

/// Returns what to know about rules for packets through the node: iptables has none of them.
pub(super) fn forward_note(set: &Set) -> Option<String> {
    let cluster = &set.cluster.after;
    let host = set.host.after.as_deref().unwrap_or_default();
    let host = FwFile::parse(Level::Host, host, Some(cluster));
    let groups = cluster.groups().values().flatten();
    let mut rules = cluster.rules().iter().chain(host.rules()).chain(groups);
    let forwards = rules.any(|rule| rule.rule.enabled && rule.rule.kind == RuleKind::Forward)
        || matches!(cluster.option("policy_forward"), Some("DROP" | "REJECT"));
    let inert = set.concerns_node() && forwards && host.option("nftables") != Some("1");
    inert.then(|| {
        "rules and policies for forwarded packets are in force only with `nftables: 1` in host.fw"
            .to_owned()
    })
}

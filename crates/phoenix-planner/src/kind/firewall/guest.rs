//! Guests' files: options, rules, and for containers the rules of the public interface.

use phoenix_formats::Vmid;
use phoenix_formats::firewall::{
    Action as RuleAction, FwEdit, FwFile, Level, Rule, RuleKind, Verdict,
};
use phoenix_formats::iptables::{PortRange, Protocol};

use super::super::nginx_site::PORTS;
use super::file::{
    Change, Owner, Presence, all_options, definition_edits, edited, option_edits, removal_edits,
};
use super::names::{Declared, check};
use super::{guest_path, public_name};
use crate::address::Address;
use crate::desired::{Container, GuestFirewall, Located, Policy};
use crate::observed::Observed;
use crate::refusal::Refusal;
use crate::source::Origin;

/// The comment by which the rules of the public interface are known (spec, 3.4).
const PUBLIC: &str = "eth1 (public)";

/// A guest with what is declared of its firewall.
pub(super) struct Guest<'a> {
    pub(super) vmid: Vmid,
    pub(super) firewall: Option<&'a GuestFirewall>,
    pub(super) origin: &'a Origin,
}

pub(super) fn container(
    observed: &Observed<'_>,
    container: &Container,
    cluster: &FwFile,
) -> Result<Option<Change>, Vec<Refusal>> {
    let firewall = container.firewall.as_ref();
    let guest = Guest { vmid: container.vmid, firewall, origin: &container.origin };
    guest.plan(observed, cluster, |present| rules(container, present))
}

impl Guest<'_> {
    /// Plans the file; `rules` says which rules it shall have, `None` leaves them alone.
    pub(super) fn plan(
        &self,
        observed: &Observed<'_>,
        cluster: &FwFile,
        rules: impl Fn(&FwFile) -> Option<Vec<Rule>>,
    ) -> Result<Option<Change>, Vec<Refusal>> {
        self.plan_on(observed.facts.text(&guest_path(self.vmid)), cluster, rules)
    }

    /// Plans the file from a text that it has, or will have by then.
    pub(super) fn plan_on(
        &self,
        text: Option<&str>,
        cluster: &FwFile,
        rules: impl Fn(&FwFile) -> Option<Vec<Rule>>,
    ) -> Result<Option<Change>, Vec<Refusal>> {
        let at = guest_path(self.vmid);
        let present = FwFile::parse(Level::Guest, text.unwrap_or_default(), Some(cluster));
        let rules = rules(&present);
        let disabled = self.firewall.is_some_and(|firewall| firewall.enabled == Some(false));
        if text.is_none() && (disabled || self.firewall.is_none() && rules.is_none()) {
            return Ok(None);
        }
        let mut edits = option_edits(&present, self.firewall.into_iter().flat_map(options));
        let definitions = self.firewall.map(|firewall| &firewall.definitions);
        edits.extend(definitions.into_iter().flat_map(definition_edits));
        edits.extend(rules.map(FwEdit::SetRules));
        let kept = edited(&present, &at, &edits, Some(cluster))?;
        let removals = definitions.into_iter().flat_map(removal_edits).collect::<Vec<_>>();
        let after = edited(&kept, &at, &removals, Some(cluster))?;
        let origin = self.firewall.map_or(self.origin, |firewall| &firewall.origin);
        if let Some(firewall) = self.firewall {
            let definitions = &firewall.definitions;
            let declared = Declared { rules: firewall.rules.as_ref(), definitions };
            check(&declared, &kept, &after, &at, origin)?;
        }
        let address = Address::new("firewall", self.vmid);
        let owner = Owner { address, at, origin, guest: Some(self.vmid) };
        Ok(Change::between(owner, Presence::of(text), &present, &after))
    }
}

fn options(firewall: &GuestFirewall) -> impl Iterator<Item = (&'static str, &str)> {
    let GuestFirewall { enabled, policy_in, policy_out, options, .. } = firewall;
    all_options(*enabled, (*policy_in, *policy_out), options)
}

/// Returns whether a guest that took everything takes only what its rules let in afterwards.
pub(super) fn shuts(
    observed: &Observed<'_>,
    vmid: Vmid,
    firewall: Option<&GuestFirewall>,
    cluster: &FwFile,
) -> bool {
    let text = observed.facts.text(&guest_path(vmid)).unwrap_or_default();
    let present = FwFile::parse(Level::Guest, text, Some(cluster));
    let Some(firewall) = firewall else { return false };
    let accepts = match firewall.policy_in {
        Some(policy) => policy == Policy::Accept,
        None => present.option("policy_in") == Some("ACCEPT"),
    };
    firewall.enabled == Some(true) && present.option("enable") != Some("1") && !accepts
}

/// Returns the rules that a container's file shall have; `None` leaves them alone.
///
/// The rules of the public interface come first, and go with it. Where no rules are declared, those
/// that are there stay behind them.
fn rules(container: &Container, present: &FwFile) -> Option<Vec<Rule>> {
    let declared = container.firewall.as_ref().and_then(|firewall| firewall.rules.as_ref());
    let public = container.public.as_ref().is_some_and(|public| public.enabled);
    if !public && declared.is_some_and(|declared| has_exactly(present, declared)) {
        return None;
    }
    let declared =
        declared.map(|rules| rules.iter().map(|rule| rule.value.clone()).collect::<Vec<_>>());
    let of_public = PORTS.map(public_rule);
    let wanted = if public { of_public.to_vec() } else { Vec::new() };
    let is_ours = |rule: &Rule| {
        let meant = of_public.iter().any(|p| p.same_meaning(rule));
        // Without the interface, only what carries phoenix's own comment was made for it.
        meant && (public || rule.comment.as_deref() == Some(PUBLIC))
    };
    let present = present.rules().iter().map(|rule| &rule.rule);
    if declared.is_none() && !public && !present.clone().any(is_ours) {
        return None;
    }
    let rest = declared.unwrap_or_else(|| present.filter(|r| !is_ours(r)).cloned().collect());
    Some(wanted.into_iter().chain(rest).collect())
}

/// Returns whether a file has these rules to the letter, as it mostly does.
fn has_exactly(present: &FwFile, declared: &[Located<Rule>]) -> bool {
    let present = present.rules().iter().map(|rule| &rule.rule);
    present.eq(declared.iter().map(|rule| &rule.value))
}

/// Returns a file with nothing but the rules of a public interface.
pub(super) fn public_rules_alone() -> String {
    let rules = PORTS.map(|port| format!("{}\n", public_rule(port)));
    format!("[RULES]\n{}", rules.concat())
}

fn public_rule(port: u16) -> Rule {
    Rule {
        iface: Some(public_name()),
        proto: Some("tcp".to_owned()),
        dport: Some(port.to_string()),
        comment: Some(PUBLIC.to_owned()),
        ..Rule::new(RuleKind::In, RuleAction::Plain(Verdict::Accept))
    }
}

/// Returns the ports that a rule opens to everybody on the public interface.
pub(in super::super) fn opened_publicly(rule: &Rule) -> Vec<(Protocol, PortRange)> {
    let here = rule.iface.as_ref().is_none_or(|iface| *iface == public_name());
    let everybody = rule.source.is_none() && rule.dest.is_none() && rule.sport.is_none();
    let accepts =
        rule.enabled && rule.kind == RuleKind::In && rule.action.verdict() == Some(Verdict::Accept);
    let protocol = rule.proto.as_deref().and_then(Protocol::from_name);
    let (Some(protocol), Some(ports), true) = (protocol, &rule.dport, here && everybody && accepts)
    else {
        return Vec::new();
    };
    let range = |part: &str| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        PortRange::new(first.parse().ok()?, last.parse().ok()?)
    };
    ports.split(',').filter_map(range).map(|range| (protocol, range)).collect()
}

//! Rules that belong to a DNAT: those that let its traffic pass, and those that bring its answers back.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::ports::{PortRange, PortSet, Protocol};
use super::super::rule::Rule;
use super::super::spec::{Matched, Spec};
use super::super::target::Target;
use super::Verdict;
use super::reason::{KeepReason, RemoveReason};

/// What the DNATs to the guest that go and those that stay serve, by the guest's own ports.
pub(super) struct Scope {
    pub(super) internal: Ipv4Addr,
    /// The same as text.
    pub(super) address: String,
    pub(super) removed: PortSet,
    pub(super) kept: PortSet,
}

/// The addresses and ports of the guest's side of a rule.
struct Side<'a> {
    addresses: &'a Matched<Vec<Ipv4Net>>,
    ports: Option<&'a Matched<Vec<PortRange>>>,
    reason: RemoveReason,
}

impl Scope {
    pub(super) fn judge(&self, rule: &Rule) -> Verdict {
        if self.removed.is_empty() || made_by_proxmox(&rule.chain) {
            return Verdict::Silent;
        }
        // An address has one spelling, so a rule without it is not about the guest, whatever it means.
        if !rule.words.iter().any(|word| word.contains(&self.address)) {
            return Verdict::Silent;
        }
        let spec = rule.spec();
        let Some(side) = self.side(rule, &spec) else { return Verdict::Silent };
        match self.judge_side(&spec, &side) {
            Verdict::Remove(_) if !matches!(rule.chain.as_str(), "FORWARD" | "POSTROUTING") => {
                Verdict::Keep(KeepReason::OwnChain { chain: rule.chain.clone() })
            }
            verdict => verdict,
        }
    }

    /// Returns the guest's side of a rule that could belong to a DNAT, if the rule names the guest.
    fn side<'a>(&self, rule: &Rule, spec: &'a Spec) -> Option<Side<'a>> {
        let to = spec.destination.as_ref().filter(|matched| self.names_guest(matched));
        let from = spec.source.as_ref().filter(|matched| self.names_guest(matched));
        let arriving =
            |reason| to.map(|addresses| Side { addresses, ports: spec.dports.as_ref(), reason });
        // Answers are known by their source port; without one it is the guest's own traffic.
        let answering = || {
            Some(Side {
                addresses: from?,
                ports: Some(spec.sports.as_ref()?),
                reason: RemoveReason::Passage,
            })
        };
        match (rule.table.as_str(), spec.target.as_ref()?) {
            ("filter", Target::Accept) if !matches!(rule.chain.as_str(), "INPUT" | "OUTPUT") => {
                arriving(RemoveReason::Passage).or_else(answering)
            }
            ("nat", Target::Masquerade | Target::Snat { .. }) => arriving(RemoveReason::Hairpin),
            _ => None,
        }
    }

    fn names_guest(&self, matched: &Matched<Vec<Ipv4Net>>) -> bool {
        !matched.negated && matched.value.contains(&Ipv4Net::from(self.internal))
    }

    fn judge_side(&self, spec: &Spec, side: &Side<'_>) -> Verdict {
        let named = spec.protocol.as_ref().filter(|protocol| !protocol.negated);
        let Some(protocol) = named.map(|protocol| Protocol::from_name(&protocol.value)) else {
            return Verdict::Keep(KeepReason::EveryProtocol);
        };
        let Some(protocol) = protocol else { return Verdict::Silent };
        let ports = match side.ports {
            None => vec![PortRange::ALL],
            Some(Matched { negated: true, value }) => {
                return Verdict::Keep(KeepReason::EveryPortBut { ports: value.clone() });
            }
            Some(matched) => matched.value.clone(),
        };
        if !ports.iter().any(|&range| self.removed.meets(protocol, range)) {
            return Verdict::Silent;
        }
        let objection = self.objection(spec, side, protocol, &ports);
        objection.map_or_else(|| Verdict::Remove(side.reason.clone()), Verdict::Keep)
    }

    fn objection(
        &self,
        spec: &Spec,
        side: &Side<'_>,
        protocol: Protocol,
        ports: &[PortRange],
    ) -> Option<KeepReason> {
        if !spec.unknown.is_empty() {
            return Some(KeepReason::NotUnderstood { words: spec.unknown.clone() });
        }
        if side.addresses.single() != Some(self.internal) {
            return Some(KeepReason::OtherGuests { addresses: side.addresses.value.clone() });
        }
        let missing: Vec<_> =
            ports.iter().flat_map(|&range| self.removed.missing(protocol, range)).collect();
        let shared = ports.iter().any(|&range| self.kept.meets(protocol, range));
        match side.ports {
            None if !missing.is_empty() => Some(KeepReason::EveryPort),
            Some(_) if !missing.is_empty() => Some(KeepReason::AlsoServes { ports: missing }),
            _ if shared => Some(KeepReason::StillUsed),
            _ => None,
        }
    }
}

/// Says whether pve-firewall makes the chain, and would make its rules again.
fn made_by_proxmox(chain: &str) -> bool {
    let of_interface = |front: &str| {
        chain.strip_prefix(front).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    chain.starts_with("PVEFW-")
        || chain.starts_with("GROUP-")
        || of_interface("veth")
        || of_interface("tap")
}

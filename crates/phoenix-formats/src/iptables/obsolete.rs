//! Which rules of a node a guest's public interface makes obsolete.
//!
//! - A DNAT to the guest's internal address goes when everything that it forwards is accepted on the
//!   public interface under the same port. With another port (8443 to 443) clients use a port that the
//!   guest does not answer: it stays and is reported.
//! - A DNAT for another address than the node's own (`-d`) stays and is reported: it may be what lets
//!   the node and its guests reach the public address at all.
//! - A REDIRECT leads to the machine whose rules these are. On the node it never leads to a guest, so it
//!   counts only when the internal address is one of `local`: in rules of the guest's own namespace.
//! - FORWARD rules that accept a removed DNAT's traffic or its answers, and POSTROUTING rules that
//!   hide its clients (hairpin), go with it unless a DNAT that stays needs them too.
//! - A `-D` goes when the rule that it deletes goes. One that deletes a DNAT to the guest which nothing
//!   here makes is reported: what makes it may be a script.
//!
//! Rules that have nothing to do with the guest are not mentioned. General rules (the outbound
//! MASQUERADE, `--ctstate DNAT -j ACCEPT`) and the firewall chains of Proxmox VE are never touched.

mod depend;
mod forward;
mod reason;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::ports::{PortRange, PortSet, Protocol};
use super::rule::Rule;

pub use reason::{KeepReason, RemoveReason};

use forward::Forward;

/// A rule that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Its place in the slice that was asked about.
    pub index: usize,
    /// The rule.
    pub rule: Rule,
    /// Why it goes.
    pub reason: RemoveReason,
}

/// A rule about the guest that stays and that the operator must hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its place in the slice that was asked about.
    pub index: usize,
    /// The rule.
    pub rule: Rule,
    /// Why it stays.
    pub reason: KeepReason,
}

/// What becomes of the rules that have to do with a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "the verdicts say what is to be removed and reported"]
pub struct Verdicts {
    /// The rules that go: first those that belong to a DNAT, then the DNATs themselves, so that after an
    /// interruption the rest is still found. Within each part in the order in which they were given.
    pub remove: Vec<Removal>,
    /// The rules that stay and are reported, in the order in which they were given.
    pub left: Vec<Left>,
}

/// Says which of `rules` the public interface of the guest at `internal` makes obsolete.
///
/// `rules` are those of one source: the live ones, or those of one file with their `-D` twins.
/// `local` are the addresses of the machine whose rules they are. `accepted` are the ports that the
/// guest's public rules accept from everybody who could use the NAT.
pub fn obsolete(
    rules: &[Rule],
    internal: Ipv4Addr,
    local: &[Ipv4Addr],
    accepted: &PortSet,
) -> Verdicts {
    let judge = forward::Judge { internal, local, accepted };
    let forwards: Vec<Forward> = rules.iter().map(|rule| judge.judge(rule)).collect();
    let removed = removed_ports(rules, &forwards);
    let kept = kept_ports(rules, &forwards);
    let scope = depend::Scope { internal, address: internal.to_string(), removed, kept };
    let verdicts =
        rules.iter().zip(&forwards).map(|(rule, forward)| verdict(rule, forward, &scope)).collect();
    gather(rules, with_twins(rules, verdicts))
}

/// What becomes of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Silent,
    Remove(RemoveReason),
    Keep(KeepReason),
}

fn removed_ports(rules: &[Rule], forwards: &[Forward]) -> PortSet {
    let removed = standing(rules, forwards).filter_map(|forward| match forward {
        Forward::Obsolete { protocol, ports } => Some((*protocol, ports)),
        _ => None,
    });
    removed
        .flat_map(|(protocol, ports)| ports.iter().map(move |&range| (protocol, range)))
        .collect()
}

fn kept_ports(rules: &[Rule], forwards: &[Forward]) -> PortSet {
    let kept = standing(rules, forwards).filter_map(|forward| match forward {
        Forward::Stays { guest_ports, .. } => Some(guest_ports),
        _ => None,
    });
    kept.flatten().copied().collect()
}

/// Returns what those rules are that stand in their chains: a `-D` forwards nothing.
fn standing<'a>(rules: &'a [Rule], forwards: &'a [Forward]) -> impl Iterator<Item = &'a Forward> {
    let pairs = rules.iter().zip(forwards);
    pairs.filter(|(rule, _)| rule.verb.adds()).map(|(_, forward)| forward)
}

fn verdict(rule: &Rule, forward: &Forward, scope: &depend::Scope) -> Verdict {
    match forward {
        Forward::Foreign if rule.verb.adds() => scope.judge(rule),
        Forward::Foreign => Verdict::Silent,
        // Its twin decides; this stands when there is none.
        _ if !rule.verb.adds() => Verdict::Keep(KeepReason::NoTwin),
        Forward::Obsolete { protocol, ports } => {
            Verdict::Remove(RemoveReason::Reached { protocol: *protocol, ports: ports.clone() })
        }
        Forward::Stays { reason, .. } => Verdict::Keep(reason.clone()),
    }
}

/// Gives every `-D` the verdict of the rule that it deletes.
fn with_twins(rules: &[Rule], mut verdicts: Vec<Verdict>) -> Vec<Verdict> {
    if rules.iter().all(|rule| rule.verb.adds()) {
        return verdicts;
    }
    let mut decided = BTreeMap::new();
    for (rule, verdict) in rules.iter().zip(&verdicts).filter(|(rule, _)| rule.verb.adds()) {
        decided.entry(rule.meaning()).or_insert_with(|| (rule.line, verdict.clone()));
    }
    for (rule, verdict) in rules.iter().zip(&mut verdicts).filter(|(rule, _)| !rule.verb.adds()) {
        match decided.get(&rule.meaning()) {
            Some((line, Verdict::Remove(_))) => {
                *verdict = Verdict::Remove(RemoveReason::TwinOf { line: *line });
            }
            Some((_, other)) => *verdict = other.clone(),
            None => {}
        }
    }
    verdicts
}

fn gather(rules: &[Rule], verdicts: Vec<Verdict>) -> Verdicts {
    let mut gathered = Verdicts::default();
    for (index, (rule, verdict)) in rules.iter().zip(verdicts).enumerate() {
        match verdict {
            Verdict::Silent => {}
            Verdict::Remove(reason) => {
                gathered.remove.push(Removal { index, rule: rule.clone(), reason });
            }
            Verdict::Keep(reason) => {
                gathered.left.push(Left { index, rule: rule.clone(), reason });
            }
        }
    }
    gathered.remove.sort_by_key(|removal| matches!(removal.reason, RemoveReason::Reached { .. }));
    gathered
}

/// Every port of both protocols.
fn every_port() -> Vec<(Protocol, PortRange)> {
    vec![(Protocol::Tcp, PortRange::ALL), (Protocol::Udp, PortRange::ALL)]
}

//! A running container in which a feature is set up.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf;

use crate::address::Address;
use crate::desired::Desired;
use crate::kind::lxc;
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::{Observed, config_path};
use crate::operation::{Operation, Run};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Answer, Argv, Facts, Output, Probe};
use crate::source::Origin;

/// Whether something can be set up in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kind) enum Standing {
    /// It is not on the node: its own line in the plan says so.
    Absent,
    /// It never runs again: it is a template.
    Template,
    /// It does not run, or something holds it locked.
    Stopped,
    /// It runs.
    Ready,
}

/// Returns how a container stands.
pub(in crate::kind) fn standing(observed: &Observed<'_>, vmid: Vmid) -> Standing {
    match observed.config(vmid) {
        None => Standing::Absent,
        Some(conf) if conf.get("template") == Some("1") => Standing::Template,
        Some(conf) if conf.lock().is_some() || !observed.is_running(vmid) => Standing::Stopped,
        Some(_) => Standing::Ready,
    }
}

/// A running container with a feature.
#[derive(Clone, Copy)]
pub(in crate::kind) struct Guest<'a> {
    pub(in crate::kind) vmid: Vmid,
    pub(in crate::kind) origin: &'a Origin,
    pub(in crate::kind) observed: &'a Observed<'a>,
}

/// Returns the containers with a feature that run; those that do not are deferred.
pub(in crate::kind) fn ready<'a>(
    feature: &str,
    observed: &'a Observed<'a>,
    draft: &mut Draft,
) -> Vec<Guest<'a>> {
    let mut guests = Vec::new();
    for (vmid, origin) in observed.desired.trust.with_feature(feature) {
        match standing(observed, vmid) {
            Standing::Absent | Standing::Template => {}
            Standing::Stopped => {
                let why = format!("known when container {vmid} runs");
                draft.defer(lxc::address(vmid).part(feature), why);
            }
            Standing::Ready => guests.push(Guest { vmid, origin, observed }),
        }
    }
    guests
}

/// Returns the containers with a feature that are worth a question: those that are on the node.
pub(in crate::kind) fn to_ask<'a>(
    feature: &'a str,
    desired: &'a Desired,
    facts: &'a Facts,
) -> impl Iterator<Item = Vmid> + 'a {
    let vmids = desired.trust.with_feature(feature).map(|(vmid, _)| vmid);
    vmids.filter(|vmid| {
        let conf = facts.text(&config_path(*vmid));
        conf.is_some_and(|text| lxc_conf::peek(text, "template") != Some("1"))
    })
}

/// Asks a program of a guest.
pub(in crate::kind) fn asked(vmid: Vmid, argv: Argv) -> Probe {
    Probe::Run { place: Place::Guest(vmid), argv }
}

/// Returns a path inside a guest.
pub(in crate::kind) fn at(vmid: Vmid, path: &str) -> Location {
    Location::guest(vmid, path.parse::<AbsolutePath>().expect("paths of phoenix are absolute"))
}

impl<'a> Guest<'a> {
    /// Returns the address of a feature in the guest.
    pub(in crate::kind) fn address(&self, feature: &str) -> Address {
        lxc::address(self.vmid).part(feature)
    }

    /// Returns the text of a file in the guest.
    pub(in crate::kind) fn text(&self, path: &str) -> Option<&'a str> {
        self.observed.facts.text(&at(self.vmid, path))
    }

    /// Returns what a program of the guest said.
    pub(in crate::kind) fn ran(&self, argv: &[String]) -> Option<&'a Output> {
        self.observed.facts.ran(Place::Guest(self.vmid), argv)
    }

    /// Returns whether it can be told what is in the guest.
    pub(in crate::kind) fn sees(&self, path: &str) -> bool {
        let answer = self.observed.facts.answer(&Probe::File(at(self.vmid, path)));
        matches!(answer, Answer::Text(_) | Answer::Absent)
    }

    /// Runs a program in the guest.
    pub(in crate::kind) fn run(&self, argv: Argv) -> Operation {
        Operation::Run(Run::at(Place::Guest(self.vmid), argv))
    }

    /// Returns what comes before anything in the guest: what is done to the container itself.
    pub(in crate::kind) fn before(&self, draft: &Draft) -> Vec<(ActionId, Edge)> {
        let base = lxc::address(self.vmid);
        let powers = ["restart", "start"].map(|part| draft.find(&base.part(part)));
        let powers = powers.into_iter().flatten().map(|id| (id, Edge::Needs));
        draft.find(&base).map(|id| (id, Edge::After)).into_iter().chain(powers).collect()
    }

    /// Returns an action of a feature, without costs and details.
    pub(in crate::kind) fn action(
        &self,
        address: Address,
        verb: Verb,
        reason: impl Into<String>,
        operations: Vec<Operation>,
    ) -> Action {
        Action {
            address,
            verb,
            reason: reason.into(),
            disruption: Disruption::None,
            guest: Some(self.vmid),
            origin: Some(self.origin.clone()),
            attributes: Vec::new(),
            notes: Vec::new(),
            operations,
        }
    }
}

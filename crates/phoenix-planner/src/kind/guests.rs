//! All guests, containers and virtual machines, one after the other: each after what it is cloned from and
//! after what it depends on.
//!
//! A guest that is made, or started, waits for those that it depends on to run and to be healthy. What cannot
//! be known before a guest is there is not guessed: it is left to the next plan, and so is everything that
//! waits for it.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;

use super::feature::Unfinished;
use super::{directory, health, lxc, template, vm, zfs};
use crate::desired::{Desired, Located};
use crate::observed::{Guest, Observed};
use crate::plan::{ActionId, Draft, Edge};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

/// What comes before an action.
pub(super) type After = Vec<(ActionId, Edge)>;

/// What a guest is at the end of this plan, for those that need it: what they come after, or why they
/// cannot come in this plan.
pub(super) struct Standing {
    /// For those that need it to run.
    pub(super) runs: Result<After, String>,
    /// For those that are cloned from it.
    pub(super) cloned: Result<After, String>,
}

impl Standing {
    /// Returns a guest that cannot be used in this plan.
    pub(super) fn unknown(why: &str) -> Self {
        Self { runs: Err(why.to_owned()), cloned: Err(why.to_owned()) }
    }
}

/// The guests that have been planned, with what becomes of them.
#[derive(Default)]
pub(super) struct Progress {
    guests: BTreeMap<Vmid, Standing>,
    /// What is still to be set up inside of those that run.
    pub(super) inside: Unfinished,
}

impl Progress {
    /// Returns what a guest comes after that is made or started, or the first reason why it has to wait.
    pub(super) fn gate<'a>(
        &self,
        observed: &Observed<'_>,
        needs: impl IntoIterator<Item = &'a Located<Vmid>>,
        draft: &mut Draft,
    ) -> Result<After, String> {
        let mut after = After::new();
        for needed in needs {
            let vmid = needed.value;
            let why = |why: &String| format!("waits for guest {vmid}: {why}");
            match self.guests.get(&vmid).map(|standing| &standing.runs) {
                Some(Ok(edges)) => {
                    let edges = health::ensure(observed, vmid, edges, draft);
                    after.extend(
                        edges.into_iter().filter(|edge| !after.contains(edge)).collect::<After>(),
                    );
                }
                Some(Err(reason)) => return Err(why(reason)),
                // A circle, or a number that is not declared: both are found when the files are read.
                None => return Err(format!("waits for guest {vmid}")),
            }
        }
        Ok(after)
    }

    /// Returns what a clone of a guest comes after, or why it has to wait.
    pub(super) fn source(&self, vmid: Vmid) -> Result<After, String> {
        match self.guests.get(&vmid).map(|standing| &standing.cloned) {
            Some(Ok(after)) => Ok(after.clone()),
            Some(Err(why)) => Err(format!("waits for container {vmid}: {why}")),
            None => Err(format!("waits for container {vmid}")),
        }
    }
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let own = [lxc::probes, vm::probes, directory::probes, zfs::probes, template::probes];
    own.into_iter().flat_map(|probes| probes(desired, facts)).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let mut refusals = lxc::conflicts(observed);
    let inside = Unfinished::of(observed);
    let mut progress = Progress { inside, ..Progress::default() };
    for guest in observed.guests_in_order() {
        let planned = match guest {
            Guest::Container(container) => lxc::plan_guest(observed, container, &progress, draft),
            Guest::Vm(vm) => vm::plan_guest(observed, vm, &progress, draft),
        };
        let standing = planned.unwrap_or_else(|more| {
            refusals.extend(more);
            Standing::unknown("no plan can be made for it")
        });
        progress.guests.insert(guest.vmid(), standing);
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

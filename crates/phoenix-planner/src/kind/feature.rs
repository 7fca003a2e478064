//! What features of guests have in common: they are set up in guests that exist and run.
//!
//! A guest that is not there yet, or does not run, cannot be looked into: what belongs into it is planned
//! as soon as it can be. The features that phoenix knows are kinds of their own; the others are in [`script`].

use std::collections::BTreeSet;

use phoenix_formats::Vmid;

use super::{Stage, application, base_setup, nginx, step_ca, step_cli, traefik, trusted_ca};
use super::{vm, volumes};
use crate::desired::Desired;
use crate::observed::Observed;
use crate::plan::Draft;
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

pub(super) mod guest;
pub(super) mod package;
pub(super) mod script;

pub(crate) use self::guest::ping_argv;
pub(super) use self::guest::{Guest, asked, at, ready, to_ask};

/// The feature of the container that is the certificate authority.
pub(crate) const STEP_CA: &str = "step_ca";
/// The feature that brings the operator's usual programs.
pub(crate) const BASE_SETUP: &str = "base_setup";
/// The feature that brings step(1).
pub(crate) const STEP_CLI: &str = "step_cli";
/// The feature by which a container trusts the certificate authority.
pub(crate) const TRUSTED_CA: &str = "trusted_ca";
/// The feature of the container that is the proxy.
pub(crate) const TRAEFIK: &str = "traefik";
/// The feature of a container that is a web server.
pub(crate) const NGINX: &str = "nginx";

/// What is inside of running containers: first the authority that others trust, then those that ask it.
const STAGES: [Stage; 8] = [
    Stage { probes: base_setup::probes, plan: base_setup::plan },
    Stage { probes: step_ca::probes, plan: step_ca::plan },
    Stage { probes: trusted_ca::probes, plan: trusted_ca::plan },
    Stage { probes: step_cli::probes, plan: step_cli::plan },
    Stage { probes: traefik::probes, plan: traefik::plan },
    Stage { probes: nginx::probes, plan: nginx::plan_first },
    // Before the operator's own scripts, which may use what is mounted.
    Stage { probes: volumes::probes, plan: volumes::plan },
    Stage { probes: script::probes, plan: script::plan },
];

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let of_stages = STAGES.iter().flat_map(|stage| (stage.probes)(desired, facts));
    guest::pings(desired, facts).into_iter().chain(of_stages).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    guest::defer_silent(observed, draft);
    let failed = STAGES.iter().filter_map(|stage| (stage.plan)(observed, draft).err());
    let refusals = failed.flatten().collect::<Vec<_>>();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// The guests in which something is still to be set up.
#[derive(Default)]
pub(super) struct Unfinished {
    /// Those in which a plan does something.
    due: BTreeSet<Vmid>,
    /// Those in which something waits.
    waiting: BTreeSet<Vmid>,
}

impl Unfinished {
    /// Finds them by planning them for themselves: guests that depend on them are planned before them.
    pub(super) fn of(observed: &Observed<'_>) -> Self {
        let mut trial = Draft::default();
        // A refusal is reported when they are planned in their turn.
        plan(observed, &mut trial).ok();
        nginx::plan(observed, &mut trial).ok();
        application::plan(observed, &mut trial).ok();
        let all = || observed.desired.trust.set_up().into_iter();
        let is_due = |vmid: &Vmid| !trial.of_guest(*vmid).is_empty();
        let address =
            |vmid| guest::base(guest::inside(vmid, observed.desired, observed.facts), vmid);
        let is_waiting = |vmid: &Vmid| trial.defers_within(&address(*vmid));
        Self { due: all().filter(is_due).collect(), waiting: all().filter(is_waiting).collect() }
    }

    /// Returns why those that need a guest wait for what belongs into it.
    pub(super) fn holds_up(&self, observed: &Observed<'_>, vmid: Vmid) -> Option<&'static str> {
        if !observed.desired.trust.sets_up(vmid) {
            None
        } else if !observed.is_running(vmid) && !vm::is_running(observed.facts, vmid) {
            Some("what belongs into it is set up when it runs")
        } else {
            self.due.contains(&vmid).then_some("what belongs into it is set up first")
        }
    }

    /// Returns whether a container is complete, so that others can be made of it.
    pub(super) fn is_complete(&self, observed: &Observed<'_>, vmid: Vmid) -> bool {
        self.holds_up(observed, vmid).is_none() && !self.waiting.contains(&vmid)
    }
}

/// The features that phoenix knows; any other is a script of the operator's.
pub(crate) const KNOWN_FEATURES: [&str; 6] =
    [BASE_SETUP, NGINX, STEP_CA, STEP_CLI, TRAEFIK, TRUSTED_CA];

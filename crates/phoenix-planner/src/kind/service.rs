//! Services of the node: each is reloaded or restarted once, after everything that it reads, and must
//! be active again then. One row of the table for each.

use super::{dnsmasq, package};
use crate::address::Address;
use crate::desired::Desired;
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{Check, OnFailure, Operation, Run, Want};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Service, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

/// A unit that reads files of this plan.
struct Unit {
    /// The name in the address, and the unit's without `.service`.
    name: &'static str,
    /// The word of systemctl(1).
    how: &'static str,
    reason: &'static str,
    disruption: Disruption,
    /// The resources whose changes it must read, by the beginnings of their addresses.
    reads: &'static [(&'static str, Edge)],
    /// Whether it shall run, so that it is started when it does not.
    kept: fn(&Desired) -> bool,
}

/// A restart of the service would take every rule away in between; a reload swaps them. The rules of
/// containers follow their interfaces, so that it comes after these too.
const FIREWALL: Unit = Unit {
    name: "pve-firewall",
    how: "reload",
    reason: "its rules have changed",
    disruption: Disruption::Reload,
    reads: &[("firewall/", Edge::After)],
    kept: |_| false,
};

/// A reload does not read the configuration again, only hosts(5).
const DNSMASQ: Unit = Unit {
    name: "dnsmasq",
    how: "restart",
    reason: "its names have changed",
    disruption: Disruption::RestartService(Service::Dnsmasq),
    reads: &[("dnsmasq/", Edge::Needs), ("package/dnsmasq", Edge::Needs), ("hosts/", Edge::After)],
    kept: |desired| dnsmasq::declared(desired).is_some(),
};

/// How often a service is restarted and looked at, and the seconds in between: a bridge that was just
/// set up may take a few to come up.
const ATTEMPTS: u32 = 5;
const PAUSE: u32 = 2;

impl Unit {
    fn argv(&self, word: &str) -> Argv {
        argv(["systemctl", word, &format!("{}.service", self.name)])
    }

    fn probe(&self, word: &str) -> Probe {
        Probe::Run { place: Place::Node, argv: self.argv(word) }
    }

    /// Returns whether the node says no to a question about the unit.
    fn is_not(&self, word: &str, facts: &Facts) -> bool {
        facts.ran(Place::Node, &self.argv(word)).is_some_and(|output| !output.success())
    }
}

/// Asks whether the node's DNS server runs.
pub(crate) fn dnsmasq_active_argv() -> Argv {
    DNSMASQ.argv("is-active")
}

pub(super) fn dnsmasq_probes(desired: &Desired, _: &Facts) -> Vec<Probe> {
    let words = ["is-active", "is-enabled"].into_iter().filter(|_| (DNSMASQ.kept)(desired));
    words.map(|word| DNSMASQ.probe(word)).collect()
}

/// The reload asks for nothing of its own.
pub(super) fn no_probes(_: &Desired, _: &Facts) -> Vec<Probe> {
    Vec::new()
}

/// Adds the one reload that follows all changes of rules, and of the interfaces that they guard.
pub(super) fn plan_firewall(
    observed: &Observed<'_>,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    let containers = draft.find_all(|address| address.as_str().starts_with("lxc/"));
    let containers = containers.into_iter().map(|id| (id, Edge::After)).collect::<Vec<_>>();
    plan(&FIREWALL, &containers, observed, draft);
    Ok(())
}

/// Adds the one restart that follows all changes of what dnsmasq reads, or its start when it is down.
pub(super) fn plan_dnsmasq(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    if (DNSMASQ.kept)(observed.desired)
        && !package::is_out_of_reach(observed, package::DNSMASQ, draft)
    {
        plan(&DNSMASQ, &[], observed, draft);
    }
    Ok(())
}

fn plan(unit: &Unit, also_after: &[(ActionId, Edge)], observed: &Observed<'_>, draft: &mut Draft) {
    let causes = causes(unit, draft);
    let installed = draft.find(&package::address(unit.name)).is_some();
    let is_down =
        |word| (unit.kept)(observed.desired) && !installed && unit.is_not(word, observed.facts);
    let (stopped, disabled) = (is_down("is-active"), is_down("is-enabled"));
    let reason = match (causes.is_empty(), stopped, disabled) {
        (true, false, false) => return,
        (_, true, _) => "it does not run",
        (true, false, true) => "it does not start with the node",
        (false, ..) if installed => "it is new",
        (false, ..) => unit.reason,
    };
    let action = Action {
        address: Address::new("service", unit.name),
        verb: Verb::Do,
        reason: reason.to_owned(),
        disruption: unit.disruption,
        guest: None,
        origin: None,
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: operations(unit, disabled.then(|| unit.argv("enable"))),
    };
    let after = causes.into_iter().chain(also_after.iter().copied()).collect::<Vec<_>>();
    draft.add(action, &after);
}

/// Returns the planned changes that a unit must read.
fn causes(unit: &Unit, draft: &Draft) -> Vec<(ActionId, Edge)> {
    let of = |(prefix, edge): &(&str, Edge)| {
        let ids = draft.find_all(|address| address.as_str().starts_with(prefix));
        ids.into_iter().map(|id| (id, *edge)).collect::<Vec<_>>()
    };
    unit.reads.iter().flat_map(of).collect()
}

fn operations(unit: &Unit, enable: Option<Argv>) -> Vec<Operation> {
    let retry = OnFailure::Retry { attempts: ATTEMPTS, pause: PAUSE };
    let run = Run { on_failure: retry, ..Run::on_node(unit.argv(unit.how)) };
    let check = Check {
        probe: unit.probe("is-active"),
        want: Want::Success,
        attempts: ATTEMPTS,
        pause: PAUSE,
    };
    let enable = enable.map(|argv| Operation::Run(Run::on_node(argv)));
    enable.into_iter().chain([Operation::Run(run), Operation::Check(check)]).collect()
}

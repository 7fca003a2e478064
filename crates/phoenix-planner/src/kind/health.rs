//! `lxc/ID/health`: whether a guest serves those that depend on it. It is asked only when one of them is made or
//! started: a plan that changes nothing asks nothing.

use phoenix_formats::Vmid;

use super::guests::After;
use super::lxc;
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{Check, Operation, Want};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::Probe;

/// Returns what those come after that depend on a guest which runs after `running`: its health check, if it has
/// one, and everything else that is done for it.
pub(super) fn ensure(
    observed: &Observed<'_>,
    vmid: Vmid,
    running: &After,
    draft: &mut Draft,
) -> After {
    let Some(check) =
        observed.desired.containers.get(&vmid).and_then(|container| container.health.as_ref())
    else {
        return running.clone();
    };
    let address = lxc::address(vmid).part("health");
    if let Some(id) = draft.find(&address) {
        return vec![(id, Edge::Needs)];
    }
    let others = draft.of_guest(vmid).into_iter().map(|id| (id, Edge::After));
    let after = others.chain(running.iter().copied()).collect::<After>();
    let mut notes = Vec::new();
    if check.is_shell {
        notes.push("a line of the operator's own, which a shell runs".to_owned());
    }
    let operation = Operation::Check(Check {
        probe: Probe::Run { place: Place::Node, argv: check.argv.clone() },
        want: Want::Success,
        attempts: check.attempts,
        pause: check.pause,
    });
    let action = Action {
        address,
        verb: Verb::Do,
        reason: "others depend on it".to_owned(),
        disruption: Disruption::None,
        guest: Some(vmid),
        origin: Some(check.origin.clone()),
        attributes: Vec::new(),
        notes,
        operations: vec![operation],
    };
    vec![(draft.add(action, &after), Edge::Needs)]
}

//! What an operator asks of a machine by its number: start, stop, restart, deletion.

use phoenix_formats::Vmid;

use super::address;
use super::state::START;
use crate::operation::{Operation, Run};
use crate::plan::{Action, Disruption, Verb};
use crate::probe::argv;

/// Seconds that a machine has for its shutdown before it is stopped: Proxmox VE's own default when a node stops.
const SHUTDOWN: &str = "180";

fn start_of(vmid: Vmid) -> Operation {
    let start = Run::on_node(argv(["qm", "start", &vmid.to_string()]));
    Operation::Run(Run { on_failure: START, ..start })
}

fn shutdown(vmid: Vmid) -> Operation {
    let words = ["qm", "shutdown", &vmid.to_string(), "--forceStop", "1", "--timeout", SHUTDOWN];
    Operation::Run(Run::on_node(argv(words)))
}

fn action(vmid: Vmid, part: &str, disruption: Disruption, operations: Vec<Operation>) -> Action {
    Action {
        address: address(vmid).part(part),
        verb: Verb::Do,
        reason: "asked for".to_owned(),
        disruption,
        guest: Some(vmid),
        origin: None,
        attributes: Vec::new(),
        notes: Vec::new(),
        operations,
    }
}

/// Returns the start that an operator asks for.
pub(in crate::kind) fn start_now(vmid: Vmid) -> Action {
    action(vmid, "start", Disruption::Start, vec![start_of(vmid)])
}

/// Returns the stop that an operator asks for.
pub(in crate::kind) fn stop_now(vmid: Vmid, notes: Vec<String>) -> Action {
    Action { notes, ..action(vmid, "stop", Disruption::Stop, vec![shutdown(vmid)]) }
}

/// Returns the restart that an operator asks for.
pub(in crate::kind) fn restart_now(vmid: Vmid) -> Action {
    action(vmid, "restart", Disruption::Restart, vec![shutdown(vmid), start_of(vmid)])
}

/// Returns the deletion that an operator asks for, with everything that the machine holds.
pub(in crate::kind) fn delete_now(vmid: Vmid, is_running: bool, notes: Vec<String>) -> Action {
    let stop = is_running.then(|| shutdown(vmid));
    let destroy = Run::on_node(argv(["qm", "destroy", &vmid.to_string(), "--purge", "1"]));
    Action {
        address: address(vmid),
        verb: Verb::Remove,
        notes,
        operations: stop.into_iter().chain([Operation::Run(destroy)]).collect(),
        ..action(vmid, "delete", Disruption::Stop, Vec::new())
    }
}

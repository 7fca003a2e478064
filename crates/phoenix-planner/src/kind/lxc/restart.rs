//! Stopping and starting a container, and what it must show afterwards.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;

use super::{address, inside, live, public};
use crate::desired::{Container, PublicInterface};
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{OnFailure, Operation, Run};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, argv};
use crate::verify;

/// Seconds that a container has for its shutdown before it is stopped: Proxmox VE's own default.
pub(super) const SHUTDOWN: &str = "60";

/// A dead network namespace can hold a fixed MAC for up to 127 seconds (measured): ten tries with
/// 15 seconds between last 135.
const START: OnFailure = OnFailure::Retry { attempts: 10, pause: 15 };

/// How long the guest's own network may take after its start: 30 seconds.
pub(in super::super) const SETTLE: (u32, u32) = (15, 2);

/// Adds the restart of a running container whose public interface is to be what its configuration says.
pub(super) fn plan(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
    reason: &str,
    needs: &[(ActionId, Edge)],
    draft: &mut Draft,
) {
    let holds_mac = live::holds_mac(observed, container, public::holds_mac(conf));
    let quiet = if holds_mac { release_mac(container) } else { Vec::new() };
    let mut notes =
        vec!["everything that the container serves is away while it restarts".to_owned()];
    if !quiet.is_empty() {
        notes.push("its fixed MAC can stay taken for two minutes after the stop; the start is tried again until then".to_owned());
    }
    let id = container.vmid.to_string();
    let stop = ["pct", "shutdown", &id, "--forceStop", "1", "--timeout", SHUTDOWN];
    let mut operations = quiet;
    operations.push(Operation::Run(Run::on_node(argv(stop))));
    operations.push(start(container));
    operations.extend(shows_interface(container));
    operations.extend(inside::shows_all(observed, container, draft));
    draft.add(action(container, "restart", reason, operations, notes), needs);
}

/// Adds the start of a container that is stopped and declared to start at boot; returns the action,
/// or that of a start which is there already. It needs the configuration that is planned before it.
pub(in super::super) fn ensure_running(
    observed: &Observed<'_>,
    container: &Container,
    draft: &mut Draft,
) -> Option<ActionId> {
    let start_address = address(container.vmid).part("start");
    let present = draft.find(&start_address);
    let wanted = observed.is_to_run(container.vmid) && !draft.is_deferred(&start_address);
    if present.is_some() || !wanted || observed.is_running(container.vmid) {
        return present;
    }
    let mut operations = vec![start(container)];
    operations.extend(shows_interface(container));
    let onboot = container.onboot.as_ref().is_some_and(|onboot| onboot.value);
    let reason = match (observed.config(container.vmid), onboot) {
        (None, _) => "it is new",
        (Some(_), true) => "stopped, and declared to start at boot",
        (Some(_), false) => "stopped, and others depend on it",
    };
    let needs = draft.find(&address(container.vmid)).map(|id| (id, Edge::Needs));
    let snapshot = draft.find(&address(container.vmid).part("snapshot/pre-configured"));
    let needs = needs.into_iter().chain(snapshot.map(|id| (id, Edge::After))).collect::<Vec<_>>();
    Some(draft.add(action(container, "start", reason, operations, Vec::new()), &needs))
}

/// Adds the start that an operator asks for, unless the container runs.
pub(in super::super) fn start_now(
    observed: &Observed<'_>,
    container: &Container,
    reason: &str,
    after: &[(ActionId, Edge)],
    draft: &mut Draft,
) -> Option<ActionId> {
    if observed.is_running(container.vmid) {
        return None;
    }
    let operations = [start(container)].into_iter().chain(shows_interface(container)).collect();
    Some(draft.add(action(container, "start", reason, operations, Vec::new()), after))
}

/// Adds the restart that an operator asks for; a container that is stopped is started.
pub(in super::super) fn restart_now(
    observed: &Observed<'_>,
    container: &Container,
    after: &[(ActionId, Edge)],
    draft: &mut Draft,
) -> Option<ActionId> {
    let conf = observed.config(container.vmid)?;
    if !observed.is_running(container.vmid) {
        return start_now(observed, container, "asked for, and stopped", after, draft);
    }
    plan(observed, container, conf, "asked for", after, draft);
    draft.find(&address(container.vmid).part("restart"))
}

fn shutdown(vmid: Vmid) -> Operation {
    let words = ["pct", "shutdown", &vmid.to_string(), "--forceStop", "1", "--timeout", SHUTDOWN];
    Operation::Run(Run::on_node(argv(words)))
}

/// Returns the stop that an operator asks for.
pub(in super::super) fn stop_now(vmid: Vmid, notes: Vec<String>) -> Action {
    Action {
        address: address(vmid).part("stop"),
        verb: Verb::Do,
        reason: "asked for".to_owned(),
        disruption: Disruption::Stop,
        guest: Some(vmid),
        origin: None,
        attributes: Vec::new(),
        notes,
        operations: vec![shutdown(vmid)],
    }
}

/// Returns the deletion that an operator asks for, with everything that the container holds.
pub(in super::super) fn delete_now(observed: &Observed<'_>, vmid: Vmid) -> Action {
    let stop = observed.is_running(vmid).then(|| shutdown(vmid));
    let destroy = Run::on_node(argv(["pct", "destroy", &vmid.to_string(), "--purge", "1"]));
    let mut notes =
        vec!["its volumes and snapshots are gone for good; folders of the node stay".to_owned()];
    if observed.desired.containers.contains_key(&vmid) {
        notes.push("it is declared: the next apply makes it again".to_owned());
    }
    Action {
        address: address(vmid),
        verb: Verb::Remove,
        reason: "asked for".to_owned(),
        disruption: Disruption::Stop,
        guest: Some(vmid),
        origin: None,
        attributes: Vec::new(),
        notes,
        operations: stop.into_iter().chain([Operation::Run(destroy)]).collect(),
    }
}

/// Returns the restart or start of a container that is already planned.
pub(in super::super) fn planned(container: &Container, draft: &Draft) -> Option<ActionId> {
    let base = address(container.vmid);
    draft.find(&base.part("restart")).or_else(|| draft.find(&base.part("start")))
}

fn action(
    container: &Container,
    part: &str,
    reason: &str,
    operations: Vec<Operation>,
    notes: Vec<String>,
) -> Action {
    Action {
        address: address(container.vmid).part(part),
        verb: Verb::Do,
        reason: reason.to_owned(),
        disruption: if part == "start" { Disruption::Start } else { Disruption::Restart },
        guest: Some(container.vmid),
        origin: None,
        attributes: Vec::new(),
        notes,
        operations,
    }
}

fn start(container: &Container) -> Operation {
    let argv = argv(["pct", "start", &container.vmid.to_string()]);
    Operation::Run(Run { on_failure: START, ..Run::on_node(argv) })
}

/// Frees the MAC of a macvlan before the stop: sockets that still send keep the container's dead
/// network namespace, and in it the interface, alive. Setting it down releases the address.
fn release_mac(container: &Container) -> Vec<Operation> {
    // Taken back when the container cannot be shut down: it would run on, and serve nobody.
    let quiet = |words: Argv, undo: Argv| {
        let run = Run::at(Place::Guest(container.vmid), words);
        Operation::Run(Run { on_failure: OnFailure::Continue, undo: Some(undo), ..run })
    };
    let nginx = |verb| argv(["systemctl", verb, "nginx.service"]);
    let link = |state| argv(["ip", "link", "set", PublicInterface::NAME, state]);
    vec![quiet(nginx("stop"), nginx("start")), quiet(link("down"), link("up"))]
}

/// Returns the check that the container has its public interface as declared.
fn shows_interface(container: &Container) -> Option<Operation> {
    let wanted = container.public.as_ref().filter(|wanted| wanted.enabled)?;
    let (attempts, pause) = SETTLE;
    verify::interface(container, wanted).operation(attempts, pause)
}

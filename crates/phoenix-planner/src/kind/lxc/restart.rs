//! Stopping and starting a container, and what it must show afterwards.

use phoenix_formats::iproute::{Link, read_links};
use phoenix_formats::lxc_conf::LxcConf;

use super::{address, public};
use crate::desired::{Container, PublicInterface};
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{Check, OnFailure, Operation, Run, Want};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Answer, Argv, Probe, argv};
use crate::want;

/// Seconds that a container has for its shutdown before it is stopped: Proxmox VE's own default.
const SHUTDOWN: &str = "60";

/// A dead network namespace can hold a fixed MAC for up to 127 seconds (measured): ten tries with
/// 15 seconds between last 135.
const START: OnFailure = OnFailure::Retry { attempts: 10, pause: 15 };

/// How long the guest's own network may take after its start: 30 seconds.
const SETTLE: (u32, u32) = (15, 2);

/// Adds what a container with a new public interface needs to have it: a restart when it runs, a
/// start when it is stopped and shall run.
pub(super) fn plan(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
    reason: &str,
    needs: &[(ActionId, Edge)],
    draft: &mut Draft,
) {
    if !observed.is_running(container.vmid) {
        ensure_running(observed, container, draft);
        return;
    }
    let quiet = if public::holds_mac(conf) { release_mac(container) } else { Vec::new() };
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
    draft.add(action(container, "restart", reason, operations, notes), needs);
}

/// Returns the question which interfaces a container with a public interface has.
pub(super) fn links_probe(container: &Container) -> Option<Probe> {
    container.public.as_ref()?;
    let place = Place::Guest(container.vmid);
    Some(Probe::Run { place, argv: links_argv() })
}

fn links_argv() -> Argv {
    argv(["ip", "-json", "-details", "address", "show"])
}

/// Returns why a running container whose configuration is right must be restarted: it still has the
/// interface with which it was started, as when an apply was interrupted before its restart.
pub(super) fn outstanding(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
) -> Option<String> {
    let wanted = container.public.as_ref().filter(|_| observed.is_running(container.vmid))?;
    let output = observed.facts.ran(Place::Guest(container.vmid), &links_argv())?;
    // A container that cannot be asked, having no ip(8), is left as it runs.
    let links = read_links(&output.stdout).ok().filter(|_| output.success())?;
    if wanted.enabled {
        let why = want::holds(&wanted_interface(wanted), &Answer::Ran(output.clone())).err()?;
        return Some(format!("it was not restarted yet: {why}"));
    }
    let is_old = |link: &Link| link.name == PublicInterface::NAME && link.mac == wanted.mac;
    let left = wanted.mac.is_some() && public::is_absent(conf) && links.iter().any(is_old);
    left.then(|| format!("it was not restarted yet: it still has {}", PublicInterface::NAME))
}

fn wanted_interface(wanted: &PublicInterface) -> Want {
    Want::Interface {
        name: PublicInterface::NAME.to_owned(),
        ip: wanted.ip.addr(),
        mac: wanted.mac.map(|mac| mac.to_string()),
    }
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
    let wanted = container.onboot.as_ref().is_some_and(|onboot| onboot.value);
    if present.is_some() || !wanted || observed.is_running(container.vmid) {
        return present;
    }
    let mut operations = vec![start(container)];
    operations.extend(shows_interface(container));
    let reason = "stopped, and declared to start at boot";
    let needs = draft.find(&address(container.vmid)).map(|id| (id, Edge::Needs));
    let needs = needs.into_iter().collect::<Vec<_>>();
    Some(draft.add(action(container, "start", reason, operations, Vec::new()), &needs))
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
    let quiet = |words: &[&str]| {
        let argv = words.iter().map(|word| (*word).to_owned()).collect();
        let run = Run::at(Place::Guest(container.vmid), argv);
        Operation::Run(Run { on_failure: OnFailure::Continue, ..run })
    };
    vec![
        quiet(&["systemctl", "stop", "nginx.service"]),
        quiet(&["ip", "link", "set", PublicInterface::NAME, "down"]),
    ]
}

/// Returns the check that the container has its public interface as declared.
pub(in super::super) fn shows_interface(container: &Container) -> Option<Operation> {
    let wanted = container.public.as_ref().filter(|wanted| wanted.enabled)?;
    Some(Operation::Check(Check {
        probe: Probe::Run { place: Place::Guest(container.vmid), argv: links_argv() },
        want: wanted_interface(wanted),
        attempts: SETTLE.0,
        pause: SETTLE.1,
    }))
}

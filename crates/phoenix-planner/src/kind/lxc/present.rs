//! The plan of a container that exists.

use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::property::PropertyText;

use super::changes::Changes;
use super::inside::{self, Inside, Power, Predicted};
use super::restart::{self, ensure_running};
use super::{address, ids, is_marked, is_on, mounts, public};
use crate::address::Address;
use crate::desired::{Container, PublicKind};
use crate::kind::guests::After;
use crate::observed::Observed;
use crate::plan::{Draft, Edge};
use crate::refusal::Refusal;

/// Plans a container that exists: what differs, what its public interface needs inside, and its restart.
pub(super) fn plan(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
    folders: &mounts::Folders,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    let changes = Changes::of(observed, container, conf, folders)?;
    let restarts = changes.public.as_ref().is_some_and(public::Change::needs_restart);
    let running = observed.is_running(container.vmid);
    let restart = changes.restart(observed, container).filter(|_| running);
    let power = power(running, restart.is_some());
    report(&changes, container, conf, power, draft);
    let mut before = first(container, folders, draft);
    let inside = Inside::of(observed, container, power, draft);
    let guards = inside.as_ref().filter(|_| running).map(|i| i.plan_guards(&before, draft));
    before.extend(guards.into_iter().flatten());
    let mut predicted = Predicted::of(observed, conf.text(), &[]);
    if !changes.is_empty() {
        let action = changes.action(container, conf, running)?;
        predicted = Predicted::of(observed, conf.text(), &action.operations);
        before = vec![(draft.add(action, &before), Edge::Needs)];
    }
    if let Some(inside) = inside.as_ref().filter(|_| running) {
        before.extend(inside.plan_route(&before, draft)?);
    }
    match restart {
        Some(reason) => restart::plan(observed, container, conf, reason, &before, draft),
        None if restarts => drop(ensure_running(observed, container, draft)),
        None => {}
    }
    if let Some(inside) = inside.filter(|_| !running) {
        inside.plan_stopped(&predicted, draft)?;
    }
    if is_left(container, conf) {
        inside::remove(observed, container, draft);
    }
    Ok(())
}

fn power(runs: bool, restarts: bool) -> Power {
    match (runs, restarts) {
        (true, true) => Power::Restarts,
        (true, false) => Power::Runs,
        (false, _) => Power::Stopped,
    }
}

/// Says what is not changed, what else the change takes, and what waits for a restart.
fn report(
    changes: &Changes,
    container: &Container,
    conf: &LxcConf,
    power: Power,
    draft: &mut Draft,
) {
    changes.raw.report(container.vmid, draft);
    if let Some(moved) = ids::moved(container, conf) {
        draft.note(format!("container {}: {moved}", container.vmid));
    }
    for why in changes.mounts.waiting.iter().chain(&in_place(container, conf)) {
        draft.defer(address(container.vmid), why.as_str());
    }
    if power == Power::Runs {
        changes.report_waiting(container, conf, draft);
    }
}

/// Returns what comes before every change: the container's rules and its folders.
fn first(container: &Container, folders: &mounts::Folders, draft: &Draft) -> After {
    let rules = draft.find(&Address::new("firewall", container.vmid));
    // A port that Proxmox VE's firewall guards must not be plugged without its rules.
    let guarded = container.public.as_ref().is_some_and(|public| public.kind == PublicKind::Veth);
    let edge = if guarded { Edge::Needs } else { Edge::After };
    rules.into_iter().map(|id| (id, edge)).chain(folders.after.iter().copied()).collect()
}

/// Returns whether a container may still have what belonged to a public interface.
pub(super) fn is_left(container: &Container, conf: &LxcConf) -> bool {
    let disabled = container.public.as_ref().is_some_and(|public| !public.enabled);
    disabled || container.public.is_none() && is_marked(conf.text())
}

/// Returns what is declared and cannot be changed where the container is, with what it would take.
fn in_place(container: &Container, conf: &LxcConf) -> Vec<String> {
    let vmid = container.vmid;
    let mut all = Vec::new();
    let unprivileged = is_on(conf.get("unprivileged").unwrap_or_default());
    if container.making.unprivileged.as_ref().is_some_and(|own| own.value != unprivileged) {
        all.push(format!("`unprivileged` cannot be changed in place: back it up with `vzdump {vmid}`, destroy it, and restore it with `pct restore {vmid} FILE --unprivileged {}`", u8::from(!unprivileged)));
    }
    let root = PropertyText::parse(conf.get("rootfs").unwrap_or_default());
    let storage = root.bare().and_then(mounts::storage_of);
    if let (Some(wanted), Some(present)) = (&container.making.storage, storage)
        && wanted.value != present
    {
        all.push(format!("its root file system is on `{present}`: stop it, and move it with `pct move-volume {vmid} rootfs {}`", wanted.value));
    }
    all
}

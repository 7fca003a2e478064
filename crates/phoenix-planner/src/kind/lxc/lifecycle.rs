//! Snapshots of a container, and its conversion to a template.
//!
//! Proxmox VE makes no snapshot of a template, nor of a container that mounts a folder of the node.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::property::PropertyText;

use super::super::guests::{After, Progress};
use super::{address, mounts};
use crate::desired::{Container, MountSource};
use crate::observed::{Observed, config_path};
use crate::operation::{Operation, Run};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::argv;

/// The snapshot of a container that was just made.
const FIRST: &str = "pre-configured";

/// The snapshot of a container that is complete.
const COMPLETE: &str = "final-form";

fn can_have_snapshots(container: &Container) -> bool {
    let is_folder =
        |mount: &crate::desired::Mount| matches!(mount.source, MountSource::Folder { .. });
    !container.making.is_template && !container.mounts.iter().any(is_folder)
}

/// Returns why the storage of a container takes no snapshots, if it is known not to.
fn no_snapshots(observed: &Observed<'_>, container: &Container) -> Option<String> {
    let root = observed.config(container.vmid).and_then(|conf| conf.get("rootfs"));
    let root = root.map(PropertyText::parse);
    let present = root.as_ref().and_then(|root| mounts::storage_of(root.bare()?));
    let declared = container.making.storage.as_ref().map(|storage| storage.value.as_str());
    let storage = present.or(declared)?;
    match observed.storages.get(storage) {
        Some(entry) if entry.has_snapshots() => None,
        Some(_) => Some(format!("storage `{storage}` takes no snapshots of containers")),
        None => Some(format!("storage `{storage}` is not known to this node")),
    }
}

/// Returns the name of the snapshot that clones are made of; `None` when there is none to be.
pub(super) fn complete_name(observed: &Observed<'_>, container: &Container) -> Option<String> {
    if !can_have_snapshots(container) || no_snapshots(observed, container).is_some() {
        return None;
    }
    let named = container.making.snapshot.as_ref().map(|snapshot| snapshot.value.clone());
    named.or_else(|| container.making.lifecycle.then(|| COMPLETE.to_owned()))
}

/// Adds the snapshot of a container that is made in this plan.
pub(super) fn plan_first(
    observed: &Observed<'_>,
    container: &Container,
    made: ActionId,
    draft: &mut Draft,
) {
    let wanted = container.making.lifecycle && can_have_snapshots(container);
    if wanted && no_snapshots(observed, container).is_none() {
        let action = snapshot(container, FIRST, "as it was made");
        draft.add(action, &[(made, Edge::Needs)]);
    }
}

/// Adds the snapshots of containers that are complete: with everything that this plan does for them, and
/// when nothing of them has to wait.
pub(super) fn plan_complete(observed: &Observed<'_>, draft: &mut Draft) {
    for container in observed.in_order() {
        let Some(conf) = observed.unlocked(container.vmid) else { continue };
        let named = container.making.snapshot.as_ref().map(|snapshot| snapshot.value.as_str());
        let lifecycle = container.making.lifecycle.then_some(COMPLETE);
        let names = lifecycle.into_iter().chain(named.filter(|name| Some(*name) != lifecycle));
        for name in names.filter(|name| !conf.snapshots().contains_key(*name)) {
            plan_one(observed, container, name, draft);
        }
    }
}

fn plan_one(observed: &Observed<'_>, container: &Container, name: &str, draft: &mut Draft) {
    let own = address(container.vmid).part("snapshot").part(name);
    if !can_have_snapshots(container) {
        return;
    }
    if let Some(why) = no_snapshots(observed, container) {
        return draft.defer(own, why);
    }
    if draft.defers_within(&address(container.vmid)) {
        return draft.defer(own, "made when nothing else of the container is left to do");
    }
    let after = draft.of_guest(container.vmid).into_iter().map(|id| (id, Edge::Needs));
    let after = after.collect::<After>();
    draft.add(snapshot(container, name, "the container is complete"), &after);
}

fn snapshot(container: &Container, name: &str, reason: &str) -> Action {
    let mut run = Run::on_node(argv(["pct", "snapshot", &container.vmid.to_string(), name]));
    run.touches = Some(config_path(container.vmid));
    Action {
        address: address(container.vmid).part("snapshot").part(name),
        verb: Verb::Add,
        reason: reason.to_owned(),
        disruption: Disruption::None,
        guest: Some(container.vmid),
        origin: Some(container.origin.clone()),
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: vec![Operation::Run(run)],
    }
}

/// Returns whether a configuration is that of a template.
pub(in super::super) fn is_template(conf: &LxcConf) -> bool {
    conf.get("template").is_some_and(super::keys::is_on)
}

/// Defers the conversion of a container in which something is still to be set up; returns whether that is so.
pub(super) fn waits_for_inside(
    observed: &Observed<'_>,
    container: &Container,
    progress: &Progress,
    draft: &mut Draft,
) -> bool {
    let vmid = container.vmid;
    let waits = container.making.is_template && !progress.inside.is_complete(observed, vmid);
    if waits {
        draft.defer(address(vmid).part("template"), "made when what belongs into it is set up");
    }
    waits
}

/// Adds the conversion of a container to a template, unless it is one; returns what those come after that are
/// cloned from it, or why they have to wait.
pub(super) fn plan_template(
    observed: &Observed<'_>,
    container: &Container,
    after: &[(ActionId, Edge)],
    draft: &mut Draft,
) -> Result<After, String> {
    let vmid = container.vmid;
    let own = address(vmid).part("template");
    let conf = observed.config(vmid);
    if conf.is_some_and(is_template) {
        return Ok(after.to_vec());
    }
    if conf.is_some_and(|conf| !conf.snapshots().is_empty()) {
        let why = "it has snapshots, and a template has none: remove them with `pct delsnapshot`";
        draft.defer(own, why);
        return Err("it is no template yet".to_owned());
    }
    if draft.defers_within(&address(vmid)) {
        draft.defer(own, "made when nothing else of the container is left to do");
        return Err("it is no template yet".to_owned());
    }
    let runs = observed.is_running(vmid) || draft.find(&address(vmid).part("start")).is_some();
    let action = Action {
        address: own,
        verb: Verb::Change,
        reason: "others are cloned from it; it never starts again".to_owned(),
        disruption: Disruption::None,
        guest: Some(vmid),
        origin: Some(container.origin.clone()),
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: conversion(vmid, runs),
    };
    let others = draft.of_guest(vmid).into_iter().map(|id| (id, Edge::Needs));
    let after = others.chain(after.iter().copied()).collect::<After>();
    Ok(vec![(draft.add(action, &after), Edge::Needs)])
}

/// Makes a template of a container, which must not run then.
fn conversion(vmid: Vmid, runs: bool) -> Vec<Operation> {
    let id = vmid.to_string();
    let stop = ["pct", "shutdown", &id, "--forceStop", "1", "--timeout", super::restart::SHUTDOWN];
    let mut template = Run::on_node(argv(["pct", "template", &id]));
    template.touches = Some(config_path(vmid));
    let stop = runs.then(|| Run::on_node(argv(stop)));
    stop.into_iter().chain([template]).map(Operation::Run).collect()
}

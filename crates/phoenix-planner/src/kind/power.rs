//! What an operator asks for by name: starting, stopping, restarting and deleting guests. Nothing else is in such a
//! plan, and only what is named is stopped or deleted.

use std::collections::BTreeSet;

use phoenix_formats::Vmid;

use super::guests::After;
use super::{health, lxc};
use crate::desired::{Container, Desired};
use crate::observed::{Guest, Observed, needs};
use crate::plan::{ActionId, Draft, Edge, Plan};
use crate::probe::Facts;
use crate::refusal::Refusal;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// They run, and so does what they depend on.
    Start,
    /// They do not run.
    Stop,
    /// They are stopped and started.
    Restart,
    /// They are not there any more.
    Delete,
}

/// Returns guests with everything that they need, directly or not: what they depend on and are cloned from.
pub fn chain(desired: &Desired, guests: &[Vmid]) -> BTreeSet<Vmid> {
    let mut found = BTreeSet::new();
    let mut open = guests.to_vec();
    while let Some(vmid) = open.pop() {
        if found.insert(vmid) {
            open.extend(needs(desired, vmid).iter().map(|needed| needed.value));
        }
    }
    found
}

/// Returns the plan that does this to these guests and to no others, but for what a start needs.
pub fn plan(
    desired: &Desired,
    facts: &Facts,
    task: Task,
    guests: &[Vmid],
) -> Result<Plan, Vec<Refusal>> {
    let observed = Observed::new(desired, facts)?;
    let named = guests.iter().copied().collect::<BTreeSet<_>>();
    let mut refusals = Vec::new();
    for vmid in &named {
        refusals.extend(refuse(&observed, task, *vmid, &named));
    }
    let mut draft = Draft::default();
    if refusals.is_empty() {
        match task {
            Task::Start => refusals.extend(start_all(&observed, &named, &mut draft)),
            Task::Stop => stop_all(&observed, &named, &mut draft),
            Task::Restart => restart_all(&observed, &named, &mut draft),
            Task::Delete => delete_all(&observed, &named, &mut draft),
        }
        refusals.extend(observed.require_quorum().err().filter(|_| !draft.is_empty()));
    }
    if refusals.is_empty() { Ok(draft.finish()) } else { Err(refusals) }
}

fn refuse(
    observed: &Observed<'_>,
    task: Task,
    vmid: Vmid,
    named: &BTreeSet<Vmid>,
) -> Option<Refusal> {
    let desired = observed.desired;
    if desired.vms.contains_key(&vmid) {
        return Some(Refusal::node(
            format!(
                "{vmid} is a virtual machine, which phoenix does not start, stop or delete by name"
            ),
            format!("See `qm help`, such as `qm status {vmid}`."),
        ));
    }
    let Some(conf) = observed.config(vmid) else {
        // What is not there is deleted already.
        return (task != Task::Delete).then(|| missing(desired, vmid));
    };
    if task != Task::Delete && !desired.containers.contains_key(&vmid) {
        let help = format!("Declare it, or use `pct` itself, such as `pct status {vmid}`.");
        return Some(Refusal::node(format!("container {vmid} is not declared"), help));
    }
    if let Some(lock) = conf.lock() {
        let help = format!("Wait until that has ended, or see `pct unlock {vmid}`.");
        return Some(Refusal::node(format!("container {vmid} is locked ({lock})"), help));
    }
    if task == Task::Delete { protected(observed, vmid, named) } else { None }
}

fn missing(desired: &Desired, vmid: Vmid) -> Refusal {
    let help = if desired.containers.contains_key(&vmid) {
        format!("Make it with `phoenix create {vmid}`.")
    } else {
        "Look at `phoenix status`: it lists the guests.".to_owned()
    };
    Refusal::node(format!("container {vmid} is not on this node"), help)
}

/// Returns why a container is not deleted, if it is not.
fn protected(observed: &Observed<'_>, vmid: Vmid, named: &BTreeSet<Vmid>) -> Option<Refusal> {
    let conf = observed.config(vmid)?;
    if conf.get("protection").is_some_and(lxc::is_on) {
        let help = format!("Run `pct set {vmid} --protection 0` first, if it really is to go.");
        return Some(Refusal::node(format!("container {vmid} is protected"), help));
    }
    let others = dependents(observed, vmid).into_iter().filter(|other| !named.contains(other));
    let others = others.map(|other| other.to_string()).collect::<Vec<_>>();
    (!others.is_empty()).then(|| {
        let message = format!("guests on this node need container {vmid}: {}", others.join(", "));
        Refusal::node(message, "Delete them too, or take the dependency out of the files.")
    })
}

/// Returns the declared guests of the node that need a guest.
fn dependents(observed: &Observed<'_>, vmid: Vmid) -> Vec<Vmid> {
    let present = observed.guests();
    let order = observed.guests_in_order().into_iter().map(Guest::vmid);
    let there = order.filter(|other| present.contains(other));
    there.filter(|other| needs(observed.desired, *other).iter().any(|n| n.value == vmid)).collect()
}

/// Returns the declared containers of some numbers, each after those that it needs.
fn ordered<'a>(
    observed: &Observed<'a>,
    named: &'a BTreeSet<Vmid>,
) -> impl DoubleEndedIterator<Item = &'a Container> {
    observed.in_order().into_iter().filter(|container| named.contains(&container.vmid))
}

fn start_all(observed: &Observed<'_>, named: &BTreeSet<Vmid>, draft: &mut Draft) -> Vec<Refusal> {
    let mut wanted = named.clone();
    for container in observed.in_order().into_iter().rev() {
        if wanted.contains(&container.vmid) {
            wanted.extend(lxc::needed(container).map(|needed| needed.value));
        }
    }
    let mut refusals = Vec::new();
    for container in ordered(observed, &wanted) {
        match observed.config(container.vmid) {
            None => refusals.push(missing(observed.desired, container.vmid)),
            Some(conf) if lxc::is_template(conf) && named.contains(&container.vmid) => {
                let message = format!("container {} is a template", container.vmid);
                refusals.push(Refusal::node(message, "Clone it: a template is never started."));
            }
            Some(_) => {
                let after = running(observed, container, draft);
                lxc::start_now(observed, container, "asked for", &after, draft);
            }
        }
    }
    refusals
}

/// Returns what the start of a container comes after: that of what it depends on, healthy.
fn running(observed: &Observed<'_>, container: &Container, draft: &mut Draft) -> After {
    let mut after = After::new();
    if observed.is_running(container.vmid) {
        return after;
    }
    for needed in lxc::needed(container) {
        let start = draft.find(&lxc::address(needed.value).part("start"));
        let edges = start.map(|id| (id, Edge::Needs)).into_iter().collect::<After>();
        let edges = health::ensure(observed, needed.value, &edges, draft);
        after.extend(edges);
    }
    after
}

fn stop_all(observed: &Observed<'_>, named: &BTreeSet<Vmid>, draft: &mut Draft) {
    let mut before: Option<ActionId> = None;
    for container in ordered(observed, named).rev() {
        let vmid = container.vmid;
        if !observed.is_running(vmid) {
            continue;
        }
        let left = dependents(observed, vmid).into_iter();
        let left = left.filter(|other| !named.contains(other) && observed.is_running(*other));
        let left = left.map(|other| other.to_string()).collect::<Vec<_>>();
        let notes = (!left.is_empty())
            .then(|| format!("{} depend on it and go on running", left.join(", ")));
        let after = before.map(|id| (id, Edge::After)).into_iter().collect::<After>();
        before = Some(draft.add(lxc::stop_now(vmid, notes.into_iter().collect()), &after));
    }
}

fn restart_all(observed: &Observed<'_>, named: &BTreeSet<Vmid>, draft: &mut Draft) {
    let mut before: Option<ActionId> = None;
    for container in ordered(observed, named) {
        let after = before.map(|id| (id, Edge::After)).into_iter().collect::<After>();
        before = lxc::restart_now(observed, container, &after, draft).or(before);
    }
}

fn delete_all(observed: &Observed<'_>, named: &BTreeSet<Vmid>, draft: &mut Draft) {
    let declared = observed.in_order().into_iter().map(|container| container.vmid).rev();
    let declared = declared.collect::<Vec<_>>();
    let others = named.iter().copied().filter(|vmid| !declared.contains(vmid));
    let all = others.chain(declared.iter().copied().filter(|vmid| named.contains(vmid)));
    let mut before: Option<ActionId> = None;
    for vmid in all.filter(|vmid| observed.config(*vmid).is_some()) {
        let after = before.map(|id| (id, Edge::Needs)).into_iter().collect::<After>();
        before = Some(draft.add(lxc::delete_now(observed, vmid), &after));
    }
}

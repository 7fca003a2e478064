//! What an operator asks for by name: starting, stopping, restarting and deleting guests. Nothing else is in such a
//! plan, and only what is named is stopped or deleted.

mod present;

use std::collections::BTreeSet;

use phoenix_formats::Vmid;

use self::present::{Present, is_running, present};
use super::guests::After;
use super::{health, lxc, vm};
use crate::desired::Desired;
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
    let refused = named.iter().filter_map(|vmid| refuse(&observed, task, *vmid, &named));
    let mut refusals = refused.collect::<Vec<_>>();
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

fn is_declared(desired: &Desired, vmid: Vmid) -> bool {
    desired.containers.contains_key(&vmid) || desired.vms.contains_key(&vmid)
}

fn refuse(
    observed: &Observed<'_>,
    task: Task,
    vmid: Vmid,
    named: &BTreeSet<Vmid>,
) -> Option<Refusal> {
    let desired = observed.desired;
    let Some(guest) = present(observed, vmid) else {
        // What is not there is deleted already; of a machine that is not declared nothing was asked.
        let is_there = observed.guests().contains(&vmid);
        return (task != Task::Delete || is_there).then(|| missing(observed, vmid));
    };
    let (noun, tool) = (guest.kind.noun(), guest.kind.tool());
    if task != Task::Delete && !is_declared(desired, vmid) {
        let help = format!("Declare it, or use `{tool}` itself, such as `{tool} status {vmid}`.");
        return Some(Refusal::node(format!("{noun} {vmid} is not declared"), help));
    }
    if let Some(lock) = &guest.lock {
        let help = format!("Wait until that has ended, or see `{tool} unlock {vmid}`.");
        return Some(Refusal::node(format!("{noun} {vmid} is locked ({lock})"), help));
    }
    match task {
        Task::Delete => kept(observed, &guest, named),
        Task::Restart if guest.is_template => Some(template(&guest)),
        _ => None,
    }
}

fn missing(observed: &Observed<'_>, vmid: Vmid) -> Refusal {
    let desired = observed.desired;
    let help = if is_declared(desired, vmid) {
        format!("Make it with `phoenix create {vmid}`.")
    } else {
        "Look at `phoenix status`: it lists the guests.".to_owned()
    };
    let what = if desired.vms.contains_key(&vmid) { "virtual machine" } else { "container" };
    let lacks = if observed.guests().contains(&vmid) { "not declared" } else { "not on this node" };
    Refusal::node(format!("{what} {vmid} is {lacks}"), help)
}

fn template(guest: &Present) -> Refusal {
    let message = format!("{} {} is a template", guest.kind.noun(), guest.vmid);
    Refusal::node(message, "Clone it: a template is never started.")
}

/// Returns why a guest is not deleted, if it is not.
fn kept(observed: &Observed<'_>, guest: &Present, named: &BTreeSet<Vmid>) -> Option<Refusal> {
    let (vmid, noun, tool) = (guest.vmid, guest.kind.noun(), guest.kind.tool());
    if guest.is_protected {
        let help = format!("Run `{tool} set {vmid} --protection 0` first, if it really is to go.");
        return Some(Refusal::node(format!("{noun} {vmid} is protected"), help));
    }
    let others = dependents(observed, vmid).into_iter().filter(|other| !named.contains(other));
    let others = others.map(|other| other.to_string()).collect::<Vec<_>>();
    (!others.is_empty()).then(|| {
        let message = format!("guests on this node need {noun} {vmid}: {}", others.join(", "));
        Refusal::node(message, "Delete them too, or take the dependency out of the files.")
    })
}

/// Returns the declared guests of the node that need a guest.
fn dependents(observed: &Observed<'_>, vmid: Vmid) -> Vec<Vmid> {
    let there = observed.guests();
    let order = observed.guests_in_order().into_iter().map(Guest::vmid);
    let there = order.filter(|other| there.contains(other));
    there.filter(|other| needs(observed.desired, *other).iter().any(|n| n.value == vmid)).collect()
}

/// Returns the declared guests of some numbers, each after those that it needs.
fn ordered<'a>(
    observed: &Observed<'a>,
    named: &'a BTreeSet<Vmid>,
) -> impl DoubleEndedIterator<Item = Guest<'a>> {
    observed.guests_in_order().into_iter().filter(|guest| named.contains(&guest.vmid()))
}

/// Returns what must run before a guest does.
fn needed(guest: Guest<'_>) -> Vec<Vmid> {
    match guest {
        Guest::Container(container) => lxc::needed(container).map(|one| one.value).collect(),
        Guest::Vm(machine) => vm::needed(machine).map(|one| one.value).collect(),
    }
}

fn start_all(observed: &Observed<'_>, named: &BTreeSet<Vmid>, draft: &mut Draft) -> Vec<Refusal> {
    let mut wanted = named.clone();
    for guest in observed.guests_in_order().into_iter().rev() {
        if wanted.contains(&guest.vmid()) {
            wanted.extend(needed(guest));
        }
    }
    let mut refusals = Vec::new();
    for guest in ordered(observed, &wanted) {
        match present(observed, guest.vmid()) {
            None => refusals.push(missing(observed, guest.vmid())),
            Some(there) if there.is_template => {
                refusals.extend(named.contains(&there.vmid).then(|| template(&there)));
            }
            Some(there) if there.is_running => {}
            Some(_) => start(observed, guest, draft),
        }
    }
    refusals
}

fn start(observed: &Observed<'_>, guest: Guest<'_>, draft: &mut Draft) {
    let mut after = After::new();
    for vmid in needed(guest) {
        let parts = [lxc::address(vmid), vm::address(vmid)].map(|base| base.part("start"));
        let started = parts.iter().filter_map(|part| draft.find(part));
        let edges = started.map(|id| (id, Edge::Needs)).collect::<After>();
        after.extend(health::ensure(observed, vmid, &edges, draft));
    }
    match guest {
        Guest::Container(container) => {
            lxc::start_now(observed, container, "asked for", &after, draft);
        }
        Guest::Vm(machine) => {
            draft.add(vm::power::start_now(machine.vmid), &after);
        }
    }
}

fn stop_all(observed: &Observed<'_>, named: &BTreeSet<Vmid>, draft: &mut Draft) {
    let mut before: Option<ActionId> = None;
    for guest in ordered(observed, named).rev().filter(|one| is_running(observed, one.vmid())) {
        let vmid = guest.vmid();
        let left = dependents(observed, vmid).into_iter();
        let left = left.filter(|other| !named.contains(other) && is_running(observed, *other));
        let left = left.map(|other| other.to_string()).collect::<Vec<_>>();
        let notes = (!left.is_empty())
            .then(|| format!("{} depend on it and go on running", left.join(", ")));
        let notes = notes.into_iter().collect();
        let action = match guest {
            Guest::Container(_) => lxc::stop_now(vmid, notes),
            Guest::Vm(_) => vm::power::stop_now(vmid, notes),
        };
        let after = before.map(|id| (id, Edge::After)).into_iter().collect::<After>();
        before = Some(draft.add(action, &after));
    }
}

fn restart_all(observed: &Observed<'_>, named: &BTreeSet<Vmid>, draft: &mut Draft) {
    let mut before: Option<ActionId> = None;
    for guest in ordered(observed, named) {
        let after = before.map(|id| (id, Edge::After)).into_iter().collect::<After>();
        let added = match guest {
            Guest::Container(container) => lxc::restart_now(observed, container, &after, draft),
            Guest::Vm(machine) if is_running(observed, machine.vmid) => {
                Some(draft.add(vm::power::restart_now(machine.vmid), &after))
            }
            Guest::Vm(machine) => Some(draft.add(vm::power::start_now(machine.vmid), &after)),
        };
        before = added.or(before);
    }
}

fn delete_all(observed: &Observed<'_>, named: &BTreeSet<Vmid>, draft: &mut Draft) {
    let declared = observed.guests_in_order().into_iter().map(Guest::vmid).rev();
    let declared = declared.collect::<Vec<_>>();
    let others = named.iter().copied().filter(|vmid| !declared.contains(vmid));
    let all = others.chain(declared.iter().copied().filter(|vmid| named.contains(vmid)));
    let mut before: Option<ActionId> = None;
    for guest in all.filter_map(|vmid| present(observed, vmid)) {
        let after = before.map(|id| (id, Edge::Needs)).into_iter().collect::<After>();
        before = Some(draft.add(guest.deletion(observed), &after));
    }
}

//! `lxc/ID/application`: the operator's own script for a container, run on the node with the container's number as its
//! one argument, once for what stands in it, when everything else that is declared for the container is done.
//!
//! phoenix does not read what the script does; the plan says so.

use super::feature::guest::{Guest, Standing, standing};
use super::feature::{at, script};
use super::lxc;
use crate::desired::{Desired, Located};
use crate::location::{Location, Place};
use crate::observed::{Observed, config_path};
use crate::plan::{Draft, Edge};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;
use phoenix_formats::Vmid;

/// Where the digest of the script that ran is noted in a container.
const MARK: &str = "/var/lib/phoenix/application";

/// The part of the address.
const PART: &str = "application";

fn declared(desired: &Desired) -> impl Iterator<Item = (Vmid, &Located<String>)> {
    let all = desired.trust.applications.keys();
    all.filter_map(|vmid| Some((*vmid, desired.trust.application(*vmid)?)))
}

fn file(name: &str, desired: &Desired) -> Option<Location> {
    let folder = desired.trust.application_scripts.as_ref()?;
    let path = format!("{folder}/{name}").parse().ok()?;
    Some(Location { place: Place::Node, path })
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let is_there = |vmid: Vmid| facts.text(&config_path(vmid)).is_some();
    let of_one = |(vmid, name): (Vmid, &Located<String>)| {
        let mark = is_there(vmid).then(|| Probe::File(at(Place::Guest(vmid), MARK)));
        file(&name.value, desired).map(Probe::File).into_iter().chain(mark)
    };
    declared(desired).flat_map(of_one).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    for (vmid, name) in declared(observed.desired) {
        let address = lxc::address(vmid).part(PART);
        match standing(observed, vmid) {
            Standing::Absent | Standing::Template | Standing::NoWay | Standing::Silent => {}
            Standing::Stopped => {
                draft.defer(address, format!("known when container {vmid} runs"));
            }
            Standing::Ready => {
                plan_one(
                    &Guest { vmid, place: Place::Guest(vmid), origin: &name.origin, observed },
                    name,
                    draft,
                );
            }
        }
    }
    Ok(())
}

fn plan_one(guest: &Guest<'_>, name: &Located<String>, draft: &mut Draft) {
    let address = guest.address(PART);
    let script = file(&name.value, guest.observed.desired);
    let found = script.and_then(|at| Some((guest.observed.facts.text(&at)?, at)));
    let Some((text, script)) = found else {
        draft.defer(address, format!("`application_scripts_dir` has no `{}`", name.value));
        return;
    };
    let Some(action) = script::once(guest, address.clone(), &script, text, at(guest.place, MARK))
    else {
        return;
    };
    if draft.defers_within(&lxc::address(guest.vmid)) {
        draft.defer(address, "run when nothing else of the container is left to do");
        return;
    }
    let whole = lxc::address(guest.vmid);
    let edge = |id| {
        // What is done elsewhere for the container is no part of it.
        let is_part = draft.action(id).address.is_within(&whole);
        (id, if is_part { Edge::Needs } else { Edge::After })
    };
    let after = draft.of_guest(guest.vmid).into_iter().map(edge).collect::<Vec<_>>();
    draft.add(action, &after);
}

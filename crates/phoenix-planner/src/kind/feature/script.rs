//! `lxc/ID/NAME` and `vm/ID/NAME` for a feature that phoenix does not know: the operator's own script, run on the
//! node with the guest's number as its one argument, once for what stands in it.
//!
//! phoenix does not read what the script does; the plan says so. A mark in the guest holds the digest of
//! the script that ran.

use super::KNOWN_FEATURES;
use super::guest::{Guest, at, noun, ready, to_ask};
use crate::address::Address;
use crate::desired::Desired;
use crate::kind::attribute;
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::Observed;
use crate::operation::{Operation, Run, Shown, Write};
use crate::plan::{Action, Draft, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;
use crate::words::sha256;

/// Where the marks are in a guest.
const MARKS: &str = "/var/lib/phoenix/features";

/// Permission bits of a mark.
const MODE: u32 = 0o644;

/// How much of a digest is shown.
const SHOWN: usize = 12;

fn unknown(desired: &Desired) -> Vec<&str> {
    let all = desired.trust.features.values().flatten().map(|feature| feature.value.as_str());
    let mut names = all.filter(|name| !KNOWN_FEATURES.contains(name)).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns the names that a script for a feature may have; the first that is there counts.
fn file_names(feature: &str) -> [String; 3] {
    [
        format!("{feature}.sh"),
        feature.to_owned(),
        format!("phoenix_hypervisor_feature_install_{feature}.sh"),
    ]
}

fn folder(path: &AbsolutePath) -> Location {
    Location { place: Place::Node, path: path.clone() }
}

fn script(feature: &str, desired: &Desired, facts: &Facts) -> Option<Location> {
    let folder = folder(desired.trust.scripts.as_ref()?);
    let present = facts.names(&folder);
    let name = file_names(feature).into_iter().find(|name| present.contains(name))?;
    let path = format!("{}/{name}", folder.path).parse().ok()?;
    Some(Location { place: Place::Node, path })
}

fn mark(place: Place, feature: &str) -> Location {
    at(place, &format!("{MARKS}/{feature}"))
}

pub(in crate::kind) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let Some(path) = &desired.trust.scripts else { return Vec::new() };
    let mut probes = vec![Probe::List(folder(path))];
    for feature in unknown(desired) {
        let Some(script) = script(feature, desired, facts) else { continue };
        probes.push(Probe::File(script));
        let marks = to_ask(feature, desired, facts).map(|place| Probe::File(mark(place, feature)));
        probes.extend(marks);
    }
    probes
}

pub(in crate::kind) fn plan(
    observed: &Observed<'_>,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    if observed.desired.trust.scripts.is_none() {
        return Ok(());
    }
    for feature in unknown(observed.desired) {
        for guest in ready(feature, observed, draft) {
            plan_one(&guest, feature, draft);
        }
    }
    Ok(())
}

fn plan_one(guest: &Guest<'_>, feature: &str, draft: &mut Draft) {
    let observed = guest.observed;
    let address = guest.address(feature);
    let found = script(feature, observed.desired, observed.facts);
    let Some((script, text)) = found.and_then(|at| Some((at.clone(), observed.facts.text(&at)?)))
    else {
        let names = file_names(feature);
        draft.defer(address, format!("`feature_scripts_dir` has no `{}` for it", names[0]));
        return;
    };
    let mark = mark(guest.place, feature);
    if !guest.sees(mark.path.as_str()) {
        // Nobody knows whether it has run.
        draft.defer(address, format!("nobody can look into the {}", noun(guest.place)));
        return;
    }
    if let Some(action) = once(guest, address, &script, text, mark) {
        let after = guest.before(draft);
        draft.add(action, &after);
    }
}

/// Returns what runs a script and notes that it has; nothing when it is noted of this very text.
pub(in crate::kind) fn once(
    guest: &Guest<'_>,
    address: Address,
    script: &Location,
    text: &str,
    mark: Location,
) -> Option<Action> {
    let digest = sha256(text);
    let before = guest.observed.facts.text(&mark);
    let after = format!("{digest}\n");
    if before == Some(after.as_str()) {
        return None;
    }
    let argv = vec![script.path.as_str().to_owned(), guest.vmid.to_string()];
    let write = Write::new(mark, before.map(str::to_owned), after, MODE);
    let write = Write { shown: Shown::AsAttribute, ..write };
    let operations = vec![Operation::Run(Run::on_node(argv)), Operation::Write(write)];
    let (verb, reason) = match before {
        None => (Verb::Add, "the operator's own script"),
        Some(_) => (Verb::Change, "the operator's own script has changed"),
    };
    let short = |digest: &str| digest.trim().chars().take(SHOWN).collect::<String>();
    let mut action = guest.action(address, verb, reason, operations);
    action.attributes.push(attribute("script", before.map(short), Some(short(&digest))));
    action
        .notes
        .push("phoenix does not know what the script does: read it before you apply".to_owned());
    Some(action)
}

//! `lxc/ID/step_cli` and `vm/ID/step_cli`: step(1), and the repository that it comes from.
//!
//! It then learns of the certificate authority, in [`bootstrap`].
//! phoenix never fetches the repository's key: the operator puts it on the node, and phoenix hands it on.

mod bootstrap;

use super::attribute;
use super::feature::{Guest, STEP_CA, STEP_CLI, at, package, ready, to_ask};
use crate::desired::{Desired, PackageSource};
use crate::location::{Location, Place};
use crate::observed::Observed;
use crate::operation::{Operation, Write};
use crate::plan::{ActionId, Draft, Edge, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

/// The package of Smallstep that brings step(1).
pub(super) const PACKAGE: &str = "step-cli";

/// Where the repository is named in a guest, and its key.
const SOURCES: &str = "/etc/apt/sources.list.d/smallstep.sources";
const KEY: &str = "/etc/apt/keyrings/smallstep.asc";

/// Permission bits of both: apt reads them as a user of its own.
const MODE: u32 = 0o644;

/// The repository in the words of sources.list(5).
fn sources(source: &PackageSource) -> String {
    let PackageSource { uri, suites, components, .. } = source;
    format!(
        "# Written by phoenix: declare changes in its files, those made here are lost.\n\
         Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: {components}\nSigned-By: {KEY}\n"
    )
}

fn key_at(source: &PackageSource) -> Option<Location> {
    let path = source.key_file.clone()?;
    Some(Location { place: Place::Node, path })
}

/// Returns what is asked for packages of the repository in a guest.
pub(super) fn package_probes<'a>(
    place: Place,
    names: impl IntoIterator<Item = &'a str>,
    desired: &Desired,
    facts: &Facts,
) -> Vec<Probe> {
    let mut probes = package::probes(place, names, facts);
    let files = [SOURCES, KEY].map(|path| Probe::File(at(place, path)));
    probes.extend(files);
    probes.extend(key_at(&desired.trust.source).map(Probe::File));
    probes
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let guests = to_ask(STEP_CLI, desired, facts);
    let of = |place| {
        let packages = package_probes(place, [PACKAGE], desired, facts);
        packages.into_iter().chain([bootstrap::probe(place)])
    };
    guests.flat_map(of).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    for guest in ready(STEP_CLI, observed, draft) {
        if observed.desired.trust.with_feature(STEP_CA).any(|(vmid, _)| vmid == guest.vmid) {
            // It comes with the authority's own packages.
            continue;
        }
        match plan_packages(&guest, STEP_CLI, &[PACKAGE], "step(1)", draft) {
            Packages::There => bootstrap::plan(&guest, None, draft),
            Packages::Planned(id) => bootstrap::plan(&guest, Some(id), draft),
            Packages::OutOfReach => {}
        }
    }
    Ok(())
}

/// What became of packages of the repository.
pub(super) enum Packages {
    /// They are installed.
    There,
    /// An action installs them.
    Planned(ActionId),
    /// They cannot be installed; that has been deferred.
    OutOfReach,
}

/// Plans packages of the repository, and the files that name it.
pub(super) fn plan_packages(
    guest: &Guest<'_>,
    part: &str,
    names: &[&str],
    reason: &str,
    draft: &mut Draft,
) -> Packages {
    let address = guest.address(part);
    let missing = match package::missing(guest, names.iter().copied(), draft) {
        Ok(missing) => missing,
        Err(why) => {
            draft.defer(address, format!("{} not installed: {why}", names.join(", ")));
            return Packages::OutOfReach;
        }
    };
    let source = &guest.observed.desired.trust.source;
    let writes = match writes(guest, source, &missing) {
        Ok(writes) => writes,
        Err(why) => {
            draft.defer(address, format!("{} not installed: {why}", missing.join(", ")));
            return Packages::OutOfReach;
        }
    };
    if missing.is_empty() && writes.is_empty() {
        return Packages::There;
    }
    let (verb, reason) = match missing.is_empty() {
        true => (Verb::Change, "where its packages come from"),
        false => (Verb::Add, reason),
    };
    let mut operations = writes.into_iter().map(Operation::Write).collect::<Vec<_>>();
    operations.extend(package::installs(guest, &missing));
    let mut action = guest.action(address, verb, reason, operations);
    action.attributes = package::attributes(&missing);
    if let (Some(path), false) = (&source.key_file, missing.is_empty()) {
        action.attributes.push(attribute("key", None, Some(format!("{path} of the node"))));
    }
    Packages::Planned(draft.add(action, &after(guest, names, draft)))
}

/// Returns what comes before these packages.
fn after(guest: &Guest<'_>, names: &[&str], draft: &Draft) -> Vec<(ActionId, Edge)> {
    let mut after = guest.before(draft);
    let earlier = draft.find_all(|a| a.is_within(&guest.address(super::feature::BASE_SETUP)));
    after.extend(earlier.into_iter().map(|id| (id, Edge::After)));
    after.extend(package::planned(guest, names.iter().copied(), draft));
    after
}

/// Returns the files that name the repository, as far as they are missing or differ.
fn writes(
    guest: &Guest<'_>,
    source: &PackageSource,
    missing: &[&str],
) -> Result<Vec<Write>, String> {
    let present = guest.text(SOURCES);
    // What is installed without the repository came another way, which is left alone.
    if !source.enabled || missing.is_empty() && present.is_none() {
        return Ok(Vec::new());
    }
    let key = key_at(source).and_then(|at| guest.observed.facts.text(&at));
    let Some(key) = key else {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let path = source.key_file.as_ref().map_or("", |path| path.as_str());
        return Err(format!("put the key of their repository on the node, at {path}"));
    };
    if !key.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        let path = source.key_file.as_ref().map_or("", |path| path.as_str());
        return Err(format!("{path} on the node is no public key in text form"));
    }
    let wanted = [(KEY, key.to_owned()), (SOURCES, sources(source))];
    let differs = wanted.into_iter().filter(|(path, text)| guest.text(path) != Some(text));
    let writes = differs.map(|(path, text)| {
        let before = guest.text(path).map(str::to_owned);
        let write = Write::new(at(guest.place, path), before, text, MODE);
        let shown = if path == KEY { crate::operation::Shown::AsAttribute } else { write.shown };
        Write { shown, ..write }
    });
    Ok(writes.collect())
}

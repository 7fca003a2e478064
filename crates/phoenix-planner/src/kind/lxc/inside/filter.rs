//! `lxc/101/nftables`: the rules of the public interface as a ruleset in the container itself.
//!
//! Proxmox VE's firewall makes no chain for a macvlan or ipvlan (measured), so that the same rules are
//! kept where the packets arrive. What has no way into the ruleset is named in the plan.

use super::arp::run_script;
use super::reading::{loaded_probe, package_probe, way_out_probe};
use super::{After, Inside, Power, check, write};
use crate::desired::{Container, PublicInterface};
use crate::kind::{firewall, package};
use crate::location::{Location, Place};
use crate::observed::Observed;
use crate::operation::{Check, Operation, Run, Want};
use crate::plan::{Action, ActionId, Draft, Edge, Verb};
use crate::probe::{Answer, Probe, argv};
use crate::words::sha256;
use phoenix_formats::firewall::{FwFile, Guarded, Level, Ruleset};
use phoenix_formats::public_interface::{HEADER, RULESET_PATH, RULESET_TABLE};

/// The package of Debian that brings nft(8).
pub(super) const PACKAGE: &str = "nftables";

/// Permission bits of the ruleset: everybody may read it.
const MODE: u32 = 0o644;

/// How much of its digest tells a ruleset from an older one.
const TAG_DIGITS: usize = 12;

/// A ruleset with the tag by which it is known again when it is loaded.
pub(super) struct Wanted {
    pub(super) text: String,
    tag: String,
    notes: Vec<String>,
}

/// Returns the ruleset of a container's public interface, after what its firewall's files will say.
pub(super) fn wanted(observed: &Observed<'_>, container: &Container, draft: &Draft) -> Wanted {
    let (guest, cluster) = firewall::planned_texts(observed, container.vmid, draft);
    let cluster = FwFile::parse(Level::Cluster, &cluster, None);
    let guest = FwFile::parse(Level::Guest, &guest, Some(&cluster));
    let net = format!("net{}", PublicInterface::INDEX);
    let guarded = Guarded { net: &net, device: PublicInterface::NAME, table: RULESET_TABLE };
    let ruleset = Ruleset::of(&guest, &cluster, guarded);
    let digest = sha256(ruleset.body());
    let tag = format!("phoenix {}", &digest[..TAG_DIGITS]);
    let left_out = ruleset.left_out.iter();
    let notes = left_out.map(|left| format!("`{}` is not in it: {}", left.rule, left.reason));
    Wanted { text: ruleset.render(HEADER, &tag), notes: notes.collect(), tag }
}

pub(super) fn plan(inside: &Inside<'_>, after: &After, draft: &mut Draft) -> Option<ActionId> {
    let Inside { observed, container, reading, .. } = inside;
    let wanted = wanted(observed, container, draft);
    let mut after = after.clone();
    if reading.state.lacks_nft() {
        after.push((install(inside, draft)?, Edge::Needs));
    }
    let path = inside.at(RULESET_PATH);
    let file = write(path.clone(), reading.ruleset.as_deref(), &wanted.text, MODE);
    let runs = inside.power != Power::Stopped;
    let shows = Want::Mentions(wanted.tag.clone());
    let loaded = observed.facts.answer(&loaded_probe(container));
    let lags = runs && crate::want::holds(&shows, &loaded).is_err();
    if file.is_none() && !(lags && inside.power == Power::Runs) {
        return None;
    }
    let verb = match (&file, &reading.ruleset) {
        (Some(_), None) => Verb::Add,
        (Some(_), Some(_)) => Verb::Change,
        (None, _) => Verb::Do,
    };
    let mut operations = file.map(Operation::Write).into_iter().collect::<Vec<_>>();
    operations.extend(if runs {
        vec![test(container, &path), load(container, &path), check(loaded_probe(container), shows)]
    } else {
        // Whether the container has nft(8) shows when it runs.
        vec![run_script(container)]
    });
    let reason = reason(&loaded, lags && verb == Verb::Do);
    let mut action = inside.action("nftables", reason, verb, operations);
    action.notes = wanted.notes;
    Some(draft.add(action, &after))
}

/// Returns the check that the ruleset is loaded.
pub(super) fn shows(observed: &Observed<'_>, container: &Container, draft: &Draft) -> Operation {
    let tag = wanted(observed, container, draft).tag;
    check(loaded_probe(container), Want::Mentions(tag))
}

fn reason(loaded: &Answer, lags: bool) -> String {
    let text = match loaded {
        Answer::Ran(output) if lags && output.success() => "an older ruleset is loaded",
        _ if lags => "its ruleset is not loaded",
        _ => "the public interface's rules, kept in the container",
    };
    text.to_owned()
}

/// The test changes nothing: it is a question.
fn test(container: &Container, path: &Location) -> Operation {
    let argv = argv(["nft", "-c", "-f", path.path.as_str()]);
    let probe = Probe::Run { place: Place::Guest(container.vmid), argv };
    Operation::Check(Check { probe, want: Want::Success, attempts: 1, pause: 0 })
}

fn load(container: &Container, path: &Location) -> Operation {
    let argv = argv(["nft", "-f", path.path.as_str()]);
    Operation::Run(Run::at(Place::Guest(container.vmid), argv))
}

/// Adds the installation of nft(8), or says that nothing filters without it.
fn install(inside: &Inside<'_>, draft: &mut Draft) -> Option<ActionId> {
    let Inside { observed, container, public, .. } = inside;
    let unfiltered = "every port that the container opens is open on its public interface";
    let ran = |probe: Probe| match observed.facts.answer(&probe) {
        Answer::Ran(output) => Some(output),
        _ => None,
    };
    let has_dpkg = ran(package_probe(container)).is_some_and(|output| output.exit <= 1);
    let offline = ran(way_out_probe(container)).is_some_and(|output| !output.success());
    let why = match (has_dpkg, offline) {
        (false, _) => "there is no nft(8) in the container, and no apt to install it",
        (true, true) => "there is no nft(8) in the container, and no way to the outside",
        (true, false) => {
            let reason = "nft(8), which loads the rules".to_owned();
            let operations = package::installs(Place::Guest(container.vmid), PACKAGE);
            let action = Action {
                origin: Some(public.origin.clone()),
                ..inside.action("package", reason, Verb::Add, operations)
            };
            let address = inside.address("package").part(PACKAGE);
            return Some(draft.add(Action { address, ..action }, &[]));
        }
    };
    draft.defer(inside.address("nftables"), format!("{why}: {unfiltered}"));
    None
}

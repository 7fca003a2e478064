//! `certificate/NAME`: certificates of the own authority in files of the node.
//!
//! A certificate is good when it is there with its names, its owner and mode, is signed by the authority,
//! and is not about to end. Any other is issued anew, with a new key, in the authority's container, and
//! taken out from there: the node needs no step(1). A new certificate for an old key would need the key there.
//!
//! Private keys are never read: of a key file only owner and mode are asked. The time is what the node says.

pub(super) mod issue;
mod owner;
pub(super) mod reading;

use self::reading::{Reading, Wrong};
use super::attribute;
use super::feature::guest::{self, Standing, standing};
use super::step_ca;
use super::step_ca::root::{self, Root};
use crate::address::Address;
use crate::desired::{Authority, Certificate, Command, Desired};
use crate::location::Place;
use crate::observed::Observed;
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

/// Returns the address of a certificate.
pub(super) fn address(certificate: &Certificate) -> Address {
    Address::new("certificate", &certificate.common_name)
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let all = &desired.trust.certificates;
    if all.is_empty() {
        return Vec::new();
    }
    let of_each = all.values().flat_map(|one| {
        reading::probes(one).into_iter().chain(owner::probes(one.guest, desired, facts))
    });
    let root = root::kept(desired, facts).map(Probe::File);
    of_each.chain([reading::now_probe()]).chain(root).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let all = &observed.desired.trust.certificates;
    let Some(authority) = &observed.desired.trust.authority else {
        for certificate in all.values() {
            draft.defer(address(certificate), "no container is the certificate authority");
        }
        return Ok(());
    };
    for certificate in all.values() {
        if let Err(why) = plan_one(certificate, authority, observed, draft) {
            draft.defer(address(certificate), why);
        }
    }
    Ok(())
}

/// Plans one certificate, or says why it has to wait.
fn plan_one(
    certificate: &Certificate,
    authority: &Authority,
    observed: &Observed<'_>,
    draft: &mut Draft,
) -> Result<(), String> {
    is_for_guest(certificate, observed)?;
    let owner = owner::of(certificate, observed)?;
    let reading = Reading::of(certificate, observed)?;
    let action = match wrong(certificate, &reading, observed, draft)? {
        Some(wrong) => {
            can_issue(authority, observed, draft)?;
            can_run(certificate, observed)?;
            issued(certificate, authority, &owner, &wrong, inside(certificate, observed))
        }
        None if reading.pending && certificate.command.is_some() => {
            can_run(certificate, observed)?;
            run(certificate, authority, inside(certificate, observed))
        }
        None => mended(certificate, &owner, &reading),
    };
    if action.operations.is_empty() {
        return Ok(());
    }
    draft.add(action, &after(certificate, authority, draft));
    Ok(())
}

/// Returns what is wrong with the certificate, if it is to be issued.
fn wrong(
    certificate: &Certificate,
    reading: &Reading,
    observed: &Observed<'_>,
    draft: &Draft,
) -> Result<Option<Wrong>, String> {
    match root::of(observed.desired, observed.facts, draft) {
        Root::Unknown(why) => Err(why),
        Root::Made if reading.is_absent() => Ok(Some(Wrong::Absent)),
        Root::Made => Ok(Some(Wrong::Untrusted)),
        Root::Known(root) => {
            reading.require_good(&root)?;
            Ok(reading.wrong(certificate, &root))
        }
    }
}

/// Returns what comes before: the authority, and what is set up in the guest.
fn after(certificate: &Certificate, authority: &Authority, draft: &Draft) -> Vec<(ActionId, Edge)> {
    let mut after = step_ca::planned(authority, draft);
    if let Some(vmid) = certificate.guest {
        let of_guest = draft.find_all(|address| address.guest() == Some(vmid));
        after.extend(of_guest.into_iter().map(|id| (id, Edge::After)));
    }
    after
}

fn issued(
    certificate: &Certificate,
    authority: &Authority,
    owner: &str,
    wrong: &Wrong,
    inside: Option<Place>,
) -> Action {
    let verb = if *wrong == Wrong::Absent { Verb::Add } else { Verb::Change };
    let mut action = action(certificate, verb, wrong.reason());
    action.operations = issue::issue(certificate, authority, owner);
    action.operations.extend(issue::command(certificate, authority, inside));
    action.attributes.extend(command_attribute(certificate));
    action.notes.extend(blind_note(certificate));
    action
}

fn run(certificate: &Certificate, authority: &Authority, inside: Option<Place>) -> Action {
    let mut action = action(certificate, Verb::Do, "its command has not been run".to_owned());
    action.operations = issue::command(certificate, authority, inside);
    action.attributes.extend(command_attribute(certificate));
    action.notes.extend(blind_note(certificate));
    action
}

fn mended(certificate: &Certificate, owner: &str, reading: &Reading) -> Action {
    let mut action = action(certificate, Verb::Change, "its owner or mode".to_owned());
    (action.attributes, action.operations) = owner::mend(certificate, owner, reading);
    action
}

fn action(certificate: &Certificate, verb: Verb, reason: String) -> Action {
    Action {
        address: address(certificate),
        verb,
        reason,
        disruption: Disruption::None,
        guest: certificate.guest,
        origin: Some(certificate.origin.clone()),
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: Vec::new(),
    }
}

/// Returns the inside of the guest that a certificate is for.
fn inside(certificate: &Certificate, observed: &Observed<'_>) -> Option<Place> {
    let vmid = certificate.guest?;
    Some(guest::inside(vmid, observed.desired, observed.facts))
}

/// Says what an operator does not see who calls a machine by `qm guest exec`.
fn blind_note(certificate: &Certificate) -> Option<String> {
    let text = match certificate.command.as_ref()? {
        Command::Line(line) => line.clone(),
        Command::Argv(argv) => argv.join(" "),
    };
    text.contains("qm guest exec").then(|| {
        "`qm guest exec` ends with 0 whatever becomes of the command in the machine, and waits 30 seconds for it: look at what it prints"
            .to_owned()
    })
}

fn command_attribute(certificate: &Certificate) -> Option<crate::plan::Attribute> {
    let shown = match certificate.command.as_ref()? {
        Command::Line(_) => "the operator's own shell line, run as it is",
        Command::Argv(_) => "the operator's own command",
    };
    let mut attribute = attribute("afterwards", None, Some(shown.to_owned()));
    attribute.verb = Verb::Do;
    Some(attribute)
}

/// A guest that is not there has no use for a certificate, and nobody knows its users.
fn is_for_guest(certificate: &Certificate, observed: &Observed<'_>) -> Result<(), String> {
    let Some(vmid) = certificate.guest else { return Ok(()) };
    if observed.guests().contains(&vmid) {
        return Ok(());
    }
    Err(format!("known when guest {vmid} exists"))
}

/// Looks whether the authority answers, or will when its turn has come.
fn can_issue(authority: &Authority, observed: &Observed<'_>, draft: &Draft) -> Result<(), String> {
    let vmid = authority.vmid;
    if standing(observed, vmid) != Standing::Ready {
        return Err(format!("container {vmid}, the certificate authority, does not run"));
    }
    let made = guest::at(Place::Guest(vmid), step_ca::ROOT);
    let is_there = observed.facts.text(&made).is_some() || step_ca::is_made(authority, draft);
    is_there.then_some(()).ok_or_else(|| "the certificate authority is not initialised".to_owned())
}

/// The command finds the new files in the guest, into which they can be put only while it runs.
fn can_run(certificate: &Certificate, observed: &Observed<'_>) -> Result<(), String> {
    let (Some(vmid), Some(_)) = (certificate.guest, &certificate.command) else { return Ok(()) };
    let standing = standing(observed, vmid);
    if standing == Standing::Ready {
        return Ok(());
    }
    let noun = guest::noun(guest::inside(vmid, observed.desired, observed.facts));
    let does_not_run = || format!("{noun} {vmid} does not run, and its command needs it");
    Err(match standing.silence(vmid) {
        Some(why) => format!("its command needs files in it: {why}"),
        None => does_not_run(),
    })
}

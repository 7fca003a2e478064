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
use super::feature::guest::{Standing, standing};
use super::step_ca;
use super::step_ca::root::{self, Root};
use crate::address::Address;
use crate::desired::{Authority, Certificate, Command, Desired};
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
            issued(certificate, authority, &owner, &wrong)
        }
        None if reading.pending && certificate.command.is_some() => {
            can_run(certificate, observed)?;
            run(certificate, authority)
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
        let of_guest = draft.find_all(|address| address.container() == Some(vmid));
        after.extend(of_guest.into_iter().map(|id| (id, Edge::After)));
    }
    after
}

fn issued(certificate: &Certificate, authority: &Authority, owner: &str, wrong: &Wrong) -> Action {
    let verb = if *wrong == Wrong::Absent { Verb::Add } else { Verb::Change };
    let mut action = action(certificate, verb, wrong.reason());
    action.operations = issue::issue(certificate, authority, owner);
    action.operations.extend(issue::command(certificate, authority));
    action.attributes.extend(command_attribute(certificate));
    action
}

fn run(certificate: &Certificate, authority: &Authority) -> Action {
    let mut action = action(certificate, Verb::Do, "its command has not been run".to_owned());
    action.operations = issue::command(certificate, authority);
    action.attributes.extend(command_attribute(certificate));
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
    let made = super::feature::guest::at(vmid, step_ca::ROOT);
    let is_there = observed.facts.text(&made).is_some() || step_ca::is_made(authority, draft);
    is_there.then_some(()).ok_or_else(|| "the certificate authority is not initialised".to_owned())
}

/// The command finds the new files in the guest, into which they can be put only while it runs.
fn can_run(certificate: &Certificate, observed: &Observed<'_>) -> Result<(), String> {
    let (Some(vmid), Some(_)) = (certificate.guest, &certificate.command) else { return Ok(()) };
    if observed.config(vmid).is_none() {
        return Err(format!(
            "its command needs files inside of virtual machine {vmid}, where phoenix cannot put any yet"
        ));
    }
    if standing(observed, vmid) == Standing::Ready {
        return Ok(());
    }
    Err(format!("container {vmid} does not run, and its command needs it"))
}

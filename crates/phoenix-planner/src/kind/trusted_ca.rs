//! `lxc/ID/trusted_ca` and `vm/ID/trusted_ca`: the root certificate of the certificate authority in a guest's trust
//! store.

use phoenix_formats::Vmid;
use phoenix_formats::certificate::{Certificate, read_certificates};

use super::attribute;
use super::certificate::issue;
use super::certificate::reading::STAGE;
use super::feature::{Guest, TRUSTED_CA, asked, at, package, ready, to_ask};
use super::step_ca::{self, root};
use crate::desired::Desired;
use crate::location::Location;
use crate::observed::Observed;
use crate::operation::{Check, Operation, Run, Shown, Want, Write};
use crate::plan::{Draft, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;
use root::Root;

/// Where a root certificate of the operator's own is put (update-ca-certificates(8)).
pub(super) const FILE: &str = "/usr/local/share/ca-certificates/phoenix_root_ca.crt";
/// The file with all root certificates, which programs read.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// What makes the one from the others, and its package.
const PACKAGE: &str = "ca-certificates";

/// Permission bits of the certificate.
const MODE: u32 = 0o644;

/// How much of a fingerprint is shown: nobody makes another one that begins so.
const SHOWN: usize = 16;

/// Asks whether the bundle has a certificate, by a line of its signature.
fn bundle_argv(root: &Certificate) -> Argv {
    let line = root.telling_line();
    argv(["grep", "--quiet", "--fixed-strings", "--line-regexp", "--", line, BUNDLE])
}

/// Returns what asks whether a guest that is to trust the authority does; `None` for any other.
pub(crate) fn check_argv(observed: &Observed<'_>, vmid: Vmid) -> Option<Argv> {
    let mut wanted = observed.desired.trust.with_feature(TRUSTED_CA);
    wanted.find(|(other, _)| *other == vmid)?;
    let root = root::known(observed.desired, observed.facts)?.ok()?;
    Some(bundle_argv(&root))
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let root = root::known(desired, facts).and_then(Result::ok);
    let mut probes = Vec::new();
    for place in to_ask(TRUSTED_CA, desired, facts) {
        probes.push(Probe::File(at(place, FILE)));
        probes.extend(package::probes(place, [PACKAGE], facts));
        probes.extend(root.as_ref().map(|root| asked(place, bundle_argv(root))));
    }
    let kept = desired.trust.with_feature(TRUSTED_CA).next();
    probes.extend(kept.and_then(|_| root::kept(desired, facts)).map(Probe::File));
    probes
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    for guest in ready(TRUSTED_CA, observed, draft) {
        let address = guest.address(TRUSTED_CA);
        match root::of(observed.desired, observed.facts, draft) {
            Root::Unknown(why) => draft.defer(address, why),
            Root::Made => plan_copy(&guest, draft),
            Root::Known(root) => plan_known(&guest, &root, draft),
        }
    }
    Ok(())
}

/// Returns what is done when the root certificate is there, or defers it all.
fn update(guest: &Guest<'_>, draft: &mut Draft) -> Option<(Vec<Operation>, Operation)> {
    match package::missing(guest, [PACKAGE], draft) {
        Ok(missing) => {
            let update = guest.run(argv(["update-ca-certificates"]));
            Some((package::installs(guest, &missing), update))
        }
        Err(why) => {
            draft.defer(guest.address(TRUSTED_CA), format!("{PACKAGE} not installed: {why}"));
            None
        }
    }
}

fn plan_known(guest: &Guest<'_>, root: &Certificate, draft: &mut Draft) {
    let present = guest.text(FILE);
    let wanted = root.to_pem();
    let bundle = bundle_argv(root);
    let trusted = guest.ran(&bundle).is_some_and(|output| output.success());
    let same = present.is_some_and(|present| present.trim() == wanted.trim());
    if same && trusted {
        return;
    }
    let Some((mut operations, update)) = update(guest, draft) else { return };
    let mut attributes = Vec::new();
    if !same {
        let before = present.map(str::to_owned);
        let write = Write::new(at(guest.place, FILE), before, wanted, MODE);
        operations.push(Operation::Write(Write { shown: Shown::AsAttribute, ..write }));
        let after = Some(short(root));
        attributes.push(attribute("fingerprint", present.map(present_fingerprint), after));
    }
    let probe = asked(guest.place, bundle);
    let want = Want::Success;
    operations.push(update);
    operations.push(Operation::Check(Check { probe, want, attempts: 1, pause: 0 }));
    let (verb, reason) = match (present, same) {
        (None, _) => (Verb::Add, "it trusts the certificate authority"),
        (_, false) => (Verb::Change, "the root certificate was replaced"),
        (_, true) => (Verb::Do, "the root certificate is not in its trust store"),
    };
    let mut action = guest.action(guest.address(TRUSTED_CA), verb, reason, operations);
    action.attributes = attributes;
    add(guest, action, draft);
}

fn short(root: &Certificate) -> String {
    root.fingerprint().chars().take(SHOWN).collect()
}

fn present_fingerprint(text: &str) -> String {
    let read = read_certificates(text);
    read.map_or_else(|_| "no certificate".to_owned(), |all| short(&all[0]))
}

/// Copies a root certificate that is made in the same plan.
fn plan_copy(guest: &Guest<'_>, draft: &mut Draft) {
    let observed = guest.observed;
    let Some(authority) = &observed.desired.trust.authority else { return };
    let Some((mut operations, update)) = update(guest, draft) else { return };
    let [source, target] = [authority.vmid, guest.vmid].map(|vmid: Vmid| vmid.to_string());
    let staged = format!("{STAGE}/root-{target}.crt");
    let node = |argv: Argv| Operation::Run(Run::on_node(argv));
    operations.extend([
        issue::make_stage(),
        node(argv(["pct", "pull", &source, step_ca::ROOT, &staged, "--perms", "0644"])),
        guest.run(argv(["mkdir", "--parents", "/usr/local/share/ca-certificates"])),
        match guest.is_vm() {
            true => guest.feed(issue::install_argv("0644", FILE), Location::node(&staged)),
            false => node(argv(["pct", "push", &target, &staged, FILE, "--perms", "0644"])),
        },
        node(argv(["rm", "--force", "--", &staged])),
        update,
    ]);
    let reason = "it trusts the certificate authority that is made here";
    let verb = if guest.text(FILE).is_some() { Verb::Change } else { Verb::Add };
    let action = guest.action(guest.address(TRUSTED_CA), verb, reason, operations);
    add(guest, action, draft);
}

fn add(guest: &Guest<'_>, action: crate::plan::Action, draft: &mut Draft) {
    let mut after = guest.before(draft);
    if let Some(authority) = &guest.observed.desired.trust.authority {
        after.extend(step_ca::planned(authority, draft));
    }
    after.extend(package::planned(guest, [PACKAGE], draft));
    draft.add(action, &after);
}

//! `lxc/ID/step_ca/export`: the root certificate and its fingerprint, on the volume that others share.

use super::root::{self, FILE, FINGERPRINT, Root};
use super::{After, HOME, ROOT};
use crate::desired::Desired;
use crate::kind::feature::{Guest, STEP_CA};
use crate::location::{AbsolutePath, Location, Place};
use crate::operation::{Operation, Run, Write};
use crate::plan::{Draft, Verb};
use crate::probe::{Argv, Facts, Probe, argv};

/// Permission bits of both files: they are no secret.
const MODE: u32 = 0o644;

fn file(folder: &AbsolutePath, name: &str) -> Option<Location> {
    let path = format!("{folder}/{name}").parse().ok()?;
    Some(Location { place: Place::Node, path })
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let Some(folder) = root::shared(desired, facts) else { return Vec::new() };
    let files = [FILE, FINGERPRINT].into_iter().filter_map(|name| file(&folder, name));
    files.map(Probe::File).collect()
}

pub(super) fn plan(guest: &Guest<'_>, made: &After, draft: &mut Draft) {
    let (desired, facts) = (guest.observed.desired, guest.observed.facts);
    let address = guest.address(STEP_CA).part("export");
    let Some(folder) = root::shared(desired, facts) else {
        let why = "no folder of the node holds it: declare `step_ca.shared_path`, or mount one at /etc/step-ca/ssl";
        draft.defer(address, why);
        return;
    };
    let operations = match root::of(desired, facts, draft) {
        Root::Unknown(_) => return,
        Root::Made => copies(guest, &folder),
        Root::Known(root) => {
            let wanted = [(FILE, root.to_pem()), (FINGERPRINT, root.fingerprint() + "\n")];
            let differs = wanted.into_iter().filter_map(|(name, text)| {
                let at = file(&folder, name)?;
                let present = facts.text(&at);
                let same = present.is_some_and(|present| says_same(name, present, &text));
                let before = present.map(str::to_owned);
                (!same).then(|| Operation::Write(Write::new(at, before, text, MODE)))
            });
            differs.collect()
        }
    };
    if operations.is_empty() {
        return;
    }
    let reason = "the root certificate and its fingerprint, for others";
    draft.add(guest.action(address, Verb::Change, reason, operations), made);
}

fn says_same(name: &str, present: &str, wanted: &str) -> bool {
    if name == FINGERPRINT { hex(present) == hex(wanted) } else { present.trim() == wanted.trim() }
}

/// Returns the digits of a fingerprint: openssl(1) writes a title in front and colons between.
fn hex(text: &str) -> String {
    let digits = text.rsplit('=').next().unwrap_or(text);
    digits.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

/// Returns what copies both out of the container, before anybody knows what is in them.
fn copies(guest: &Guest<'_>, folder: &AbsolutePath) -> Vec<Operation> {
    let fingerprint = format!("{HOME}/certs/root_ca.fingerprint");
    let print = [
        "openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", ROOT, "-out", &fingerprint,
    ];
    let id = guest.vmid.to_string();
    let node = |argv: Argv| Operation::Run(Run::on_node(argv));
    let pull = |from: &str, name: &str| {
        let to = format!("{folder}/{name}");
        node(argv(["pct", "pull", &id, from, &to, "--perms", "0644"]))
    };
    vec![
        guest.run(argv(print)),
        node(argv(["mkdir", "--parents", folder.as_str()])),
        pull(ROOT, FILE),
        pull(&fingerprint, FINGERPRINT),
    ]
}

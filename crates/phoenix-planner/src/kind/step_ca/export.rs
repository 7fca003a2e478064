//! `lxc/ID/step_ca/export`: the root certificate and its fingerprint, on the volume that others share.

use super::root::{self, FILE, FINGERPRINT, Root};
use super::{After, HOME, ROOT};
use crate::desired::Desired;
use crate::kind::attribute;
use crate::kind::certificate::issue;
use crate::kind::certificate::reading::STAGE;
use crate::kind::feature::{Guest, STEP_CA};
use crate::location::{AbsolutePath, Location, Place};
use crate::operation::{Operation, Run};
use crate::plan::{Draft, Verb};
use crate::probe::{Argv, Facts, Probe, argv};

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
        let why = "no folder of the node is for it: declare `step_ca.shared_path`, or mount one at /etc/step-ca/ssl";
        draft.defer(address, why);
        return;
    };
    let present = |name| file(&folder, name).and_then(|at| facts.text(&at));
    let after = match root::of(desired, facts, draft) {
        Root::Unknown(_) => return,
        Root::Made => "that of the new authority".to_owned(),
        Root::Known(root) => {
            let same = present(FILE).is_some_and(|text| text.trim() == root.to_pem().trim());
            let digits = present(FINGERPRINT).map(hex);
            if same && digits == Some(root.fingerprint()) {
                return;
            }
            root.fingerprint()
        }
    };
    let before = present(FINGERPRINT).map(hex);
    let verb = if present(FILE).is_none() { Verb::Add } else { Verb::Change };
    let reason = "the root certificate and its fingerprint, for others";
    let mut action = guest.action(address, verb, reason, copies(guest, &folder));
    action.attributes = vec![attribute("fingerprint", before, Some(after))];
    draft.add(action, made);
}

/// Returns the digits of a fingerprint: openssl(1) writes a title in front and colons between.
fn hex(text: &str) -> String {
    let digits = text.rsplit('=').next().unwrap_or(text);
    digits.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

/// Returns what copies both out of the container. The folder is mounted in guests: no link in it is followed.
fn copies(guest: &Guest<'_>, folder: &AbsolutePath) -> Vec<Operation> {
    let fingerprint = format!("{HOME}/certs/root_ca.fingerprint");
    let print =
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", ROOT, "-out", &fingerprint];
    let id = guest.vmid.to_string();
    let node = |argv: Argv| Operation::Run(Run::on_node(argv));
    let mut operations = vec![
        guest.run(argv(print)),
        issue::make_stage(),
        node(argv(["mkdir", "--parents", "--", folder.as_str()])),
    ];
    for (from, name) in [(ROOT, FILE), (fingerprint.as_str(), FINGERPRINT)] {
        let staged = format!("{STAGE}/{name}");
        operations.push(node(argv(["pct", "pull", &id, from, &staged, "--perms", "0644"])));
        operations.extend(issue::put(&staged, &format!("{folder}/{name}")));
        operations.push(node(argv(["rm", "--force", "--", &staged])));
    }
    operations
}

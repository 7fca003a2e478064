//! How a certificate comes from the authority to its files, and what is run then.
//!
//! Key and certificate are taken out beside their places and moved there together: a failure before that
//! leaves the old ones. A note stays until the command has been run, so that an interrupted one is made up for.

use phoenix_formats::Vmid;

use super::reading::{PENDING, pending_path};
use crate::desired::{Authority, Certificate, Command};
use crate::kind::step_ca::{PORT, PROVISIONER_PASSWORD, ROOT, with_home};
use crate::location::{AbsolutePath, Place};
use crate::operation::{Leaves, Operation, Run};
use crate::probe::{Argv, argv};

/// Where the authority's container keeps what it issues until it is taken out; root alone sees it.
const ISSUED: &str = "/etc/step-ca/issued";

/// What stands behind the names of files that are not in their places yet.
const NEW: &str = ".phoenix-new";

fn on_node(argv: Argv) -> Operation {
    Operation::Run(Run::on_node(argv))
}

/// Runs what leaves nothing that somebody would miss.
fn quietly(place: Place, argv: Argv) -> Operation {
    Operation::Run(Run { leaves: Leaves::Nothing, ..Run::at(place, argv) })
}

/// Returns what issues a certificate and puts it into its files, with their owner, as the node numbers it.
pub(super) fn issue(
    certificate: &Certificate,
    authority: &Authority,
    owner: &str,
) -> Vec<Operation> {
    let vmid = authority.vmid;
    let inside = |argv: Argv| quietly(Place::Guest(vmid), argv);
    let issued = |end: &str| format!("{ISSUED}/{}.{end}", certificate.common_name);
    let (crt, key) = (issued("crt"), issued("key"));
    let mut operations = vec![
        inside(argv(["install", "--directory", "--mode=0700", ISSUED])),
        inside(ask(certificate, authority, &crt, &key)),
    ];
    let files = [
        (&crt, &certificate.cert_path, certificate.cert_mode),
        (&key, &certificate.key_path, certificate.key_mode),
    ];
    for (from, to, mode) in files {
        operations.push(quietly(Place::Node, argv(["mkdir", "--parents", "--", folder(to)])));
        operations.push(quietly(Place::Node, pull(vmid, from, to, mode, owner)));
    }
    operations.push(inside(argv(["rm", "--force", "--", &crt, &key])));
    if certificate.command.is_some() {
        let note = pending_path(certificate);
        operations.push(quietly(Place::Node, argv(["mkdir", "--parents", "--", PENDING])));
        operations.push(quietly(Place::Node, argv(["install", "--mode=0644", "/dev/null", &note])));
    }
    // The key first: whoever reads in between finds a certificate that is too old, not one too new.
    for to in [&certificate.key_path, &certificate.cert_path] {
        operations.push(on_node(argv(["mv", "--force", "--", &format!("{to}{NEW}"), to.as_str()])));
    }
    operations
}

/// Asks the authority for a certificate.
fn ask(certificate: &Certificate, authority: &Authority, crt: &str, key: &str) -> Argv {
    let url = format!("https://localhost:{PORT}");
    let mut words = vec![
        "step",
        "ca",
        "certificate",
        &certificate.common_name,
        crt,
        key,
        "--force",
        "--ca-url",
        &url,
        "--root",
        ROOT,
        "--provisioner",
        &authority.provisioner,
        "--provisioner-password-file",
        PROVISIONER_PASSWORD,
    ];
    words.extend(certificate.names.iter().flat_map(|name| ["--san", name.as_str()]));
    with_home(&words)
}

fn folder(path: &AbsolutePath) -> &str {
    let (folder, _) = path.as_str().rsplit_once('/').unwrap_or_default();
    if folder.is_empty() { "/" } else { folder }
}

fn pull(vmid: Vmid, from: &str, to: &AbsolutePath, mode: u32, owner: &str) -> Argv {
    let (user, group) = owner.split_once(':').unwrap_or((owner, owner));
    argv([
        "pct",
        "pull",
        &vmid.to_string(),
        from,
        &format!("{to}{NEW}"),
        "--perms",
        &format!("{mode:04o}"),
        "--user",
        user,
        "--group",
        group,
    ])
}

/// Returns what puts the files into the guest and runs the operator's own command.
pub(super) fn command(certificate: &Certificate, authority: &Authority) -> Vec<Operation> {
    let Some(command) = &certificate.command else { return Vec::new() };
    let mut operations = Vec::new();
    if let Some(vmid) = certificate.guest {
        operations.extend(staged(vmid, certificate, authority));
    }
    operations.push(on_node(match command {
        Command::Line(line) => argv(["sh", "-c", line]),
        Command::Argv(argv) => argv.clone(),
    }));
    operations.push(on_node(argv(["rm", "--force", "--", &pending_path(certificate)])));
    operations
}

/// Puts the files where operators' commands look for them: `/tmp/cert.pem`, `/tmp/key.pem`, `/tmp/ca.pem`.
fn staged(vmid: Vmid, certificate: &Certificate, authority: &Authority) -> Vec<Operation> {
    let id = vmid.to_string();
    let push = |from: &str, name: &str| {
        let to = format!("/tmp/{name}.pem");
        quietly(Place::Node, argv(["pct", "push", &id, from, &to, "--perms", "0600"]))
    };
    let mut operations = vec![
        push(certificate.cert_path.as_str(), "cert"),
        push(certificate.key_path.as_str(), "key"),
    ];
    if certificate.include_ca {
        let source = authority.vmid.to_string();
        let staged = format!("/run/phoenix-root-ca-{id}.crt");
        let pull = argv(["pct", "pull", &source, ROOT, &staged, "--perms", "0644"]);
        operations.push(quietly(Place::Node, pull));
        operations.push(push(&staged, "ca"));
        operations.push(quietly(Place::Node, argv(["rm", "--force", "--", &staged])));
    }
    operations
}

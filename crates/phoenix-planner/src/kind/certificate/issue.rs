//! How a certificate comes from the authority to its files, and what is run then.
//!
//! The files' folders may be mounted in guests, whose root could put links there: everything is made in a folder
//! that only the node's root can use, and put into its place without following anything. It stays there until
//! the operator's command has been run, so that an interrupted one is made up for.

use std::collections::BTreeSet;

use phoenix_formats::Vmid;

use super::reading::{STAGE, staged_path};
use crate::desired::{Authority, Certificate, Command};
use crate::kind::step_ca::{PORT, PROVISIONER_PASSWORD, ROOT, with_home};
use crate::location::{AbsolutePath, Location, Place};
use crate::operation::{Leaves, Operation, Run};
use crate::probe::{Argv, argv, operators_line};

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

fn quietly_on_node(argv: Argv) -> Operation {
    quietly(Place::Node, argv)
}

/// Makes the folder that only root can use.
pub(in crate::kind) fn make_stage() -> Operation {
    quietly_on_node(argv(["install", "--directory", "--mode=0700", STAGE]))
}

/// Puts a file from the stage into its place, with its mode and owner, and follows no link there.
pub(in crate::kind) fn put(from: &str, to: &str) -> [Operation; 2] {
    let new = format!("{to}{NEW}");
    let copy = ["cp", "--preserve=mode,ownership", "--remove-destination", "--no-target-directory"];
    let copy = copy.into_iter().chain(["--", from, &new]).map(str::to_owned).collect();
    let exchange = argv(["mv", "--force", "--no-target-directory", "--", &new, to]);
    [quietly_on_node(copy), on_node(exchange)]
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
    let [staged_crt, staged_key] = ["crt", "key"].map(|end| staged_path(certificate, end));
    let mut operations = vec![
        inside(argv(["install", "--directory", "--mode=0700", ISSUED])),
        inside(ask(certificate, authority, &crt, &key)),
        make_stage(),
        quietly_on_node(pull(vmid, &crt, &staged_crt, certificate.cert_mode(), owner)),
        quietly_on_node(pull(vmid, &key, &staged_key, certificate.key_mode(), owner)),
        inside(argv(["rm", "--force", "--", &crt, &key])),
    ];
    let paths = [&certificate.key_path, &certificate.cert_path];
    let folders = paths.map(folder).into_iter().collect::<BTreeSet<_>>().into_iter();
    operations.extend(folders.map(|f| quietly_on_node(argv(["mkdir", "--parents", "--", f]))));
    // The key first: whoever reads in between finds a certificate that is too old, not one too new.
    operations.extend(put(&staged_key, certificate.key_path.as_str()));
    operations.extend(put(&staged_crt, certificate.cert_path.as_str()));
    if certificate.command.is_none() {
        operations.push(clear(certificate));
    }
    operations
}

fn clear(certificate: &Certificate) -> Operation {
    let [crt, key] = ["crt", "key"].map(|end| staged_path(certificate, end));
    on_node(argv(["rm", "--force", "--", &crt, &key]))
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

fn pull(vmid: Vmid, from: &str, to: &str, mode: u32, owner: &str) -> Argv {
    let (user, group) = owner.split_once(':').unwrap_or((owner, owner));
    argv([
        "pct",
        "pull",
        &vmid.to_string(),
        from,
        to,
        "--perms",
        &format!("{mode:04o}"),
        "--user",
        user,
        "--group",
        group,
    ])
}

/// Returns what puts the files into the guest and runs the operator's own command.
pub(super) fn command(
    certificate: &Certificate,
    authority: &Authority,
    inside: Option<Place>,
) -> Vec<Operation> {
    let Some(command) = &certificate.command else { return Vec::new() };
    let mut operations = Vec::new();
    if let Some(inside) = inside {
        operations.extend(staged(inside, certificate, authority));
    }
    operations.push(on_node(match command {
        Command::Line(line) => operators_line(line),
        Command::Argv(argv) => argv.clone(),
    }));
    operations.push(clear(certificate));
    operations
}

/// Returns what makes a file of what it reads, whatever stood in its place: a link there is not followed.
pub(in crate::kind) fn install_argv(mode: &str, to: &str) -> Argv {
    let mode = format!("--mode={mode}");
    argv(["install", &mode, "--no-target-directory", "--", "/dev/stdin", to])
}

/// Puts a file of the node into a guest, for root alone. Into a virtual machine it goes by standard input: an
/// argument could be seen there.
fn push(inside: Place, from: &str, to: &str) -> Operation {
    let Place::Vm(_) = inside else {
        let id = inside.to_string();
        return quietly_on_node(argv(["pct", "push", &id, from, to, "--perms", "0600"]));
    };
    let input = Some(Location::node(from));
    let run = Run::at(inside, install_argv("0600", to));
    Operation::Run(Run { input, leaves: Leaves::Nothing, ..run })
}

/// Puts the files where operators' commands look for them: `/tmp/cert.pem`, `/tmp/key.pem`, `/tmp/ca.pem`.
fn staged(inside: Place, certificate: &Certificate, authority: &Authority) -> Vec<Operation> {
    let id = inside.to_string();
    let push = |from: &str, name: &str| push(inside, from, &format!("/tmp/{name}.pem"));
    let [crt, key] = ["crt", "key"].map(|end| staged_path(certificate, end));
    let mut operations = vec![push(&crt, "cert"), push(&key, "key")];
    if certificate.include_ca {
        let source = authority.vmid.to_string();
        let staged = format!("{STAGE}/root-{id}.crt");
        let pull = argv(["pct", "pull", &source, ROOT, &staged, "--perms", "0644"]);
        operations.push(quietly_on_node(pull));
        operations.push(push(&staged, "ca"));
        operations.push(quietly_on_node(argv(["rm", "--force", "--", &staged])));
    }
    operations
}

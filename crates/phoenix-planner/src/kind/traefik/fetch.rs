//! How the program comes to the node from the archive of a release: fetched by its digest, in a folder of root's.
//!
//! Nothing of an archive is unpacked before its digest is the declared one, and then only the program. It is kept
//! under that digest, so that the next plan knows the program's own.

use crate::location::Place;
use crate::operation::{Check, Leaves, Operation, Run, Want};
use crate::probe::{Argv, Probe, argv};

/// Where programs are kept on the node; root alone sees it.
const KEPT: &str = "/var/lib/phoenix/programs";

/// Where an archive is fetched and unpacked.
const FETCHING: &str = "/var/lib/phoenix/programs/fetching";
const ARCHIVE: &str = "/var/lib/phoenix/programs/fetching/archive.tar.gz";

/// The program's name in the archive, as Traefik's makers pack it.
const MEMBER: &str = "traefik";

/// Seconds that an archive of a few dozen megabytes may take.
const PATIENCE: &str = "600";

/// Returns where the program of an archive is kept, by the archive's digest.
pub(super) fn kept(sha256: &str) -> String {
    format!("{KEPT}/{MEMBER}-{sha256}")
}

/// Asks for the digest of a file of the node.
pub(super) fn digest_probe(path: &str) -> Probe {
    Probe::Run { place: Place::Node, argv: argv(["sha256sum", "--", path]) }
}

/// Fetches an archive and keeps its program.
pub(super) fn operations(url: &str, sha256: &str) -> Vec<Operation> {
    let make = |path| argv(["install", "--directory", "--mode=0700", path]);
    let kept = kept(sha256);
    let unpacked = format!("{FETCHING}/{MEMBER}");
    let tar = ["tar", "--extract", "--gzip", "--no-same-owner", "--file", ARCHIVE];
    let tar = tar.into_iter().chain(["--directory", FETCHING, "--", MEMBER]);
    let is_right = Operation::Check(Check {
        probe: digest_probe(ARCHIVE),
        want: Want::Says(format!("{sha256}  {ARCHIVE}")),
        attempts: 1,
        pause: 0,
    });
    vec![
        quietly(make(KEPT)),
        quietly(make(FETCHING)),
        quietly(curl(url)),
        is_right,
        quietly(tar.map(str::to_owned).collect()),
        // A program that is kept is whole.
        quietly(argv(["mv", "--force", "--no-target-directory", "--", &unpacked, &kept])),
        quietly(argv(["rm", "--force", "--", ARCHIVE])),
    ]
}

/// curl(1) without its own configuration, and by HTTPS alone wherever it is sent on.
fn curl(url: &str) -> Argv {
    argv([
        "curl",
        "--disable",
        "--fail",
        "--silent",
        "--show-error",
        "--location",
        "--proto",
        "=https",
        "--max-time",
        PATIENCE,
        "--output",
        ARCHIVE,
        "--url",
        url,
    ])
}

/// Runs what leaves nothing that somebody would miss.
fn quietly(argv: Argv) -> Operation {
    Operation::Run(Run { leaves: Leaves::Nothing, ..Run::on_node(argv) })
}

//! `lxc/ID/traefik/program`: Traefik itself, a file of the node that is known by its digest.
//!
//! Debian has no package of it, and phoenix fetches nothing from strangers: the operator puts the program on the
//! node and declares its digest. Deliberately not understood: which version it is.

use phoenix_formats::Vmid;

use super::After;
use crate::desired::{Desired, Program};
use crate::kind::attribute;
use crate::kind::feature::{Guest, TRAEFIK, asked};
use crate::location::Place;
use crate::operation::{Check, Leaves, Operation, Run, Want};
use crate::plan::{ActionId, Attribute, Draft, Verb};
use crate::probe::{Argv, Output, Probe, argv};

/// Where it is in the container: a folder of what no package brings.
pub(super) const PATH: &str = "/usr/local/bin/traefik";

/// The folder of both.
const FOLDER: &str = "/usr/local/bin";

/// Where it is until its digest has been looked at: beside its place, so that it is exchanged at once.
const NEW: &str = "/usr/local/bin/traefik.phoenix-new";

/// Mode and owner: everybody may run it, and root alone changes it.
const MODE: &str = "0755";
const STAT: &str = "755 0:0 regular file";

/// How much of a digest is shown.
const SHOWN: usize = 16;

fn digest_argv(path: &str) -> Argv {
    argv(["sha256sum", "--", path])
}

fn stat_argv() -> Argv {
    argv(["stat", "--format=%a %u:%g %F", "--", PATH])
}

/// Returns what is asked of the node and of the container.
pub(super) fn probes(desired: &Desired, vmid: Vmid) -> Vec<Probe> {
    let Some(program) = &desired.trust.proxy.program else { return Vec::new() };
    let source = Probe::Run { place: Place::Node, argv: digest_argv(program.file.as_str()) };
    vec![source, asked(vmid, digest_argv(PATH)), asked(vmid, stat_argv())]
}

/// What becomes of the program.
pub(super) enum Standing {
    /// None is declared: what is in the container is the operator's.
    Foreign,
    /// There is one, perhaps not the one that is declared.
    There,
    /// An action brings it.
    Planned(ActionId),
    /// It is the right one, and an action gives it its owner and mode.
    Mended(ActionId),
    /// There is none, and none can be brought; that has been deferred.
    Missing,
}

/// Plans the program.
pub(super) fn plan(guest: &Guest<'_>, after: &After, draft: &mut Draft) -> Standing {
    let Some(program) = &guest.observed.desired.trust.proxy.program else {
        return Standing::Foreign;
    };
    let present = guest.ran(&digest_argv(PATH)).and_then(digest);
    if present == Some(program.sha256.as_str()) {
        return mend(guest, after, draft);
    }
    let address = guest.address(TRAEFIK).part("program");
    if let Err(why) = source(guest, program) {
        draft.defer(address, why);
        return present.map_or(Standing::Missing, |_| Standing::There);
    }
    let (verb, reason) = match present {
        None => (Verb::Add, format!("{} of the node", program.file)),
        Some(_) => (Verb::Change, "it is another one than is declared".to_owned()),
    };
    let mut action = guest.action(address, verb, reason, operations(guest.vmid, program));
    action.origin = Some(program.origin.clone());
    action.attributes.push(digest_attribute(present, &program.sha256));
    Standing::Planned(draft.add(action, after))
}

fn digest_attribute(before: Option<&str>, after: &str) -> Attribute {
    let short = |digest: &str| digest.chars().take(SHOWN).collect::<String>();
    attribute("sha256", before.map(short), Some(short(after)))
}

/// Returns the digest that sha256sum(1) has found.
fn digest(output: &Output) -> Option<&str> {
    let word = output.stdout.split_whitespace().next().filter(|_| output.success())?;
    // It stands before a name that had to be escaped.
    Some(word.trim_start_matches('\\'))
}

/// Looks whether the node has the program that is declared.
fn source(guest: &Guest<'_>, program: &Program) -> Result<(), String> {
    let path = &program.file;
    let answer = guest.observed.facts.ran(Place::Node, &digest_argv(path.as_str()));
    match answer.map(digest) {
        None => Err(format!("nobody knows what {path} of the node is")),
        Some(None) => Err(format!("put Traefik's program on the node, at {path}")),
        Some(Some(found)) if found == program.sha256 => Ok(()),
        Some(Some(found)) => Err(format!(
            "{path} of the node is not the program that is declared: its SHA-256 is {found}"
        )),
    }
}

/// Brings the program beside its place, looks whether it has come whole, and exchanges it.
fn operations(vmid: Vmid, program: &Program) -> Vec<Operation> {
    let push = ["pct", "push", &vmid.to_string(), program.file.as_str(), NEW, "--perms", MODE];
    let exchange = argv(["mv", "--force", "--no-target-directory", "--", NEW, PATH]);
    let quietly = |run: Run| Operation::Run(Run { leaves: Leaves::Nothing, ..run });
    vec![
        quietly(Run::at(Place::Guest(vmid), argv(["mkdir", "--parents", FOLDER]))),
        quietly(Run::on_node(argv(push))),
        Operation::Check(Check {
            probe: asked(vmid, digest_argv(NEW)),
            want: Want::Says(format!("{}  {NEW}", program.sha256)),
            attempts: 1,
            pause: 0,
        }),
        Operation::Run(Run::at(Place::Guest(vmid), exchange)),
    ]
}

/// Gives the right program its mode and owner; a link to it is somebody's own arrangement.
fn mend(guest: &Guest<'_>, after: &After, draft: &mut Draft) -> Standing {
    let stat = guest.ran(&stat_argv()).map(|output| output.stdout.trim());
    let Some(stat) = stat.filter(|stat| stat.ends_with("regular file") && *stat != STAT) else {
        return Standing::There;
    };
    let said = |stat: &str| stat.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let operations = vec![
        guest.run(argv(["chown", "--no-dereference", "0:0", PATH])),
        guest.run(argv(["chmod", "--", MODE, PATH])),
    ];
    let address = guest.address(TRAEFIK).part("program");
    let mut action = guest.action(address, Verb::Change, "its owner or mode", operations);
    action.attributes.push(attribute("mode", Some(said(stat)), Some(said(STAT))));
    Standing::Mended(draft.add(action, after))
}

//! `lxc/ID/traefik/program`: Traefik itself, from a file of the node or from the archive of a release, which is known
//! by its digest.
//!
//! Debian has no package of it. Deliberately not understood: which version it is, and who signed it.

use super::{After, fetch};
use crate::desired::{Desired, Program, ProgramSource};
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
pub(super) fn probes(desired: &Desired, place: Place) -> Vec<Probe> {
    let Some(program) = &desired.trust.proxy.program else { return Vec::new() };
    vec![
        fetch::digest_probe(&path_of(program)),
        asked(place, digest_argv(PATH)),
        asked(place, stat_argv()),
    ]
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

/// Returns where the node has a program, or keeps it once it is fetched.
fn path_of(program: &Program) -> String {
    match &program.source {
        ProgramSource::File(path) => path.to_string(),
        ProgramSource::Archive(_) => fetch::kept(&program.sha256),
    }
}

/// The program on the node, or how it comes there.
struct Source {
    path: String,
    /// Its digest; that of what is in an archive is not known before.
    sha256: Option<String>,
    fetch: Vec<Operation>,
}

/// Plans the program.
pub(super) fn plan(guest: &Guest<'_>, after: &After, draft: &mut Draft) -> Standing {
    let Some(program) = &guest.observed.desired.trust.proxy.program else {
        return Standing::Foreign;
    };
    let present = guest.ran(&digest_argv(PATH)).and_then(digest);
    if present.is_some() && present == wanted(guest, program) {
        return mend(guest, after, draft);
    }
    let address = guest.address(TRAEFIK).part("program");
    let source = match source(guest, program) {
        Ok(source) => source,
        Err(why) => {
            draft.defer(address, why);
            return present.map_or(Standing::Missing, |_| Standing::There);
        }
    };
    let (verb, reason) = match (present, &program.source) {
        (None, ProgramSource::File(path)) => (Verb::Add, format!("{path} of the node")),
        (None, ProgramSource::Archive(url)) => (Verb::Add, format!("from {url}")),
        (Some(_), _) if source.sha256.is_none() => {
            (Verb::Change, "its archive has not been fetched yet".to_owned())
        }
        (Some(_), _) => (Verb::Change, "it is another one than is declared".to_owned()),
    };
    let attributes = attributes(program, &source, present);
    let is_fetched = !source.fetch.is_empty();
    let mut action = guest.action(address, verb, reason, operations(guest, source));
    action.origin = Some(program.origin.clone());
    action.attributes = attributes;
    if is_fetched {
        let note = "nothing is unpacked before the archive's SHA-256 is the declared one";
        action.notes.push(note.to_owned());
    }
    Standing::Planned(draft.add(action, after))
}

/// Returns the digest that the program shall have, if it is known.
fn wanted<'a>(guest: &Guest<'a>, program: &'a Program) -> Option<&'a str> {
    match &program.source {
        ProgramSource::File(_) => Some(&program.sha256),
        ProgramSource::Archive(_) => on_node(guest, program).flatten(),
    }
}

/// Returns the digest of the program on the node; nothing inside, if it is not there.
fn on_node<'a>(guest: &Guest<'a>, program: &Program) -> Option<Option<&'a str>> {
    let asked = digest_argv(&path_of(program));
    guest.observed.facts.ran(Place::Node, &asked).map(digest)
}

fn attributes(program: &Program, source: &Source, present: Option<&str>) -> Vec<Attribute> {
    let short = |digest: &str| digest.chars().take(SHOWN).collect::<String>();
    match &source.sha256 {
        Some(after) => vec![attribute("sha256", present.map(short), Some(short(after)))],
        None => vec![attribute("archive", None, Some(short(&program.sha256)))],
    }
}

/// Returns the digest that sha256sum(1) has found.
fn digest(output: &Output) -> Option<&str> {
    let word = output.stdout.split_whitespace().next().filter(|_| output.success())?;
    // It stands before a name that had to be escaped.
    Some(word.trim_start_matches('\\'))
}

/// Looks whether the node has the program that is declared, or can fetch it.
fn source(guest: &Guest<'_>, program: &Program) -> Result<Source, String> {
    let path = path_of(program);
    let Some(found) = on_node(guest, program) else {
        return Err(format!("nobody knows what {path} of the node is"));
    };
    let sha256 = found.map(str::to_owned);
    match (&program.source, found) {
        (ProgramSource::Archive(_), Some(_)) => Ok(Source { path, sha256, fetch: Vec::new() }),
        (ProgramSource::Archive(url), None) => {
            let fetch = fetch::operations(url, &program.sha256);
            Ok(Source { path, sha256, fetch })
        }
        (ProgramSource::File(_), None) => {
            Err(format!("put Traefik's program on the node, at {path}"))
        }
        (ProgramSource::File(_), Some(found)) if found == program.sha256 => {
            Ok(Source { path, sha256, fetch: Vec::new() })
        }
        (ProgramSource::File(_), Some(found)) => Err(format!(
            "{path} of the node is not the program that is declared: its SHA-256 is {found}"
        )),
    }
}

/// Brings the program beside its place, looks whether it has come whole, and exchanges it.
fn operations(guest: &Guest<'_>, source: Source) -> Vec<Operation> {
    let push = ["pct", "push", &guest.vmid.to_string(), &source.path, NEW, "--perms", MODE];
    let exchange = argv(["mv", "--force", "--no-target-directory", "--", NEW, PATH]);
    let quietly = |run: Run| Operation::Run(Run { leaves: Leaves::Nothing, ..run });
    let is_whole = source.sha256.map(|sha256| {
        Operation::Check(Check {
            probe: asked(guest.place, digest_argv(NEW)),
            want: Want::Says(format!("{sha256}  {NEW}")),
            attempts: 1,
            pause: 0,
        })
    });
    let mut operations = source.fetch;
    operations.push(quietly(Run::at(guest.place, argv(["mkdir", "--parents", FOLDER]))));
    operations.push(quietly(Run::on_node(argv(push))));
    operations.extend(is_whole);
    operations.push(Operation::Run(Run::at(guest.place, exchange)));
    operations
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

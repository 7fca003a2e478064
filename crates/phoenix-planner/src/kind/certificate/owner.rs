//! Who owns the files of a certificate: users of the guest, which the node knows by other numbers.

use phoenix_formats::Vmid;
use phoenix_formats::id_map::{IdKind, IdMap};

use super::issue::make_stage;
use super::reading::{Reading, staged_path};
use crate::desired::{Certificate, Desired};
use crate::kind::{attribute, directory, lxc};
use crate::location::{Location, Place};
use crate::observed::{Observed, config_path};
use crate::operation::{Leaves, Operation, Run};
use crate::plan::Attribute;
use crate::probe::{Argv, Facts, Probe, argv};

/// Users and groups that every Debian has (base-passwd), for a guest that cannot be asked.
const KNOWN: [(&str, u32); 2] = [("root", 0), ("www-data", 33)];

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Users and groups of a container are its own; those of a virtual machine are nobody's on the node.
fn place(guest: Option<Vmid>, desired: &Desired) -> Place {
    let container = guest.filter(|vmid| desired.containers.contains_key(vmid));
    container.map_or(Place::Node, Place::Guest)
}

fn file(place: Place, path: &str) -> Location {
    let path = path.parse().expect("paths of phoenix are absolute");
    Location { place, path }
}

pub(super) fn probes(guest: Option<Vmid>, desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let place = place(guest, desired);
    let absent = |vmid: Vmid| facts.text(&config_path(vmid)).is_none();
    if matches!(place, Place::Guest(vmid) if absent(vmid)) {
        return Vec::new();
    }
    [PASSWD, GROUP].map(|path| Probe::File(file(place, path))).into()
}

/// Returns the owner of a certificate's files as the node numbers it: `USER:GROUP`.
pub(super) fn of(certificate: &Certificate, observed: &Observed<'_>) -> Result<String, String> {
    let place = place(certificate.guest, observed.desired);
    let map = match place {
        Place::Guest(vmid) => lxc::planned_ids(observed, vmid),
        Place::Node | Place::Vm(_) => IdMap::same(),
    };
    let (user, group) = &certificate.owner;
    let number = |kind, name: &str, path: &str| {
        let listed = observed.facts.text(&file(place, path)).and_then(|text| listed(text, name));
        let known = || KNOWN.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
        let id = listed.or_else(|| name.parse().ok()).or_else(known);
        let unknown = || format!("`{name}` of `owner` is not known there: {path} does not have it");
        directory::on_node(&map, kind, id.ok_or_else(unknown)?)
    };
    let user = number(IdKind::User, user, PASSWD)?;
    Ok(format!("{user}:{}", number(IdKind::Group, group, GROUP)?))
}

/// Returns the number of a name in passwd(5) or group(5).
fn listed(text: &str, name: &str) -> Option<u32> {
    let mut lines = text.lines().map(|line| line.split(':'));
    lines.find_map(|mut parts| (parts.next()? == name).then(|| parts.nth(1)?.parse().ok())?)
}

/// Returns what gives both files their owner, and their mode where one is declared.
pub(super) fn mend(
    certificate: &Certificate,
    owner: &str,
    reading: &Reading,
) -> (Vec<Attribute>, Vec<Operation>) {
    let files = [
        ("certificate", "crt", &certificate.cert_path, certificate.cert_mode, &reading.cert),
        ("key", "key", &certificate.key_path, certificate.key_mode, &reading.key),
    ];
    let mut shown = Vec::new();
    let mut operations = Vec::new();
    for (name, end, path, mode, stat) in files {
        let Some(stat) = stat else { continue };
        let mode = mode.unwrap_or(stat.mode);
        if stat.owner == owner && stat.mode == mode {
            continue;
        }
        let wanted = said(owner, mode);
        shown.push(attribute(name, Some(said(&stat.owner, stat.mode)), Some(wanted)));
        operations.extend(mend_one(path.as_str(), &staged_path(certificate, end), owner, mode));
    }
    if !operations.is_empty() {
        operations.insert(0, make_stage());
    }
    (shown, operations)
}

fn said(owner: &str, mode: u32) -> String {
    format!("{owner} {mode:04o}")
}

/// Takes a file out of a folder that a guest may use, changes it where no guest can, and puts it back.
fn mend_one(path: &str, staged: &str, owner: &str, mode: u32) -> Vec<Operation> {
    let mv =
        |from: &str, to: &str| argv(["mv", "--force", "--no-target-directory", "--", from, to]);
    let mode = format!("{mode:04o}");
    // What is no regular file stays as it is.
    let find = |words: [&str; 3]| {
        let find = ["find", staged, "-maxdepth", "0", "-type", "f", "-exec"];
        find.into_iter().chain(words).chain(["{}", ";"]).map(str::to_owned).collect::<Argv>()
    };
    let run = |argv: Argv| Operation::Run(Run::on_node(argv));
    let back = Some(mv(staged, path));
    vec![
        Operation::Run(Run { undo: back, ..Run::on_node(mv(path, staged)) }),
        Operation::Run(Run {
            leaves: Leaves::Nothing,
            ..Run::on_node(find(["chown", "--no-dereference", owner]))
        }),
        Operation::Run(Run {
            leaves: Leaves::Nothing,
            ..Run::on_node(find(["chmod", "--", &mode]))
        }),
        run(mv(staged, path)),
    ]
}

//! Who owns the files of a certificate: users of the guest, which the node knows by other numbers.

use phoenix_formats::Vmid;

use super::reading::{Reading, Stat};
use crate::desired::{Certificate, Desired};
use crate::kind::feature::guest::attribute;
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::{Observed, config_path};
use crate::operation::{Operation, Run};
use crate::plan::Attribute;
use crate::probe::{Argv, Facts, Probe, argv};

/// The first user of an unprivileged container, as the node numbers users.
const SHIFT: u32 = 100_000;

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
    let shift = match place {
        Place::Guest(vmid) if is_shifted(vmid, observed) => SHIFT,
        _ => 0,
    };
    let (user, group) = &certificate.owner;
    let number = |name: &str, path: &str| {
        let listed = observed.facts.text(&file(place, path)).and_then(|text| listed(text, name));
        let known = || KNOWN.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
        let id = listed.or_else(|| name.parse().ok()).or_else(known);
        let id = id.and_then(|id| id.checked_add(shift));
        id.ok_or_else(|| format!("`{name}` of `owner` is not known there: {path} does not have it"))
    };
    Ok(format!("{}:{}", number(user, PASSWD)?, number(group, GROUP)?))
}

fn is_shifted(vmid: Vmid, observed: &Observed<'_>) -> bool {
    observed.config(vmid).is_some_and(|conf| conf.get("unprivileged") == Some("1"))
}

/// Returns the number of a name in passwd(5) or group(5).
fn listed(text: &str, name: &str) -> Option<u32> {
    let mut lines = text.lines().map(|line| line.split(':'));
    lines.find_map(|mut parts| (parts.next()? == name).then(|| parts.nth(1)?.parse().ok())?)
}

/// Returns what gives both files their owner and mode.
pub(super) fn mend(
    certificate: &Certificate,
    owner: &str,
    reading: &Reading,
) -> (Vec<Attribute>, Vec<Operation>) {
    let files = [
        ("certificate", &certificate.cert_path, certificate.cert_mode, &reading.cert),
        ("key", &certificate.key_path, certificate.key_mode, &reading.key),
    ];
    let mut shown = Vec::new();
    let mut operations = Vec::new();
    for (name, path, mode, stat) in files {
        let Some(stat) = stat else { continue };
        operations.extend(differences(path, owner, mode, stat));
        let wanted = Stat { mode, owner: owner.to_owned() };
        if wanted != *stat {
            shown.push(attribute(name, Some(said(stat)), Some(said(&wanted))));
        }
    }
    (shown, operations)
}

fn said(stat: &Stat) -> String {
    format!("{} {:04o}", stat.owner, stat.mode)
}

fn differences(path: &AbsolutePath, owner: &str, mode: u32, stat: &Stat) -> Vec<Operation> {
    let run = |argv: Argv| Operation::Run(Run::on_node(argv));
    let mut operations = Vec::new();
    if stat.owner != owner {
        operations.push(run(argv(["chown", "--", owner, path.as_str()])));
    }
    if stat.mode != mode {
        operations.push(run(argv(["chmod", "--", &format!("{mode:04o}"), path.as_str()])));
    }
    operations
}

//! `vm/ID/volumes`: folders of NFS servers that a virtual machine mounts, by lines of its fstab(5).
//!
//! phoenix owns the lines that bear its mark, an option that only it reads, and writes and removes no other. A line
//! of somebody else's for the same mount point counts when it says the same, and stands in the way when it does not.
//! What is mounted is never unmounted: whoever uses it would lose it.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::fstab::{Entry, Fstab, line};

use super::attribute;
use super::feature::guest::{Standing, noun, standing};
use super::feature::{Guest, asked, at, package};
use crate::desired::{Desired, Volume};
use crate::location::{AbsolutePath, Place};
use crate::observed::Observed;
use crate::operation::{Check, Operation, Want, Write};
use crate::plan::{Attribute, Draft, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

/// The part of an address, and the field.
pub(super) const VOLUMES: &str = "volumes";

const FSTAB: &str = "/etc/fstab";

/// Permission bits of a new one.
const MODE: u32 = 0o644;

/// The package that mounts NFS.
const PACKAGE: &str = "nfs-common";

/// The option by which phoenix knows its lines: `x-` is for programs, and is not given to mount(8)'s helpers.
const MARK: &str = "x-phoenix.volume";

/// The options of a line: the machine starts without the server, and mounts after the network is up.
const OPTIONS: &str = "_netdev,nofail,x-phoenix.volume";

/// The type of a line.
const NFS: &str = "nfs";

/// Asks what is mounted at a path.
pub(crate) fn mounted_argv(path: &AbsolutePath) -> Argv {
    let show = ["findmnt", "--noheadings", "--raw", "--output", "SOURCE", "--mountpoint"];
    show.into_iter().chain([path.as_str()]).map(str::to_owned).collect()
}

/// Returns the machines that declare volumes, in which it can be asked.
fn places(desired: &Desired, facts: &Facts) -> Vec<(Place, Vmid)> {
    let vmids = desired.trust.volumes.keys().copied();
    let places = vmids.filter(|vmid| super::feature::guest::answers(facts, *vmid));
    places.map(|vmid| (Place::Vm(vmid), vmid)).collect()
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (place, vmid) in places(desired, facts) {
        probes.push(Probe::File(at(place, FSTAB)));
        let volumes = &desired.trust.volumes[&vmid];
        if !volumes.is_empty() {
            probes.extend(package::probes(place, [PACKAGE], facts));
        }
        probes.extend(volumes.keys().map(|path| asked(place, mounted_argv(path))));
    }
    probes
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    for (vmid, volumes) in &observed.desired.trust.volumes {
        let place = Place::Vm(*vmid);
        let Some(origin) = observed.desired.vms.get(vmid).map(|vm| &vm.origin) else { continue };
        let guest = Guest { vmid: *vmid, place, origin, observed };
        match standing(observed, *vmid) {
            Standing::Ready => plan_one(&guest, volumes, draft),
            Standing::Stopped if !volumes.is_empty() => {
                let why = format!("known when {} {vmid} runs", noun(place));
                draft.defer(guest.address(VOLUMES), why);
            }
            // A silent agent was told once for all.
            _ => {}
        }
    }
    Ok(())
}

/// What differs in one machine.
#[derive(Default)]
struct Differences {
    changed: BTreeMap<usize, Option<String>>,
    appended: Vec<String>,
    /// Those that are to be mounted now.
    unmounted: Vec<AbsolutePath>,
    attributes: Vec<Attribute>,
}

fn plan_one(guest: &Guest<'_>, volumes: &BTreeMap<AbsolutePath, Volume>, draft: &mut Draft) {
    let address = guest.address(VOLUMES);
    if !guest.sees(FSTAB) {
        draft.defer(address, "nobody can look into the virtual machine");
        return;
    }
    let present = guest.text(FSTAB);
    let table = Fstab::parse(present.unwrap_or_default());
    let differences = differences(guest, volumes, &table, draft);
    let Differences { changed, appended, unmounted, attributes } = differences;
    if changed.is_empty() && appended.is_empty() && unmounted.is_empty() {
        return;
    }
    let needs: &[&str] = if volumes.is_empty() { &[] } else { &[PACKAGE] };
    let missing = match package::missing(guest, needs.iter().copied(), draft) {
        Ok(missing) => missing,
        Err(why) => return draft.defer(address, format!("{PACKAGE} not installed: {why}")),
    };
    let mut operations = package::installs(guest, &missing);
    let text = table.edit(&changed, &appended);
    let verb = if appended.is_empty() { Verb::Change } else { Verb::Add };
    let verb = if text == table.text() { Verb::Do } else { verb };
    operations.extend(folders(guest, &unmounted));
    if text != table.text() {
        let write = Write::new(at(guest.place, FSTAB), present.map(str::to_owned), text, MODE);
        operations.push(Operation::Write(write));
        operations.push(guest.run(argv(["systemctl", "daemon-reload"])));
    }
    operations.extend(unmounted.iter().flat_map(|path| mounts(guest, path)));
    let reason = match verb {
        Verb::Do => "declared, and not mounted",
        _ => "what it mounts from NFS servers",
    };
    let mut action = guest.action(address, verb, reason, operations);
    action.attributes = package::attributes(&missing);
    action.attributes.extend(attributes);
    action.notes.extend(stays(&changed));
    let mut after = guest.before(draft);
    after.extend(package::planned(guest, [PACKAGE], draft));
    draft.add(action, &after);
}

fn differences(
    guest: &Guest<'_>,
    volumes: &BTreeMap<AbsolutePath, Volume>,
    table: &Fstab,
    draft: &mut Draft,
) -> Differences {
    let mut found = Differences::default();
    for entry in table.entries().iter().filter(|entry| entry.has_option(MARK)) {
        let is_wanted = volumes.keys().any(|path| path.as_str() == entry.target);
        if !is_wanted {
            found.changed.insert(entry.line, None);
            found.attributes.push(attribute(&entry.target, Some(entry.source.clone()), None));
        }
    }
    for (path, volume) in volumes {
        if let Err(why) = one(guest, path, volume, table, &mut found) {
            draft.defer(guest.address(VOLUMES), why);
        }
    }
    found
}

/// Finds what differs for one volume, or says what stands in its way.
fn one(
    guest: &Guest<'_>,
    path: &AbsolutePath,
    volume: &Volume,
    table: &Fstab,
    found: &mut Differences,
) -> Result<(), String> {
    let source = volume.source.as_str();
    let lines = table.entries().iter().filter(|entry| entry.target == path.as_str());
    let lines = lines.collect::<Vec<_>>();
    let says_it = |entry: &&Entry| entry.source == source && entry.kind.starts_with(NFS);
    let own = lines.iter().find(|entry| entry.has_option(MARK));
    let foreign = lines.iter().find(|entry| !entry.has_option(MARK) && !says_it(entry));
    if let Some(foreign) = foreign {
        let said = &foreign.source;
        return Err(format!(
            "{path}: line {} of {FSTAB} mounts {said} there: remove it",
            foreign.line
        ));
    }
    let shown = |before: Option<&String>| {
        attribute(path.as_str(), before.cloned(), Some(source.to_owned()))
    };
    match (own, lines.is_empty()) {
        (Some(own), _) if !says_it(own) => {
            found.changed.insert(own.line, Some(line(source, path.as_str(), NFS, OPTIONS)));
            found.attributes.push(shown(Some(&own.source)));
        }
        (None, true) => {
            found.appended.push(line(source, path.as_str(), NFS, OPTIONS));
            found.attributes.push(shown(None));
        }
        _ => {}
    }
    match guest.ran(&mounted_argv(path)) {
        Some(output) if !output.success() => found.unmounted.push(path.clone()),
        Some(output) if output.stdout.trim() != source => {
            let present = output.stdout.trim();
            return Err(format!(
                "{path}: {present} is mounted there: unmount it, or start the machine again"
            ));
        }
        _ => {}
    }
    Ok(())
}

fn folders(guest: &Guest<'_>, paths: &[AbsolutePath]) -> Vec<Operation> {
    let make = |path: &AbsolutePath| guest.run(argv(["mkdir", "--parents", "--", path.as_str()]));
    paths.iter().map(make).collect()
}

/// Mounts what the table has for a path, and looks whether it is there.
fn mounts(guest: &Guest<'_>, path: &AbsolutePath) -> [Operation; 2] {
    let probe = asked(guest.place, mounted_argv(path));
    let check = Check { probe, want: Want::Success, attempts: 1, pause: 0 };
    [guest.run(argv(["mount", "--", path.as_str()])), Operation::Check(check)]
}

/// Says what a line that goes does not do.
fn stays(changed: &BTreeMap<usize, Option<String>>) -> Option<String> {
    (!changed.is_empty()).then(|| {
        "what is mounted by a line that goes or changes stays mounted until the machine's next start"
            .to_owned()
    })
}

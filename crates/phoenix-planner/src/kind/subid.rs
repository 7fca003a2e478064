//! `subid/users`, `subid/groups`: which ids root may give to containers, in `/etc/subuid` and `/etc/subgid`.
//!
//! A container whose ids are partly the node's own does not start unless root is granted every one of them: LXC
//! asks newuidmap(1) and newgidmap(1). What is missing is added; nothing is taken away, since a line that phoenix
//! has no use for may be another program's.

use phoenix_formats::Vmid;
use phoenix_formats::id_map::{IDS, IdKind, SHIFT};
use phoenix_formats::subid::{ROOT, Range, SubId};

use super::lxc;
use crate::address::Address;
use crate::desired::{Container, Desired};
use crate::location::Location;
use crate::observed::Observed;
use crate::operation::{Operation, Write};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;
use crate::words::listed;

/// Permission bits of a new file: the programs read it as the user who calls them.
const MODE: u32 = 0o644;

/// One of the two files.
struct File {
    kind: IdKind,
    name: &'static str,
    path: &'static str,
}

const FILES: [File; 2] = [
    File { kind: IdKind::User, name: "users", path: "/etc/subuid" },
    File { kind: IdKind::Group, name: "groups", path: "/etc/subgid" },
];

/// What Debian grants root: one line, of which nobody needs to see parts.
const USUAL: Range = Range { first: SHIFT as u64, count: IDS as u64 };

/// Returns the addresses of both files, where some container needs them.
pub(super) fn addresses(desired: &Desired) -> impl Iterator<Item = Address> {
    let needed = !of_maps(desired).is_empty();
    FILES.iter().filter(move |_| needed).map(address)
}

fn address(file: &File) -> Address {
    Address::new("subid", file.name)
}

/// Returns the containers with a map of their own.
fn of_maps(desired: &Desired) -> Vec<&Container> {
    desired.containers.values().filter(|container| lxc::own_ids(container).is_some()).collect()
}

pub(super) fn probes(desired: &Desired, _: &Facts) -> Vec<Probe> {
    if of_maps(desired).is_empty() {
        return Vec::new();
    }
    FILES.iter().map(|file| Probe::File(Location::node(file.path))).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    for file in &FILES {
        plan_file(file, observed, draft);
    }
    Ok(())
}

fn plan_file(file: &File, observed: &Observed<'_>, draft: &mut Draft) {
    let at = Location::node(file.path);
    let before = observed.facts.text(&at);
    let present = SubId::parse(before.unwrap_or_default());
    let lacks =
        |container: &&Container| !present.missing(ROOT, &needed(container, file.kind)).is_empty();
    let containers = of_maps(observed.desired).into_iter().filter(lacks).collect::<Vec<_>>();
    let Some(first) = containers.first() else { return };
    let all = containers.iter().flat_map(|container| needed(container, file.kind));
    let after = present.grant(ROOT, &all.collect::<Vec<_>>());
    let write = Write::new(at, before.map(str::to_owned), after, MODE);
    let vmids = containers.iter().map(|container| container.vmid).collect::<Vec<_>>();
    let id = draft.add(
        Action {
            address: address(file),
            verb: if write.before.is_some() { Verb::Change } else { Verb::Add },
            reason: reason(&vmids),
            disruption: Disruption::None,
            guest: Some(first.vmid).filter(|_| vmids.len() == 1),
            origin: lxc::ids_origin(first),
            attributes: Vec::new(),
            notes: Vec::new(),
            operations: vec![Operation::Write(write)],
        },
        &[],
    );
    for container in vmids.into_iter().map(lxc::address) {
        for part in [container.part("start"), container.part("restart"), container] {
            draft.hold(part, vec![(id, Edge::Needs)]);
        }
    }
}

fn reason(vmids: &[Vmid]) -> String {
    match vmids {
        [one] => format!("container {one} does not start without it"),
        all => format!("containers {} do not start without it", listed(all)),
    }
}

/// Returns the ids of the node that a container has.
fn needed(container: &Container, kind: IdKind) -> Vec<Range> {
    let Some(map) = lxc::own_ids(container) else { return Vec::new() };
    let ranges = map.ids(kind).iter().map(|ids| {
        let range = Range { first: ids.outside.into(), count: ids.count.into() };
        let is_usual =
            range.first >= USUAL.first && range.first + range.count <= USUAL.first + USUAL.count;
        if is_usual { USUAL } else { range }
    });
    ranges.collect()
}

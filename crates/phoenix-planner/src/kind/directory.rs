//! `directory/PATH`: a folder of the node that containers mount, and who owns it.
//!
//! What is in a folder is the containers' own business: only the folder itself gets its owner, and only where
//! one is declared, or the folder is new.

use std::collections::BTreeSet;

use phoenix_formats::id_map::{IdKind, IdMap};

use super::guests::After;
use super::zfs::{self, Ground};
use crate::address::Address;
use crate::desired::{Container, Desired, Mount, MountSource};
use crate::location::{AbsolutePath, Place};
use crate::observed::Observed;
use crate::operation::{Operation, Run};
use crate::plan::{Action, ActionId, Attribute, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

fn owner_argv(path: &AbsolutePath) -> Argv {
    argv(["stat", "--format=%u:%g", "--", path.as_str()])
}

/// Returns the folders that containers mount.
pub(super) fn folders(desired: &Desired) -> impl Iterator<Item = &AbsolutePath> {
    let mounts = desired.containers.values().flat_map(|container| &container.mounts);
    mounts.filter_map(|mount| match &mount.source {
        MountSource::Folder { path, .. } => Some(path),
        MountSource::Volume { .. } => None,
    })
}

pub(super) fn probes(desired: &Desired, _: &Facts) -> Vec<Probe> {
    let paths = folders(desired).collect::<BTreeSet<_>>().into_iter();
    paths.map(|path| Probe::Run { place: Place::Node, argv: owner_argv(path) }).collect()
}

/// Returns the owner of a folder, as `user:group` in numbers; `None` when there is no such folder.
fn owner<'a>(facts: &'a Facts, path: &AbsolutePath) -> Option<&'a str> {
    let output = facts.ran(Place::Node, &owner_argv(path)).filter(|output| output.success())?;
    Some(output.stdout.trim())
}

/// Returns whether a folder is known to be missing.
pub(super) fn is_missing(facts: &Facts, path: &AbsolutePath) -> bool {
    facts.ran(Place::Node, &owner_argv(path)).is_some_and(|output| !output.success())
}

/// What becomes of a folder.
pub(super) enum Folder {
    /// It is there, after these.
    There(After),
    /// It cannot be made yet: why.
    Missing(String),
}

/// Sees to it that a folder is there and has its declared owner.
pub(super) fn ensure(
    observed: &Observed<'_>,
    container: &Container,
    mount: &Mount,
    map: &IdMap,
    draft: &mut Draft,
) -> Result<Folder, Refusal> {
    let MountSource::Folder { path, user, group } = &mount.source else {
        return Ok(Folder::There(After::new()));
    };
    let address = Address::new("directory", path.relative());
    if let Some(id) = draft.find(&address) {
        return Ok(Folder::There(vec![(id, Edge::Needs)]));
    }
    let present = owner(observed.facts, path);
    let wanted = match wanted(present, (*user, *group), map) {
        Ok(wanted) => wanted,
        Err(why) if present.is_none() => return Ok(Folder::Missing(why)),
        Err(why) => {
            draft.defer(address, why);
            return Ok(Folder::There(After::new()));
        }
    };
    if present.is_none() {
        return make(observed, container, mount, path, &wanted, address, draft);
    }
    if present == Some(wanted.as_str()) {
        return Ok(Folder::There(After::new()));
    }
    let operations = vec![chown(path, &wanted)];
    let attribute = shown(Verb::Change, present.map(str::to_owned), &wanted);
    let reason = "its owner in the container".to_owned();
    let action = action(address, Verb::Change, reason, mount, attribute, operations);
    let id = draft.add(action, &[]);
    Ok(Folder::There(vec![(id, Edge::Needs)]))
}

/// Returns the owner of a folder on the node: as declared, else as it is, else the container's root.
fn wanted(
    present: Option<&str>,
    (user, group): (Option<u32>, Option<u32>),
    map: &IdMap,
) -> Result<String, String> {
    let now = present.and_then(|owner| owner.split_once(':'));
    let one = |kind, id: Option<u32>, now: Option<&str>| match (id, now) {
        (None, Some(now)) => Ok(now.to_owned()),
        (id, _) => on_node(map, kind, id.unwrap_or_default()).map(|id| id.to_string()),
    };
    let user = one(IdKind::User, user, now.map(|now| now.0))?;
    let group = one(IdKind::Group, group, now.map(|now| now.1))?;
    Ok(format!("{user}:{group}"))
}

/// Returns the number on the node of a container's user or group, or says that it has none.
pub(super) fn on_node(map: &IdMap, kind: IdKind, id: u32) -> Result<u32, String> {
    let name = match kind {
        IdKind::User => "user",
        IdKind::Group => "group",
    };
    let why = || {
        format!("{name} {id} of the container has no number on the node: its id map leaves it out")
    };
    map.on_node(kind, id).ok_or_else(why)
}

fn make(
    observed: &Observed<'_>,
    container: &Container,
    mount: &Mount,
    path: &AbsolutePath,
    wanted: &str,
    address: Address,
    draft: &mut Draft,
) -> Result<Folder, Refusal> {
    let after = match zfs::ensure(observed, path, &mount.origin, draft)? {
        Ground::Here(after) => after,
        Ground::Nowhere(why) => return Ok(Folder::Missing(why)),
    };
    let mkdir = argv(["mkdir", "--parents", "--", path.as_str()]);
    let operations = vec![Operation::Run(Run::on_node(mkdir)), chown(path, wanted)];
    let reason = format!("container {} mounts it at {}", container.vmid, mount.path);
    let attribute = shown(Verb::Add, None, wanted);
    let action = action(address, Verb::Add, reason, mount, attribute, operations);
    let id: ActionId = draft.add(action, &after);
    Ok(Folder::There(vec![(id, Edge::Needs)]))
}

fn chown(path: &AbsolutePath, owner: &str) -> Operation {
    Operation::Run(Run::on_node(argv(["chown", "--", owner, path.as_str()])))
}

fn shown(verb: Verb, before: Option<String>, after: &str) -> Attribute {
    let (name, after) = ("owner".to_owned(), Some(after.to_owned()));
    Attribute { verb, name, before, after, class: None, notes: Vec::new() }
}

fn action(
    address: Address,
    verb: Verb,
    reason: String,
    mount: &Mount,
    attribute: Attribute,
    operations: Vec<Operation>,
) -> Action {
    Action {
        address,
        verb,
        reason,
        disruption: Disruption::None,
        guest: None,
        origin: Some(mount.origin.clone()),
        attributes: vec![attribute],
        notes: Vec::new(),
        operations,
    }
}

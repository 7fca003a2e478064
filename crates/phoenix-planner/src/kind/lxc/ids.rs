//! The users and groups of a container, as the node numbers them.

use phoenix_formats::Vmid;
use phoenix_formats::id_map::{IdKind, IdMap};
use phoenix_formats::lxc_conf::LxcConf;

use crate::check::is_unprivileged;
use crate::desired::{Container, Desired};
use crate::observed::Observed;
use crate::source::Origin;

/// The key of the lines of a map.
pub(super) const KEY: &str = "lxc.idmap";

/// Returns the values of the declared lines of a container's map.
fn lines(container: &Container) -> impl Iterator<Item = &str> {
    let lines = container.raw.iter().filter(|line| line.value.0 == KEY);
    lines.map(|line| line.value.1.as_str())
}

/// Returns where that map is declared.
pub(in crate::kind) fn origin(container: &Container) -> Option<Origin> {
    let line = container.raw.iter().find(|line| line.value.0 == KEY)?;
    Some(line.origin.clone())
}

/// Returns the map that is declared for a container line by line, if one is.
pub(in crate::kind) fn own(container: &Container) -> Option<IdMap> {
    lines(container).next().is_some().then(|| IdMap::parse(lines(container)))
}

/// Returns the map of a container that is made as it is declared.
pub(crate) fn declared(desired: &Desired, vmid: Vmid) -> IdMap {
    let own = desired.containers.get(&vmid).and_then(own);
    let unprivileged = || is_unprivileged(desired, vmid);
    own.unwrap_or_else(|| if unprivileged() { IdMap::shifted() } else { IdMap::same() })
}

/// Returns the map that a container has when it starts after the plan: a map that is declared line by line replaces
/// that of its configuration.
pub(in crate::kind) fn planned(observed: &Observed<'_>, vmid: Vmid) -> IdMap {
    let own = observed.desired.containers.get(&vmid).and_then(own);
    let present = || match observed.config(vmid) {
        Some(conf) => IdMap::of(conf),
        None => declared(observed.desired, vmid),
    };
    own.unwrap_or_else(present)
}

/// Returns what becomes of the files of those ids that the plan maps elsewhere: a phrase, if there are any.
pub(super) fn moved(container: &Container, conf: &LxcConf) -> Option<String> {
    let (before, after) = (IdMap::of(conf), own(container)?);
    let maps = &container.making.id_maps;
    let users = maps.users.keys().map(|id| (IdKind::User, *id));
    let mut all = users.chain(maps.groups.keys().map(|id| (IdKind::Group, *id)));
    let (kind, id, old, new) = all.find_map(|(kind, id)| {
        let (old, new) = (before.on_node(kind, id)?, after.on_node(kind, id)?);
        (old != new).then_some((kind, id, old, new))
    })?;
    let name = match kind {
        IdKind::User => "user",
        IdKind::Group => "group",
    };
    Some(format!(
        "files of {name} {id} keep their number {old} on the node, and are nobody's in the container until they get {new}"
    ))
}

//! Whether containers can be made from what they are to be made from.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::id_map::IdKind;

use crate::desired::{Container, Desired, Located, MountSource};
use crate::kind::lxc;
use crate::load::finding::{Finding, Findings};
use crate::source::Origin;

/// Notes clones that cannot be what they are declared to be.
pub(super) fn clones(desired: &Desired, findings: &mut Findings) {
    for container in desired.containers.values() {
        let Some(from) = &container.making.source else { continue };
        let Some(source) = desired.containers.get(&from.value) else { continue };
        findings.extend(smaller(container, source));
        findings.extend(other_root(desired, container, from));
        findings.extend(with_folder(source, from));
    }
}

fn smaller(container: &Container, source: &Container) -> Option<Finding> {
    let (own, whole) = (container.making.size.as_ref()?, source.making.size.as_ref()?);
    (own.value < whole.value).then(|| {
        let message = format!("a clone cannot be smaller than {} GiB", whole.value);
        Finding::error(own.origin.clone(), message)
            .label("smaller")
            .with(whole.origin.clone(), format!("the size of {}", source.vmid))
            .help(format!("Write `{}` or more.", whole.value))
    })
}

fn other_root(desired: &Desired, own: &Container, from: &Located<Vmid>) -> Option<Finding> {
    let wanted = own.making.unprivileged.as_ref()?;
    let inherited = is_unprivileged(desired, from.value);
    (wanted.value != inherited).then(|| {
        let what = if inherited { "unprivileged" } else { "privileged" };
        let message = format!("a clone of {} is {what}, as that is", from.value);
        Finding::error(wanted.origin.clone(), message)
            .label("not the same")
            .with(from.origin.clone(), "cloned by this")
            .help("Write the same value in both, or make the container from a template.")
    })
}

/// Returns whether a container that is made is unprivileged: as declared, else as what it is cloned from.
pub(crate) fn is_unprivileged(desired: &Desired, vmid: Vmid) -> bool {
    let mut at = vmid;
    // Circles are found elsewhere; here one must only end.
    for _ in 0..=desired.containers.len() {
        let Some(container) = desired.containers.get(&at) else { return true };
        match (&container.making.unprivileged, &container.making.source) {
            (Some(own), _) => return own.value,
            (None, Some(source)) => at = source.value,
            (None, None) => return true,
        }
    }
    true
}

/// Proxmox VE clones volumes and no folders of the node.
fn with_folder(source: &Container, from: &Located<Vmid>) -> Option<Finding> {
    let folder = source.mounts.iter().find(|m| matches!(m.source, MountSource::Folder { .. }))?;
    let message =
        format!("container {} mounts a folder of the node, so it cannot be cloned", source.vmid);
    Some(
        Finding::error(from.origin.clone(), message)
            .label("cloned by this")
            .with(folder.origin.clone(), "the folder")
            .help("Move the mount point to those that are cloned from it."),
    )
}

/// Notes folders that two containers want to belong to different ids of the node.
pub(super) fn owners(desired: &Desired, findings: &mut Findings) {
    let mut first = BTreeMap::new();
    for container in desired.containers.values() {
        let map = lxc::declared_ids(desired, container.vmid);
        for mount in &container.mounts {
            let MountSource::Folder { path, user, group } = &mount.source else { continue };
            let owners = [("user", IdKind::User, user), ("group", IdKind::Group, group)];
            for (what, kind, id) in owners {
                let Some(inside) = *id else { continue };
                let Some(id) = map.on_node(kind, inside) else {
                    findings.push(unmapped(&mount.origin, what, inside));
                    continue;
                };
                let (other, origin) = first.entry((path, what)).or_insert((id, &mount.origin));
                if *other != id {
                    let message = format!(
                        "`{path}` cannot belong to two {what}s: {other} and {id} on the node"
                    );
                    let finding = Finding::error(mount.origin.clone(), message).label("this");
                    let finding = finding.with((*origin).clone(), "and this");
                    findings.push(finding.help("Declare its owner in one of the two places only."));
                }
            }
        }
    }
}

fn unmapped(origin: &Origin, what: &str, id: u32) -> Finding {
    let message = format!("{what} {id} has no number on the node");
    let finding = Finding::warning(origin.clone(), message);
    finding
        .label("left out by the container's id map")
        .help("Write one that it has: without `id_maps` those from 0 to 65535.")
}

/// Notes snapshots that Proxmox VE makes of no such container.
pub(super) fn snapshots(desired: &Desired, findings: &mut Findings) {
    for container in desired.containers.values() {
        let Some(named) = &container.making.snapshot else { continue };
        let folder = |m: &&crate::desired::Mount| matches!(m.source, MountSource::Folder { .. });
        let finding = Finding::warning(named.origin.clone(), "this snapshot is not made");
        if container.making.is_template {
            let help = "Remove it: a template is cloned as it is, and has no snapshots.";
            findings.push(finding.label("the container is a template").help(help));
        } else if let Some(mount) = container.mounts.iter().find(folder) {
            findings.push(
                finding
                    .label("there is none of a container that mounts a folder of the node")
                    .with(mount.origin.clone(), "the folder")
                    .help("Remove it, or use a volume instead of the folder."),
            );
        }
    }
}

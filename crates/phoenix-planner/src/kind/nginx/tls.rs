//! The certificates that nginx's files name, and where those come from that are missing.

use std::fmt;

use super::super::certificate;
use super::super::feature::asked;
use super::super::nginx_site::Reading;
use super::Server;
use crate::desired::{Container, Desired, MountSource};
use crate::location::Place;
use crate::plan::{ActionId, Draft};
use crate::probe::{Argv, Probe, argv};
use phoenix_formats::Vmid;

/// A file that nginx does not start without, and that is not in the container.
pub(super) struct Missing {
    path: String,
    /// Who names it.
    file: String,
    line: usize,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, file, line } = self;
        write!(f, "{file} line {line} names `{path}`, which is not in the container")
    }
}

/// Asks whether there is something at a path, symbolic links followed: keys are never read.
fn stat_argv(path: &str) -> Argv {
    argv(["stat", "--dereference", "--format=%F", "--", path])
}

pub(super) fn probes(vmid: Vmid, reading: &Reading) -> Vec<Probe> {
    let files = reading.loaded().tls_files();
    files.keys().map(|path| asked(Place::Guest(vmid), stat_argv(path))).collect()
}

/// Returns the files that are named and known not to be there.
pub(super) fn missing(server: &Server<'_>, reading: &Reading) -> Vec<Missing> {
    let files = reading.loaded().tls_files();
    let is_missing =
        |path: &str| server.guest.ran(&stat_argv(path)).is_some_and(|output| !output.success());
    let missing = files.into_iter().filter(|(path, _)| is_missing(path));
    missing.map(|(path, (file, line))| Missing { path, file, line }).collect()
}

/// Returns the actions of the plan that bring missing files, or the first file that nobody brings.
pub(super) fn brought(
    server: &Server<'_>,
    missing: Vec<Missing>,
    draft: &Draft,
) -> Result<Vec<ActionId>, Missing> {
    let desired = server.guest.observed.desired;
    let container = desired.containers.get(&server.guest.vmid);
    let mut ids = Vec::new();
    for one in missing {
        let on_node = container.and_then(|container| on_node(container, &one.path));
        match on_node.and_then(|path| issued(desired, &path, draft)) {
            Some(id) => ids.push(id),
            None => return Err(one),
        }
    }
    Ok(ids)
}

/// Returns where a path of a container is on the node, when it is in a folder of the node.
fn on_node(container: &Container, path: &str) -> Option<String> {
    let of = |mount: &crate::desired::Mount| match &mount.source {
        MountSource::Folder { path: folder, .. } => {
            let rest = path.strip_prefix(mount.path.as_str())?.strip_prefix('/')?;
            Some(format!("{folder}/{rest}"))
        }
        MountSource::Volume { .. } => None,
    };
    container.mounts.iter().find_map(of)
}

/// Returns the action that issues the certificate or key of a path of the node.
fn issued(desired: &Desired, path: &str, draft: &Draft) -> Option<ActionId> {
    let mut all = desired.trust.certificates.values();
    let own = all.find(|one| [&one.cert_path, &one.key_path].iter().any(|p| p.as_str() == path))?;
    draft.find(&certificate::address(own))
}

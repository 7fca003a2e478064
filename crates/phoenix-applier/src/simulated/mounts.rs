//! What virtual machines mount: `live/guests/1001/mounts` has a line for each, `SOURCE PATH`.

use phoenix_formats::Vmid;
use phoenix_formats::fstab::Fstab;
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::live::note_path;
use super::{SimulatedNode, done, fail};
use crate::node::NodeError;

const FSTAB: &str = "/etc/fstab";

/// What mount(8) ends with when it fails.
const FAILED: i32 = 32;

impl SimulatedNode {
    /// Answers `findmnt … --output SOURCE --mountpoint PATH`.
    pub(super) fn mounted(&self, vmid: Vmid, path: &str) -> Output {
        let note = self.noted(vmid, "mounts");
        let found = note.lines().find_map(|line| {
            let (source, at) = line.split_once(' ')?;
            (at == path).then(|| source.to_owned())
        });
        // findmnt says nothing of what is not mounted.
        found.map_or_else(|| Output { exit: 1, ..done("") }, |source| done(source + "\n"))
    }

    /// Runs `mount -- PATH`: what fstab(5) has for the path, when its folder and its package are there.
    pub(super) fn mount(&self, vmid: Vmid, path: &str) -> Result<Output, NodeError> {
        let place = Place::Vm(vmid);
        let table = Fstab::parse(&self.read(place, FSTAB).unwrap_or_default());
        let Some(entry) = table.entries().iter().find(|entry| entry.target == path) else {
            return Ok(fail(FAILED, format!("mount: {path}: can't find in /etc/fstab")));
        };
        let has_folder = self.guest_files(vmid).is_some_and(|files| files.has(path));
        if !has_folder {
            return Ok(fail(FAILED, format!("mount: {path}: mount point does not exist")));
        }
        if entry.kind.starts_with("nfs") && !self.guest_has(vmid, "nfs-common") {
            return Ok(fail(
                FAILED,
                format!("mount: {path}: nobody here can mount {}", entry.kind),
            ));
        }
        if self.mounted(vmid, path).success() {
            return Ok(fail(FAILED, format!("mount: {path}: already mounted")));
        }
        let note = self.noted(vmid, "mounts") + &format!("{} {path}\n", entry.source);
        self.put_state(&note_path(vmid, "mounts"), Some(&note))?;
        Ok(done(""))
    }
}

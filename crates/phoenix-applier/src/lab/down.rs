//! Takes a lab down, whatever is left of it: by its journal, and by the names of its namespaces.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::mount::UnmountFlags;

use super::error::LabError;
use super::folder::{ALL, Folder};
use super::{lxc, process, run};

/// Ends the processes of a lab and removes its namespaces, mounts and files. What is not there is no
/// error.
pub(super) fn clear(folder: &Folder) -> Result<(), LabError> {
    let namespaces = namespaces(folder);
    process::kill_in_netns(&namespaces);
    let lines = namespaces.iter().map(|name| format!("netns del {name}")).collect::<Vec<_>>();
    run::ip(None, &lines)?;
    lxc::clear_cgroups(&folder.name)?;
    lxc::clear_locks(folder);
    unmount(folder)?;
    remove(folder.path())
}

/// Removes the folder of all labs, unless it holds one. It is what a claim locks, so this is the last that is done
/// under one.
pub(super) fn leave() {
    // It stays while it holds another lab.
    fs::remove_dir(ALL).ok();
}

/// Returns the namespaces of a lab that exist, those that its journal does not know included.
pub(super) fn namespaces(folder: &Folder) -> Vec<String> {
    let prefix = folder.name.prefix();
    let entries = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let by_name = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let by_name = by_name.filter(|name| name.starts_with(&prefix));
    let noted = folder.noted("netns").into_iter().filter(|name| super::has_netns(name));
    by_name.chain(noted).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Unmounts what the lab has mounted for the caller to see, the last one first.
fn unmount(folder: &Folder) -> Result<(), LabError> {
    for path in mounts(folder.path()).iter().rev() {
        let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
        rustix::mount::unmount(path.as_str(), flags)
            .map_err(|error| LabError::at(Path::new(path))(error.into()))?;
    }
    Ok(())
}

/// Returns what is mounted below a folder, in order.
fn mounts(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = text.lines().filter_map(|line| line.split(' ').nth(4));
    points.filter(|point| Path::new(point).starts_with(folder)).map(str::to_owned).collect()
}

/// Removes the lab's folder; a folder in which something is mounted still is never walked.
fn remove(path: &Path) -> Result<(), LabError> {
    if !mounts(path).is_empty() {
        let busy = std::io::Error::from(std::io::ErrorKind::ResourceBusy);
        return Err(LabError::at(path)(busy));
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(LabError::at(path)),
    }
}

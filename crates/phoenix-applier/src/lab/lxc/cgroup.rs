//! The control groups that LXC makes for the guests of a lab: one folder for each lab in every hierarchy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::error::LabError;
use super::super::name::LabName;
use super::super::process;

/// How long the kernel may take until a killed process has left its group.
const GRACE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// Returns the group of a lab.
pub(super) fn name(lab: &LabName) -> String {
    format!("phx-{lab}")
}

/// Kills what runs in the groups of a lab and removes them. That there are none is no error.
pub(in super::super) fn clear(lab: &LabName) -> Result<(), LabError> {
    let own = name(lab);
    hierarchies().iter().map(|top| top.join(&own)).try_for_each(|top| remove(&top))
}

/// Returns where the hierarchies of control groups are mounted.
fn hierarchies() -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let point = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let is_group = matches!(after.split(' ').next(), Some("cgroup" | "cgroup2"));
        is_group.then(|| before.split(' ').nth(4).map(PathBuf::from)).flatten()
    };
    text.lines().filter_map(point).collect()
}

fn remove(top: &Path) -> Result<(), LabError> {
    let deadline = Instant::now() + GRACE;
    loop {
        match remove_once(top) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(LabError::at(top)(error)),
            Err(_) => std::thread::sleep(PAUSE),
            Ok(()) => return Ok(()),
        }
    }
}

/// Removes a group and those in it, the inner ones first; its files go with it.
fn remove_once(group: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(group)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_once(&entry.path())?;
        }
    }
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let is_still = |pid: u32| {
        let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        text.lines().any(|line| line == pid.to_string())
    };
    members
        .lines()
        .filter_map(|line| line.parse().ok())
        .for_each(|pid| process::kill_if(pid, is_still));
    fs::remove_dir(group)
}

//! Proxmox VE's own locks: files locked with flock(2), and folders in the cluster file system.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::replace::Trouble;
use super::root::{Missing, Root, Target};

/// Where the folders of cluster-wide locks are made.
const CLUSTER: &str = "/etc/pve/priv/lock";

/// How often a file's lock is asked for: waiting inside flock(2) could not be given up.
const FILE_POLL: Duration = Duration::from_millis(100);

/// How often a cluster-wide lock is asked for: each try is a message to all nodes.
const CLUSTER_POLL: Duration = Duration::from_secs(1);

/// A lock that is held, and given back when this is dropped.
#[derive(Debug)]
pub(super) enum Lock {
    /// A locked file. The file stays, as Proxmox VE leaves it: a second one of the same name would be
    /// a second lock.
    File {
        /// Unlocked when it is closed.
        _open: OwnedFd,
    },
    /// A folder. pmxcfs takes one back that is not refreshed for 120 seconds, which is far longer than
    /// a file is written, so it is never refreshed here.
    Cluster(Target),
}

impl Lock {
    /// Locks a file of the node, and makes it if it is absent.
    pub(super) fn file(root: &Root, path: &str, wait: Duration) -> Result<Self, Trouble> {
        let Target { folder, name } = root.place(path.as_bytes(), Missing::Make)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mode = Mode::from_raw_mode(0o644);
        let open = rustix::fs::openat(&folder, &name, flags | OFlags::CLOEXEC, mode)?;
        let try_once = || match rustix::fs::flock(&open, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
            locked => locked.map(|()| true),
        };
        poll(path, wait, FILE_POLL, try_once)?;
        tracing::debug!(path, "locked");
        Ok(Self::File { _open: open })
    }

    /// Takes a cluster-wide lock.
    pub(super) fn cluster(root: &Root, name: &str, wait: Duration) -> Result<Self, Trouble> {
        let path = format!("{CLUSTER}/{name}");
        let target = root.place(path.as_bytes(), Missing::Make)?;
        poll(&path, wait, CLUSTER_POLL, || claim(&target))?;
        tracing::debug!(path, "locked");
        Ok(Self::Cluster(target))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Self::Cluster(Target { folder, name }) = self {
            let removed = rustix::fs::unlinkat(folder, name.as_slice(), AtFlags::REMOVEDIR);
            if let Err(error) = removed {
                // pmxcfs gives it back by itself after 120 seconds.
                tracing::warn!(%error, "a cluster-wide lock could not be given back");
            }
        }
    }
}

/// Tries once to make the folder of a lock.
fn claim(target: &Target) -> Result<bool, Errno> {
    match rustix::fs::mkdirat(&target.folder, &target.name, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => {}
        made => return made.map(|()| true),
    }
    // Setting both times to 0 asks pmxcfs to take the lock back if it is too old. It answers with an
    // error when it is not, and the holder may have given it back just now: neither means anything.
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    let times = Timestamps { last_access: zero, last_modification: zero };
    rustix::fs::utimensat(&target.folder, &target.name, &times, AtFlags::SYMLINK_NOFOLLOW).ok();
    Ok(false)
}

/// Tries until it works or the time is over.
fn poll(
    path: &str,
    wait: Duration,
    pause: Duration,
    mut try_once: impl FnMut() -> Result<bool, Errno>,
) -> Result<(), Trouble> {
    let deadline = Instant::now() + wait;
    while !try_once()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let seconds = wait.as_secs_f32();
            return Err(Trouble::Refused(format!(
                "another program has held the lock `{path}` for {seconds} seconds: try again when \
                 it is done"
            )));
        }
        std::thread::sleep(pause.min(left));
    }
    Ok(())
}

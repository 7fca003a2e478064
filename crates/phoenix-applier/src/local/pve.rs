//! The rules for changing files below `/etc/pve`, the cluster file system pmxcfs.

use std::time::Duration;

use phoenix_formats::Vmid;
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::lock::Lock;
use super::replace::Trouble;
use super::root::{Missing, Root};

/// Where the cluster file system is mounted.
pub(super) const FOLDER: &str = "/etc/pve";

/// The link that pmxcfs makes to the folder of the node it runs on.
const LOCAL: &str = "/etc/pve/local";

/// What a file below `/etc/pve` is, as far as writing it needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The configuration of a guest.
    Guest {
        /// The guest.
        vmid: Vmid,
        /// The node that has it; `None` when the path does not say.
        node: Option<String>,
        /// The file that Proxmox VE locks with flock(2) while it edits the configuration.
        lock: String,
    },
    /// A firewall file.
    Firewall {
        /// The name of the cluster-wide lock.
        lock: String,
    },
    /// A file that has no lock here.
    Other,
}

impl Kind {
    /// Returns what a path is: one without symbolic links, or the names that Proxmox VE has links for.
    pub(super) fn of(path: &str, local: Option<&str>) -> Self {
        let below = path.strip_prefix("/etc/pve/").unwrap_or_default();
        match below.split('/').collect::<Vec<_>>().as_slice() {
            ["nodes", node, "lxc", file] => Self::container(file, Some(node)),
            ["nodes", node, "qemu-server", file] => Self::machine(file, Some(node)),
            ["lxc", file] | ["local", "lxc", file] => Self::container(file, None),
            ["qemu-server", file] | ["local", "qemu-server", file] => Self::machine(file, None),
            ["nodes", node, "host.fw"] => Self::firewall(&format!("host-{node}")),
            ["local", "host.fw"] => {
                local.map_or(Self::Other, |node| Self::firewall(&format!("host-{node}")))
            }
            ["firewall", "cluster.fw"] => Self::firewall("cluster"),
            ["firewall", file] => guest_of(file, ".fw")
                .map_or(Self::Other, |vmid| Self::firewall(&format!("vm-{vmid}"))),
            _ => Self::Other,
        }
    }

    fn container(file: &str, node: Option<&str>) -> Self {
        Self::guest(file, node, |vmid| format!("/run/lock/lxc/pve-config-{vmid}.lock"))
    }

    fn machine(file: &str, node: Option<&str>) -> Self {
        Self::guest(file, node, |vmid| format!("/var/lock/qemu-server/lock-{vmid}.conf"))
    }

    fn guest(file: &str, node: Option<&str>, lock: impl FnOnce(Vmid) -> String) -> Self {
        guest_of(file, ".conf").map_or(Self::Other, |vmid| Self::Guest {
            vmid,
            node: node.map(str::to_owned),
            lock: lock(vmid),
        })
    }

    fn firewall(what: &str) -> Self {
        Self::Firewall { lock: format!("firewall-{what}") }
    }

    /// Takes the lock of a file, if it has one.
    pub(super) fn lock(&self, root: &Root, wait: Duration) -> Result<Option<Lock>, Trouble> {
        match self {
            Self::Guest { lock, .. } => Lock::file(root, lock, wait).map(Some),
            Self::Firewall { lock } => Lock::cluster(root, lock, wait).map(Some),
            Self::Other => Ok(None),
        }
    }

    /// Refuses the configuration of a guest on another node: the locks of its node are not here.
    pub(super) fn here(&self, local: Option<&str>) -> Result<(), Trouble> {
        match self {
            Self::Guest { vmid, node: Some(node), .. }
                if local.is_some_and(|name| name != node) =>
            {
                Err(Trouble::Refused(format!(
                    "guest {vmid} is on node `{node}`: run phoenix there"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Refuses the configuration of a guest while one of Proxmox VE's jobs has put its mark into it.
    pub(super) fn unlocked(&self, present: &str) -> Result<(), Trouble> {
        match (self, mark(present)) {
            (Self::Guest { vmid, .. }, Some(job)) => Err(Trouble::Refused(format!(
                "guest {vmid} is locked by `{job}`: wait until that is done, or unlock the guest \
                 if it is not running any more"
            ))),
            _ => Ok(()),
        }
    }
}

/// Returns the value of the `lock:` key in the main section of a guest's configuration: what stands in
/// a snapshot's section is about the snapshot.
fn mark(text: &str) -> Option<&str> {
    let main = text.lines().take_while(|line| !line.starts_with('['));
    main.filter_map(|line| line.strip_prefix("lock:")).map(str::trim).find(|job| !job.is_empty())
}

fn guest_of(file: &str, ending: &str) -> Option<Vmid> {
    file.strip_suffix(ending)?.parse().ok()
}

/// Returns the name of the node that this is, where pmxcfs says it.
pub(super) fn local_node(root: &Root) -> Option<String> {
    let link = root.place(LOCAL.as_bytes(), Missing::Fail).ok()?;
    let link = rustix::fs::readlinkat(&link.folder, &link.name, Vec::new()).ok()?;
    let link = link.into_string().ok()?;
    link.rsplit('/').next().map(str::to_owned)
}

/// Refuses every change while pmxcfs does: it shows a lost quorum by taking the owner's write bit from
/// everything. Asking access(2) would not tell, since root always may.
pub(super) fn writable(root: &Root) -> Result<(), Trouble> {
    let folder = root.folder(FOLDER.as_bytes(), Missing::Fail);
    let local = folder.and_then(|at| rustix::fs::statat(at, "local", AtFlags::SYMLINK_NOFOLLOW));
    match local {
        Ok(stat) if stat.st_mode & 0o200 != 0 => Ok(()),
        Ok(_) => Err(no_quorum()),
        // On the bare folder a write would go to the disk, and vanish under the next mount.
        Err(Errno::NOENT) => Err(Trouble::Refused(
            "the cluster file system is not mounted on `/etc/pve`: start `pve-cluster`".to_owned(),
        )),
        Err(error) => Err(error.into()),
    }
}

/// Says what root's "permission denied" below `/etc/pve` means.
pub(super) fn explain(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Io(error)
            if error.kind() == std::io::ErrorKind::PermissionDenied
                && error.raw_os_error() == Some(Errno::ACCESS.raw_os_error())
                && rustix::process::geteuid().is_root() =>
        {
            no_quorum()
        }
        other => other,
    }
}

fn no_quorum() -> Trouble {
    Trouble::Refused(
        "the cluster has no quorum, so `/etc/pve` is read-only: look at `pvecm status`, and bring \
         back enough nodes"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows a kind as short as the table below.
    fn lock_of(path: &str) -> String {
        match Kind::of(path, Some("pve1")) {
            Kind::Guest { node, lock, .. } => format!("{} {lock}", node.as_deref().unwrap_or("-")),
            Kind::Firewall { lock } => lock,
            Kind::Other => "none".to_owned(),
        }
    }

    #[test]
    fn every_file_has_the_lock_that_proxmox_takes() {
        let table = [
            ("/etc/pve/lxc/101.conf", "- /run/lock/lxc/pve-config-101.lock"),
            ("/etc/pve/nodes/pve2/lxc/101.conf", "pve2 /run/lock/lxc/pve-config-101.lock"),
            ("/etc/pve/qemu-server/1001.conf", "- /var/lock/qemu-server/lock-1001.conf"),
            ("/etc/pve/nodes/a/qemu-server/100.conf", "a /var/lock/qemu-server/lock-100.conf"),
            ("/etc/pve/local/lxc/101.conf", "- /run/lock/lxc/pve-config-101.lock"),
            ("/etc/pve/firewall/cluster.fw", "firewall-cluster"),
            ("/etc/pve/firewall/101.fw", "firewall-vm-101"),
            ("/etc/pve/nodes/pve2/host.fw", "firewall-host-pve2"),
            ("/etc/pve/local/host.fw", "firewall-host-pve1"),
            ("/etc/pve/firewall/99.fw", "none"),
            ("/etc/pve/firewall/notes.fw", "none"),
            ("/etc/pve/lxc/101.conf.old", "none"),
            ("/etc/pve/lxc/0101.conf", "none"),
            ("/etc/pve/lxc/x/101.conf", "none"),
            ("/etc/pve/storage.cfg", "none"),
            ("/etc/lxc/101.conf", "none"),
            ("/etc/pvelxc/101.conf", "none"),
        ];
        for (path, lock) in table {
            assert_eq!(lock_of(path), lock, "{path}");
        }
    }

    #[test]
    fn only_the_main_section_locks_a_guest() {
        assert_eq!(mark("arch: amd64\nlock: backup\n[snap]\n"), Some("backup"));
        assert_eq!(mark("lock:migrate"), Some("migrate"));
        assert_eq!(mark("#lock: backup\n[snap]\nlock: backup\n"), None);
        assert_eq!(mark("lock:\nlocked: 1\n lock: x"), None);
    }
}

//! Tells whether a machine is a Proxmox VE node.

use std::io;
use std::path::Path;

/// The magic number of FUSE in statfs(2), which is what pmxcfs is mounted as.
const FUSE: u64 = 0x6573_5546;

/// Says why this machine is no Proxmox VE node.
#[derive(Debug, thiserror::Error)]
pub enum NotANode {
    /// There is no `/etc/pve`: Proxmox VE is not installed.
    #[error("this machine is no Proxmox VE node: it has no `/etc/pve`")]
    NoFolder,
    /// `/etc/pve` is there, and the cluster file system is not mounted on it.
    #[error("the cluster file system is not mounted on `/etc/pve`: `pve-cluster` does not run")]
    NotMounted,
    /// The cluster file system does not answer, or the machine's files cannot be used at all.
    #[error("the files of this machine cannot be used")]
    Unusable(#[source] io::Error),
}

/// Returns whether `/etc/pve` below `root` is a mounted cluster file system.
pub(super) fn check(root: &Path) -> Result<(), NotANode> {
    let folder = root.join("etc/pve");
    let kind = rustix::fs::statfs(&folder).map_err(|error| unusable(error.into()))?.f_type;
    // The type's width differs between architectures.
    #[expect(clippy::cast_sign_loss, reason = "a magic number is a bit pattern")]
    let mounted = kind as u64 == FUSE;
    let link = std::fs::symlink_metadata(folder.join("local"));
    if mounted && link.is_ok_and(|link| link.is_symlink()) {
        Ok(())
    } else {
        Err(NotANode::NotMounted)
    }
}

fn unusable(error: io::Error) -> NotANode {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => NotANode::NoFolder,
        _ => NotANode::Unusable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_cluster_file_system_is_no_node() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(check(root.path()), Err(NotANode::NoFolder)));
        std::fs::create_dir_all(root.path().join("etc/pve")).unwrap();
        assert!(matches!(check(root.path()), Err(NotANode::NotMounted)));
        std::os::unix::fs::symlink("nodes/pve", root.path().join("etc/pve/local")).unwrap();
        assert!(matches!(check(root.path()), Err(NotANode::NotMounted)), "a link is no mount");
    }
}

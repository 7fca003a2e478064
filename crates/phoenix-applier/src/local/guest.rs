//! Reaches into a running container.
//!
//! Deliberately not guarded against: a file system that hangs. An unprivileged container cannot make
//! one that the node's root would wait for, since the kernel keeps FUSE mounts of a user namespace
//! from processes outside it; a privileged one can, and is as trusted as the node.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::time::Duration;

use phoenix_formats::Vmid;
use rustix::fs::{AtFlags, Mode, OFlags, Stat};

use super::ids::Ids;
use super::program::{Excess, Tools};
use super::root::Root;

/// What a stopped container's places answer.
const STOPPED: &str = "the container is not running";

/// More than the 340 lines that an id map can have, see user_namespaces(7).
const MAP_LIMIT: u64 = 1 << 16;

/// A running container, seen through its init process.
#[derive(Debug)]
pub(super) struct Guest {
    /// `/proc/<pid>`: it belongs to this one process, even when its number is used again.
    process: OwnedFd,
    root: Root,
}

impl Guest {
    /// Opens the root folder of a container, or says why it cannot be reached.
    ///
    /// The number of its init is asked for a second time after the process is held, and the folder is
    /// opened through what is held: a number that now means another process is never followed.
    pub(super) fn open(
        node: &Root,
        tools: &Tools,
        limit: Duration,
        vmid: Vmid,
    ) -> Result<Self, String> {
        let pid = init_pid(node, tools, limit, vmid)?;
        let process =
            node.open(format!("/proc/{pid}").as_bytes(), OFlags::PATH | OFlags::DIRECTORY);
        let process = process.map_err(|_| STOPPED.to_owned())?;
        if init_pid(node, tools, limit, vmid)? != pid {
            return Err("the container was restarted meanwhile".to_owned());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&process, "root", flags, Mode::empty()).map_err(gone)?;
        let ids = Ids::parse(&map(&process, "uid_map")?, &map(&process, "gid_map")?);
        let ids = if shares_users(&process) { ids.shared() } else { ids };
        Ok(Self { process, root: Root::of_guest(folder, ids) })
    }

    /// Returns the container's root folder.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Returns what `look` found, unless the container ended meanwhile: its mounts go away then, and
    /// what stood on them looks absent.
    pub(super) fn while_alive<T>(&self, look: impl FnOnce(&Root) -> T) -> Result<T, String> {
        let found = look(&self.root);
        rustix::fs::statat(&self.process, "root", AtFlags::empty()).map_err(gone)?;
        Ok(found)
    }
}

/// Returns the number of a container's init process, or says why there is none.
pub(super) fn init_pid(
    node: &Root,
    tools: &Tools,
    limit: Duration,
    vmid: Vmid,
) -> Result<u32, String> {
    let argv = ["lxc-info", "--name", &vmid.to_string(), "--pid", "--no-humanize"];
    let output = tools
        .run(&argv.map(str::to_owned), limit, Excess::Kill)
        .map_err(|failure| format!("`lxc-info` does not answer: {failure}"))?;
    match output.stdout.trim().parse() {
        Ok(pid) if output.success() && pid > 0 => Ok(pid),
        _ if output.success() => Err(STOPPED.to_owned()),
        _ => Err(unknown(node, vmid)),
    }
}

/// Says what a guest is that `lxc-info` does not know: it knows a container after its first start.
fn unknown(node: &Root, vmid: Vmid) -> String {
    let is_there = |folder: &str| {
        let path = format!("/etc/pve/{folder}/{vmid}.conf");
        node.open(path.as_bytes(), OFlags::PATH).is_ok()
    };
    if is_there("qemu-server") {
        return "it is a virtual machine, and no container".to_owned();
    }
    let why = if is_there("lxc") { STOPPED } else { "there is no such container on this node" };
    why.to_owned()
}

/// Says that a container's process cannot be used any more, or by this user.
fn gone(error: rustix::io::Errno) -> String {
    use rustix::io::Errno;
    match error {
        Errno::ACCESS | Errno::PERM => "reaching into a container needs root".to_owned(),
        _ => "the container stopped meanwhile".to_owned(),
    }
}

/// Returns whether a process counts users as this one does. The kernel then shows it how the namespace
/// above counts them.
fn shares_users(process: &OwnedFd) -> bool {
    let own = rustix::fs::stat("/proc/self/ns/user");
    let theirs = rustix::fs::statat(process, "ns/user", AtFlags::empty());
    let same =
        |own: &Stat, theirs: &Stat| (own.st_dev, own.st_ino) == (theirs.st_dev, theirs.st_ino);
    own.is_ok_and(|own| theirs.is_ok_and(|theirs| same(&own, &theirs)))
}

fn map(process: &OwnedFd, name: &str) -> Result<String, String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(process, name, flags, Mode::empty()).map_err(gone)?;
    let mut text = String::new();
    let read = std::fs::File::from(file).take(MAP_LIMIT).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| format!("its `{name}` cannot be read: {error}"))
}

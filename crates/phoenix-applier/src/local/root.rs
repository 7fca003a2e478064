//! A folder that is the root of a file system: nothing that is opened here leads out of it.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::ids::Ids;

/// How often a lookup is tried again when a `..` in it met a rename: openat2(2) then asks for it, and
/// a guest that renames for ever must not keep phoenix here.
const RETRIES: usize = 64;

/// How many symbolic links are followed to the place of a write; as many as in path_resolution(7).
const LINKS: usize = 40;

/// What happens when a folder above a file is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is made, for everyone to read and its owner to write.
    Make,
    /// It is an error.
    Fail,
}

/// The root folder of the node, or of a guest as seen from the node.
#[derive(Debug)]
pub(crate) struct Root {
    folder: OwnedFd,
    ids: Option<Ids>,
}

/// The folder that holds a file and the file's name there, all symbolic links followed.
#[derive(Debug)]
pub(crate) struct Target {
    /// The folder, open for reading.
    pub(crate) folder: OwnedFd,
    /// The name: never empty, never with a `/`.
    pub(crate) name: Vec<u8>,
}

impl Root {
    /// Opens the root folder of the node.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { folder: rustix::fs::openat(CWD, path, flags, Mode::empty())?, ids: None })
    }

    /// Takes the root folder of a guest, whose users are those of its id map.
    pub(super) fn of_guest(folder: OwnedFd, ids: Ids) -> Self {
        Self { folder, ids: Some(ids) }
    }

    /// Returns the users of the guest that this is the root of; none for the node.
    pub(super) fn ids(&self) -> Option<&Ids> {
        self.ids.as_ref()
    }

    /// Opens what stands at a path, following symbolic links but never out of the root.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        let path = if path.is_empty() { b"/" } else { path };
        let once = || rustix::fs::openat2(&self.folder, path, flags, Mode::empty(), resolve);
        let again = |found: &Result<OwnedFd, Errno>| matches!(found, Err(Errno::AGAIN));
        (0..RETRIES).map(|_| once()).find(|found| !again(found)).unwrap_or(Err(Errno::AGAIN))
    }

    /// Returns where a write to `path` must go: a symbolic link stays, and the file it leads to is meant.
    pub(crate) fn target(&self, path: &str, missing: Missing) -> Result<Target, Errno> {
        let mut path = path.as_bytes().to_vec();
        for _ in 0..LINKS {
            let target = self.place(&path, missing)?;
            match rustix::fs::readlinkat(&target.folder, &target.name, Vec::new()) {
                Ok(link) => path = follow(&path, link.to_bytes()),
                Err(Errno::INVAL | Errno::NOENT) => return Ok(target),
                Err(error) => return Err(error),
            }
        }
        Err(Errno::LOOP)
    }

    /// Returns the folder and the name of `path`, its last part not followed.
    pub(crate) fn place(&self, path: &[u8], missing: Missing) -> Result<Target, Errno> {
        let (folder, name) = split(path);
        if matches!(name, b"" | b"." | b"..") {
            return Err(Errno::ISDIR);
        }
        Ok(Target { folder: self.folder(folder, missing)?, name: name.to_vec() })
    }

    /// Opens a folder, and makes the missing ones on the way to it if that is wanted.
    pub(crate) fn folder(&self, path: &[u8], missing: Missing) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        match self.open(path, flags) {
            Err(Errno::NOENT) if missing == Missing::Make => {}
            found => return found,
        }
        let ends = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
        for end in ends.map(|(end, _)| end).chain([path.len()]) {
            match self.open(&path[..end], flags) {
                Err(Errno::NOENT) => self.make(&path[..end])?,
                found => drop(found?),
            }
        }
        self.open(path, flags)
    }

    /// Makes one folder, which in a guest belongs to the guest's root.
    fn make(&self, path: &[u8]) -> Result<(), Errno> {
        let Target { folder, name } = self.place(path, Missing::Fail)?;
        if let Some(ids) = &self.ids {
            ids.allow_change(&rustix::fs::fstat(&folder)?)?;
        }
        match rustix::fs::mkdirat(&folder, &name, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => return Ok(()),
            made => made?,
        }
        let Some(ids) = &self.ids else { return Ok(()) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&folder, &name, flags, Mode::empty())?;
        let (user, group) = ids.root().ok_or(Errno::PERM)?;
        rustix::fs::fchown(&made, Some(user), Some(group))
    }

    /// Returns a folder's path as it is seen below this root, without symbolic links.
    pub(crate) fn real_path(&self, folder: &OwnedFd) -> io::Result<String> {
        let outer = std::fs::read_link(own_fd(&self.folder))?;
        let inner = std::fs::read_link(own_fd(folder))?;
        let below = inner.strip_prefix(outer).map_err(|_| io::ErrorKind::NotFound)?;
        let text = below.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        Ok(format!("/{text}"))
    }
}

impl Target {
    /// Returns what is there now; `None` when nothing is.
    pub(crate) fn stat(&self) -> Result<Option<Stat>, Errno> {
        match rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Opens what is there now without any effect on it; a symbolic link itself is opened.
    pub(super) fn open(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.folder, &self.name, flags, Mode::empty())
    }
}

/// Returns a path by which this process reaches what it has open.
pub(crate) fn own_fd(fd: &OwnedFd) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Returns the kind of a file.
pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Splits a path before its last part; the first half is empty for a file in the root folder.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    slash.map_or((b"".as_slice(), path), |at| (&path[..at], &path[at + 1..]))
}

/// Returns the path that a symbolic link at `path` leads to. The folder's part is kept as it is, since
/// only the kernel knows where its `..` and links lead.
fn follow(path: &[u8], link: &[u8]) -> Vec<u8> {
    if link.starts_with(b"/") {
        return link.to_vec();
    }
    [split(path).0, b"/", link].concat()
}

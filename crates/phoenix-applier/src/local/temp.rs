//! A file that is made whole under another name and then takes its place.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;

/// A file on its way; removed when it is dropped before it took its place.
#[derive(Debug)]
pub(crate) struct Temp<'a> {
    folder: &'a OwnedFd,
    name: Option<Vec<u8>>,
    file: File,
}

/// What a file may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Whatever is there.
    Anything,
    /// Nothing: it is an error when something is there.
    Nothing,
}

/// Returns a name that nobody can foresee.
pub(super) fn hidden_name() -> io::Result<String> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!(".phoenix-{:016x}", u64::from_ne_bytes(random)))
}

impl<'a> Temp<'a> {
    /// Makes an empty file that only its owner can read, under a name that nobody can foresee. The
    /// leading dot hides it from dnsmasq's and ifupdown's folders and from nginx's `*`.
    pub(crate) fn hidden(folder: &'a OwnedFd) -> io::Result<Self> {
        Ok(Self::create(folder, hidden_name()?.into_bytes(), 0o600)?)
    }

    /// Makes an empty file under the name that Proxmox VE's own tools use for it.
    pub(super) fn beside(folder: &'a OwnedFd, name: &[u8], mode: u32) -> Result<Self, Errno> {
        let temp = [name, format!(".tmp.{}", std::process::id()).as_bytes()].concat();
        Self::create(folder, temp, mode)
    }

    fn create(folder: &'a OwnedFd, name: Vec<u8>, mode: u32) -> Result<Self, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(mode);
        let file = rustix::fs::openat(folder, &name, flags | OFlags::CLOEXEC, mode)?;
        Ok(Self { folder, name: Some(name), file: file.into() })
    }

    /// Gives the file an owner; one that it has already needs no right to change it.
    pub(super) fn own(&self, user: Uid, group: Gid) -> Result<(), Errno> {
        let Stat { st_uid, st_gid, .. } = rustix::fs::fstat(&self.file)?;
        if (st_uid, st_gid) == (user.as_raw(), group.as_raw()) {
            return Ok(());
        }
        rustix::fs::fchown(&self.file, Some(user), Some(group))
    }

    /// Gives the file its permissions, whatever the umask; never those that lend the owner's rights.
    pub(crate) fn permit(&self, mode: u32) -> Result<(), Errno> {
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode & 0o777))
    }

    /// Writes the bytes and waits until it is on the disk.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_all()
    }

    /// Takes its place, all at once.
    pub(crate) fn take_place(mut self, name: &[u8], over: Over) -> Result<(), Errno> {
        let temp = self.name.as_deref().unwrap_or_default();
        let exclusive = RenameFlags::NOREPLACE;
        let first = match over {
            Over::Nothing => {
                rustix::fs::renameat_with(self.folder, temp, self.folder, name, exclusive)
            }
            Over::Anything => Err(Errno::INVAL),
        };
        match first {
            // Some file systems, such as older ZFS, cannot do it exclusively.
            Err(Errno::INVAL | Errno::NOSYS) => {
                rustix::fs::renameat(self.folder, temp, self.folder, name)?;
            }
            done => done?,
        }
        self.name = None;
        Ok(())
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // Nothing is left to be done about it, and the reason for giving up is reported.
            rustix::fs::unlinkat(self.folder, name.as_slice(), AtFlags::empty()).ok();
        }
    }
}

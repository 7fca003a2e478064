//! Replaces and removes whole files: the old text or the new one, never half of it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use phoenix_planner::location::{Location, Place};
use rustix::fs::{AtFlags, FileType, Gid, Stat, Uid};
use rustix::io::Errno;

use super::pve::{self, Kind};
use super::read::{self, PVE_LIMIT, Unread};
use super::root::{Missing, Root, Target, file_type};
use super::temp::{Over, Temp};
use crate::node::{Expect, NodeError};

/// Why a file was not changed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The system said no.
    Io(io::Error),
    /// A rule says no: a lower-case fragment says which.
    Refused(String),
    /// It holds something else than was expected.
    Stale,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Trouble {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl Trouble {
    /// Says which file it was about.
    pub(super) fn at(self, at: &Location) -> NodeError {
        match self {
            Self::Io(source) => NodeError::File { at: at.clone(), source },
            Self::Refused(why) => NodeError::Refused(format!("cannot change {at}: {why}")),
            Self::Stale => NodeError::Stale { at: at.clone() },
        }
    }
}

/// A change of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    /// The file system.
    pub(super) root: &'a Root,
    /// The file.
    pub(super) at: &'a Location,
    /// What it must hold.
    pub(super) expect: Expect<'a>,
    /// How long to wait for a lock.
    pub(super) wait: Duration,
}

/// Which rules a file is changed by.
enum Rules {
    /// Those of an ordinary file system.
    Plain,
    /// Those of pmxcfs.
    Pve(Kind),
}

impl Change<'_> {
    /// Makes the file hold a text. A symbolic link stays, and the file that it leads to is replaced.
    pub(super) fn write(&self, text: &str, mode: u32) -> Result<(), Trouble> {
        tracing::debug!(at = %self.at, bytes = text.len(), "write");
        let result = self.try_write(text, mode);
        self.explained(result)
    }

    fn try_write(&self, text: &str, mode: u32) -> Result<(), Trouble> {
        fits(text, read::limit(self.at))?;
        self.check_quorum()?;
        let target = self.root.target(self.at.path.as_str(), self.missing());
        let target = target.map_err(|error| self.stale_if_absent(error))?;
        let rules = self.rules(&target)?;
        match &rules {
            Rules::Plain => self.write_plain(&target, text, mode),
            Rules::Pve(kind) => self.write_pve(&target, kind, text, mode),
        }
    }

    fn write_plain(&self, target: &Target, text: &str, mode: u32) -> Result<(), Trouble> {
        let present = self.replaceable(target)?;
        let (owner, mode) = self.owner_and_mode(present.as_ref(), mode)?;
        let mut temp = Temp::hidden(&target.folder)?;
        if let Some((user, group)) = owner {
            temp.own(user, group)?;
        }
        temp.permit(mode)?;
        temp.fill(text.as_bytes())?;
        self.check(read::present(self.root, target, self.at))?;
        self.take_place(temp, target)?;
        sync(&target.folder)
    }

    /// Writes as Proxmox VE's own tools do: owner, mode and folders' metadata are pmxcfs's own affair,
    /// and asking for others is an error there.
    fn write_pve(
        &self,
        target: &Target,
        kind: &Kind,
        text: &str,
        mode: u32,
    ) -> Result<(), Trouble> {
        fits(text, PVE_LIMIT)?;
        let _lock = kind.lock(self.root, self.wait)?;
        self.replaceable(target)?;
        self.check_unlocked(kind, target)?;
        self.check(read::present(self.root, target, self.at))?;
        let mut temp =
            Temp::beside(&target.folder, &target.name, mode & 0o777).map_err(left_over)?;
        temp.fill(text.as_bytes())?;
        self.take_place(temp, target)
    }

    /// Removes the file. A symbolic link is removed itself: afterwards nothing has the name.
    pub(super) fn remove(&self) -> Result<(), Trouble> {
        tracing::debug!(at = %self.at, "remove");
        let result = self.try_remove();
        self.explained(result)
    }

    fn try_remove(&self) -> Result<(), Trouble> {
        self.check_quorum()?;
        let target = self.root.place(self.at.path.as_str().as_bytes(), Missing::Fail);
        let target = target.map_err(|error| self.stale_if_absent(error))?;
        let rules = self.rules(&target)?;
        let _lock = match &rules {
            Rules::Pve(kind) => kind.lock(self.root, self.wait)?,
            Rules::Plain => None,
        };
        if let Rules::Pve(kind) = &rules {
            self.check_unlocked(kind, &target)?;
        }
        if let Some(ids) = self.root.ids() {
            allowed(ids.allow_change(&rustix::fs::fstat(&target.folder)?))?;
        }
        self.check(read::present_at(self.root, self.at))?;
        rustix::fs::unlinkat(&target.folder, &target.name, AtFlags::empty())?;
        if matches!(rules, Rules::Plain) { sync(&target.folder) } else { Ok(()) }
    }

    /// A file that must hold a text is in a folder that is there: then nothing is made.
    fn missing(&self) -> Missing {
        if matches!(self.expect, Expect::Text(_)) { Missing::Fail } else { Missing::Make }
    }

    fn stale_if_absent(&self, error: Errno) -> Trouble {
        match (error, self.expect) {
            (Errno::NOENT, Expect::Text(_)) => Trouble::Stale,
            _ if self.root.ids().is_some() => not_allowed(error),
            _ => error.into(),
        }
    }

    fn is_in_pve(&self) -> bool {
        self.at.place == Place::Node && self.at.path.is_below(pve::FOLDER)
    }

    fn check_quorum(&self) -> Result<(), Trouble> {
        if self.is_in_pve() { pve::writable(self.root) } else { Ok(()) }
    }

    fn explained(&self, result: Result<(), Trouble>) -> Result<(), Trouble> {
        result.map_err(|trouble| match self.at.place {
            Place::Node if self.is_in_pve() => pve::explain(trouble),
            Place::Node => trouble,
            Place::Guest(_) | Place::Vm(_) => explain_in_guest(trouble),
        })
    }

    /// Returns the rules of the place where the file really is, whichever links lead there.
    fn rules(&self, target: &Target) -> Result<Rules, Trouble> {
        if self.at.place != Place::Node {
            return Ok(Rules::Plain);
        }
        let folder = self.root.real_path(&target.folder)?;
        let inside = folder.strip_prefix(pve::FOLDER);
        if !inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Ok(Rules::Plain);
        }
        pve::writable(self.root)?;
        let local = pve::local_node(self.root);
        let path = format!("{folder}/{}", String::from_utf8_lossy(&target.name));
        let kind = Kind::of(&path, local.as_deref());
        kind.here(local.as_deref())?;
        Ok(Rules::Pve(kind))
    }

    /// Returns what is there now, which must be a regular file that may be replaced, or nothing.
    fn replaceable(&self, target: &Target) -> Result<Option<Stat>, Trouble> {
        let present = target.stat()?;
        if let Some(ids) = self.root.ids() {
            allowed(ids.allow_change(&rustix::fs::fstat(&target.folder)?))?;
            present.as_ref().map_or(Ok(()), |file| allowed(ids.allow_change(file)))?;
        }
        match present.as_ref().map(file_type) {
            None | Some(FileType::RegularFile) => Ok(present),
            Some(FileType::Directory) => Err(Errno::ISDIR.into()),
            Some(_) => Err(Trouble::Refused("it is no regular file".to_owned())),
        }
    }

    /// Returns whose the new file is, where that matters, and its permissions.
    fn owner_and_mode(
        &self,
        present: Option<&Stat>,
        mode: u32,
    ) -> Result<(Option<(Uid, Gid)>, u32), Trouble> {
        if let Some(Stat { st_uid, st_gid, st_mode, .. }) = present {
            return Ok((Some((Uid::from_raw(*st_uid), Gid::from_raw(*st_gid))), *st_mode));
        }
        let Some(ids) = self.root.ids() else { return Ok((None, mode)) };
        let root =
            ids.root().ok_or_else(|| Trouble::Refused("the guest has no root".to_owned()))?;
        Ok((Some(root), mode))
    }

    /// Insists on what the file must hold.
    fn check(&self, present: Result<String, Unread>) -> Result<(), Trouble> {
        let as_expected = match (self.expect, present) {
            (Expect::Anything, _) | (Expect::Absent, Err(Unread::Absent)) => true,
            (Expect::Text(text), Ok(present)) => text == present,
            _ => false,
        };
        if as_expected { Ok(()) } else { Err(Trouble::Stale) }
    }

    fn check_unlocked(&self, kind: &Kind, target: &Target) -> Result<(), Trouble> {
        if !matches!(kind, Kind::Guest { .. }) {
            return Ok(());
        }
        match read::present(self.root, target, self.at) {
            Ok(text) => kind.unlocked(&text),
            Err(Unread::Absent) => Ok(()),
            Err(Unread::Unreadable(why)) => Err(Trouble::Refused(why)),
        }
    }

    fn take_place(&self, temp: Temp<'_>, target: &Target) -> Result<(), Trouble> {
        let over = if self.expect == Expect::Absent { Over::Nothing } else { Over::Anything };
        match temp.take_place(&target.name, over) {
            Err(Errno::EXIST) if over == Over::Nothing => self.existing(target),
            done => Ok(done?),
        }
    }

    /// Tells a file that appeared meanwhile from pmxcfs's rule that a guest is on one node only.
    fn existing(&self, target: &Target) -> Result<(), Trouble> {
        match target.stat()? {
            Some(_) => Err(Trouble::Stale),
            None => Err(Errno::EXIST.into()),
        }
    }
}

/// Refuses a text that could not be read back: pmxcfs would even leave a part of it behind.
fn fits(text: &str, limit: u64) -> Result<(), Trouble> {
    if text.len() as u64 <= limit {
        return Ok(());
    }
    Err(Trouble::Refused(format!("the text is larger than {} MiB", limit >> 20)))
}

fn allowed(rule: Result<(), Errno>) -> Result<(), Trouble> {
    rule.map_err(not_allowed)
}

/// Says what it means when a guest's file may not be changed.
fn not_allowed(error: Errno) -> Trouble {
    match error {
        Errno::PERM => Trouble::Refused(
            "it belongs to a user that the guest does not have: `chown` it inside the guest's \
             range first"
                .to_owned(),
        ),
        error => error.into(),
    }
}

/// Says what it means when the node's root has no name on a mount: see mount_setattr(2), and the
/// owner of a file system that was mounted in a user namespace.
fn explain_in_guest(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Io(error) if error.raw_os_error() == Some(Errno::OVERFLOW.raw_os_error()) => {
            Trouble::Refused(
                "it is on a mount of the guest's own, where only the guest makes files".to_owned(),
            )
        }
        other => other,
    }
}

fn left_over(error: Errno) -> Trouble {
    match error {
        Errno::EXIST => Trouble::Refused(format!(
            "a file that ends in `.tmp.{}` is left beside it from an interrupted write: remove that",
            std::process::id()
        )),
        error => error.into(),
    }
}

/// Waits until a folder's names are on the disk; some file systems have nothing to wait for.
fn sync(folder: &OwnedFd) -> Result<(), Trouble> {
    match rustix::fs::fsync(folder) {
        Err(Errno::INVAL) => Ok(()),
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_of_the_guest_is_no_strange_number() {
        let refused = explain_in_guest(Errno::OVERFLOW.into());
        assert!(matches!(refused, Trouble::Refused(why) if why.contains("the guest's own")));
        assert!(matches!(explain_in_guest(Errno::NOSPC.into()), Trouble::Io(_)));
    }
}

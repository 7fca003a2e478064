//! The files below one folder, none of whose symbolic links leads out of it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use phoenix_planner::location::Location;
use phoenix_planner::probe::Answer;
use rustix::fs::{AtFlags, FileType, OFlags};
use rustix::io::Errno;

use crate::local::read::{self, Unread};
use crate::local::root::{Missing, Root, Target, file_type, own_fd};
use crate::local::temp::{Over, Temp};
use crate::node::{Expect, NodeError};

/// A folder that is the root of a file system.
#[derive(Debug)]
pub(super) struct Tree(Root);

impl Tree {
    /// Opens a folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Root::at(path).map(Self)
    }

    /// Opens a folder inside as a root of its own; the way there does not lead out either.
    pub(super) fn inner(&self, path: &str) -> io::Result<Self> {
        let folder = self.0.open(path.as_bytes(), OFlags::PATH | OFlags::DIRECTORY)?;
        Self::open(Path::new(&own_fd(&folder)))
    }

    /// Opens a folder inside as a root of its own, and makes it if it is missing.
    pub(super) fn make_inner(&self, path: &str) -> io::Result<Self> {
        self.0.folder(path.as_bytes(), Missing::Make)?;
        self.inner(path)
    }

    /// Returns whether there is anything at a path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.open(path.as_bytes(), OFlags::PATH).is_ok()
    }

    /// Answers what a file holds.
    pub(super) fn file(&self, at: &Location) -> Answer {
        read::file(&self.0, at)
    }

    /// Answers which names are in a folder.
    pub(super) fn names(&self, at: &Location) -> Answer {
        read::names(&self.0, at)
    }

    /// Returns a file's text, or why there is none.
    pub(super) fn text(&self, at: &Location) -> Result<String, Unread> {
        read::present_at(&self.0, at)
    }

    /// Returns the permission bits of the file that a path leads to.
    pub(super) fn mode(&self, path: &str) -> Option<u32> {
        let file = self.0.open(path.as_bytes(), OFlags::PATH).ok()?;
        rustix::fs::fstat(&file).ok().map(|stat| stat.st_mode & 0o7777)
    }

    /// Returns where a path leads when all symbolic links are followed; its last part may be missing.
    pub(super) fn real_path(&self, path: &str) -> Option<String> {
        if let Ok(found) = self.0.open(path.as_bytes(), OFlags::PATH) {
            return self.0.real_path(&found).ok();
        }
        let target = self.0.target(path, Missing::Fail).ok()?;
        let folder = self.0.real_path(&target.folder).ok()?;
        let name = String::from_utf8(target.name).ok()?;
        Some(format!("{}/{name}", folder.trim_end_matches('/')))
    }

    /// Returns where a path leads that is there, all symbolic links followed.
    pub(super) fn real_existing(&self, path: &str) -> Option<String> {
        let found = self.0.open(path.as_bytes(), OFlags::PATH).ok()?;
        self.0.real_path(&found).ok()
    }

    /// Returns the target of a symbolic link; `None` when there is none at the path.
    pub(super) fn link(&self, path: &str) -> Option<String> {
        let at = self.0.place(path.as_bytes(), Missing::Fail).ok()?;
        let target = rustix::fs::readlinkat(&at.folder, &at.name, Vec::new()).ok()?;
        target.into_string().ok()
    }

    /// Puts a symbolic link at a path, instead of whatever file or link is there.
    pub(super) fn put_link(&self, path: &str, target: &str) -> Result<(), NodeError> {
        let at = Location::node(path);
        let place = self.0.place(path.as_bytes(), Missing::Make).map_err(|e| failed(&at, e))?;
        match rustix::fs::unlinkat(&place.folder, &place.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed(&at, error)),
        }
        let put = rustix::fs::symlinkat(target, &place.folder, &place.name);
        put.map_err(|error| failed(&at, error))
    }

    /// Returns where a folder really is; `None` when there is none.
    pub(super) fn real_folder(&self, path: &str) -> Option<String> {
        let folder = self.0.open(path.as_bytes(), OFlags::PATH | OFlags::DIRECTORY).ok()?;
        self.0.real_path(&folder).ok()
    }

    /// Makes a file hold a text; an existing one keeps its mode, and a symbolic link stays.
    pub(super) fn write(&self, change: Write<'_>) -> Result<(), NodeError> {
        let Write { at, expect, text, .. } = change;
        let limit = read::limit(at);
        if text.len() as u64 > limit {
            return Err(refused(at, format!("the text is larger than {} MiB", limit >> 20)));
        }
        let target = self.0.target(at.path.as_str(), change.missing);
        let target = target.map_err(|error| absent(at, expect, error))?;
        let present = target.stat().map_err(|error| failed(at, error))?;
        if present.as_ref().is_some_and(|file| file_type(file) != FileType::RegularFile) {
            return Err(refused(at, "it is no regular file".to_owned()));
        }
        self.check(at, expect, &read::present(&self.0, &target, at))?;
        let mode = present.map_or(change.mode, |file| file.st_mode);
        replace(&target, text.as_bytes(), mode)
            .map_err(|source| NodeError::File { at: at.clone(), source })
    }

    /// Removes a file; a symbolic link is removed itself.
    pub(super) fn remove(&self, at: &Location, expect: Expect<'_>) -> Result<(), NodeError> {
        let target = self.0.place(at.path.as_str().as_bytes(), Missing::Fail);
        let target = target.map_err(|error| absent(at, expect, error))?;
        self.check(at, expect, &self.text(at))?;
        rustix::fs::unlinkat(&target.folder, &target.name, AtFlags::empty())
            .map_err(|error| failed(at, error))
    }

    /// Removes the folders above a file that is gone, as far as they are empty.
    pub(super) fn remove_empty_folders(&self, path: &str) {
        let mut path = path;
        while let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| !folder.is_empty())
        {
            let Ok(at) = self.0.place(folder.as_bytes(), Missing::Fail) else { return };
            // A folder that is not empty stays, and so do those above it.
            if rustix::fs::unlinkat(&at.folder, &at.name, AtFlags::REMOVEDIR).is_err() {
                return;
            }
            path = folder;
        }
    }

    /// Removes a folder, if it is one and empty.
    pub(super) fn remove_empty_folder(&self, path: &str) {
        if let Ok(at) = self.0.place(path.as_bytes(), Missing::Fail) {
            // Whether it went shows when it is looked for.
            rustix::fs::unlinkat(&at.folder, &at.name, AtFlags::REMOVEDIR).ok();
        }
    }

    /// Returns the bytes of a file, symbolic links followed.
    pub(super) fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let mut bytes = Vec::new();
        File::from(self.0.open(path.as_bytes(), flags)?).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Makes a file hold bytes, whatever is there; a symbolic link stays.
    pub(super) fn put_bytes(
        &self,
        path: &str,
        bytes: &[u8],
        mode: u32,
        missing: Missing,
    ) -> io::Result<()> {
        replace(&self.0.target(path, missing)?, bytes, mode)
    }

    /// Copies everything below this root to another one; symbolic links stay links.
    pub(super) fn copy_to(&self, other: &Self) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let (from, to) = (self.0.open(b"/", flags)?, other.0.open(b"/", flags)?);
        copy_tree(Path::new(&own_fd(&from)), Path::new(&own_fd(&to)))
    }

    /// Removes a folder with everything in it; one that is absent is no error.
    pub(super) fn remove_tree(&self, path: &str) -> io::Result<()> {
        let Ok(at) = self.0.place(path.as_bytes(), Missing::Fail) else { return Ok(()) };
        let name = String::from_utf8_lossy(&at.name).into_owned();
        match std::fs::remove_dir_all(Path::new(&own_fd(&at.folder)).join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn check(
        &self,
        at: &Location,
        expect: Expect<'_>,
        present: &Result<String, Unread>,
    ) -> Result<(), NodeError> {
        let as_expected = match (expect, present) {
            (Expect::Anything, _) | (Expect::Absent, Err(Unread::Absent)) => true,
            (Expect::Text(text), Ok(present)) => text == present,
            _ => false,
        };
        if as_expected { Ok(()) } else { Err(NodeError::Stale { at: at.clone() }) }
    }
}

/// A change of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Write<'a> {
    /// The file.
    pub(super) at: &'a Location,
    /// What it must hold before.
    pub(super) expect: Expect<'a>,
    /// What it holds then.
    pub(super) text: &'a str,
    /// Its mode when it is new.
    pub(super) mode: u32,
    /// Whether the folders above it are made.
    pub(super) missing: Missing,
}

fn replace(target: &Target, text: &[u8], mode: u32) -> io::Result<()> {
    let mut temp = Temp::hidden(&target.folder)?;
    temp.permit(mode)?;
    temp.fill(text)?;
    Ok(temp.take_place(&target.name, Over::Anything)?)
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type()? {
            kind if kind.is_dir() => {
                std::fs::create_dir(&target)?;
                copy_tree(&source, &target)?;
            }
            kind if kind.is_symlink() => {
                std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target)?;
            }
            _ => drop(std::fs::copy(&source, &target)?),
        }
    }
    Ok(())
}

fn absent(at: &Location, expect: Expect<'_>, error: Errno) -> NodeError {
    match (error, expect) {
        (Errno::NOENT, Expect::Text(_)) => NodeError::Stale { at: at.clone() },
        _ => failed(at, error),
    }
}

fn failed(at: &Location, error: Errno) -> NodeError {
    NodeError::File { at: at.clone(), source: error.into() }
}

/// Says which rule forbids the change of a file.
pub(super) fn refused(at: &Location, why: String) -> NodeError {
    NodeError::Refused(format!("cannot change {at}: {why}"))
}

//! Where a lab keeps what it needs to know of itself, and the journal by which it is taken down.
//!
//! ```text
//! /run/phoenix-lab/NAME/
//!   twin/             a copy of the captured node; the simulated node keeps its state in it
//!   twin/fs/          the root folder of the node in the lab
//!   twin/guests/ID/fs the root folder of a guest
//!   places/PLACE      the number and the start time of its first process
//!   journal           what was made outside of this folder, written before it is made
//!   log/PLACE         what its processes say on standard error
//!   phoenix           a link to this program
//!   guests            what makes its guests
//!   lxc/ID            what LXC is told of a guest, where it makes them
//!   ready             there when `up` has done its work
//! ```

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags};

use super::error::LabError;
use super::name::LabName;

/// Where all labs are.
pub(super) const ALL: &str = "/run/phoenix-lab";

/// What makes the guests of a lab.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guests {
    /// phoenix, out of namespaces: needs nothing else, and is quick.
    #[default]
    Namespaces,
    /// LXC, which reads the raw keys of the configuration itself.
    Lxc,
}

impl Guests {
    /// Returns `namespaces` or `lxc`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Lxc => "lxc",
        }
    }
}

/// The folder of a lab.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) name: LabName,
    path: PathBuf,
}

impl Folder {
    pub(super) fn of(name: &LabName) -> Self {
        Self { name: name.clone(), path: Path::new(ALL).join(name.to_string()) }
    }

    /// Returns the folder of the lab that a stand-in program stands in.
    pub(super) fn around(program: &Path) -> Option<Self> {
        let name = program.strip_prefix(ALL).ok()?.iter().next()?.to_str()?.parse().ok()?;
        Some(Self::of(&name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn twin(&self) -> PathBuf {
        self.path.join("twin")
    }

    /// Returns the root folder of the node or of a guest.
    pub(super) fn root_of(&self, place: &str) -> PathBuf {
        let twin = self.twin();
        if place == super::NODE {
            twin.join("fs")
        } else {
            twin.join("guests").join(place).join("fs")
        }
    }

    pub(super) fn program(&self) -> PathBuf {
        self.path.join("phoenix")
    }

    /// Returns where LXC looks for its containers.
    pub(super) fn lxc(&self) -> PathBuf {
        self.path.join("lxc")
    }

    /// Returns what makes the guests.
    pub(super) fn guests(&self) -> Guests {
        match fs::read_to_string(self.path.join("guests")) {
            Ok(text) if text == Guests::Lxc.word() => Guests::Lxc,
            _ => Guests::Namespaces,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.path.join("ready").exists()
    }

    /// Makes the folder.
    pub(super) fn make(&self, guests: Guests) -> Result<(), LabError> {
        for part in ["twin", "places", "log"] {
            self.make_folder(&self.path.join(part))?;
        }
        self.write(&self.path.join("guests"), guests.word())
    }

    pub(super) fn make_folder(&self, path: &Path) -> Result<(), LabError> {
        fs::create_dir_all(path).map_err(LabError::at(path))
    }

    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), LabError> {
        fs::write(path, text).map_err(LabError::at(path))
    }

    /// Notes something that is about to be made outside of the folder.
    pub(super) fn note(&self, what: &str, which: &str) -> Result<(), LabError> {
        let path = self.path.join("journal");
        let open = fs::OpenOptions::new().create(true).append(true).open(&path);
        let mut file = open.map_err(LabError::at(&path))?;
        file.write_all(format!("{what} {which}\n").as_bytes()).map_err(LabError::at(&path))
    }

    /// Returns what was noted of a kind, the last one first.
    pub(super) fn noted(&self, what: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path.join("journal")).unwrap_or_default();
        let lines =
            text.lines().rev().filter_map(|line| line.strip_prefix(what)?.strip_prefix(' '));
        lines.map(str::to_owned).collect()
    }
}

/// Waits until no other process makes a lab or takes one down, and keeps others from it until the
/// result is dropped. The folder itself is locked, which the last lab takes away: then it is made again.
pub(super) fn claim() -> Result<OwnedFd, LabError> {
    let all = Path::new(ALL);
    let failed = |error: rustix::io::Errno| LabError::at(all)(error.into());
    loop {
        fs::create_dir_all(all).map_err(LabError::at(all))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(open) = rustix::fs::openat(CWD, all, flags, Mode::empty()) else { continue };
        rustix::fs::flock(&open, FlockOperation::LockExclusive).map_err(failed)?;
        let held = rustix::fs::fstat(&open).map_err(failed)?;
        if fs::metadata(all).is_ok_and(|there| there.ino() == held.st_ino) {
            return Ok(open);
        }
    }
}

/// Returns the labs that have a folder, sorted.
pub(super) fn all() -> Vec<LabName> {
    let entries = fs::read_dir(ALL).into_iter().flatten().flatten();
    let mut names =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect::<Vec<_>>();
    names.sort();
    names
}

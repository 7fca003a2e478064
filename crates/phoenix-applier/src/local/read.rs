//! Reads files and folders, never blocking and never more than a limit.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::Answer;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::root::{Root, Target, file_type, own_fd};

/// The largest file that pmxcfs holds: below `/etc/pve` there can be no larger one.
pub(super) const PVE_LIMIT: u64 = 1 << 20;

/// The largest file that is read or written elsewhere: configuration is a thousand times smaller, and
/// a guest must not fill the node's memory.
const FILE_LIMIT: u64 = 16 << 20;

/// How many names are read from a folder: far beyond any folder of configuration, and a guest must not
/// fill the node's memory.
const NAMES_LIMIT: usize = 1 << 16;

/// How a file is opened to be read: never waiting for a writer, never taking a terminal.
const READING: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Why something that was asked for could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is not there.
    Absent,
    /// It is there and cannot be used: a lower-case fragment says why.
    Unreadable(String),
}

impl Unread {
    fn because(why: &str) -> Self {
        Self::Unreadable(why.to_owned())
    }
}

impl From<Errno> for Unread {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Self::Absent,
            Errno::NXIO => Self::because("it is no regular file"),
            Errno::LOOP => Self::because("it leads through too many symbolic links"),
            Errno::ACCESS | Errno::PERM => Self::because("reading it is not permitted"),
            // What O_NONBLOCK makes of a lease, see fcntl(2).
            Errno::AGAIN => Self::because("another process keeps it from being read"),
            error => Self::from(io::Error::from(error)),
        }
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(format!("reading it failed: {error}"))
    }
}

impl From<Unread> for Answer {
    fn from(why: Unread) -> Self {
        match why {
            Unread::Absent => Self::Absent,
            Unread::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

/// Answers what a file holds.
pub(crate) fn file(root: &Root, at: &Location) -> Answer {
    present_at(root, at).map_or_else(Answer::from, Answer::Text)
}

/// Answers which names are in a folder.
pub(crate) fn names(root: &Root, at: &Location) -> Answer {
    let path = at.path.as_str().as_bytes();
    let found = root.open(path, OFlags::PATH).map_err(Unread::from);
    found.and_then(|found| list(root, &found)).map_or_else(Answer::from, Answer::Names)
}

/// Returns what a file holds, symbolic links followed.
pub(crate) fn present_at(root: &Root, at: &Location) -> Result<String, Unread> {
    let path = at.path.as_str().as_bytes();
    match root.ids() {
        // Whoever can put a device at a path of the node is root already: it is opened at once.
        None => content(root.open(path, READING)?, limit(at)),
        Some(_) => text(root, &root.open(path, OFlags::PATH)?, limit(at)),
    }
}

/// Returns what a file holds that is about to be replaced.
pub(crate) fn present(root: &Root, target: &Target, at: &Location) -> Result<String, Unread> {
    text(root, &target.open()?, limit(at))
}

/// Returns how large a file may be there.
pub(crate) fn limit(at: &Location) -> u64 {
    let below = at.place == Place::Node && at.path.is_below("/etc/pve");
    if below { PVE_LIMIT } else { FILE_LIMIT }
}

/// Returns the text of what was found, which is not open for reading yet.
fn text(root: &Root, found: &OwnedFd, limit: u64) -> Result<String, Unread> {
    allow(root, found)?;
    regular(found)?;
    content(reopen(found, OFlags::empty())?, limit)
}

/// Returns the state of a regular file; anything else is not read.
fn regular(found: &OwnedFd) -> Result<Stat, Unread> {
    let stat = rustix::fs::fstat(found)?;
    match file_type(&stat) {
        FileType::RegularFile => Ok(stat),
        FileType::Directory => Err(Unread::because("it is a folder")),
        _ => Err(Unread::because("it is no regular file")),
    }
}

fn content(file: OwnedFd, limit: u64) -> Result<String, Unread> {
    let stat = regular(&file)?;
    let large = || Unread::Unreadable(format!("it is larger than {} MiB", limit >> 20));
    if u64::try_from(stat.st_size).is_ok_and(|size| size > limit) {
        return Err(large());
    }
    // Room for one byte more lets one read tell that there is no more.
    let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or_default() + 1);
    // Files of /proc have no size, and any other may grow meanwhile.
    std::fs::File::from(file).take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(large());
    }
    String::from_utf8(bytes).map_err(|_| Unread::because("it is not UTF-8 text"))
}

fn list(root: &Root, found: &OwnedFd) -> Result<Vec<String>, Unread> {
    allow(root, found)?;
    if file_type(&rustix::fs::fstat(found)?) != FileType::Directory {
        return Err(Unread::because("it is no folder"));
    }
    let mut names = Vec::new();
    for entry in Dir::new(reopen(found, OFlags::DIRECTORY)?)? {
        let name = entry?.file_name().to_str().map(str::to_owned);
        names.push(name.map_err(|_| Unread::because("it holds a name that is not UTF-8 text"))?);
        if names.len() > NAMES_LIMIT {
            return Err(Unread::Unreadable(format!("it holds more than {NAMES_LIMIT} names")));
        }
    }
    names.retain(|name| name != "." && name != "..");
    names.sort();
    Ok(names)
}

/// Refuses what the guest itself could not read: else a symbolic link in it would borrow the eyes of
/// the node's root.
fn allow(root: &Root, found: &OwnedFd) -> Result<(), Unread> {
    match root.ids() {
        Some(ids) if !ids.may_read(&rustix::fs::fstat(found)?) => {
            Err(Unread::because("it belongs to a user that the guest does not have"))
        }
        _ => Ok(()),
    }
}

/// Opens for reading what was found, which is known to be no device: opening one may already act.
fn reopen(found: &OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, own_fd(found), flags | READING | OFlags::CLOEXEC, Mode::empty())
}

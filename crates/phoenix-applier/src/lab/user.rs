//! Labs of a user who is not root: all of them are in one room, which is a user namespace with mounts, a network
//! and processes of its own. In it the user is root, and `/run` is the user's; so a lab in it is made, found and
//! taken down as root's are.
//!
//! The room is made with the first lab and ends with the last one. Its first process is held by a note in
//! `/tmp/phoenix-lab-UID`, which nobody else can write.
//!
//! A user without a range of ids has exactly one in the room. A daemon that gives up being root, or only its
//! groups, cannot there. So nginx runs as somebody who is not root in the first place, in a user namespace of its own
//! within the room; dnsmasq, which insists on root, finds no group there that it could take.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags};

use super::error::LabError;
use super::folder::ALL;
use super::run::{command, words};
use super::{init, process};

/// The word by which phoenix is told to be the first process of a user's room.
pub const ROOM: &str = "__lab-room";

/// A program that begins as root, and would become somebody else.
const LOWERED: &str = "nginx";

/// Who it is instead: any number but 0.
const SOMEBODY: &str = "1";

/// The group that dnsmasq takes where there is one, else it takes its user's.
const TAKEN: &str = "dip:";

/// What somebody wants of the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// To make a lab.
    Make,
    /// To take one down.
    End,
    /// Something else.
    Visit,
}

/// Runs phoenix again in the room of a user who is not root, and returns what it ended with; nothing for root, and
/// when there is no room for the errand.
///
/// # Errors
///
/// When there can be no room for this user.
pub fn visit(errand: Errand, program: &Path, args: &[OsString]) -> Result<Option<i32>, LabError> {
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        return Ok(None);
    }
    let room = Room { path: PathBuf::from(format!("/tmp/phoenix-lab-{}", uid.as_raw())) };
    if errand == Errand::Visit {
        return room.first().map(|pid| enter(pid, program, args)).transpose();
    }
    let _claim = room.claim(uid.as_raw())?;
    let first = match (room.first(), errand) {
        (Some(pid), _) => Some(pid),
        (None, Errand::Make) => Some(room.open(program)?),
        (None, _) => None,
    };
    let done = first.map(|pid| enter(pid, program, args)).transpose();
    room.close(first)?;
    done
}

/// Where a user's room is noted.
struct Room {
    path: PathBuf,
}

impl Room {
    /// Returns the first process of the room, if it runs.
    fn first(&self) -> Option<u32> {
        let note = fs::read_to_string(self.path.join("first")).ok()?;
        let (pid, started) = note.trim().split_once(' ')?;
        let pid = pid.parse().ok()?;
        let own = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
        let is_own = own == rustix::process::geteuid().as_raw();
        (is_own && process::start_time(pid)? == started.parse::<u64>().ok()?).then_some(pid)
    }

    /// Waits until no other process of the user makes or ends a lab. The folder itself is locked, which the
    /// last lab takes away: then it is made again.
    fn claim(&self, uid: u32) -> Result<OwnedFd, LabError> {
        let failed = |error: rustix::io::Errno| LabError::at(&self.path)(error.into());
        loop {
            match fs::DirBuilder::new().mode(0o700).create(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(LabError::at(&self.path))?,
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let open = match rustix::fs::openat(CWD, &self.path, flags, Mode::empty()) {
                Err(rustix::io::Errno::NOENT) => continue,
                open => open.map_err(failed)?,
            };
            rustix::fs::flock(&open, FlockOperation::LockExclusive).map_err(failed)?;
            let held = rustix::fs::fstat(&open).map_err(failed)?;
            if held.st_uid != uid || held.st_mode & 0o077 != 0 {
                return Err(failed(rustix::io::Errno::PERM));
            }
            if fs::symlink_metadata(&self.path).is_ok_and(|there| there.ino() == held.st_ino) {
                return Ok(open);
            }
        }
    }

    /// Makes the room; returns its first process.
    fn open(&self, program: &Path) -> Result<u32, LabError> {
        let mut argv =
            words(["setsid", "--fork", "unshare", "--user", "--map-root-user", "--mount"]);
        argv.extend(words(["--net", "--pid", "--fork", "--kill-child", "--"]));
        argv.extend([program.display().to_string(), ROOM.to_owned()]);
        let log = self.path.join("log");
        let file = fs::File::create(&log).map_err(LabError::at(&log))?;
        let mut command = command(&argv);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().map_err(|error| LabError::NoRoom(error.to_string()))?;
        let mut said = String::new();
        if let Some(pipe) = child.stdout.take() {
            io::BufReader::new(pipe).read_line(&mut said).map_err(LabError::at(&log))?;
        }
        let pid = said.trim().parse::<u32>().ok();
        let Some((pid, started)) = pid.and_then(|pid| Some((pid, process::start_time(pid)?)))
        else {
            let why = fs::read_to_string(&log).unwrap_or_default() + &said;
            return Err(LabError::NoRoom(why.trim().to_owned()));
        };
        let note = self.path.join("first");
        fs::write(&note, format!("{pid} {started}\n")).map_err(LabError::at(&note))?;
        // Only now can it be found again, and so may go on.
        let told = child.stdin.as_mut().map(|pipe| pipe.write_all(b"\n"));
        told.unwrap_or(Ok(())).map_err(LabError::at(&note))?;
        // It was only there to start the other one.
        child.wait().map_err(LabError::at(&log))?;
        Ok(pid)
    }

    /// Ends the room when the last lab in it is gone; nothing of it stays.
    fn close(&self, first: Option<u32>) -> Result<(), LabError> {
        if let Some(pid) = first.filter(|_| self.first().is_some()) {
            let inside = format!("/proc/{pid}/root{ALL}");
            if fs::read_dir(inside).is_ok_and(|mut labs| labs.next().is_some()) {
                return Ok(());
            }
            process::kill_and_wait(pid, |_| self.first() == Some(pid), ROOM);
        }
        fs::remove_dir_all(&self.path).map_err(LabError::at(&self.path))
    }
}

/// Runs phoenix in a room, in the caller's working folder and with the caller's streams.
fn enter(pid: u32, program: &Path, args: &[OsString]) -> Result<i32, LabError> {
    let mut argv = words(["nsenter", "--target", &pid.to_string(), "--user", "--mount", "--net"]);
    argv.extend(words(["--pid", "--preserve-credentials", "--wd=.", "--"]));
    let mut command = std::process::Command::new(
        super::run::find("nsenter").ok_or(LabError::NoProgram("nsenter"))?,
    );
    command.args(&argv[1..]).arg(program).args(args);
    let status = command.status().map_err(LabError::at(Path::new("/usr/bin/nsenter")))?;
    let by_signal = || 128 + status.signal().unwrap_or_default();
    Ok(status.code().unwrap_or_else(by_signal))
}

/// Is the first process of a user's room. Returns only when it cannot be.
pub fn run_room() -> i32 {
    match prepare() {
        Ok(()) => init::reap(),
        Err(error) => {
            // Whoever started it reads this, or has given up.
            writeln!(io::stdout(), "{error}").ok();
            1
        }
    }
}

fn prepare() -> io::Result<()> {
    // In the mounts that are still the caller's, this is the caller's number for this process.
    let own = fs::read_link("/proc/self")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", "/proc", "proc", flags, None)?;
    own_run()?;
    writeln!(io::stdout(), "{}", own.display())?;
    io::stdout().flush()?;
    // Whoever started it may have been killed before it was noted.
    io::stdin().read_exact(&mut [0])?;
    let null = rustix::fs::openat(CWD, "/dev/null", OFlags::RDWR, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(rustix::stdio::dup2_stdout(&null)?)
}

/// Gives the room a `/run` of its own, in which the folders of users are those that they were.
fn own_run() -> io::Result<()> {
    let users = Path::new("/run/user");
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let kept = users.is_dir().then(|| rustix::mount::open_tree(CWD, users, flags)).transpose()?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("tmpfs", "/run", "tmpfs", flags, None)?;
    let Some(kept) = kept else { return Ok(()) };
    fs::create_dir(users)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    Ok(rustix::mount::move_mount(&kept, "", CWD, users, flags)?)
}

/// Returns whether this process has one id only, so that root can become nobody else.
pub(super) fn is_alone() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let ids = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    ids.sum::<u64>() == 1
}

/// Returns what a place has of a file of this machine: in a room there are no groups that a daemon of root
/// would take, and nobody who makes them up.
pub(super) fn adapted(name: &str, bytes: Vec<u8>) -> Vec<u8> {
    if !is_alone() {
        return bytes;
    }
    let text = String::from_utf8_lossy(&bytes);
    match name {
        "etc/group" => text
            .lines()
            .filter(|line| !line.starts_with(TAKEN) && line.split(':').nth(2) != Some("0"))
            .flat_map(|line| [line, "\n"])
            .collect::<String>()
            .into_bytes(),
        "etc/nsswitch.conf" => text.replace(" systemd", "").into_bytes(),
        _ => bytes,
    }
}

/// Returns the argument vector by which a program runs where root can become nobody else.
pub(super) fn lowered(argv: &[String]) -> Vec<String> {
    if argv.first().is_none_or(|program| program != LOWERED) || !is_alone() {
        return argv.to_vec();
    }
    let user = format!("--map-user={SOMEBODY}");
    let group = format!("--map-group={SOMEBODY}");
    words(["unshare", "--user", &user, &group, "--"])
        .into_iter()
        .chain(argv.iter().cloned())
        .collect()
}

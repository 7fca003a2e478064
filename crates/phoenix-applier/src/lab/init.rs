//! The first process of the node and of each guest in a lab: it makes the place's root folder a root
//! file system of its own, and then collects the processes that lost their parent.
//!
//! The place has this machine's programs, and its own files: `/usr` without `/usr/local`, and `/dev`
//! come from this machine, the rest from the captured folder.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use rustix::process::WaitOptions;

use super::error::LabError;
use super::folder::Folder;
use super::process;
use super::run::{in_netns, words};

/// The word by which phoenix is told to be a first process.
pub const INIT: &str = "__lab-init";

/// Folders of this machine's programs and libraries.
pub(super) const PROGRAMS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// What a place has of its own although the folder above comes from this machine.
pub(super) const LOCAL: &str = "usr/local";

/// Where Debian keeps which of several programs is meant, such as iptables.
pub(super) const ALTERNATIVES: &str = "etc/alternatives";

/// How long to wait for a child when there is none.
const IDLE: Duration = Duration::from_secs(1);

/// Whose first process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Node,
    Guest,
}

/// Starts the first process of a place in its network namespace and waits until the place is ready.
pub(super) fn start(folder: &Folder, place: &str, hostname: &str) -> Result<u32, LabError> {
    let failed = |why: String| LabError::Init { place: place.to_owned(), why };
    let log_path = folder.path().join("log").join(place);
    let log = fs::OpenOptions::new().create(true).append(true).open(&log_path);
    let log = log.map_err(LabError::at(&log_path))?;
    let mut argv = words(["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork"]);
    argv.extend(words(["--kill-child", "--"]));
    argv.push(folder.program().display().to_string());
    argv.extend(words([INIT, place, hostname]));
    argv.push(folder.root_of(place).display().to_string());
    let mut command = super::run::command(&in_netns(&folder.name.netns(place), &argv));
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(log);
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let mut said = String::new();
    if let Some(pipe) = child.stdout.take() {
        let read = io::BufRead::read_line(&mut io::BufReader::new(pipe), &mut said);
        read.map_err(|error| failed(error.to_string()))?;
    }
    let pid = said.trim().parse::<u32>().map_err(|_| failed(reason(&said, &log_path)))?;
    remember(folder, place, pid)?;
    Ok(pid)
}

/// Notes the number of a place's first process.
pub(super) fn remember(folder: &Folder, place: &str, pid: u32) -> Result<(), LabError> {
    let why = "it ended at once".to_owned();
    let failed = || LabError::Init { place: place.to_owned(), why };
    let started = process::start_time(pid).ok_or_else(failed)?;
    let note = folder.path().join("places").join(place);
    folder.write(&note, &format!("{pid} {started}\n"))?;
    folder.note("process", &format!("{pid} {started} {place}"))
}

fn reason(said: &str, log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    let last = log.lines().next_back().unwrap_or("it says nothing");
    if said.trim().is_empty() { last.to_owned() } else { said.trim().to_owned() }
}

/// Returns the number of the first process of a place that runs.
pub(super) fn pid(folder: &Folder, place: &str) -> Option<u32> {
    let note = fs::read_to_string(folder.path().join("places").join(place)).ok()?;
    let (pid, started) = note.trim().split_once(' ')?;
    let pid = pid.parse().ok()?;
    (process::start_time(pid)? == started.parse::<u64>().ok()?).then_some(pid)
}

/// Is the first process of a place: `PLACE HOSTNAME ROOT`, or nothing in a guest whose files LXC has
/// mounted. Returns only when it cannot be.
pub fn run(args: &[String]) -> i32 {
    if args.is_empty() {
        settings(Role::Guest);
        reap();
    }
    let [place, hostname, root] = args else { return 1 };
    let role = if place == super::NODE { Role::Node } else { Role::Guest };
    match prepare(role, hostname, Path::new(root)) {
        Ok(()) => reap(),
        Err(error) => {
            // Whoever started it reads this, or has given up.
            writeln!(io::stdout(), "{error}").ok();
            1
        }
    }
}

fn prepare(role: Role, hostname: &str, root: &Path) -> io::Result<()> {
    // In the mounts that are still the caller's, this is the caller's number for this process.
    let own = fs::read_link("/proc/self")?;
    rustix::process::setsid().ok();
    rustix::system::sethostname(hostname.as_bytes())?;
    mount_all(role, root)?;
    enter(root)?;
    settings(role);
    writeln!(io::stdout(), "{}", own.display())?;
    io::stdout().flush()?;
    let null = rustix::fs::openat(CWD, "/dev/null", OFlags::RDWR, Mode::empty())?;
    Ok(rustix::stdio::dup2_stdout(&null)?)
}

fn mount_all(role: Role, root: &Path) -> io::Result<()> {
    // A root file system must be a mount of its own.
    rustix::mount::mount_bind_recursive(root, root)?;
    let local = keep(&root.join(LOCAL))?;
    for name in PROGRAMS {
        borrow(name, root)?;
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(&local, "", CWD, root.join(LOCAL), flags)?;
    borrow(ALTERNATIVES, root)?;
    let dev = made(root.join("dev"))?;
    rustix::mount::mount_bind_recursive("/dev", dev)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", made(root.join("proc"))?, "proc", flags, None)?;
    let sys = made(root.join("sys"))?;
    // Some kernels give no second one, and only a few programs look at it.
    rustix::mount::mount("sysfs", sys, "sysfs", flags | MountFlags::RDONLY, None).ok();
    let fresh = if role == Role::Guest { ["run", "tmp"].as_slice() } else { &[] };
    for name in fresh {
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount("tmpfs", made(root.join(name))?, "tmpfs", flags, None)?;
    }
    Ok(())
}

/// Shows a folder of this machine in the place; nothing in it can be written there.
fn borrow(name: &str, root: &Path) -> io::Result<()> {
    let source = Path::new("/").join(name);
    if !source.is_dir() {
        return Ok(());
    }
    let target = made(root.join(name))?;
    rustix::mount::mount_bind(&source, &target)?;
    let flags = MountFlags::BIND | MountFlags::RDONLY;
    match rustix::mount::mount_remount(&target, flags, c"") {
        // In a user's room no flag can be taken away, and nothing of the machine be written either.
        Err(Errno::PERM) if super::user::is_alone() => Ok(()),
        done => Ok(done?),
    }
}

/// Holds a folder of the place that is about to be hidden.
fn keep(path: &Path) -> io::Result<OwnedFd> {
    fs::create_dir_all(path)?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    Ok(rustix::mount::open_tree(CWD, path, flags)?)
}

fn made(path: PathBuf) -> io::Result<PathBuf> {
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// Makes the folder the root, and lets go of the one that was.
fn enter(root: &Path) -> io::Result<()> {
    std::env::set_current_dir(root)?;
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")
}

/// Sets what the kernel takes from the machine's own settings otherwise, so that a lab is the same
/// everywhere. A key that the kernel does not have is left out.
fn settings(role: Role) {
    let everywhere = ["net/ipv4/conf/all/rp_filter", "net/ipv4/conf/default/rp_filter"];
    everywhere.iter().for_each(|key| set(key, "0"));
    if super::user::is_alone() {
        // A daemon that is not root shall listen where it would as root.
        set("net/ipv4/ip_unprivileged_port_start", "0");
    }
    if role == Role::Node {
        set("net/ipv4/ip_forward", "1");
        // Proxmox VE's firewall sets it: bridged answers of guests find their way back through NAT.
        set("net/bridge/bridge-nf-call-iptables", "1");
    }
}

fn set(key: &str, value: &str) {
    // See above.
    fs::write(Path::new("/proc/sys").join(key), value).ok();
}

/// Collects processes for ever.
pub(super) fn reap() -> ! {
    loop {
        if let Err(Errno::CHILD) = rustix::process::wait(WaitOptions::empty()) {
            std::thread::sleep(IDLE);
        }
    }
}

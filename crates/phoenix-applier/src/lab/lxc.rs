//! Guests as containers of LXC: the raw keys of a guest's configuration are read by LXC itself, which also
//! makes its interfaces, sets its environment, and runs its start hooks.
//!
//! What Proxmox VE adds of its own is added here as it does it: the files, a name, and for each `netN` a pair
//! of veths whose outer end is plugged in afterwards. LXC runs in the node's network namespace. Its first
//! process ends with the monitor that started it, so that whoever kills the processes of the node has killed
//! the guests too.
//!
//! Deliberately not made: the user namespace of an unprivileged container, and limits.

mod cgroup;

use std::fs;
use std::path::{Path, PathBuf};

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;

pub(super) use self::cgroup::clear as clear_cgroups;
use super::error::LabError;
use super::folder::Folder;
use super::init::{self, ALTERNATIVES, INIT, LOCAL, PROGRAMS};
use super::links::Plugged;
use super::run::{self, in_netns, words};
use super::{furnish, process};
use crate::simulated::Nics;

/// Programs of LXC that a lab runs.
pub(super) const NEEDED: [&str; 3] = ["lxc-start", "lxc-stop", "lxc-info"];

/// Where a guest sees this program, which is its first process.
const FIRST: &str = "run/phoenix-lab-init";

/// Where LXC keeps a lock for every folder that it has ever looked into.
const LOCKS: &str = "/run/lxc/lock";

/// What a container of Proxmox VE may not do, privileged or not.
const DROPPED: &str = "mac_admin mac_override sys_time sys_module sys_rawio";

/// Folders that must be there before something is mounted on them.
const FOLDERS: [&str; 3] = ["dev", "proc", "sys"];

/// Starts a guest, its network namespace with the lab's name for it, and plugs it in.
pub(super) fn start(
    folder: &Folder,
    vmid: Vmid,
    conf: &LxcConf,
    hostname: &str,
    nics: &Nics,
) -> Result<(), LabError> {
    let at = vmid.to_string();
    furnish::folders(&folder.root_of(&at), &FOLDERS)?;
    let container = folder.lxc().join(&at);
    folder.make_folder(&container)?;
    let config = config(folder, vmid, hostname, nics) + &own_keys(conf);
    folder.write(&container.join("config"), &config)?;
    super::power::patiently(|| started(folder, &at))?;
    let pid = first_process(folder, &at)?;
    init::remember(folder, &at, pid)?;
    let netns = folder.name.netns(&at);
    run::ip(None, &[format!("netns attach {netns} {pid}")])?;
    // A guest's own init does that.
    run::ip(Some(&netns), &["link set lo up".to_owned()])?;
    let plugged = super::power::plugged(vmid, nics);
    let ports = plugged.iter().filter(|plugged| plugged.is_the_guests() && plugged.is_port());
    let lines = ports.flat_map(|plugged| plugged.port_up()).collect::<Vec<_>>();
    run::ip(Some(&folder.name.netns(super::NODE)), &lines)
}

/// Runs a program of LXC for a guest, where its sockets are: in the node's network namespace.
fn lxc(folder: &Folder, program: &str, at: &str, more: &[&str]) -> Vec<String> {
    let path = folder.lxc().display().to_string();
    let mut argv = words([program, "--lxcpath", &path, "--name", at]);
    argv.extend(more.iter().map(|word| (*word).to_owned()));
    in_netns(&folder.name.netns(super::NODE), &argv)
}

fn log_of(folder: &Folder, at: &str) -> PathBuf {
    folder.path().join("log").join(format!("lxc-{at}"))
}

/// Starts it; LXC's own first complaint says why it does not.
fn started(folder: &Folder, at: &str) -> Result<(), LabError> {
    let log = log_of(folder, at);
    folder.write(&log, "")?;
    let to = log.display().to_string();
    let argv =
        lxc(folder, "lxc-start", at, &["--daemon", "--logfile", &to, "--logpriority", "ERROR"]);
    let output = run::output(&argv, "")?;
    if output.status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(&log).unwrap_or_default();
    let errors =
        said.lines().filter_map(|line| line.split_once(" ERROR ")).map(|(_, why)| why.trim());
    let why = errors.take(3).collect::<Vec<_>>().join("; ");
    let why = if why.is_empty() { format!("it ended with {}", output.status) } else { why };
    Err(LabError::Program { argv: format!("lxc-start --name {at}"), why })
}

fn first_process(folder: &Folder, at: &str) -> Result<u32, LabError> {
    let said = run::run(&lxc(folder, "lxc-info", at, &["--pid", "--no-humanize"]), "")?;
    let failed = || LabError::Init { place: at.to_owned(), why: "it ended at once".to_owned() };
    said.trim().parse().map_err(|_| failed())
}

/// Stops a guest, if it runs, and waits until LXC has let go of it, also after a start that failed.
pub(super) fn stop(folder: &Folder, at: &str) {
    // What does not run any more is what was wanted.
    run::output(&lxc(folder, "lxc-stop", at, &["--kill"]), "").ok();
    let node = [folder.name.netns(super::NODE)];
    let path = folder.lxc().display().to_string();
    let is_monitor = |pid: &u32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = line.split(['\0', ' ']).collect::<Vec<_>>();
        words.contains(&path.as_str()) && words.contains(&at)
    };
    let monitors = process::in_netns(&node).into_iter().filter(is_monitor);
    monitors.for_each(|monitor| process::finish(monitor, &node));
}

/// Removes what LXC keeps of a lab's folder outside of it. What others have there stays.
pub(super) fn clear_locks(folder: &Folder) {
    let inner = folder.lxc();
    let own = Path::new(LOCKS).join(inner.strip_prefix("/").unwrap_or(&inner));
    // Gone when no guest was ever started by LXC.
    fs::remove_dir_all(&own).ok();
    let above = own.ancestors().skip(1).take_while(|path| *path != Path::new(LOCKS));
    above.take_while(|path| fs::remove_dir(path).is_ok()).for_each(drop);
}

/// Returns the raw keys of a configuration in the form of lxc.container.conf(5), to the letter.
fn own_keys(conf: &LxcConf) -> String {
    conf.raw().iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// Returns what Proxmox VE would write in front of the raw keys, and the files of a lab.
fn config(folder: &Folder, vmid: Vmid, hostname: &str, nics: &Nics) -> String {
    let root = folder.root_of(&vmid.to_string());
    let mut lines = vec![
        format!("lxc.rootfs.path = dir:{}", root.display()),
        format!("lxc.uts.name = {hostname}"),
        format!("lxc.cgroup.dir = {}", cgroup::name(&folder.name)),
        format!("lxc.init.cmd = /{FIRST} {INIT}"),
        format!("lxc.cap.drop = {DROPPED}"),
        "lxc.autodev = 1".to_owned(),
        "lxc.mount.auto = proc:mixed sys:mixed".to_owned(),
    ];
    lines.extend(mounts(folder, &root));
    let plugged = super::power::plugged(vmid, nics);
    lines.extend(plugged.iter().filter(|plugged| plugged.is_the_guests()).flat_map(Plugged::keys));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn mounts(folder: &Folder, root: &Path) -> Vec<String> {
    let bind = |from: &Path, to: &str, more: &str| {
        format!("lxc.mount.entry = {} {to} none bind{more} 0 0", from.display())
    };
    let there = |name: &&&str| Path::new("/").join(name).is_dir();
    let borrow = |name: &str| bind(&Path::new("/").join(name), name, ",ro,create=dir");
    let mut lines = PROGRAMS.iter().filter(there).map(|name| borrow(name)).collect::<Vec<_>>();
    lines.push(bind(&root.join(LOCAL), LOCAL, ""));
    lines.extend([&ALTERNATIVES].into_iter().filter(there).map(|name| borrow(name)));
    let fresh = |name| format!("lxc.mount.entry = tmpfs {name} tmpfs nosuid,nodev,create=dir 0 0");
    lines.extend(["run", "tmp"].map(fresh));
    lines.push(bind(&folder.program(), FIRST, ",ro,create=file"));
    lines
}

//! Finds and ends the processes of a lab: those in its network namespaces, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

/// How long a killed process may take to be gone.
const GRACE: Duration = Duration::from_secs(5);

/// How often the namespaces are looked through: a process may start another one just before it ends.
const ROUNDS: usize = 10;

/// A network namespace, whatever it is called.
type Namespace = (u64, u64);

fn namespace(path: &Path) -> Option<Namespace> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn namespaces(names: &[String]) -> BTreeSet<Namespace> {
    names.iter().filter_map(|name| namespace(&Path::new("/run/netns").join(name))).collect()
}

/// Returns the numbers of all processes in some network namespaces.
pub(super) fn in_netns(names: &[String]) -> Vec<u32> {
    let wanted = namespaces(names);
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|pid| is_in(*pid, &wanted)).collect()
}

fn is_in(pid: u32, wanted: &BTreeSet<Namespace>) -> bool {
    let own = namespace(&Path::new("/proc").join(pid.to_string()).join("ns/net"));
    own.is_some_and(|own| wanted.contains(&own))
}

/// Kills all processes in some network namespaces and waits until they are gone.
pub(super) fn kill_in_netns(names: &[String]) {
    for _ in 0..ROUNDS {
        let held = in_netns(names).into_iter().filter_map(|pid| hold(pid, names));
        let held = held.collect::<Vec<_>>();
        if held.is_empty() {
            return;
        }
        for process in &held {
            // It may have ended by itself just now.
            rustix::process::pidfd_send_signal(process, Signal::KILL).ok();
        }
        held.iter().for_each(wait);
    }
}

/// Holds a process, unless its number means another one by now.
fn hold(pid: u32, names: &[String]) -> Option<OwnedFd> {
    let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let held = rustix::process::pidfd_open(number, PidfdFlags::empty()).ok()?;
    is_in(pid, &namespaces(names)).then_some(held)
}

fn wait(process: &OwnedFd) {
    let deadline = Instant::now() + GRACE;
    let left = || deadline.saturating_duration_since(Instant::now());
    while !left().is_zero() {
        let timeout = Timespec::try_from(left()).ok();
        match rustix::event::poll(&mut [PollFd::new(process, PollFlags::IN)], timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
}

/// Kills a process, unless its number means another one by now, and waits until it is gone, and the one that
/// waits for it too: that one is known by a word of its command line.
pub(super) fn kill_and_wait(pid: u32, is_meant: impl Fn(u32) -> bool, word: &str) {
    let hold = |pid: u32| {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
        rustix::process::pidfd_open(number, PidfdFlags::empty()).ok()
    };
    let Some(held) = hold(pid).filter(|_| is_meant(pid)) else { return };
    let parent = field(pid, PARENT).and_then(|parent| parent.parse::<u32>().ok());
    let parent = parent.and_then(|parent| Some((parent, hold(parent)?)));
    let line = |pid: u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let waits = parent.filter(|(parent, _)| line(*parent).split('\0').any(|part| part == word));
    // It may have ended by itself just now.
    rustix::process::pidfd_send_signal(&held, Signal::KILL).ok();
    wait(&held);
    waits.iter().for_each(|(_, parent)| wait(parent));
}

/// Returns when a process was started, in ticks since the machine was; a number alone is used again.
pub(super) fn start_time(pid: u32) -> Option<u64> {
    field(pid, START_TIME)?.parse().ok()
}

/// Where proc(5) has the fields behind the program's name, which stands in parentheses.
const STATE: usize = 0;
const PARENT: usize = 1;
const START_TIME: usize = 19;

fn field(pid: u32, index: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    rest.split_whitespace().nth(index).map(str::to_owned)
}

/// How much of a program's name the kernel keeps.
const NAME: usize = 15;

/// Returns the daemons of a program below the first process of a place.
pub(super) fn daemons(names: &[String], program: &str, init: u32) -> Vec<u32> {
    let is = |pid: &u32| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let parent = field(*pid, PARENT);
        name.trim() == program.get(..NAME).unwrap_or(program)
            && parent == Some(init.to_string())
            && field(*pid, STATE).is_some_and(|state| state != "Z")
    };
    in_netns(names).into_iter().filter(is).collect()
}

/// Asks a process to end, and waits until it has; kills it after a while.
pub(super) fn end(pid: u32, names: &[String], signal: Signal) {
    let Some(held) = hold(pid, names) else { return };
    for signal in [signal, Signal::KILL] {
        if rustix::process::pidfd_send_signal(&held, signal).is_err() {
            return;
        }
        wait(&held);
    }
}

/// Waits until a process has ended by itself; kills it after a while.
pub(super) fn finish(pid: u32, names: &[String]) {
    let Some(held) = hold(pid, names) else { return };
    wait(&held);
    // It has ended, as a rule.
    rustix::process::pidfd_send_signal(&held, Signal::KILL).ok();
    wait(&held);
}

/// Kills a process, unless its number means another one by now.
pub(super) fn kill_if(pid: u32, is_meant: impl Fn(u32) -> bool) {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let held = number.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
    if let Some(held) = held.filter(|_| is_meant(pid)) {
        // It may have ended by itself just now.
        rustix::process::pidfd_send_signal(&held, Signal::KILL).ok();
    }
}

/// Sends a signal to a process of a place.
pub(super) fn signal(pid: u32, names: &[String], signal: Signal) {
    if let Some(held) = hold(pid, names) {
        // It may have ended by itself just now.
        rustix::process::pidfd_send_signal(&held, signal).ok();
    }
}

//! This machine, which is a Proxmox VE node.
//!
//! Owns how files are read and written on a real node and inside its running containers, and how
//! programs are run. Every path is resolved below one root folder with `openat2(2)` and
//! `RESOLVE_IN_ROOT`: below `/` that is what the kernel does anyway, and inside a guest, whose every
//! symbolic link may be hostile, it is the wall. Into a virtual machine there is no way but its guest
//! agent: programs in there read and write, so that links lead nowhere but inside of it.
//!
//! Deliberately not understood: what the files mean. The exceptions are the `lock:` key of a guest's
//! configuration and the places of Proxmox VE's locks. Access control lists and other extended attributes
//! of a replaced file are not kept, nor its set-user-id bits and hard links.

mod agent;
mod detect;
mod guest;
mod ids;
mod lock;
mod program;
mod pve;
pub(crate) mod read;
mod replace;
pub(crate) mod root;
pub(crate) mod temp;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use phoenix_formats::Vmid;
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output, Probe};
use rustix::fs::OFlags;

use self::agent::Agent;
pub use self::detect::NotANode;
use self::guest::Guest;
use self::lock::Lock;
use self::program::{Excess, Failure, Tools};
use self::replace::Trouble;
use self::root::Root;
use crate::node::{Effect, Node, NodeError};

/// How many places are asked at the same time: `pct exec` takes most of a second and waits for the
/// guest, while a small node has no more cores than this.
const WORKERS: usize = 4;

/// The file that is locked during an apply: two at the same time would restart the same guests. In a
/// folder that only root writes to, so that nobody else can hold it.
const CLAIM: &str = "/run/phoenix-apply.lock";

/// How long a [`LocalNode`] waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a lock that another process holds. Default: 10 seconds, as Proxmox VE's own tools.
    pub lock: Duration,
    /// For a program that only answers. Default: 60 seconds, many times what the slowest one takes on
    /// a busy node; it is killed then.
    pub probe: Duration,
    /// For a program that changes something. Default: 15 minutes, because the start of a container may
    /// check a large file system first; it is asked to end then, and killed 5 seconds later.
    pub change: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lock: Duration::from_secs(10),
            probe: Duration::from_secs(60),
            change: Duration::from_secs(15 * 60),
        }
    }
}

/// This machine, a Proxmox VE node.
///
/// Below another root than `/` it takes programs from that root's `bin` and `sbin` folders only, so
/// that a folder can play a whole node.
#[derive(Debug)]
pub struct LocalNode {
    root: Root,
    tools: Tools,
    limits: Limits,
    claim: Option<Lock>,
}

impl LocalNode {
    /// Returns this machine, or says why it is no Proxmox VE node.
    ///
    /// A node is a machine where `/etc/pve` is a mounted FUSE file system and holds the link `local`.
    /// Either alone is not enough: without the mount the folder is an empty one on the disk, and what
    /// is written there disappears under the next mount.
    pub fn detect() -> Result<Self, NotANode> {
        detect::check(Path::new("/"))?;
        Self::with_root("/").map_err(NotANode::Unusable)
    }

    /// Returns a node whose file system is the folder `root`; nothing is checked.
    pub fn with_root(root: impl Into<PathBuf>) -> io::Result<Self> {
        let path = root.into();
        Ok(Self {
            root: Root::at(&path)?,
            tools: Tools::new(path),
            limits: Limits::default(),
            claim: None,
        })
    }

    /// Returns the same node with other waiting times.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns the answers to all probes of one place.
    fn ask(&self, place: Place, probes: Vec<&Probe>) -> Vec<(Probe, Answer)> {
        match place {
            Place::Node => self.ask_each(&self.root, &probes),
            Place::Guest(vmid) => Guest::open(&self.root, &self.tools, self.limits.probe, vmid)
                .and_then(|guest| guest.while_alive(|root| self.ask_each(root, &probes)))
                .unwrap_or_else(|why| unreachable(&probes, &why)),
            Place::Vm(vmid) => self.agent(vmid).ask(&probes),
        }
    }

    /// Returns the way into a virtual machine.
    fn agent(&self, vmid: Vmid) -> Agent<'_> {
        Agent::new(&self.tools, vmid, self.limits.probe)
    }

    fn ask_each(&self, root: &Root, probes: &[&Probe]) -> Vec<(Probe, Answer)> {
        probes.iter().map(|&probe| (probe.clone(), self.ask_one(root, probe))).collect()
    }

    fn ask_one(&self, root: &Root, probe: &Probe) -> Answer {
        match probe {
            Probe::File(at) => read::file(root, at),
            Probe::List(at) => read::names(root, at),
            Probe::Run { place, argv } => self.ask_program(*place, argv),
        }
    }

    /// Runs a program that only answers. One that cannot be started answers as a shell would: 127 when
    /// it is not there, 126 when it cannot be run.
    fn ask_program(&self, place: Place, argv: &[String]) -> Answer {
        let argv = match place {
            Place::Node => argv.to_vec(),
            Place::Guest(vmid) => program::in_container(vmid, argv),
            Place::Vm(vmid) => return self.agent(vmid).ask_program(argv),
        };
        match self.tools.run(&argv, self.limits.probe, Excess::Kill) {
            Ok(output) => Answer::Ran(output),
            Err(Failure::Start(error)) => Answer::Ran(not_started(&error)),
            Err(failure) => Answer::Unreadable(failure.to_string()),
        }
    }

    fn run(
        &self,
        place: Place,
        argv: &[String],
        input: Option<&Location>,
    ) -> Result<Output, NodeError> {
        let input = input.map(|at| self.open_input(at)).transpose()?;
        let whole = match place {
            Place::Node => argv.to_vec(),
            Place::Guest(vmid) => {
                guest::init_pid(&self.root, &self.tools, self.limits.probe, vmid)
                    .map_err(|why| NodeError::Unreachable { place, why })?;
                program::in_container(vmid, argv)
            }
            Place::Vm(vmid) => return self.agent(vmid).run(argv, input, self.limits.change),
        };
        let input = input.map_or_else(Stdio::null, Stdio::from);
        self.tools.feed(&whole, input, self.limits.change, Excess::Drop).map_err(|failure| {
            let program = argv.first().cloned().unwrap_or_default();
            NodeError::Program { program, source: failure.into() }
        })
    }

    /// Opens a file of the node that a program reads as its standard input.
    fn open_input(&self, at: &Location) -> Result<OwnedFd, NodeError> {
        let opened = self.root.open(at.path.as_str().as_bytes(), OFlags::RDONLY);
        opened.map_err(|error| NodeError::File { at: at.clone(), source: error.into() })
    }

    /// Carries out a change of one file of the node or of a container.
    fn change(
        &self,
        at: &Location,
        change: impl FnOnce(&Root) -> Result<(), Trouble>,
    ) -> Result<Output, NodeError> {
        let done = match at.place.vmid() {
            None => change(&self.root),
            Some(vmid) => {
                let guest = Guest::open(&self.root, &self.tools, self.limits.probe, vmid)
                    .map_err(|why| NodeError::Unreachable { place: at.place, why })?;
                change(guest.root())
            }
        };
        done.map(|()| silence()).map_err(|trouble| trouble.at(at))
    }
}

impl Node for LocalNode {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        let mut places: BTreeMap<Place, Vec<&Probe>> = BTreeMap::new();
        for probe in probes {
            places.entry(probe.place()).or_default().push(probe);
        }
        let workers = places.len().min(WORKERS);
        let (queue, answers) = (Mutex::new(places), Mutex::new(BTreeMap::new()));
        let work = || {
            while let Some((place, probes)) = next(&queue) {
                let found = self.ask(place, probes);
                answers.lock().expect("no worker panics").extend(found);
            }
        };
        std::thread::scope(|scope| {
            (0..workers).for_each(|_| drop(scope.spawn(work)));
        });
        answers.into_inner().expect("no worker panics")
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        match effect {
            Effect::Write { at, expect, text, mode } => match at.place {
                Place::Vm(vmid) => self.agent(vmid).write(at, expect, text, mode),
                _ => self.change(at, |root| {
                    let file = replace::Change { root, at, expect, wait: self.limits.lock };
                    file.write(text, mode)
                }),
            },
            Effect::Remove { at, expect } => match at.place {
                Place::Vm(vmid) => self.agent(vmid).remove(at, expect),
                _ => self.change(at, |root| {
                    replace::Change { root, at, expect, wait: self.limits.lock }.remove()
                }),
            },
            Effect::Run { place, argv } => self.run(place, argv, None),
            Effect::Feed { place, argv, input } => self.run(place, argv, Some(input)),
        }
    }

    fn claim(&mut self) -> Result<(), NodeError> {
        self.claim = None;
        match Lock::file(&self.root, CLAIM, Duration::ZERO) {
            Ok(lock) => self.claim = Some(lock),
            Err(Trouble::Refused(_)) => {
                let why = "another apply is at work on this node: wait until it is done";
                return Err(NodeError::Refused(why.to_owned()));
            }
            Err(trouble) => return Err(trouble.at(&Location::node(CLAIM))),
        }
        Ok(())
    }

    fn pause(&mut self, seconds: u32) {
        std::thread::sleep(Duration::from_secs(seconds.into()));
    }
}

/// Takes the next place to ask from the queue.
fn next<'p>(queue: &Mutex<BTreeMap<Place, Vec<&'p Probe>>>) -> Option<(Place, Vec<&'p Probe>)> {
    queue.lock().expect("no worker panics").pop_first()
}

/// Returns what a change of a file says.
fn silence() -> Output {
    Output { exit: 0, stdout: String::new(), stderr: String::new() }
}

/// Returns what a shell would leave when a program cannot be started.
fn not_started(error: &io::Error) -> Output {
    let exit = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
    Output { exit, stdout: String::new(), stderr: error.to_string() }
}

/// Returns the same answer to all probes of a place that cannot be asked.
fn unreachable(probes: &[&Probe], why: &str) -> Vec<(Probe, Answer)> {
    probes.iter().map(|&probe| (probe.clone(), Answer::Unreachable(why.to_owned()))).collect()
}

//! A captured node: a folder that answers and changes as the node would.
//!
//! Owns what Proxmox VE, ip(8), iptables(8), ss(8), nginx and systemd say about the files of such a
//! folder, and what they would do to them. It is as strict as the real programs: a command that it does
//! not know ends with 127, an option that the program does not have with the program's error.
//!
//! The folder:
//!
//! - `fs/…` holds files of the node at their own paths, `guests/101/fs/…` those inside a guest. A container's are
//!   read whether it runs or not, and written only while it runs, as on a real node; a virtual machine's are read
//!   and written while it runs and its guest agent answers. Symbolic links
//!   are followed inside the folder that holds them and never lead out of it. `/etc/pve/lxc` may be a
//!   folder or a link to `nodes/<name>/lxc`, and `/etc/pve/local` may be missing.
//! - `live/iptables.save` holds the live rules.
//! - `node.json` says what files cannot: `name` (default `pve`), `pve_version`, `net_types` (default
//!   `["veth"]`), `running` (default none), and `busy`: guests that always have an established TCP
//!   connection on which they send. When such a guest stops while it has a macvlan with a fixed Ethernet
//!   address that is up, the address is held, and the next two starts that want it fail. `packages` are
//!   the packages of Debian that are installed, of those that phoenix asks for. `now` is the time, in seconds since
//!   1970; it stands still (default: the first of January 2026).
//!   `without_agent` are the virtual machines in which no guest agent is installed.
//!   `datasets` are the ZFS datasets with their mount points, `templates` those that `pveam` can download,
//!   `downloads` what curl(1) can fetch, by its address.
//! - `answers.json` holds answers that stand instead of those that files give. A guest's are given
//!   while it runs. An answer to `stat --format=%a /etc/pve/local` without the owner's write bit is a node
//!   without a quorum, where nothing below `/etc/pve` can be changed.
//! - `live/lxc/101.conf` is what a running container has in force, while its file says something else;
//!   `live/guests/101/listening` the sockets that nginx in it has, while its files ask for others (an
//!   empty file: nginx does not run); `live/guests/101/down` the interfaces that were set down in it;
//!   `live/guests/101/default` the `netN` to which a `pct set` has moved its default route, or `none`;
//!   `live/guests/101/held` the Ethernet addresses that the last stop left behind, after the number of
//!   starts that they make fail; `live/guests/101/arp`, `rules`, `routes` and `nft` what phoenix's own program and
//!   ip(8) and nft(8) have set in it since it started, `live/guests/101/packages` what is installed in it, `mounts` what a virtual machine mounts, `units` which of its services are `enabled` and `active`, `attributes` modes and owners
//!   that were set there; `live/attributes` those of the node;
//!   `live/links.json` and `live/gateways` the node's links and default
//!   gateways, while its interfaces(5) say something else; `live/packages` what was installed since;
//!   `live/routes`, `live/fdb` and `live/sysctl` the routes by a macvlan of the node, entries of its bridges' tables, and
//!   settings of its links;
//!   `live/units/UNIT` what is not as it should be with a service: `disabled`, `inactive`, `failed`. All of
//!   these are written and removed by the simulated node itself.
//!
//! A missing folder above a new file is made where every real node has it.
//!
//! Deliberately not simulated: DHCP, IPv6 router advertisements, routing rules and tables of the node beside routes by
//! its macvlans, what commands in interfaces(5) do, what a `pct set` that is refused had done by then, the firewall's
//! own rules, other nodes of the cluster, what is on disks,
//! and time: nothing waits, and a pause is over at once.

mod authority;
mod cloning;
mod dnsmasq;
mod error;
mod fetch;
mod file_names;
mod files;
mod guest_packages;
mod guest_service;
mod host;
mod inside;
mod issued;
mod links;
mod live;
mod making;
mod mounts;
mod names;
mod nets;
mod network;
mod nginx;
mod nginx_unit;
mod open;
mod package;
mod paths;
mod pct;
mod pct_set;
mod power;
mod public_interface;
mod public_routes;
mod qm;
mod running_key;
mod service;
mod settings;
mod shim;
mod start;
mod storage;
mod tools;
mod tree;
mod trust_store;

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::{NodeName, Vmid};
use phoenix_planner::location::Place;
use phoenix_planner::preview::command_line;
use phoenix_planner::probe::{Answer, Output, Probe};

pub use self::error::SimulatedNodeError;
pub(crate) use self::nets::{Nic, Nics, Origin, Plug, chosen_mac};
use self::paths::Layout;
use self::settings::{Answers, Settings};
use self::tree::Tree;
use crate::node::{Effect, Node, NodeError};

/// What sh(1) ends with when there is no such program.
const NOT_FOUND: i32 = 127;

/// What a stopped container's places answer.
const STOPPED: &str = "the container is not running";

/// A captured node: a folder that answers and changes as the node would.
#[derive(Debug)]
pub struct SimulatedNode {
    folder: Tree,
    files: Tree,
    settings: Settings,
    answers: Answers,
}

impl SimulatedNode {
    /// Returns the node's name, as `node.json` has it.
    pub fn name(&self) -> &NodeName {
        &self.settings.name
    }

    /// Returns the version of Proxmox VE, if `node.json` says it.
    pub fn pve_version(&self) -> Option<&str> {
        self.settings.pve_version.as_deref()
    }

    fn ask(&self, probe: &Probe, layout: &Layout) -> Answer {
        match probe {
            Probe::File(at) => self.look(at, layout, Tree::file),
            Probe::List(at) => self.look(at, layout, Tree::names),
            Probe::Run { place, argv } => match self.reach(*place) {
                Ok(()) => Answer::Ran(self.question(*place, argv).unwrap_or_else(|| {
                    unknown(argv, "the simulated node knows no question like this")
                })),
                Err(why) => Answer::Unreachable(why.to_owned()),
            },
        }
    }

    /// Runs a program that changes nothing; `None` when there is none that is called like this.
    fn question(&self, place: Place, argv: &[String]) -> Option<Output> {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        // What was brought up since the capture stands instead of what was captured.
        let noted = words == links::SHOW && place == Place::Node && self.noted_routing().is_some();
        if place == Place::Node
            && let Some(output) = self.changed_answer(&words)
        {
            return Some(output);
        }
        let canned = self.answers.find(place, argv).filter(|_| !noted);
        canned.or_else(|| match place {
            Place::Node => self.host_question(&words),
            Place::Guest(vmid) => self.inside_question(vmid, &words),
            Place::Vm(vmid) => self.machine_question(vmid, &words),
        })
    }

    fn run(&mut self, place: Place, argv: &[String]) -> Result<Output, NodeError> {
        let reached = self.reach(place);
        reached.map_err(|why| NodeError::Unreachable { place, why: why.to_owned() })?;
        if let Some(output) = self.question(place, argv) {
            return Ok(output);
        }
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let ran = match place {
            Place::Node => self.host_change(&words)?,
            Place::Guest(vmid) => self.inside_change(vmid, &words)?,
            Place::Vm(vmid) => self.machine_change(vmid, &words)?,
        };
        Ok(ran.unwrap_or_else(|| unknown(argv, "the simulated node knows no command like this")))
    }

    /// Says why programs cannot be run somewhere.
    fn reach(&self, place: Place) -> Result<(), &'static str> {
        match place {
            Place::Node => Ok(()),
            Place::Guest(vmid) if self.is_running(vmid) => Ok(()),
            Place::Guest(vmid) if self.exists(vmid) => Err(STOPPED),
            Place::Guest(_) => Err("there is no such container on this node"),
            Place::Vm(vmid) => self.agent_fault(vmid).map_or(Ok(()), Err),
        }
    }

    fn exists(&self, vmid: Vmid) -> bool {
        self.files.has(self.conf_location(vmid).path.as_str()) || self.is_machine(vmid)
    }

    pub(crate) fn is_running(&self, vmid: Vmid) -> bool {
        let is_container = self.files.has(self.conf_location(vmid).path.as_str());
        self.settings.running.contains(&vmid) && is_container
    }
}

impl Node for SimulatedNode {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        let layout = self.layout();
        probes.iter().map(|probe| (probe.clone(), self.ask(probe, &layout))).collect()
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        match effect {
            Effect::Write { at, expect, text, mode } => self.write(at, expect, text, mode),
            Effect::Remove { at, expect } => self.remove(at, expect),
            Effect::Run { place, argv } => return self.run(place, argv),
            Effect::Feed { place, argv, input } => return self.feed(place, argv, input),
        }?;
        Ok(done(""))
    }

    fn pause(&mut self, _seconds: u32) {}
}

/// Returns what a program leaves that did its work.
fn done(stdout: impl Into<String>) -> Output {
    Output { exit: 0, stdout: stdout.into(), stderr: String::new() }
}

/// Returns what a program leaves that failed.
fn fail(exit: i32, why: impl Into<String>) -> Output {
    let mut stderr = why.into();
    if !stderr.ends_with('\n') {
        stderr.push('\n');
    }
    Output { exit, stdout: String::new(), stderr }
}

fn unknown(argv: &[String], why: &str) -> Output {
    fail(NOT_FOUND, format!("`{}`: {why}", command_line(argv)))
}

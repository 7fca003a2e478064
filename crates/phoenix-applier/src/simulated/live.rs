//! What is in force though no file of the node says it.

use std::collections::BTreeMap;
use std::io;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_planner::location::Location;

use super::SimulatedNode;
use super::running_key::with_running;
use super::tree::{Tree, Write};
use crate::local::root::Missing;
use crate::node::{Expect, NodeError};

/// The file with the settings of the simulated node.
pub(super) const NODE: &str = "/node.json";

/// Settings that say nothing about a container that runs.
const METADATA: [&str; 12] = [
    "description",
    "hookscript",
    "lock",
    "onboot",
    "parent",
    "protection",
    "snapstate",
    "snaptime",
    "startup",
    "tags",
    "template",
    "env",
];

/// The mode of files that the simulated node makes for itself.
const MODE: u32 = 0o644;

fn conf_path(vmid: Vmid) -> Location {
    Location::node(&format!("/etc/pve/lxc/{vmid}.conf"))
}

impl SimulatedNode {
    /// Returns where the configuration of a guest stands.
    pub(super) fn conf_location(&self, vmid: Vmid) -> Location {
        self.standing(&conf_path(vmid))
    }

    /// Returns the text of a guest's configuration.
    pub(crate) fn conf_text(&self, vmid: Vmid) -> Option<String> {
        self.files.text(&self.conf_location(vmid)).ok()
    }

    /// Returns the texts of the configurations of all guests, in order.
    pub(super) fn conf_texts(&self) -> impl Iterator<Item = (Vmid, Option<String>)> {
        let layout = self.layout();
        let text = move |vmid| self.files.text(&layout.standing(&conf_path(vmid))).ok();
        self.guests().into_iter().map(move |vmid| (vmid, text(vmid)))
    }

    /// Replaces a guest's configuration, as Proxmox VE itself does.
    pub(super) fn put_conf(&self, vmid: Vmid, text: &str) -> Result<(), NodeError> {
        let at = self.conf_location(vmid);
        if self.conf_text(vmid).as_deref() == Some(text) {
            return Ok(());
        }
        self.files.write(Write {
            at: &at,
            expect: Expect::Anything,
            text,
            mode: 0o640,
            missing: Missing::Fail,
        })
    }

    /// Returns the guests that have a configuration on this node, in order.
    pub(crate) fn guests(&self) -> Vec<Vmid> {
        let at = self.standing(&Location::node("/etc/pve/lxc"));
        let phoenix_planner::probe::Answer::Names(names) = self.files.names(&at) else {
            return Vec::new();
        };
        let mut guests: Vec<Vmid> =
            names.iter().filter_map(|name| name.strip_suffix(".conf")?.parse().ok()).collect();
        guests.sort();
        guests
    }

    /// Returns what a running guest has in force; `None` when it does not run.
    pub(crate) fn live_conf(&self, vmid: Vmid) -> Option<String> {
        if !self.is_running(vmid) {
            return None;
        }
        self.state(&live_path(vmid)).or_else(|| self.conf_text(vmid))
    }

    /// Keeps what a running guest has in force, if its file says something else.
    pub(super) fn settle_live(&self, vmid: Vmid, live: &str) -> Result<(), NodeError> {
        let file = self.conf_text(vmid).unwrap_or_default();
        let same = in_force(&file) == in_force(live);
        let text = written(live);
        self.put_state(&live_path(vmid), if same { None } else { Some(&text) })
    }

    /// Forgets what a guest had in force.
    pub(super) fn forget_live(&self, vmid: Vmid) -> Result<(), NodeError> {
        self.put_state(&live_path(vmid), None)
    }

    /// Notes that a guest runs from now on, or does not.
    pub(super) fn note_running(&mut self, vmid: Vmid, power: Running) -> Result<(), NodeError> {
        let mut running = self.settings.running.clone();
        let changed = match power {
            Running::Yes => running.insert(vmid),
            Running::No => running.remove(&vmid),
        };
        if changed {
            let text = with_running(self.state(NODE).as_deref(), &running);
            self.put_state(NODE, Some(&text))?;
            self.settings.running = running;
        }
        Ok(())
    }

    /// Returns the files inside a guest, if the folder has any.
    pub(super) fn guest_files(&self, vmid: Vmid) -> Option<Tree> {
        self.folder.inner(&guest_path(vmid)).ok()
    }

    /// Returns the files inside a guest.
    pub(super) fn make_guest_files(&self, vmid: Vmid) -> io::Result<Tree> {
        self.folder.make_inner(&guest_path(vmid))
    }

    /// Returns what the simulated node has noted in a file of its own.
    pub(super) fn state(&self, path: &str) -> Option<String> {
        self.folder.text(&Location::node(path)).ok()
    }

    /// Notes something in a file of its own; `None` removes the file.
    pub(super) fn put_state(&self, path: &str, text: Option<&str>) -> Result<(), NodeError> {
        let at = Location::node(path);
        if self.state(path).as_deref() == text {
            return Ok(());
        }
        match text {
            Some(text) => self.folder.write(Write {
                at: &at,
                expect: Expect::Anything,
                text,
                mode: MODE,
                missing: Missing::Make,
            }),
            None => {
                self.folder.remove(&at, Expect::Anything)?;
                self.folder.remove_empty_folders(path);
                Ok(())
            }
        }
    }
}

/// Whether a guest runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Running {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Returns the path of a note about a guest.
pub(super) fn note_path(vmid: Vmid, name: &str) -> String {
    format!("/live/guests/{vmid}/{name}")
}

fn live_path(vmid: Vmid) -> String {
    format!("/live/lxc/{vmid}.conf")
}

fn guest_path(vmid: Vmid) -> String {
    format!("guests/{vmid}/fs")
}

/// Returns what of a configuration matters to a container that runs.
fn in_force(text: &str) -> (BTreeMap<String, String>, Vec<(String, String)>) {
    let conf = LxcConf::parse(text);
    let matters = |key: &str| !METADATA.contains(&key) && !key.starts_with("unused");
    let entries = conf.entries().filter(|(key, _)| matters(key));
    (entries.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(), conf.raw().to_vec())
}

fn written(text: &str) -> String {
    let (entries, raw) = in_force(text);
    entries.into_iter().chain(raw).map(|(key, value)| format!("{key}: {value}\n")).collect()
}

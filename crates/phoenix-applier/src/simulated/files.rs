//! Reads and writes the files of the node and of its guests.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::Answer;

use super::SimulatedNode;
use super::paths::{self, Layout};
use super::tree::{Tree, Write, refused};
use crate::local::read::Unread;
use crate::local::root::Missing;
use crate::node::{Expect, NodeError};

impl SimulatedNode {
    /// Answers what a file holds.
    pub(super) fn file(&self, at: &Location) -> Answer {
        self.look(at, &self.layout(), Tree::file)
    }

    /// Answers which names are in a folder.
    pub(super) fn names(&self, at: &Location) -> Answer {
        self.look(at, &self.layout(), Tree::names)
    }

    /// Looks how the folder is laid out.
    pub(super) fn layout(&self) -> Layout {
        Layout::of(&self.files, &self.settings.name)
    }

    /// Answers what a file holds, or which names are in a folder.
    pub(super) fn look(
        &self,
        at: &Location,
        layout: &Layout,
        read: impl FnOnce(&Tree, &Location) -> Answer,
    ) -> Answer {
        match at.place {
            Place::Node => read(&self.files, &layout.standing(at)),
            Place::Guest(vmid) if !self.exists(vmid) => {
                Answer::Unreachable("there is no such container on this node".to_owned())
            }
            Place::Guest(vmid) => self.look_inside(vmid, at, read),
            Place::Vm(vmid) => match self.reach(at.place) {
                Ok(()) => self.look_inside(vmid, at, read),
                Err(why) => Answer::Unreachable(why.to_owned()),
            },
        }
    }

    fn look_inside(
        &self,
        vmid: Vmid,
        at: &Location,
        read: impl FnOnce(&Tree, &Location) -> Answer,
    ) -> Answer {
        self.guest_files(vmid).map_or(Answer::Absent, |files| read(&files, at))
    }

    /// Returns the text of a file of the node.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.files.text(&self.standing(&Location::node(path))).ok()
    }

    /// Replaces the text of a file of the node that is there, as a program of the node does it.
    pub(super) fn put_text(&self, path: &str, text: &str) -> Result<(), NodeError> {
        let at = self.standing(&Location::node(path));
        let (expect, missing) = (Expect::Anything, Missing::Fail);
        self.files.write(Write { at: &at, expect, text, mode: 0o644, missing })
    }

    /// Returns where a file of the node stands in the folder.
    pub(super) fn standing(&self, at: &Location) -> Location {
        self.layout().standing(at)
    }

    /// Makes a file hold a text, with all that follows from it.
    pub(super) fn write(
        &mut self,
        at: &Location,
        expect: Expect<'_>,
        text: &str,
        mode: u32,
    ) -> Result<(), NodeError> {
        self.change(at, |files, at, missing| files.write(Write { at, expect, text, mode, missing }))
    }

    /// Removes a file, with all that follows from it.
    pub(super) fn remove(&mut self, at: &Location, expect: Expect<'_>) -> Result<(), NodeError> {
        self.change(at, |files, at, _| files.remove(at, expect))
    }

    fn change(
        &mut self,
        at: &Location,
        change: impl FnOnce(&Tree, &Location, Missing) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        let missing = paths::missing(at, &self.settings.name);
        match at.place {
            Place::Node => {
                if at.path.is_below("/etc/pve") {
                    self.check_quorum().map_err(|why| refused(at, why))?;
                }
                let at = self.standing(at);
                self.keeping_network(&at, |node| {
                    node.keeping_live(&at, |node| change(&node.files, &at, missing))
                })
            }
            Place::Guest(vmid) | Place::Vm(vmid) => {
                let reached = self.reach(at.place);
                reached.map_err(|why| NodeError::Unreachable {
                    place: at.place,
                    why: why.to_owned(),
                })?;
                let files = self.make_guest_files(vmid);
                let files = files.map_err(|source| NodeError::File { at: at.clone(), source })?;
                self.keeping_sockets(vmid, || change(&files, at, missing))
            }
        }
    }

    /// Changes a file of the node; what a running guest has in force stays, whatever its file says then.
    fn keeping_live(
        &self,
        at: &Location,
        change: impl FnOnce(&Self) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        let Some((vmid, elsewhere)) = paths::guest_of(at, &self.settings.name) else {
            return change(self);
        };
        if let Some(node) = elsewhere {
            return Err(refused(
                at,
                format!("guest {vmid} is on node `{node}`: run phoenix there"),
            ));
        }
        self.check_unlocked(at)?;
        let live = self.live_conf(vmid);
        change(self)?;
        live.map_or(Ok(()), |live| self.settle_live(vmid, &live))
    }

    /// Makes a file inside a running guest hold a text, as a program in there does it.
    pub(super) fn write_inside(
        &self,
        vmid: Vmid,
        at: &Location,
        expect: Expect<'_>,
        text: &str,
    ) -> Result<(), NodeError> {
        let files = self.make_guest_files(vmid);
        let files = files.map_err(|source| NodeError::File { at: at.clone(), source })?;
        let change = Write { at, expect, text, mode: 0o644, missing: Missing::Fail };
        self.keeping_sockets(vmid, || files.write(change))
    }

    fn check_unlocked(&self, at: &Location) -> Result<(), NodeError> {
        match self.files.text(at) {
            Ok(text) => match LxcConf::parse(&text).lock() {
                Some(job) => Err(refused(at, format!("the guest is locked by `{job}`"))),
                None => Ok(()),
            },
            Err(Unread::Absent) => Ok(()),
            Err(Unread::Unreadable(why)) => Err(refused(at, why)),
        }
    }
}

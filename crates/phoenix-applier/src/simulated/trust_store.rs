//! The trust store of a guest, and the operator's own scripts on the node.

use phoenix_formats::Vmid;
use phoenix_planner::location::Place;
use phoenix_planner::probe::{Answer, Output};

use super::tools::location;
use super::{NOT_FOUND, SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::NodeError;

const OWN: &str = "/usr/local/share/ca-certificates";
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Those bits of a mode that let somebody run a file.
const EXECUTABLE: u32 = 0o111;

/// What sh(1) ends with when a program cannot be run.
const NOT_EXECUTABLE: i32 = 126;

impl SimulatedNode {
    /// Runs update-ca-certificates(8): the bundle is made from the operator's own certificates; those that
    /// Debian brings are not simulated.
    pub(super) fn update_certificates(&self, vmid: Vmid) -> Result<Output, NodeError> {
        if !self.guest_has(vmid, "ca-certificates") {
            return Ok(fail(
                NOT_FOUND,
                "there is no program `update-ca-certificates` in the guest",
            ));
        }
        let place = Place::Guest(vmid);
        let names = location(place, OWN).map(|at| self.names(&at));
        let Some(Answer::Names(names)) = names else { return Ok(done("")) };
        let own = names.iter().filter(|name| name.ends_with(".crt"));
        let texts = own.filter_map(|name| self.read(place, &format!("{OWN}/{name}")));
        let bundle = texts.collect::<String>();
        self.put(place, BUNDLE, &bundle, Missing::Make)?;
        Ok(done(""))
    }

    /// Runs a script of the operator's, which changes nothing here; `None` when there is no such file.
    pub(super) fn own_script(&self, path: &str) -> Option<Output> {
        if !path.starts_with('/') || !self.files.has(path) {
            return None;
        }
        let mode = self.files.mode(path).unwrap_or_default();
        Some(if mode & EXECUTABLE == 0 {
            fail(NOT_EXECUTABLE, format!("`{path}`: it is not executable"))
        } else {
            done("")
        })
    }
}

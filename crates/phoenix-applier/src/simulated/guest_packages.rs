//! Packages of Debian in guests, as far as phoenix installs any.
//!
//! `live/guests/101/packages` names those that are installed, a line each. What Smallstep's repository has can
//! be installed when the guest knows the repository and its key.

use phoenix_formats::Vmid;
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::live::note_path;
use super::package::names_installed_by;
use super::{SimulatedNode, done, fail};
use crate::node::NodeError;

/// Debian's packages that can be installed, each with those that it brings along.
const KNOWN: [(&str, &[&str]); 12] = [
    ("ca-certificates", &["openssl"]),
    ("curl", &[]),
    ("gnupg", &[]),
    ("jq", &[]),
    ("libnginx-mod-stream", &["nginx"]),
    ("nginx", &[]),
    ("nfs-common", &[]),
    ("nftables", &[]),
    ("openssl", &[]),
    ("rsync", &[]),
    ("vim", &[]),
    ("wget", &[]),
];

/// Smallstep's packages.
const SMALLSTEP: [&str; 2] = ["step-ca", "step-cli"];

/// Where a guest knows the repository from.
const SOURCES: &str = "/etc/apt/sources.list.d/smallstep.sources";

/// What apt-get(8) ends with when it fails.
const APT_FAILED: i32 = 100;

impl SimulatedNode {
    /// Returns whether a package is installed in a guest.
    pub(super) fn guest_has(&self, vmid: Vmid, name: &str) -> bool {
        self.noted(vmid, "packages").lines().any(|line| line == name)
    }

    /// Answers whether a package is installed in a guest; `None` for one that is told elsewhere.
    pub(super) fn guest_package(&self, vmid: Vmid, name: &str) -> Option<Output> {
        if name == "nftables" {
            return None;
        }
        let has = self.has_nginx_package(vmid, name);
        Some(if has.unwrap_or_else(|| self.guest_has(vmid, name)) {
            done("installed")
        } else {
            fail(1, format!("dpkg-query: there is no package `{name}`"))
        })
    }

    /// Runs `apt-get … install …` in a guest; `None` when it is not called without questions.
    pub(super) fn guest_install(
        &self,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        let Some(names) = names_installed_by(words) else { return Ok(None) };
        let mut installed = self.noted(vmid, "packages");
        for name in names {
            let brought = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, other)| *other);
            let brought = match brought {
                None if SMALLSTEP.contains(&name) && self.knows_smallstep(vmid) => &[],
                None => {
                    let why = format!("apt-get: there is no package `{name}`");
                    return Ok(Some(fail(APT_FAILED, why)));
                }
                Some(brought) => brought,
            };
            for name in brought.iter().copied().chain([name]) {
                if let Some(failed) = self.install_nginx(vmid, name)? {
                    return Ok(Some(failed));
                }
                if !installed.lines().any(|line| line == name) {
                    installed.extend([name, "\n"]);
                }
            }
        }
        self.put_state(&note_path(vmid, "packages"), Some(&installed))?;
        Ok(Some(done("")))
    }

    fn knows_smallstep(&self, vmid: Vmid) -> bool {
        let text = self.read(Place::Guest(vmid), SOURCES).unwrap_or_default();
        let key = text.lines().find_map(|line| line.strip_prefix("Signed-By: "));
        let has_uri = text.lines().any(|line| line.starts_with("URIs: "));
        has_uri && key.is_some_and(|key| self.read(Place::Guest(vmid), key).is_some())
    }
}

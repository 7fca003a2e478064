//! Debian's packages, as far as phoenix installs any.
//!
//! `packages` of `node.json` names those that are installed, `live/packages` those that were installed
//! since. Versions, the archive and the network are not simulated: what is known can be installed.

use std::collections::BTreeSet;

use phoenix_planner::location::Location;
use phoenix_planner::probe::Output;

use super::tree::Write;
use super::{SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::{Expect, NodeError};

/// Packages that were installed since the node was captured, a line each.
const NOTE: &str = "/live/packages";

/// The packages that can be installed, each with those that it brings along.
const KNOWN: [(&str, &[&str]); 3] =
    [("dnsmasq", &["dnsmasq-base"]), ("dnsmasq-base", &[]), ("ifupdown2", &[])];

/// What dnsmasq's package puts where there is no such file: nothing in it is in force.
const DNSMASQ_FILES: [(&str, &str); 2] = [
    ("/etc/dnsmasq.conf", "# Configuration file for dnsmasq.\n"),
    ("/etc/dnsmasq.d/README", "# dnsmasq reads the files in this folder.\n"),
];

/// What apt-get(8) ends with when it fails.
const APT_FAILED: i32 = 100;

impl SimulatedNode {
    /// Returns the packages that are installed, with what they bring along.
    fn packages(&self) -> BTreeSet<String> {
        let note = self.state(NOTE).unwrap_or_default();
        let named = self.settings.packages.iter().cloned().chain(note.lines().map(str::to_owned));
        let with_others = |name: String| {
            let brought = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, others)| *others);
            let brought = brought.unwrap_or_default().iter().map(|&other| other.to_owned());
            brought.chain([name]).collect::<Vec<_>>()
        };
        named.flat_map(with_others).collect()
    }

    pub(super) fn has_package(&self, name: &str) -> bool {
        self.packages().contains(name)
    }

    /// Answers `dpkg-query --show --showformat=${db:Status-Status} NAME`.
    pub(super) fn package_state(&self, name: &str) -> Output {
        if self.has_package(name) {
            return done("installed");
        }
        fail(1, format!("dpkg-query: there is no package `{name}`"))
    }

    /// Runs `apt-get … install … NAME` without questions.
    pub(super) fn install(&self, name: &str) -> Result<Output, NodeError> {
        if !KNOWN.iter().any(|(known, _)| *known == name) {
            return Ok(fail(APT_FAILED, format!("apt-get: there is no package `{name}`")));
        }
        if self.has_package(name) {
            return Ok(done(""));
        }
        let note = self.state(NOTE).unwrap_or_default();
        self.put_state(NOTE, Some(&format!("{note}{name}\n")))?;
        if name == "dnsmasq" {
            self.put_dnsmasq_files()?;
            // A service that does not start does not fail the installation.
            self.restart_dnsmasq()?;
        }
        Ok(done(""))
    }

    /// Puts the files of the package where there are none: those that are there stay.
    fn put_dnsmasq_files(&self) -> Result<(), NodeError> {
        for (path, text) in DNSMASQ_FILES {
            let at = self.standing(&Location::node(path));
            if !self.files.has(path) {
                let (expect, mode, missing) = (Expect::Absent, 0o644, Missing::Make);
                self.files.write(Write { at: &at, expect, text, mode, missing })?;
            }
        }
        Ok(())
    }
}

/// Returns the package that the words after `env` and its variables install, when apt-get(8) knows
/// all of them and asks nothing.
pub(super) fn installed_by<'a>(words: &[&'a str]) -> Option<&'a str> {
    match names_installed_by(words)?.as_slice() {
        [name] => Some(name),
        _ => None,
    }
}

/// Returns the packages that such words install.
pub(super) fn names_installed_by<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    let rest = words.strip_prefix(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])?;
    let at = rest.iter().position(|word| *word == "install")?;
    let (options, rest) = rest.split_at(at);
    let known = |word: &&&str| **word == "--quiet" || word.starts_with("--option=");
    let rest = rest.get(1..)?;
    let (flags, names) =
        rest.split_at(rest.iter().take_while(|word| word.starts_with('-')).count());
    let asks_nothing = flags.contains(&"--yes");
    let plain = flags.iter().all(|flag| matches!(*flag, "--yes" | "--no-install-recommends"));
    let fits = options.iter().all(|word| known(&word)) && plain && asks_nothing;
    (fits && !names.is_empty() && !names.iter().any(|name| name.starts_with('-')))
        .then(|| names.to_vec())
}

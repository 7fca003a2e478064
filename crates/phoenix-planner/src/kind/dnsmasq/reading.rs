//! The files that dnsmasq reads together, as the node has them.

use std::collections::BTreeSet;

use phoenix_formats::dnsmasq::{ConfFiles, DnsmasqConf, Loaded, Setting, dir_reads};

use super::{FOLDER, MAIN, OWN};
use crate::location::{AbsolutePath, Location, Place};
use crate::probe::{Answer, Facts, Probe};

/// hosts(5), whose names dnsmasq gives too.
pub(super) const HOSTS: &str = "/etc/hosts";

/// What Debian's service gives as `--conf-dir`, whatever the files say: its `/etc/default/dnsmasq` has
/// it so. Backup copies in the folder are read by it.
pub(super) const SERVICE_DIR: &str = "/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new";

/// Stands for the command line of Debian's service.
const SERVICE: &str = "dnsmasq.service";

fn service_text() -> String {
    format!("conf-file={MAIN}\nconf-dir={SERVICE_DIR}\n")
}

/// Returns whether a file is one that only the operator changes: one that cannot be read may be a
/// folder, which dnsmasq passes over too.
pub(in crate::kind) fn is_foreign(at: &Location) -> bool {
    at.place == Place::Node && at.path.is_below(FOLDER) && at.path.as_str() != OWN
}

/// Returns the probes for all files of the configuration, as far as the facts name them.
pub(super) fn probes(facts: &Facts) -> Vec<Probe> {
    let fixed = [OWN, HOSTS].map(|path| Probe::File(Location::node(path)));
    fixed.into_iter().chain(Reading::new(facts).named).collect()
}

/// Returns the probes for what one file names.
fn named(text: &str, facts: &Facts) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (_, setting) in DnsmasqConf::parse(text).settings() {
        match setting {
            Setting::ConfFile(path) => probes.extend(at(&path).map(Probe::File)),
            Setting::ConfDir { path, patterns } => {
                let Some(folder) = at(path.trim_end_matches('/')) else { continue };
                let names = facts.names(&folder).iter().filter(|name| dir_reads(name, &patterns));
                probes.extend(
                    names.filter_map(|n| at(&format!("{}/{n}", folder.path))).map(Probe::File),
                );
                probes.push(Probe::List(folder));
            }
            _ => {}
        }
    }
    probes
}

fn at(path: &str) -> Option<Location> {
    let path = path.parse::<AbsolutePath>().ok()?;
    Some(Location { place: Place::Node, path })
}

/// The files of a configuration, as they are or as they would be.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    files: ConfFiles,
    hosts: Option<String>,
    /// What all of them name, read or not.
    named: BTreeSet<Probe>,
}

impl Reading {
    /// Takes the files that have been read, from the service on.
    pub(super) fn new(facts: &Facts) -> Self {
        let folders = BTreeSet::from([FOLDER.to_owned()]);
        let mut reading = Self {
            files: ConfFiles { folders, ..ConfFiles::default() },
            hosts: facts.text(&Location::node(HOSTS)).map(str::to_owned),
            named: BTreeSet::new(),
        };
        let mut todo = vec![service_text()];
        while let Some(text) = todo.pop() {
            for probe in named(&text, facts) {
                if reading.named.insert(probe.clone()) {
                    todo.extend(reading.take(&probe, facts));
                }
            }
        }
        reading
    }

    /// Takes the answer to a probe, and returns it when it may name further files.
    fn take(&mut self, probe: &Probe, facts: &Facts) -> Option<String> {
        match (probe, facts.answer(probe)) {
            (Probe::File(at), Answer::Text(text)) => {
                self.files.files.insert(at.path.as_str().to_owned(), text.clone());
                Some(text)
            }
            (Probe::List(at), Answer::Names(_)) => {
                self.files.folders.insert(at.path.as_str().to_owned());
                None
            }
            _ => None,
        }
    }

    /// Returns the text of a file, if it is there.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.files.get(path).map(String::as_str)
    }

    /// Returns the text of hosts(5), if it is there.
    pub(super) fn hosts(&self) -> Option<&str> {
        self.hosts.as_deref()
    }

    /// Returns the same files with one that holds another text.
    pub(super) fn with(&self, path: &str, text: &str) -> Self {
        let mut other = self.clone();
        other.files.files.insert(path.to_owned(), text.to_owned());
        other
    }

    /// Returns whether `to` is read when dnsmasq begins with `from`.
    pub(super) fn leads_from(&self, from: &str, to: &str) -> bool {
        Loaded::new(from, &self.files).files().iter().any(|(path, _)| path == to)
    }

    /// Returns everything that the service reads.
    pub(super) fn loaded(&self) -> Loaded {
        Loaded::new(SERVICE, &self.with(SERVICE, &service_text()).files)
    }
}

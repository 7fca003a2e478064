//! The node's dnsmasq: its test, and its service as Debian has it.

use std::collections::BTreeSet;

use phoenix_formats::dnsmasq::{ConfFiles, DnsmasqConf, Loaded, Setting, dir_reads};
use phoenix_planner::location::{AbsolutePath, Location, Place};
use phoenix_planner::probe::{Answer, Output};

use super::service::State;
use super::{NOT_FOUND, SimulatedNode, done, fail};
use crate::node::NodeError;

/// The file with which dnsmasq begins.
pub(super) const MAIN: &str = "/etc/dnsmasq.conf";

/// The unit of the service.
pub(super) const UNIT: &str = "dnsmasq.service";

/// What Debian's service has on its command line.
const SERVICE: [&str; 1] = ["--conf-dir=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new"];

/// Stands for the command line.
const COMMAND_LINE: &str = "command line";

impl SimulatedNode {
    /// Answers `dnsmasq --test …`; `None` for an option that it does not know.
    pub(super) fn test_dnsmasq(&self, options: &[&str]) -> Option<Output> {
        let loaded = self.dnsmasq_files(options)?;
        if !self.has_package("dnsmasq-base") {
            return Some(fail(NOT_FOUND, "`dnsmasq`: there is no such program"));
        }
        Some(match loaded.refusals().next() {
            Some((path, why)) => {
                fail(1, format!("dnsmasq: {} at line {} of {path}", why.message, why.line))
            }
            None => Output { stderr: "dnsmasq: the files are accepted\n".to_owned(), ..done("") },
        })
    }

    /// Restarts the service, and notes whether it runs then.
    pub(super) fn restart_dnsmasq(&self) -> Result<Output, NodeError> {
        let fault = self.dnsmasq_fault();
        self.note_unit(UNIT, if fault.is_some() { State::Failed } else { State::Active })?;
        Ok(match fault {
            Some(fault) => fail(1, format!("{UNIT} does not start: {fault}")),
            None => done(""),
        })
    }

    /// Says why dnsmasq does not start: what its test says, and what only shows when it binds.
    fn dnsmasq_fault(&self) -> Option<String> {
        let loaded = self.dnsmasq_files(&SERVICE)?;
        if let Some((path, why)) = loaded.refusals().next() {
            return Some(format!("{} at line {} of {path}", why.message, why.line));
        }
        let confs = || loaded.files().iter().map(|(_, conf)| conf);
        let has = |name: &str| confs().any(|conf| conf.has(name));
        if has("bind-interfaces") && has("bind-dynamic") {
            return Some("`bind-interfaces` and `bind-dynamic` exclude each other".to_owned());
        }
        let own = self.host_routing().addresses().collect::<BTreeSet<_>>();
        let asked =
            confs().flat_map(DnsmasqConf::settings).filter_map(|(_, setting)| match setting {
                Setting::ListenAddress(addresses) => Some(addresses),
                _ => None,
            });
        let mut missing = asked.flatten().filter(|a| !a.is_loopback() && !own.contains(a));
        let missing = missing.next().filter(|_| has("bind-interfaces"))?;
        Some(format!("the node has no address {missing}"))
    }

    /// Returns the files that dnsmasq reads with these options.
    fn dnsmasq_files(&self, options: &[&str]) -> Option<Loaded> {
        let mut lines = Vec::new();
        let mut main = self.files.has(MAIN).then(|| MAIN.to_owned());
        for option in options {
            match option.strip_prefix("--")?.split_once('=')? {
                ("conf-file", path) => main = Some(path.to_owned()),
                ("conf-dir", folder) => lines.push(format!("conf-dir={folder}\n")),
                _ => return None,
            }
        }
        lines.extend(main.map(|path| format!("conf-file={path}\n")));
        let text = lines.concat();
        let mut files = ConfFiles::default();
        let mut todo = vec![text.clone()];
        while let Some(text) = todo.pop() {
            for (_, setting) in DnsmasqConf::parse(&text).settings() {
                todo.extend(self.take(&setting, &mut files));
            }
        }
        files.files.insert(COMMAND_LINE.to_owned(), text);
        Some(Loaded::new(COMMAND_LINE, &files))
    }

    /// Takes the files that a setting names, and returns the texts of those that are new.
    fn take(&self, setting: &Setting<'_>, files: &mut ConfFiles) -> Vec<String> {
        let paths = match setting {
            Setting::ConfFile(path) => vec![path.to_string()],
            Setting::ConfDir { path, patterns } => {
                let folder = path.trim_end_matches('/');
                let Some(Answer::Names(names)) = place(folder).map(|at| self.names(&at)) else {
                    return Vec::new();
                };
                files.folders.insert(folder.to_owned());
                let names = names.iter().filter(|name| dir_reads(name, patterns));
                names.map(|name| format!("{folder}/{name}")).collect()
            }
            _ => Vec::new(),
        };
        let mut texts = Vec::new();
        for path in paths {
            let text = place(&path).map(|at| self.file(&at));
            if let (Some(Answer::Text(text)), false) = (text, files.files.contains_key(&path)) {
                files.files.insert(path, text.clone());
                texts.push(text);
            }
        }
        texts
    }
}

fn place(path: &str) -> Option<Location> {
    let path = path.parse::<AbsolutePath>().ok()?;
    Some(Location { place: Place::Node, path })
}

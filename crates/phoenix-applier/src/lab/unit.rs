//! The services of a lab: real daemons, started and stopped as systemd(1) would.

mod own;

use std::path::Path;

use phoenix_planner::probe::Output;
use rustix::process::Signal;

use super::error::LabError;
use super::folder::Folder;
use super::{init, place, process, run};

/// A service that a place can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    name: &'static str,
    program: &'static str,
    /// The file without which there is no such service.
    needs: &'static str,
    /// The folder that it wants to be there.
    runtime: Option<&'static str>,
    start: Start,
}

/// What starts a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// These words, as Debian's unit does.
    AsDebian(&'static [&'static str]),
    /// What the place's own unit says, which is the file that it needs.
    AsItsUnit,
}

/// What systemctl(1) ends with when a unit does not run, or is not there.
const INACTIVE: i32 = 3;
const NO_UNIT: i32 = 5;

/// The services that a lab runs.
const UNITS: [Unit; 5] = [
    Unit {
        name: "nginx.service",
        program: "nginx",
        needs: "etc/nginx/nginx.conf",
        runtime: None,
        start: Start::AsDebian(&["nginx", "-g", "daemon on; master_process on;"]),
    },
    Unit {
        name: "dnsmasq.service",
        program: "dnsmasq",
        needs: "etc/dnsmasq.conf",
        runtime: None,
        start: Start::AsDebian(&[
            "dnsmasq",
            "--user=root",
            "--pid-file=/run/dnsmasq.pid",
            "--conf-dir=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new",
        ]),
    },
    Unit {
        name: "systemd-networkd.service",
        program: "systemd-networkd",
        needs: "etc/systemd/network",
        runtime: Some("/run/systemd"),
        // It stays in the foreground.
        start: Start::AsDebian(&["setsid", "--fork", "/lib/systemd/systemd-networkd"]),
    },
    Unit {
        name: "step-ca.service",
        program: "step-ca",
        needs: "etc/systemd/system/step-ca.service",
        runtime: None,
        start: Start::AsItsUnit,
    },
    // It asks the authority for certificates as soon as it runs.
    Unit {
        name: "traefik.service",
        program: "traefik",
        needs: "etc/systemd/system/traefik.service",
        runtime: None,
        start: Start::AsItsUnit,
    },
];

impl Unit {
    /// Finds a service by its name, with or without what units end with.
    pub(super) fn named(name: &str) -> Option<Self> {
        UNITS.into_iter().find(|unit| unit.name == name || unit.program == name)
    }

    /// Returns what starts it, when its program is there.
    fn argv(self, folder: &Folder, at: &str) -> Option<Vec<String>> {
        match self.start {
            Start::AsDebian(words) => {
                is_installed(words).then(|| words.iter().map(|word| (*word).to_owned()).collect())
            }
            Start::AsItsUnit => own::argv(folder, at, self.needs),
        }
    }

    /// Returns whether a place has it: its configuration, and its program.
    fn is_there(self, folder: &Folder, at: &str) -> bool {
        folder.root_of(at).join(self.needs).exists() && self.argv(folder, at).is_some()
    }

    fn daemons(self, folder: &Folder, at: &str) -> Vec<u32> {
        let names = [folder.name.netns(at)];
        let init = init::pid(folder, at);
        init.map(|init| process::daemons(&names, self.program, init)).unwrap_or_default()
    }

    fn is_active(self, folder: &Folder, at: &str) -> bool {
        !self.daemons(folder, at).is_empty()
    }

    pub(super) fn stop(self, folder: &Folder, at: &str) {
        for pid in self.daemons(folder, at) {
            process::end(pid, &[folder.name.netns(at)], Signal::TERM);
        }
    }

    pub(super) fn start(self, folder: &Folder, at: &str) -> Result<Output, LabError> {
        if let Some(runtime) = self.runtime {
            place::output(folder, at, &run::words(["mkdir", "--parents", runtime]))?;
        }
        match self.argv(folder, at) {
            Some(argv) => place::daemon(folder, at, &argv),
            None => Ok(said(NO_UNIT, &format!("the program of {} is not there", self.name))),
        }
    }

    fn reload(self, folder: &Folder, at: &str) {
        for pid in self.daemons(folder, at) {
            process::signal(pid, &[folder.name.netns(at)], Signal::HUP);
        }
    }
}

/// Returns whether this machine has the programs of an argument vector.
fn is_installed(argv: &[&str]) -> bool {
    argv.iter().all(|word| !word.starts_with('/') || Path::new(word).exists())
        && argv.first().is_some_and(|program| run::find(program).is_some())
}

/// Starts every service that a place has; returns what those that did not start have said.
pub(super) fn boot(folder: &Folder, at: &str) -> Result<Vec<String>, LabError> {
    let mut failed = Vec::new();
    for unit in UNITS.into_iter().filter(|unit| unit.is_there(folder, at)) {
        let output = unit.start(folder, at)?;
        if !output.success() {
            let why = output.stderr.lines().next_back().unwrap_or_default().to_owned();
            failed.push(format!("{} of `{at}` did not start: {why}", unit.program));
        }
    }
    Ok(failed)
}

/// Returns the services that run in a place.
pub(super) fn running(folder: &Folder, at: &str) -> Vec<String> {
    let active = UNITS.into_iter().filter(|unit| unit.is_active(folder, at));
    active.map(|unit| unit.program.to_owned()).collect()
}

/// Runs systemctl(1) in a place.
pub(super) fn systemctl(folder: &Folder, at: &str, words: &[String]) -> Result<Output, LabError> {
    let plain = words.iter().filter(|word| !word.starts_with('-')).collect::<Vec<_>>();
    if let [verb] = plain.as_slice()
        && *verb == "daemon-reload"
    {
        // A unit is read whenever it is asked for.
        return Ok(told(0, ""));
    }
    let [verb, name] = plain.as_slice() else {
        return Ok(said(1, "a lab's systemctl takes a verb and one unit"));
    };
    let unit = Unit::named(name).filter(|unit| unit.is_there(folder, at));
    let Some(unit) = unit else {
        let exit = if verb.starts_with("is-") { INACTIVE + 1 } else { NO_UNIT };
        return Ok(said(exit, &format!("the lab knows no unit `{name}` in `{at}`")));
    };
    let active = unit.is_active(folder, at);
    match (verb.as_str(), active) {
        ("is-active", true) => Ok(told(0, "active\n")),
        ("is-active", false) => Ok(told(INACTIVE, "inactive\n")),
        ("is-enabled", _) => Ok(told(0, "enabled\n")),
        ("enable" | "disable" | "start", true) | ("enable" | "disable" | "stop", false) => {
            Ok(told(0, ""))
        }
        ("start", false) => unit.start(folder, at),
        ("stop", true) => {
            unit.stop(folder, at);
            Ok(told(0, ""))
        }
        ("restart", _) => {
            unit.stop(folder, at);
            unit.start(folder, at)
        }
        ("reload", true) => {
            unit.reload(folder, at);
            Ok(told(0, ""))
        }
        _ => Ok(said(1, &format!("the lab's systemctl does not `{verb}` here"))),
    }
}

fn told(exit: i32, stdout: &str) -> Output {
    Output { exit, stdout: stdout.to_owned(), stderr: String::new() }
}

/// Returns what a stand-in leaves that fails.
pub(super) fn said(exit: i32, why: &str) -> Output {
    Output { exit, stdout: String::new(), stderr: format!("{why}\n") }
}

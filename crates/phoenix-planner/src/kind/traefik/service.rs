//! `lxc/ID/traefik/service`: the unit of the proxy, and its restart.
//!
//! The unit is phoenix's own only where the program is: without one that is declared, the operator has brought
//! Traefik with a unit of his own.

use super::{After, program};
use crate::kind::feature::{Guest, TRAEFIK, asked, at};
use crate::location::Place;
use crate::operation::{Check, Operation, Want, Write};
use crate::plan::{ActionId, Disruption, Draft, Edge, Service, Verb};
use crate::probe::{Argv, Probe, argv};

const UNIT: &str = "traefik.service";
const UNIT_FILE: &str = "/etc/systemd/system/traefik.service";

/// The first line, by which phoenix knows its unit again.
const HEADER: &str = "# Written by phoenix";

/// Permission bits of the file.
const MODE: u32 = 0o644;

/// How often the service is looked at after a restart, and the seconds in between.
const ATTEMPTS: u32 = 5;
const PAUSE: u32 = 2;

/// What systemctl(1) says of a unit that is not there.
const NO_UNIT: &str = "not-found";

/// The unit. It runs as root without root's powers, but for ports below 1024: `acme.json` and what operators give
/// Traefik to read are root's. Whatever needs a mount namespace (`ProtectSystem=`, `PrivateTmp=`, `DynamicUser=`) keeps
/// it from starting in an unprivileged container without `nesting`, where AppArmor forbids mounts. Traefik tells
/// systemd when it serves (sd_notify(3)), so that a restart that fails is seen.
fn text() -> String {
    format!(
        "{HEADER}: declare changes in its files, those made here are lost.\n\
         [Unit]\n\
         Description=Traefik, the proxy\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=notify\n\
         ExecStart={} --configFile={}\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         UMask=0077\n\
         NoNewPrivileges=yes\n\
         CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        program::PATH,
        super::STATIC,
    )
}

fn systemctl(word: &str) -> Argv {
    argv(["systemctl", word, UNIT])
}

pub(super) fn probes(place: Place) -> [Probe; 3] {
    let asks = |word| asked(place, systemctl(word));
    [asks("is-active"), asks("is-enabled"), Probe::File(at(place, UNIT_FILE))]
}

/// How the service is, and what is to become of its unit.
struct Reading {
    /// The unit's file, where it is to be written.
    write: Option<Write>,
    /// There is no unit of this name.
    absent: bool,
    stopped: bool,
    disabled: bool,
    /// Somebody else's unit is used as it is.
    foreign: bool,
}

impl Reading {
    fn of(guest: &Guest<'_>, declared: bool) -> Self {
        let says = |word| guest.ran(&systemctl(word)).map(|output| output.stdout.trim());
        let absent = says("is-enabled").is_none_or(|said| said == NO_UNIT || said.is_empty());
        let present = guest.text(UNIT_FILE);
        let own = present.is_some_and(|text| text.starts_with(HEADER));
        let wanted = text();
        let differs = declared && present != Some(wanted.as_str());
        let write = (differs && (own || absent)).then(|| {
            Write::new(at(guest.place, UNIT_FILE), present.map(str::to_owned), wanted, MODE)
        });
        Self {
            absent: absent && write.is_none(),
            stopped: says("is-active").is_none_or(|said| said != "active"),
            disabled: absent || says("is-enabled").is_none_or(|said| said == "disabled"),
            foreign: declared && !own && write.is_none(),
            write,
        }
    }

    /// Returns why something is done, if it is.
    fn reason(&self, changed: bool) -> Option<&'static str> {
        match &self.write {
            Some(Write { before: None, .. }) => Some("it starts with the container"),
            Some(_) => Some("its unit has changed"),
            None if self.stopped => Some("it does not run"),
            None if changed => Some("what it reads has changed"),
            None if self.disabled => Some("it does not start with the container"),
            None => None,
        }
    }

    fn verb(&self) -> Verb {
        match &self.write {
            Some(Write { before: None, .. }) => Verb::Add,
            Some(_) => Verb::Change,
            None => Verb::Do,
        }
    }
}

/// Adds the unit, the one restart after what is read at the start has changed, or the start of a service that is down.
pub(super) fn plan(
    guest: &Guest<'_>,
    program: &program::Standing,
    changed: &[ActionId],
    after: &After,
    draft: &mut Draft,
) {
    let address = guest.address(TRAEFIK).part("service");
    let reading = Reading::of(guest, !matches!(program, program::Standing::Foreign));
    if reading.absent {
        let help = "declare `traefik.program`, or install Traefik there";
        draft.defer(address, format!("there is no {UNIT} in the container: {help}"));
        return;
    }
    if matches!(program, program::Standing::Missing) && (reading.stopped || !reading.foreign) {
        draft.defer(address, "waits for its program");
        return;
    }
    let Some(reason) = reading.reason(!changed.is_empty()) else { return };
    let mut action = guest.action(address, reading.verb(), reason, Vec::new());
    if !reading.stopped || reading.write.is_none() {
        action.disruption = Disruption::RestartService(Service::Traefik);
    }
    if reading.foreign {
        let note = format!("{UNIT} is not phoenix's: it runs what it names");
        action.notes.push(note);
    }
    action.operations = operations(guest, reading, !changed.is_empty());
    let after = after.iter().copied().chain(changed.iter().map(|id| (*id, Edge::Needs)));
    draft.add(action, &after.collect::<Vec<_>>());
}

fn operations(guest: &Guest<'_>, reading: Reading, changed: bool) -> Vec<Operation> {
    let restart = reading.write.is_some() || changed || reading.stopped;
    let mut operations = Vec::new();
    if let Some(write) = reading.write {
        operations.push(Operation::Write(write));
        operations.push(guest.run(argv(["systemctl", "daemon-reload"])));
    }
    let words = [("enable", reading.disabled), ("restart", restart)];
    let words = words.into_iter().filter(|(_, due)| *due);
    operations.extend(words.map(|(word, _)| guest.run(systemctl(word))));
    operations.push(Operation::Check(Check {
        probe: asked(guest.place, systemctl("is-active")),
        want: Want::Success,
        attempts: ATTEMPTS,
        pause: PAUSE,
    }));
    operations
}

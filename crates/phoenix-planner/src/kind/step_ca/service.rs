//! `lxc/ID/step_ca/service`: the unit of the authority.

use super::{After, CONFIG, HOME, PASSWORD};
use crate::kind::feature::{Guest, STEP_CA, asked, at};
use crate::location::Place;
use crate::operation::{Check, Operation, Want, Write};
use crate::plan::{Disruption, Draft, Edge, Service, Verb};
use crate::probe::{Argv, Probe, argv};

/// The unit's file. The packages bring none.
const UNIT_FILE: &str = "/etc/systemd/system/step-ca.service";
const UNIT: &str = "step-ca.service";

/// Permission bits of the file.
const MODE: u32 = 0o644;

/// How often the service is looked at after its start, and the seconds in between.
const ATTEMPTS: u32 = 5;
const PAUSE: u32 = 2;

fn text() -> String {
    format!(
        "# Written by phoenix: declare changes in its files, those made here are lost.\n\
         [Unit]\n\
         Description=step-ca, the certificate authority\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Environment=STEPPATH={HOME}\n\
         ExecStart=step-ca {CONFIG} --password-file={PASSWORD}\n\
         ExecReload=kill -HUP $MAINPID\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         NoNewPrivileges=yes\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

fn systemctl(word: &str) -> Argv {
    argv(["systemctl", word, UNIT])
}

pub(super) fn probes(place: Place) -> [Probe; 3] {
    let asks = |word| asked(place, systemctl(word));
    [Probe::File(at(place, UNIT_FILE)), asks("is-active"), asks("is-enabled")]
}

/// Plans the unit, and its start after what it reads has changed; returns what comes before what needs it.
pub(super) fn plan(guest: &Guest<'_>, made: &After, draft: &mut Draft) -> After {
    let wanted = text();
    let present = guest.text(UNIT_FILE);
    let differs = present != Some(wanted.as_str());
    let says_no = |word| guest.ran(&systemctl(word)).is_none_or(|output| !output.success());
    let (stopped, disabled) = (says_no("is-active"), says_no("is-enabled"));
    let changed =
        made.iter().any(|(id, _)| draft.action(*id).address.is_within(&guest.address(STEP_CA)));
    let reason = match (present, differs, changed) {
        (None, ..) => "it starts with the container",
        (_, true, _) => "its unit has changed",
        (_, _, true) => "its configuration has changed",
        _ if stopped => "it does not run",
        _ if disabled => "it does not start with the container",
        _ => return made.clone(),
    };
    let mut operations = if differs { writes(guest, present, wanted) } else { Vec::new() };
    let mut words = Vec::new();
    words.extend(disabled.then_some("enable"));
    words.extend((differs || changed || stopped).then_some("restart"));
    operations.extend(words.into_iter().map(|word| guest.run(systemctl(word))));
    operations.push(runs(guest));
    let verb = match (present, differs) {
        (None, _) => Verb::Add,
        (_, true) => Verb::Change,
        _ => Verb::Do,
    };
    let address = guest.address(STEP_CA).part("service");
    let mut action = guest.action(address, verb, reason, operations);
    if present.is_some() {
        action.disruption = Disruption::RestartService(Service::StepCa);
    }
    vec![(draft.add(action, made), Edge::Needs)]
}

fn writes(guest: &Guest<'_>, present: Option<&str>, wanted: String) -> Vec<Operation> {
    let before = present.map(str::to_owned);
    let write = Write::new(at(guest.place, UNIT_FILE), before, wanted, MODE);
    vec![Operation::Write(write), guest.run(argv(["systemctl", "daemon-reload"]))]
}

fn runs(guest: &Guest<'_>) -> Operation {
    Operation::Check(Check {
        probe: asked(guest.place, systemctl("is-active")),
        want: Want::Success,
        attempts: ATTEMPTS,
        pause: PAUSE,
    })
}

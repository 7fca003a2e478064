//! `service/phoenix-renew`: the timer that renews certificates before they end.

use super::certificate;
use crate::address::Address;
use crate::desired::Desired;
use crate::location::{Location, Place};
use crate::observed::Observed;
use crate::operation::{Check, Operation, Run, Want, Write};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

/// The units' files.
const SERVICE: &str = "/etc/systemd/system/phoenix-renew.service";
const TIMER: &str = "/etc/systemd/system/phoenix-renew.timer";
/// The unit that is enabled.
const UNIT: &str = "phoenix-renew.timer";

/// Permission bits of both files.
const MODE: u32 = 0o644;

const SERVICE_TEXT: &str = "\
# Written by phoenix: declare changes in its files, those made here are lost.
[Unit]
Description=Renews certificates before they end
Wants=network-online.target
After=network-online.target pve-guests.service

[Service]
Type=oneshot
ExecStart=phoenix renew --yes
";

/// Hourly: what step-ca issues by itself is good for a day.
const TIMER_TEXT: &str = "\
# Written by phoenix: declare changes in its files, those made here are lost.
[Unit]
Description=Renews certificates before they end

[Timer]
OnCalendar=hourly
RandomizedDelaySec=10m
Persistent=yes

[Install]
WantedBy=timers.target
";

/// Returns the address of the timer.
pub(super) fn address() -> Address {
    Address::new("service", "phoenix-renew")
}

fn is_wanted(desired: &Desired) -> bool {
    desired.trust.authority.is_some() && !desired.trust.certificates.is_empty()
}

fn systemctl(word: &str) -> Argv {
    argv(["systemctl", word, UNIT])
}

fn asks(word: &str) -> Probe {
    Probe::Run { place: Place::Node, argv: systemctl(word) }
}

pub(super) fn probes(desired: &Desired, _: &Facts) -> Vec<Probe> {
    if !is_wanted(desired) {
        return Vec::new();
    }
    let files = [SERVICE, TIMER].map(|path| Probe::File(Location::node(path)));
    files.into_iter().chain(["is-active", "is-enabled"].map(asks)).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    if !is_wanted(observed.desired) {
        return Ok(());
    }
    let mut operations = writes(observed);
    let no = |word| {
        observed.facts.ran(Place::Node, &systemctl(word)).is_none_or(|output| !output.success())
    };
    let (stopped, disabled, changed) = (no("is-active"), no("is-enabled"), !operations.is_empty());
    if !stopped && !disabled && !changed {
        return Ok(());
    }
    let run = |argv: Argv| Operation::Run(Run::on_node(argv));
    operations.extend(changed.then(|| run(argv(["systemctl", "daemon-reload"]))));
    operations.extend(disabled.then(|| run(systemctl("enable"))));
    operations.extend((stopped || changed).then(|| run(systemctl("restart"))));
    operations.push(is_active());
    let verb = match (present(observed, TIMER), changed) {
        (None, _) => Verb::Add,
        (_, true) => Verb::Change,
        _ => Verb::Do,
    };
    let all = &observed.desired.trust.certificates;
    let certificates = all.values().filter_map(|one| draft.find(&certificate::address(one)));
    let after = certificates.map(|id| (id, Edge::After)).collect::<Vec<_>>();
    draft.add(action(verb, operations), &after);
    Ok(())
}

fn present<'a>(observed: &'a Observed<'_>, path: &str) -> Option<&'a str> {
    observed.facts.text(&Location::node(path))
}

/// Returns the writing of each file that is not as it shall be.
fn writes(observed: &Observed<'_>) -> Vec<Operation> {
    let wanted = [(SERVICE, SERVICE_TEXT), (TIMER, TIMER_TEXT)];
    let other = wanted.into_iter().filter(|(path, text)| present(observed, path) != Some(text));
    let write = |(path, text): (&str, &str)| {
        let before = present(observed, path).map(str::to_owned);
        Operation::Write(Write::new(Location::node(path), before, text.to_owned(), MODE))
    };
    other.map(write).collect()
}

fn is_active() -> Operation {
    Operation::Check(Check { probe: asks("is-active"), want: Want::Success, attempts: 1, pause: 0 })
}

fn action(verb: Verb, operations: Vec<Operation>) -> Action {
    Action {
        address: address(),
        verb,
        reason: "renews certificates before they end".to_owned(),
        disruption: Disruption::None,
        guest: None,
        origin: None,
        attributes: Vec::new(),
        notes: Vec::new(),
        operations,
    }
}

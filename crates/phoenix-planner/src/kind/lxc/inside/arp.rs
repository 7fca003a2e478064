//! `lxc/101/arp`: each interface answers for its own addresses only.
//!
//! While one bridge carries both interfaces, the kernel answers for either address on both, and a filter
//! on one of them is gone round (measured: 20 times of 20).

use phoenix_formats::public_interface::{ARP, SCRIPT, SCRIPT_PATH};

use super::reading::arp_probe;
use super::{After, Inside, Power, check, write};
use crate::desired::Container;
use crate::location::Place;
use crate::operation::{Operation, Run, Shown, Want, Write};
use crate::plan::{ActionId, Attribute, Draft, Verb};
use crate::probe::argv;
use crate::want;

/// Permission bits of the program: everybody may read it, and LXC must be able to run it.
const SCRIPT_MODE: u32 = 0o755;

fn want() -> Want {
    Want::Lines(ARP.iter().map(|(_, value)| value.to_string()).collect())
}

/// Returns the check that the settings are in force.
pub(super) fn shows(container: &Container) -> Operation {
    check(arp_probe(container), want())
}

/// Runs the program in a running container: it makes everything right that can be by then.
pub(super) fn run_script(container: &Container) -> Operation {
    let run = Run::at(Place::Guest(container.vmid), argv([SCRIPT_PATH]));
    Operation::Run(run)
}

pub(super) fn plan(inside: &Inside<'_>, after: &After, draft: &mut Draft) -> Option<ActionId> {
    let script = inside.reading.script.as_deref();
    let install = write(inside.at(SCRIPT_PATH), script, SCRIPT, SCRIPT_MODE);
    let now = inside.reading.state.arp.as_ref();
    let in_force = now.is_some_and(|output| {
        want::holds(&want(), &crate::probe::Answer::Ran(output.clone())).is_ok()
    });
    let lags = inside.power == Power::Runs && !in_force;
    if install.is_none() && !lags {
        return None;
    }
    let install = install.map(|write| Operation::Write(Write { shown: Shown::NameOnly, ..write }));
    let verb = if script.is_none() { Verb::Add } else { Verb::Change };
    let mut operations = install.into_iter().collect::<Vec<_>>();
    operations.extend([run_script(inside.container), shows(inside.container)]);
    let reason = "each interface answers for its own addresses only".to_owned();
    let mut action = inside.action("arp", reason, verb, operations);
    let present = now.map(|output| output.stdout.lines().map(str::to_owned).collect::<Vec<_>>());
    action.attributes =
        if in_force { Vec::new() } else { attributes(&present.unwrap_or_default()) };
    Some(draft.add(action, after))
}

fn attributes(present: &[String]) -> Vec<Attribute> {
    let shown = |(number, (name, value)): (usize, &(&str, u8))| {
        let (name, after) = (format!("net.ipv4.conf.all.{name}"), value.to_string());
        let before = present.get(number).cloned();
        super::super::attribute(&name, before.filter(|before| *before != after), Some(after))
    };
    ARP.iter().enumerate().map(shown).collect()
}

//! What every declared virtual machine must show: that it runs, where it is to start with the node.

use crate::desired::Vm;
use crate::kind::vm;
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::Want;
use crate::probe::argv;
use crate::verify::{Check, Vantage, run};

pub(super) fn check(observed: &Observed<'_>, machine: &Vm) -> Check {
    let vmid = machine.vmid.to_string();
    let runs = Check {
        address: vm::address(machine.vmid),
        title: "it runs".to_owned(),
        vantage: Vantage::Node,
        ask: run(Place::Node, argv(["qm", "status", &vmid]), Want::Says("status: running".into())),
        help: format!("Start it with `qm start {vmid}`."),
    };
    let starts = machine.onboot.as_ref().is_some_and(|onboot| onboot.value);
    if machine.is_template() {
        runs.skipped("a template")
    } else if observed.facts.text(&vm::config_path(machine.vmid)).is_none() {
        runs.skipped("not created yet")
    } else if starts {
        runs
    } else {
        runs.skipped("not declared to start at boot")
    }
}

//! What every declared virtual machine must show: that it runs, where it is to start with the node; that its guest
//! agent answers where something is set up in it, that it trusts the certificate authority where it is to, and that
//! its volumes are mounted.

use crate::desired::{Vm, Volume};
use crate::kind::{TRUSTED_CA, ping_argv, trusted_ca, vm, volumes};
use crate::location::{AbsolutePath, Place};
use crate::observed::Observed;
use crate::operation::Want;
use crate::probe::argv;
use crate::verify::{Check, Vantage, run};

pub(super) fn checks(observed: &Observed<'_>, machine: &Vm) -> Vec<Check> {
    let is_there = observed.facts.text(&vm::config_path(machine.vmid)).is_some();
    let mut checks = vec![runs(observed, machine)];
    if is_there && !machine.is_template() && observed.desired.trust.sets_up(machine.vmid) {
        let inside = [Some(agent(machine)), trust(observed, machine)].into_iter().flatten();
        let inside = inside.chain(mounts(observed, machine));
        let runs = vm::is_running(observed.facts, machine.vmid);
        let stopped = |check: Check| check.skipped("the virtual machine does not run");
        checks.extend(inside.map(|check| if runs { check } else { stopped(check) }));
    }
    checks
}

fn agent(machine: &Vm) -> Check {
    Check {
        address: vm::address(machine.vmid).part("agent"),
        title: "its guest agent answers".to_owned(),
        vantage: Vantage::Node,
        ask: run(Place::Node, ping_argv(machine.vmid), Want::Success),
        help: "Install `qemu-guest-agent` in it; `agent: 1` counts from its next start.".to_owned(),
    }
}

fn trust(observed: &Observed<'_>, machine: &Vm) -> Option<Check> {
    let place = Place::Vm(machine.vmid);
    let argv = trusted_ca::check_argv(observed, machine.vmid)?;
    Some(Check {
        address: vm::address(machine.vmid).part(TRUSTED_CA),
        title: "it trusts the certificate authority".to_owned(),
        vantage: Vantage::Vm(machine.vmid),
        ask: run(place, argv, Want::Success),
        help: "Run `phoenix plan`; where it finds no changes, run `update-ca-certificates` in it."
            .to_owned(),
    })
}

fn mounts(observed: &Observed<'_>, machine: &Vm) -> Vec<Check> {
    let volumes = observed.desired.trust.volumes.get(&machine.vmid).into_iter().flatten();
    let check = |(path, volume): (&AbsolutePath, &Volume)| Check {
        address: vm::address(machine.vmid).part("volumes"),
        title: format!("{} is mounted at {path}", volume.source),
        vantage: Vantage::Vm(machine.vmid),
        ask: run(
            Place::Vm(machine.vmid),
            volumes::mounted_argv(path),
            Want::Says(volume.source.clone()),
        ),
        help: format!("Run `mount {path}` in it, and look at what it says."),
    };
    volumes.map(check).collect()
}

fn runs(observed: &Observed<'_>, machine: &Vm) -> Check {
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

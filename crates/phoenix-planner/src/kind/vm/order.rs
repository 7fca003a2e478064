//! In which order virtual machines are looked at: each after those that it needs, else as they boot.

use std::collections::BTreeSet;

use phoenix_formats::Vmid;

use crate::desired::{Desired, Vm};

/// Returns the declared machines, each after those that it depends on, else by `boot_order` and number.
pub(super) fn in_order(desired: &Desired) -> Vec<&Vm> {
    let mut all = desired.vms.values().collect::<Vec<_>>();
    all.sort_by_key(|vm| (boot_order(vm), vm.vmid));
    let mut seen = BTreeSet::new();
    let mut order = Vec::with_capacity(all.len());
    for vm in all {
        visit(desired, vm.vmid, &mut seen, &mut order);
    }
    order
}

/// Returns the place in the order of starting; what has none starts last, as Proxmox VE does it.
fn boot_order(vm: &Vm) -> u32 {
    vm.startup.as_ref().and_then(|startup| startup.value.order).unwrap_or(u32::MAX)
}

fn visit<'a>(desired: &'a Desired, vmid: Vmid, seen: &mut BTreeSet<Vmid>, order: &mut Vec<&'a Vm>) {
    let Some(vm) = desired.vms.get(&vmid) else { return };
    if !seen.insert(vmid) {
        return;
    }
    for dependency in &vm.dependencies {
        visit(desired, dependency.value, seen, order);
    }
    order.push(vm);
}

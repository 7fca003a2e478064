//! Virtual machines: made, changed in place, grown, made a template, kept as a snapshot, and started.
//!
//! What differs goes into one `qm set`, whose `--digest` makes it stale when somebody else was faster. The
//! disk is grown by a call of its own. Nothing is stopped, nothing is removed, and no disk shrinks. What
//! cloud-init makes of its settings is seen at the machine's next start; `cicustom`, passwords and keys are
//! the operator's, and left alone.

mod change;
mod image;
mod keys;
mod making;
pub(super) mod power;
mod source;
mod state;

use phoenix_formats::Vmid;
use phoenix_formats::qm::VmConf;

use super::attribute;
use super::firewall::guest_path;
use super::guests::{After, Progress, Standing};
use crate::address::Address;
use crate::desired::{Desired, Located, Vm, VmSource};
use crate::location::{Location, Place};
use crate::observed::Observed;
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

/// The disk that `disk_size_gb` is about, and from which a machine boots that phoenix makes.
const DISK: &str = "scsi0";

/// The interface that is declared.
pub(super) const NET: &str = "net0";

/// Returns the address of a virtual machine.
pub(crate) fn address(vmid: Vmid) -> Address {
    Address::new("vm", vmid)
}

/// Returns the place of a virtual machine's configuration.
pub(crate) fn config_path(vmid: Vmid) -> Location {
    Location::node(&format!("/etc/pve/qemu-server/{vmid}.conf"))
}

fn list_argv() -> Argv {
    argv(["qm", "list"])
}

pub(super) fn probes(desired: &Desired, _facts: &Facts) -> Vec<Probe> {
    if desired.vms.is_empty() {
        return Vec::new();
    }
    let configs = desired.vms.keys().map(|vmid| Probe::File(config_path(*vmid)));
    let rules = desired.vms.values().flat_map(|vm| {
        let source = match &vm.source {
            Some(VmSource::Clone(source)) => Some(source.value),
            _ => None,
        };
        source.into_iter().chain([vm.vmid]).map(|vmid| Probe::File(guest_path(vmid)))
    });
    let images = desired.vms.values().filter_map(image::probe);
    let list = Probe::Run { place: Place::Node, argv: list_argv() };
    configs.chain(rules).chain(images).chain([list]).collect()
}

/// Plans one machine, and returns what it is at the end of the plan.
pub(super) fn plan_guest(
    observed: &Observed<'_>,
    vm: &Vm,
    progress: &Progress,
    draft: &mut Draft,
) -> Result<Standing, Vec<Refusal>> {
    let machine = Machine::of(observed, vm, progress);
    machine.plan(draft)?;
    Ok(machine.standing(draft))
}

/// A declared machine beside what the node has of it.
struct Machine<'a> {
    observed: &'a Observed<'a>,
    vm: &'a Vm,
    progress: &'a Progress,
    /// Its configuration, if it is on the node.
    conf: Option<VmConf>,
    running: bool,
}

impl<'a> Machine<'a> {
    fn of(observed: &'a Observed<'a>, vm: &'a Vm, progress: &'a Progress) -> Self {
        let conf = read(observed, vm.vmid);
        let running = conf.is_some() && is_running(observed.facts, vm.vmid);
        Self { observed, vm, progress, conf, running }
    }

    fn plan(&self, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
        match self.conf.as_ref().map(VmConf::lock) {
            Some(Some(lock)) => {
                let what = format!(
                    "locked ({lock}): wait until that has ended, or see `qm unlock {}`",
                    self.vm.vmid
                );
                self.defer(draft, what);
                return Ok(());
            }
            Some(None) => self.plan_change(draft)?,
            None => self.plan_making(draft)?,
        }
        if self.conf.is_some() || draft.find(&self.address()).is_some() {
            self.plan_state(draft);
        }
        Ok(())
    }

    fn address(&self) -> Address {
        address(self.vm.vmid)
    }

    fn defer(&self, draft: &mut Draft, what: impl Into<String>) {
        draft.defer(self.address(), what);
    }

    /// Returns a setting that the machine has, or will have after its next start.
    fn present(&self, key: &str) -> Option<&str> {
        self.conf.as_ref().and_then(|conf| conf.wanted(key))
    }

    fn action(&self, address: Address, verb: Verb, reason: impl Into<String>) -> Action {
        Action {
            address,
            verb,
            reason: reason.into(),
            disruption: Disruption::None,
            guest: Some(self.vm.vmid),
            origin: Some(self.vm.origin.clone()),
            attributes: Vec::new(),
            notes: Vec::new(),
            operations: Vec::new(),
        }
    }

    /// Returns what the machine comes after when it is made or started, or why it has to wait. Its clone source
    /// does not have to run.
    fn gate(&self, draft: &mut Draft) -> Result<After, String> {
        self.progress.gate(self.observed, needed(self.vm), draft)
    }

    /// Returns the action that writes the machine's firewall file: rules stand before what they guard.
    fn rules(&self, draft: &Draft) -> Option<(ActionId, Edge)> {
        let id = draft.find(&Address::new("firewall", self.vm.vmid))?;
        Some((id, Edge::After))
    }
}

/// Returns the guests that a machine needs to run; its clone source is not one of them.
pub(super) fn needed(vm: &Vm) -> impl Iterator<Item = &Located<Vmid>> {
    vm.dependencies.iter().filter(|needed| !needed.origin.pointer.ends_with("clone_from_vmid"))
}

/// Returns the configuration of a virtual machine that is on the node, declared or not.
pub(super) fn read(observed: &Observed<'_>, vmid: Vmid) -> Option<VmConf> {
    observed.facts.text(&config_path(vmid)).map(VmConf::parse)
}

/// Returns whether `qm list` has a machine as running: its last columns are the status, the memory, the
/// disk and the process.
pub(crate) fn is_running(facts: &Facts, vmid: Vmid) -> bool {
    const STATUS_FROM_BEHIND: usize = 3;
    let table = facts.ran(Place::Node, &list_argv()).map_or("", |output| output.stdout.as_str());
    let number = vmid.to_string();
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|words| {
        let status = words.iter().rev().nth(STATUS_FROM_BEHIND);
        words.first() == Some(&number.as_str()) && status == Some(&"running")
    })
}

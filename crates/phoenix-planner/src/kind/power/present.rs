//! A guest that is on the node, of either kind.

use phoenix_formats::Vmid;

use crate::kind::{lxc, vm};
use crate::observed::Observed;
use crate::plan::Action;

/// What a guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Container,
    Vm,
}

impl Kind {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Vm => "virtual machine",
        }
    }

    /// Returns Proxmox VE's own program for it.
    pub(super) fn tool(self) -> &'static str {
        match self {
            Self::Container => "pct",
            Self::Vm => "qm",
        }
    }
}

/// A guest of the node, declared or not.
pub(super) struct Present {
    pub(super) vmid: Vmid,
    pub(super) kind: Kind,
    pub(super) is_template: bool,
    pub(super) is_protected: bool,
    pub(super) is_running: bool,
    /// What holds it locked.
    pub(super) lock: Option<String>,
}

/// Returns a guest, if it is on the node.
pub(super) fn present(observed: &Observed<'_>, vmid: Vmid) -> Option<Present> {
    let is_running = is_running(observed, vmid);
    if let Some(conf) = observed.config(vmid) {
        return Some(Present {
            vmid,
            kind: Kind::Container,
            is_template: lxc::is_template(conf),
            is_protected: conf.get("protection").is_some_and(lxc::is_on),
            is_running,
            lock: conf.lock().map(str::to_owned),
        });
    }
    let conf = vm::read(observed, vmid)?;
    Some(Present {
        vmid,
        kind: Kind::Vm,
        is_template: conf.is_on("template"),
        is_protected: conf.is_on("protection"),
        is_running,
        lock: conf.lock().map(str::to_owned),
    })
}

/// Returns whether a guest runs.
pub(super) fn is_running(observed: &Observed<'_>, vmid: Vmid) -> bool {
    observed.is_running(vmid) || vm::is_running(observed.facts, vmid)
}

impl Present {
    /// Returns the deletion that an operator asks for.
    pub(super) fn deletion(&self, observed: &Observed<'_>) -> Action {
        match self.kind {
            Kind::Container => lxc::delete_now(observed, self.vmid),
            Kind::Vm => {
                let gone = "its disks and snapshots are gone for good".to_owned();
                let again = observed.desired.vms.contains_key(&self.vmid);
                let again =
                    again.then(|| "it is declared: the next apply makes it again".to_owned());
                let notes = [gone].into_iter().chain(again).collect();
                vm::power::delete_now(self.vmid, self.is_running, notes)
            }
        }
    }
}

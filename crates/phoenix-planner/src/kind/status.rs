//! How guests are, in a word each.

use phoenix_formats::Vmid;

use super::{lxc, vm};
use crate::desired::Desired;
use crate::observed::{Guest, Observed};
use crate::probe::Facts;
use crate::refusal::Refusal;

/// How a guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is not on the node.
    Absent,
    /// It does not run.
    Stopped,
    /// It runs.
    Running,
    /// It is a template.
    Template,
}

impl State {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Stopped => "stopped",
            Self::Running => "running",
            Self::Template => "template",
        }
    }
}

/// One declared guest.
#[derive(Debug, Clone)]
pub struct GuestStatus {
    /// Its number.
    pub vmid: Vmid,
    /// `lxc` or `vm`.
    pub kind: &'static str,
    /// Its declared name; empty when none is.
    pub name: String,
    /// How it is.
    pub state: State,
}

/// Returns how the declared guests are, in the order in which they start; fails when the node's files cannot be
/// used.
pub fn status(desired: &Desired, facts: &Facts) -> Result<Vec<GuestStatus>, Vec<Refusal>> {
    let observed = Observed::new(desired, facts)?;
    let all = observed.guests_in_order().into_iter().map(|guest| {
        let vmid = guest.vmid();
        let (kind, name) = match guest {
            Guest::Container(container) => ("lxc", container.hostname.as_ref()),
            Guest::Vm(vm) => ("vm", vm.name.as_ref()),
        };
        let state = match (guest, observed.config(vmid)) {
            (Guest::Container(_), None) => State::Absent,
            (Guest::Container(_), Some(conf)) if lxc::is_template(conf) => State::Template,
            (Guest::Container(_), Some(_)) if observed.is_running(vmid) => State::Running,
            (Guest::Container(_), Some(_)) => State::Stopped,
            (Guest::Vm(_), _) => machine(&observed, vmid),
        };
        GuestStatus { vmid, kind, name: name.map_or_else(String::new, |n| n.value.clone()), state }
    });
    Ok(all.collect())
}

fn machine(observed: &Observed<'_>, vmid: Vmid) -> State {
    match vm::read(observed, vmid) {
        None => State::Absent,
        Some(conf) if conf.is_on("template") => State::Template,
        Some(_) if vm::is_running(observed.facts, vmid) => State::Running,
        Some(_) => State::Stopped,
    }
}

//! A running guest in which a feature is set up: a container, or a virtual machine whose guest agent answers.

use std::collections::BTreeSet;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf;
use phoenix_formats::qm::{VmConf, is_agent_on};

use crate::address::Address;
use crate::desired::Desired;
use crate::kind::volumes::VOLUMES;
use crate::kind::{lxc, vm};
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::{Observed, config_path};
use crate::operation::{Operation, Run};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Answer, Argv, Facts, Output, Probe, argv};
use crate::source::Origin;

/// Whether something can be set up in a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kind) enum Standing {
    /// It is not on the node: its own line in the plan says so.
    Absent,
    /// It never runs again: it is a template.
    Template,
    /// It does not run, or something holds it locked.
    Stopped,
    /// It is a virtual machine that runs, and was started without the way to its guest agent.
    NoWay,
    /// It is a virtual machine that runs, and its guest agent does not answer.
    Silent,
    /// It runs.
    Ready,
}

impl Standing {
    /// Says what has to be done by hand, or at the next start, for the guest agent of a machine to answer.
    pub(in crate::kind) fn silence(self, vmid: Vmid) -> Option<String> {
        match self {
            Self::NoWay => Some(format!(
                "virtual machine {vmid} was started without `agent: 1`: its guest agent can be asked after its next start"
            )),
            Self::Silent => Some(format!(
                "the guest agent of virtual machine {vmid} does not answer: install `qemu-guest-agent` in it"
            )),
            _ => None,
        }
    }
}

/// Returns the inside of a guest, declared or not.
pub(in crate::kind) fn inside(vmid: Vmid, desired: &Desired, facts: &Facts) -> Place {
    let is_vm = || facts.text(&vm::config_path(vmid)).is_some();
    match desired.containers.contains_key(&vmid) {
        true => Place::Guest(vmid),
        false if desired.vms.contains_key(&vmid) || is_vm() => Place::Vm(vmid),
        false => Place::Guest(vmid),
    }
}

/// Returns the address of the guest whose inside a place is.
pub(in crate::kind) fn base(place: Place, vmid: Vmid) -> Address {
    if matches!(place, Place::Vm(_)) { vm::address(vmid) } else { lxc::address(vmid) }
}

/// Returns how a guest stands.
pub(in crate::kind) fn standing(observed: &Observed<'_>, vmid: Vmid) -> Standing {
    if let Place::Vm(vmid) = inside(vmid, observed.desired, observed.facts) {
        return machine_standing(observed, vmid);
    }
    match observed.config(vmid) {
        None => Standing::Absent,
        Some(conf) if conf.get("template") == Some("1") => Standing::Template,
        Some(conf) if conf.lock().is_some() || !observed.is_running(vmid) => Standing::Stopped,
        Some(_) => Standing::Ready,
    }
}

fn machine_standing(observed: &Observed<'_>, vmid: Vmid) -> Standing {
    match vm::read(observed, vmid) {
        None => Standing::Absent,
        Some(conf) if conf.is_on("template") => Standing::Template,
        Some(conf) if conf.lock().is_some() => Standing::Stopped,
        Some(_) if answers(observed.facts, vmid) => Standing::Ready,
        Some(_) if !vm::is_running(observed.facts, vmid) => Standing::Stopped,
        Some(conf) if conf.get("agent").is_some_and(is_agent_on) => Standing::Silent,
        Some(_) => Standing::NoWay,
    }
}

/// Asks the guest agent of a machine whether it is there; it says nothing, and ends with 0.
pub(crate) fn ping_argv(vmid: Vmid) -> Argv {
    argv(["qm", "guest", "cmd", &vmid.to_string(), "ping"])
}

pub(in crate::kind) fn answers(facts: &Facts, vmid: Vmid) -> bool {
    facts.ran(Place::Node, &ping_argv(vmid)).is_some_and(Output::success)
}

/// Asks for the guest agents of those machines that have one and that phoenix does something in.
pub(in crate::kind) fn pings(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let mut entered = desired.trust.entered();
    // Where volumes were declared, lines may have to go.
    entered.extend(desired.trust.volumes.keys());
    let machines = entered.into_iter().filter(|vmid| {
        let conf = facts.text(&vm::config_path(*vmid)).map(VmConf::parse);
        conf.is_some_and(|conf| {
            !conf.is_on("template") && conf.get("agent").is_some_and(is_agent_on)
        })
    });
    machines.map(|vmid| Probe::Run { place: Place::Node, argv: ping_argv(vmid) }).collect()
}

/// A running guest with a feature.
#[derive(Clone, Copy)]
pub(in crate::kind) struct Guest<'a> {
    pub(in crate::kind) vmid: Vmid,
    /// Its inside.
    pub(in crate::kind) place: Place,
    pub(in crate::kind) origin: &'a Origin,
    pub(in crate::kind) observed: &'a Observed<'a>,
}

/// Returns the guests with a feature that run and can be looked into. Those that do not run are deferred; for a
/// silent machine that was said once, see [`defer_silent`].
pub(in crate::kind) fn ready<'a>(
    feature: &str,
    observed: &'a Observed<'a>,
    draft: &mut Draft,
) -> Vec<Guest<'a>> {
    let mut guests = Vec::new();
    for (vmid, origin) in observed.desired.trust.with_feature(feature) {
        let place = inside(vmid, observed.desired, observed.facts);
        match standing(observed, vmid) {
            Standing::Absent | Standing::Template | Standing::NoWay | Standing::Silent => {}
            Standing::Stopped => {
                let why = format!("known when {} {vmid} runs", noun(place));
                draft.defer(base(place, vmid).part(feature), why);
            }
            Standing::Ready => guests.push(Guest { vmid, place, origin, observed }),
        }
    }
    guests
}

/// Defers, once for each machine whose guest agent does not answer, everything that belongs into it.
pub(super) fn defer_silent(observed: &Observed<'_>, draft: &mut Draft) {
    let trust = &observed.desired.trust;
    for vmid in trust.features.keys().chain(trust.volumes.keys()).collect::<BTreeSet<_>>() {
        let Some(why) = standing(observed, *vmid).silence(*vmid) else { continue };
        let features = trust.features.get(vmid).into_iter().flatten();
        let managed = features.filter(|feature| trust.manages(&feature.value));
        let mut names = managed.map(|feature| feature.value.as_str()).collect::<Vec<_>>();
        names.extend(trust.volumes.get(vmid).filter(|all| !all.is_empty()).map(|_| VOLUMES));
        if !names.is_empty() {
            let address = vm::address(*vmid).part("agent");
            draft.defer(address, format!("{why}; left alone until then: {}", names.join(", ")));
        }
    }
}

/// Returns what a guest is called.
pub(in crate::kind) fn noun(place: Place) -> &'static str {
    if matches!(place, Place::Vm(_)) { "virtual machine" } else { "container" }
}

/// Returns the insides of the guests with a feature that are worth a question: those that are on the node, and
/// of virtual machines those whose agent answers.
pub(in crate::kind) fn to_ask<'a>(
    feature: &'a str,
    desired: &'a Desired,
    facts: &'a Facts,
) -> impl Iterator<Item = Place> + 'a {
    let vmids = desired.trust.with_feature(feature).map(|(vmid, _)| vmid);
    let places = vmids.map(|vmid| inside(vmid, desired, facts));
    places.filter(|place| match place {
        Place::Vm(vmid) => answers(facts, *vmid),
        Place::Guest(vmid) => {
            let conf = facts.text(&config_path(*vmid));
            conf.is_some_and(|text| lxc_conf::peek(text, "template") != Some("1"))
        }
        Place::Node => false,
    })
}

/// Asks a program of a guest.
pub(in crate::kind) fn asked(place: Place, argv: Argv) -> Probe {
    Probe::Run { place, argv }
}

/// Returns a path inside a guest.
pub(in crate::kind) fn at(place: Place, path: &str) -> Location {
    let path = path.parse::<AbsolutePath>().expect("paths of phoenix are absolute");
    Location { place, path }
}

impl<'a> Guest<'a> {
    /// Returns the address of a feature in the guest.
    pub(in crate::kind) fn address(&self, feature: &str) -> Address {
        self.base().part(feature)
    }

    /// Returns the address of the guest.
    pub(in crate::kind) fn base(&self) -> Address {
        base(self.place, self.vmid)
    }

    /// Returns whether the guest is a virtual machine.
    pub(in crate::kind) fn is_vm(&self) -> bool {
        matches!(self.place, Place::Vm(_))
    }

    /// Returns the text of a file in the guest.
    pub(in crate::kind) fn text(&self, path: &str) -> Option<&'a str> {
        self.observed.facts.text(&at(self.place, path))
    }

    /// Returns what a program of the guest said.
    pub(in crate::kind) fn ran(&self, argv: &[String]) -> Option<&'a Output> {
        self.observed.facts.ran(self.place, argv)
    }

    /// Returns whether it can be told what is in the guest.
    pub(in crate::kind) fn sees(&self, path: &str) -> bool {
        let answer = self.observed.facts.answer(&Probe::File(at(self.place, path)));
        matches!(answer, Answer::Text(_) | Answer::Absent)
    }

    /// Runs a program in the guest.
    pub(in crate::kind) fn run(&self, argv: Argv) -> Operation {
        Operation::Run(Run::at(self.place, argv))
    }

    /// Runs a program in the guest that reads a file of the node.
    pub(in crate::kind) fn feed(&self, argv: Argv, input: Location) -> Operation {
        Operation::Run(Run { input: Some(input), ..Run::at(self.place, argv) })
    }

    /// Returns what comes before anything in the guest: what is done to the guest itself.
    pub(in crate::kind) fn before(&self, draft: &Draft) -> Vec<(ActionId, Edge)> {
        let base = self.base();
        let powers = ["restart", "start"].map(|part| draft.find(&base.part(part)));
        let powers = powers.into_iter().flatten().map(|id| (id, Edge::Needs));
        draft.find(&base).map(|id| (id, Edge::After)).into_iter().chain(powers).collect()
    }

    /// Returns an action of a feature, without costs and details.
    pub(in crate::kind) fn action(
        &self,
        address: Address,
        verb: Verb,
        reason: impl Into<String>,
        operations: Vec<Operation>,
    ) -> Action {
        Action {
            address,
            verb,
            reason: reason.into(),
            disruption: Disruption::None,
            guest: Some(self.vmid),
            origin: Some(self.origin.clone()),
            attributes: Vec::new(),
            notes: Vec::new(),
            operations,
        }
    }
}

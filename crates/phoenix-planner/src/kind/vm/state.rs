//! What a machine is beyond its settings: a template, kept in a snapshot, running.

use phoenix_formats::qm::VmConf;

use super::super::feature::ping_argv;
use super::super::guests::{After, Standing};
use super::{Machine, address};
use crate::address::Address;
use crate::operation::{Leaves, OnFailure, Operation, Run};
use crate::plan::{ActionId, Disruption, Draft, Edge, Verb};

/// A machine that was just cloned may still be locked for a moment.
pub(super) const START: OnFailure = OnFailure::Retry { attempts: 3, pause: 5 };

/// How long a machine may take until its guest agent answers: two minutes, in which an image for clouds boots for
/// the first time. One that never answers is told by the next plan.
const AGENT: OnFailure = OnFailure::Await { attempts: 25, pause: 5 };

impl Machine<'_> {
    /// Plans the template, the snapshot and the start.
    pub(super) fn plan_state(&self, draft: &mut Draft) {
        if self.vm.is_template() {
            self.plan_template(draft);
        } else {
            let taken = self.plan_snapshot(draft);
            self.plan_start(taken, draft);
        }
    }

    fn plan_template(&self, draft: &mut Draft) {
        let conf = self.conf.as_ref();
        if conf.is_some_and(|conf| conf.is_on("template")) {
            return;
        }
        let snapshot = conf.and_then(|conf| conf.snapshots().keys().next());
        let why = match snapshot {
            Some(name) => Some(format!(
                "not made a template: it has the snapshot `{name}` (`qm delsnapshot {} {name}` removes it)",
                self.vm.vmid
            )),
            None => self.running.then(|| "not made a template: it runs".to_owned()),
        };
        let lacks_disk = draft.is_deferred(&self.address());
        if let Some(why) = why {
            draft.defer(address(self.vm.vmid).part("template"), why);
            return;
        }
        if lacks_disk {
            return;
        }
        let mut action = self.action(
            self.address().part("template"),
            Verb::Do,
            "from now on others are cloned from it",
        );
        action
            .notes
            .push("a template never runs again, and cannot be made a machine again".to_owned());
        action.operations.push(self.run(self.qm("template")));
        let needs = self.own(draft);
        draft.add(action, &needs);
    }

    fn plan_snapshot(&self, draft: &mut Draft) -> Option<ActionId> {
        let name = &self.vm.snapshot.as_ref()?.value;
        let has = |conf: &VmConf| conf.is_on("template") || conf.snapshots().contains_key(name);
        if self.conf.as_ref().is_some_and(has) {
            return None;
        }
        let mut action = self.action(
            self.address().part("snapshot").part(name),
            Verb::Add,
            "declared, and not there",
        );
        if self.running {
            action.disruption = Disruption::Live;
            action.notes.push("taken while it runs, without its memory".to_owned());
        }
        let mut argv = self.qm("snapshot");
        argv.push(name.clone());
        action.operations.push(self.run(argv));
        let needs = self.own(draft);
        Some(draft.add(action, &needs))
    }

    fn plan_start(&self, snapshot: Option<ActionId>, draft: &mut Draft) {
        let wanted = self.vm.onboot.as_ref().is_some_and(|onboot| onboot.value);
        let template = self.conf.as_ref().is_some_and(|conf| conf.is_on("template"));
        if !wanted || template || self.running || self.is_unready(draft) {
            return;
        }
        let reason = match &self.conf {
            Some(_) => "stopped, and declared to start at boot",
            None => "made, and declared to start at boot",
        };
        let mut action = self.action(self.address().part("start"), Verb::Do, reason);
        action.disruption = Disruption::Start;
        action.origin = None;
        let run = Run { on_failure: START, ..Run::on_node(self.qm("start")) };
        action.operations.push(Operation::Run(run));
        if let Some(wait) = self.wait_for_agent() {
            action.notes.push("its guest agent is waited for, 2 minutes at most".to_owned());
            action.operations.push(wait);
        }
        let mut after = self.own(draft);
        // The snapshot is of the machine before it ran.
        after.extend(snapshot.map(|id| (id, Edge::After)));
        match self.gate(draft) {
            Ok(needs) => after.extend(needs),
            Err(why) => return draft.defer(self.address().part("start"), why),
        }
        let rules = draft.find(&Address::new("firewall", self.vm.vmid));
        after.extend(rules.map(|id| (id, Edge::Needs)));
        draft.add(action, &after);
    }

    /// Returns the wait for the guest agent of a machine in which something is set up next.
    fn wait_for_agent(&self) -> Option<Operation> {
        let is_entered = self.observed.desired.trust.entered().contains(&self.vm.vmid);
        is_entered.then(|| {
            let ping = Run::on_node(ping_argv(self.vm.vmid));
            Operation::Run(Run { on_failure: AGENT, leaves: Leaves::Nothing, ..ping })
        })
    }

    /// Returns whether the machine has no disk to start from.
    fn is_unready(&self, draft: &Draft) -> bool {
        let planned = draft.find(&self.address()).is_some();
        let bootable = self.conf.as_ref().is_none_or(has_disk);
        !planned && !bootable
    }

    /// Returns what the machine is for those that need it.
    pub(super) fn standing(&self, draft: &Draft) -> Standing {
        let start = draft.find(&self.address().part("start"));
        let planned = draft.find_all(|other| other.is_within(&self.address())).into_iter();
        let edge = |id| (id, if Some(id) == start { Edge::Needs } else { Edge::After });
        let after = planned.map(edge).collect::<After>();
        let up = self.vm.is_template() || self.running || start.is_some();
        let inside = self.progress.inside.holds_up(self.observed, self.vm.vmid);
        let inside = inside.filter(|_| up && !self.vm.is_template());
        let runs = if let Some(why) = inside {
            Err(why.to_owned())
        } else if up {
            Ok(after)
        } else if draft.is_deferred(&self.address()) {
            Err("it is not made yet".to_owned())
        } else if draft.is_deferred(&self.address().part("start")) {
            Err("it cannot be started yet".to_owned())
        } else {
            Err("it is stopped, and not declared to start".to_owned())
        };
        // No container is cloned from a machine, and machines look at what is planned for their source.
        Standing { runs, cloned: Err("it is a virtual machine".to_owned()) }
    }

    fn own(&self, draft: &Draft) -> Vec<(ActionId, Edge)> {
        draft.find(&self.address()).map(|id| (id, Edge::Needs)).into_iter().collect()
    }
}

/// Returns whether a machine has a disk of any kind.
fn has_disk(conf: &VmConf) -> bool {
    const BUSES: [&str; 4] = ["ide", "sata", "scsi", "virtio"];
    conf.main().entries().any(|(key, value)| {
        let bus = key.trim_end_matches(|c: char| c.is_ascii_digit());
        BUSES.contains(&bus) && key != bus && !value.contains("media=cdrom")
    })
}

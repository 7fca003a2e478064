//! All files of the firewall that change, made before the first of them is put into a plan.

use phoenix_formats::Vmid;
use phoenix_formats::firewall::{FwFile, Level};

use super::cluster::Cluster;
use super::file::Change;
use super::node::Host;
use super::order::Last;
use super::{cluster, cluster_path, guest, lockout, names, node, vm};
use crate::observed::Observed;
use crate::refusal::Refusal;

pub(super) struct Set {
    pub(super) cluster: Cluster,
    /// The node's file where it changes.
    pub(super) node: Option<Change>,
    pub(super) guests: Vec<Change>,
    /// The node's file, whether it changes or not.
    pub(super) host: Host,
    /// The guests that will take only what their rules let in.
    shut: Vec<Vmid>,
}

impl Set {
    pub(super) fn read(observed: &Observed<'_>) -> Result<Self, Vec<Refusal>> {
        let text = observed.facts.text(&cluster_path()).unwrap_or_default();
        let present = FwFile::parse(Level::Cluster, text, None);
        // Where its file cannot be made, the guests' are still looked at: no error is met alone.
        let (after, mut refusals) = match cluster::after(observed, &present) {
            Ok(after) => (after, Vec::new()),
            Err(refusals) => (present.clone(), refusals),
        };
        let mut take = |result: Result<Option<Change>, Vec<Refusal>>| {
            result.map_err(|more| refusals.extend(more)).ok().flatten()
        };
        let containers = observed.in_order().into_iter();
        let containers = containers.filter(|c| observed.unlocked(c.vmid).is_some());
        let containers = containers
            .map(|c| (c.vmid, c.firewall.as_ref(), guest::container(observed, c, &after)));
        let vms = observed.desired.vms.values();
        let vms = vms.map(|vm| (vm.vmid, vm.firewall.as_ref(), vm::plan(observed, vm, &after)));
        let (mut guests, mut shut) = (Vec::new(), Vec::new());
        for (vmid, firewall, change) in containers.chain(vms) {
            if let Some(change) = take(change) {
                guests.push(change);
                shut.extend(guest::shuts(observed, vmid, firewall, &after).then_some(vmid));
            }
        }
        let node = take(node::plan(observed, &after));
        let files = guests.iter().chain(&node).collect::<Vec<_>>();
        refusals.extend(names::still_used(observed, &present, &after, &files));
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let host = Host::of(observed, node.as_ref());
        let cluster = Cluster::new(observed, present, after, &files);
        let set = Self { cluster, node, guests, host, shut };
        let refusals = lockout::refusals(observed, &set);
        if refusals.is_empty() { Ok(set) } else { Err(refusals) }
    }

    /// Returns one of the two files that decide about the node itself, where it changes.
    pub(super) fn last(&self, last: Last) -> Option<&Change> {
        match last {
            Last::Node => self.node.as_ref(),
            Last::Cluster => self.cluster.whole.as_ref(),
        }
    }

    /// Returns whether packets to the node are decided about by other files than before.
    pub(super) fn concerns_node(&self) -> bool {
        self.node.is_some() || self.cluster.whole.is_some() || self.cluster.defined.is_some()
    }

    pub(super) fn notes(&self, observed: &Observed<'_>) -> Vec<String> {
        let ids = self.shut.iter().map(Vmid::to_string).collect::<Vec<_>>().join(", ");
        let shut = (!ids.is_empty()).then(|| format!("the firewall of {ids} is turned on: interfaces with firewall=1 then take only what the rules let in"));
        let forward = node::forward_note(self);
        shut.into_iter().chain(forward).chain(lockout::notes(observed, self)).collect()
    }
}

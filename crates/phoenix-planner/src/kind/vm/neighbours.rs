//! The guests that a machine needs: what of them is planned, and whether they are there at all.

use phoenix_formats::Vmid;

use super::{Machine, address, config_path};
use crate::address::Address;
use crate::observed;
use crate::plan::{ActionId, Draft, Edge};

/// The parts of a guest after which it serves others.
const SERVING: [&str; 3] = ["health", "start", "restart"];

/// The parts of a machine after which others can be cloned from it.
const CLONABLE: &str = "template";

impl Machine<'_> {
    /// Returns what is planned of the guests that this one needs. Its clone source is not among them: it does
    /// not have to run.
    pub(super) fn dependencies(&self, edge: Edge, draft: &Draft) -> Vec<(ActionId, Edge)> {
        let needed = self.needed().flat_map(|vmid| serving(vmid, draft));
        needed.map(|id| (id, edge)).collect()
    }

    /// Returns the first guest that this one needs and that neither is on the node nor is made by the plan.
    pub(super) fn missing(&self, draft: &Draft) -> Option<Vmid> {
        let facts = self.observed.facts;
        self.needed().find(|vmid| {
            let places = [observed::config_path(*vmid), config_path(*vmid)];
            let there = places.iter().any(|at| facts.text(at).is_some());
            !there && bases(*vmid).iter().all(|base| draft.find(base).is_none())
        })
    }

    fn needed(&self) -> impl Iterator<Item = Vmid> {
        let guests = self.vm.dependencies.iter();
        let needed = guests.filter(|needed| !needed.origin.pointer.ends_with("clone_from_vmid"));
        needed.map(|needed| needed.value)
    }
}

fn bases(vmid: Vmid) -> [Address; 2] {
    [Address::new("lxc", vmid), address(vmid)]
}

fn serving(vmid: Vmid, draft: &Draft) -> Vec<ActionId> {
    let of = |base: &Address| {
        let parts = SERVING.iter().map(|part| base.part(part)).chain([base.clone()]);
        parts.filter_map(|part| draft.find(&part)).collect::<Vec<_>>()
    };
    bases(vmid).iter().flat_map(of).collect()
}

/// Returns what is planned of a machine before it can be cloned.
pub(super) fn clonable(vmid: Vmid, snapshot: Option<&str>, draft: &Draft) -> Vec<(ActionId, Edge)> {
    let base = address(vmid);
    let snapshot = snapshot.map(|name| base.part("snapshot").part(name));
    let parts = [Some(base.clone()), Some(base.part(CLONABLE)), snapshot].into_iter().flatten();
    let needs = parts.filter_map(|part| Some((draft.find(&part)?, Edge::Needs)));
    // Its rules go with the clone.
    let rules = draft.find(&Address::new("firewall", vmid)).map(|id| (id, Edge::After));
    needs.chain(rules).collect()
}

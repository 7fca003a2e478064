//! Parts of a plan: what is wanted with what it needs, or everything but something.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::NodeIndex;
use phoenix_formats::Vmid;

use super::{Action, Deferred, Draft, Edge, Plan, Verb};
use crate::address::Address;

impl Plan {
    /// Returns the part of the plan that is about these addresses and their parts, with everything
    /// that it needs, and the restarts and reloads that follow from it.
    pub fn target(&self, targets: &[Address]) -> Self {
        self.focus(|action| targets.iter().any(|target| action.address.is_within(target)))
    }

    /// Returns the part of the plan that is done for these guests, with everything that it needs,
    /// and the restarts and reloads that follow from it.
    pub fn for_guests(&self, guests: &[Vmid]) -> Self {
        let is_of_them =
            |action: &Action| action.guest.is_some_and(|guest| guests.contains(&guest));
        let focused = self.focus(|action| is_of_them(action) && !action.only_asks());
        let of_them = |deferred: &&Deferred| {
            let mut parts = deferred.address.as_str().split('/').skip(1);
            parts.next().and_then(|name| name.parse().ok()).is_some_and(|g| guests.contains(&g))
        };
        let deferred = self.deferred.iter().filter(of_them).cloned().collect();
        Self { deferred, ..focused }
    }

    /// Returns the part of the plan that is done for these guests, with what it needs: other guests are started
    /// and asked whether they are healthy, and otherwise left as they are.
    pub fn for_guests_alone(&self, guests: &[Vmid]) -> Self {
        let focused = self.for_guests(guests);
        let is_other = |action: &Action| {
            let other = action.guest.filter(|guest| !guests.contains(guest));
            let is_whole = |guest| {
                ["lxc", "vm"].iter().any(|kind| action.address == Address::new(kind, guest))
            };
            action.verb == Verb::Change && other.is_some_and(is_whole)
        };
        let kept = focused.steps().filter(|step| !is_other(step.action)).map(|step| step.number);
        focused.only(&kept.collect(), focused.deferred.clone())
    }

    /// Returns the part of the plan that is done for the node itself and for no guest, with everything
    /// that it needs, and the restarts and reloads that follow from it.
    pub fn for_node(&self) -> Self {
        let focused = self.focus(|action| action.guest.is_none() && action.verb != Verb::Do);
        let of_node = self.deferred.iter().filter(|deferred| !deferred.address.is_of_guest());
        Self { deferred: of_node.cloned().collect(), ..focused }
    }

    /// Returns the plan without these addresses and their parts, nor anything that needs them.
    pub fn exclude(&self, excluded: &[Address]) -> Self {
        let mut kept = BTreeSet::new();
        for step in self.steps() {
            let mut needs = step.after().into_iter().filter(|(_, edge)| *edge == Edge::Needs);
            let named = excluded.iter().any(|address| step.action.address.is_within(address));
            if !named && needs.all(|(number, _)| kept.contains(&number)) {
                kept.insert(step.number);
            }
        }
        let deferred = |d: &&Deferred| !excluded.iter().any(|address| d.address.is_within(address));
        self.only(&kept, self.deferred.iter().filter(deferred).cloned().collect())
    }

    /// Returns what is wanted, what it needs, and what follows from it and needs nothing else.
    fn focus(&self, wanted: impl Fn(&Action) -> bool) -> Self {
        let mut kept =
            self.steps().filter(|s| wanted(s.action)).map(|s| s.number).collect::<BTreeSet<_>>();
        // From the last to the first: a predecessor's own predecessors are still to come.
        for step in self.steps().collect::<Vec<_>>().into_iter().rev() {
            if kept.contains(&step.number) {
                let needs = step.after().into_iter().filter(|(_, edge)| *edge == Edge::Needs);
                kept.extend(needs.map(|(number, _)| number));
            }
        }
        for step in self.steps() {
            let after = step.after();
            let follows = after.iter().any(|(number, _)| kept.contains(number));
            let mut needs = after.iter().filter(|(_, edge)| *edge == Edge::Needs);
            let whole = needs.all(|(number, _)| kept.contains(number));
            if step.action.verb == Verb::Do && follows && whole && !step.action.only_asks() {
                kept.insert(step.number);
            }
        }
        let named = |address: &Address| kept.iter().any(|n| self.address(*n).is_within(address));
        let deferred = self.deferred.iter().filter(|d| named(&d.address)).cloned().collect();
        self.only(&kept, deferred)
    }

    fn address(&self, number: usize) -> &Address {
        &self.graph[NodeIndex::new(number - 1)].address
    }

    fn only(&self, kept: &BTreeSet<usize>, deferred: Vec<Deferred>) -> Self {
        let mut draft = Draft::default();
        let mut ids = BTreeMap::new();
        for step in self.steps().filter(|step| kept.contains(&step.number)) {
            let after =
                step.after().into_iter().filter_map(|(n, edge)| Some((*ids.get(&n)?, edge)));
            let id = draft.add(step.action.clone(), &after.collect::<Vec<_>>());
            ids.insert(step.number, id);
        }
        draft.deferred = deferred;
        draft.notes.clone_from(&self.notes);
        draft.finish()
    }
}

//! The machine that another one is cloned from.

use phoenix_formats::Vmid;

use super::address;
use crate::address::Address;
use crate::plan::{ActionId, Draft, Edge};

/// The part of a machine after which others can be cloned from it.
const CLONABLE: &str = "template";

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

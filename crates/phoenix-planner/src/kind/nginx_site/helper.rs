//! The program of phoenix's own that rewrites the files inside the container.

use phoenix_formats::Vmid;
use phoenix_formats::nginx::{SET_LISTEN_HELPER, SET_LISTEN_HELPER_NAME};

use super::lxc;
use crate::desired::Container;
use crate::location::Location;
use crate::observed::Observed;
use crate::operation::{Operation, Shown, Write};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::Facts;

/// Where the helper is installed: a folder of the administrator's own programs (hier(7)).
const HELPER_FOLDER: &str = "/usr/local/sbin";
/// Permission bits of the helper.
const HELPER_MODE: u32 = 0o755;

/// Returns where the program stands in a container.
pub(super) fn place(vmid: Vmid) -> Location {
    let path = format!("{HELPER_FOLDER}/{SET_LISTEN_HELPER_NAME}");
    Location::guest(vmid, path.parse().expect("the helper's path is absolute"))
}

/// Returns whether a container has, or may have, what belonged to a public interface that is not
/// declared any more.
pub(super) fn has_left(container: &Container, facts: &Facts) -> bool {
    let enabled = container.public.as_ref().is_some_and(|public| public.enabled);
    let text = facts.text(&crate::observed::config_path(container.vmid));
    let there = |text: &str| container.public.is_some() || lxc::is_marked(text);
    !enabled && text.is_some_and(there)
}

/// Returns the writing of the helper, unless it is there as it should be.
pub(super) fn install(observed: &Observed<'_>, container: &Container) -> Option<Operation> {
    let at = place(container.vmid);
    let before = observed.facts.text(&at).map(str::to_owned);
    (before.as_deref() != Some(SET_LISTEN_HELPER)).then(|| {
        let write = Write::new(at, before, SET_LISTEN_HELPER.to_owned(), HELPER_MODE);
        Operation::Write(Write { shown: Shown::NameOnly, ..write })
    })
}

/// Adds the removal of the helper, if it is phoenix's own to the letter.
pub(super) fn remove(observed: &Observed<'_>, container: &Container, draft: &mut Draft) {
    let at = place(container.vmid);
    let runs = observed.is_running(container.vmid);
    if !runs || observed.facts.text(&at) != Some(SET_LISTEN_HELPER) {
        return;
    }
    let action = Action {
        address: lxc::address(container.vmid).part("nginx").part("helper"),
        verb: Verb::Remove,
        reason: "its public interface is not declared any more".to_owned(),
        disruption: Disruption::None,
        guest: Some(container.vmid),
        origin: None,
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: vec![Operation::Remove {
            at,
            before: SET_LISTEN_HELPER.to_owned(),
            shown: Shown::NameOnly,
        }],
    };
    let started = lxc::planned(container, draft).map(|id| (id, Edge::Needs));
    draft.add(action, &started.into_iter().collect::<Vec<_>>());
}

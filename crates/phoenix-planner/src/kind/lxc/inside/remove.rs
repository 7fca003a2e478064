//! Takes away what belonged to a public interface that is not declared any more.

use phoenix_formats::public_interface::{
    ARP, NETWORKD_PATH, ROUTE_PATH, RULESET_PATH, RULESET_TABLE, SCRIPT_PATH, is_own,
};

use super::super::{address, restart};
use super::{After, Power, Reading, at, route};
use crate::desired::Container;
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{OnFailure, Operation, Run, Shown};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, argv};

/// The folder of phoenix's files in a container.
const FOLDER: &str = "/etc/phoenix";

/// What goes with one address.
struct Part<'a> {
    name: &'static str,
    files: Vec<(&'static str, &'a Option<String>)>,
    in_force: Vec<Operation>,
}

/// Adds the removals, once the interface is gone: files only if phoenix has written them, and what is in
/// force unless a restart takes it.
pub(in super::super) fn remove(observed: &Observed<'_>, container: &Container, draft: &mut Draft) {
    let Ok(reading) = Reading::of(observed, container) else { return };
    if !observed.is_running(container.vmid) {
        return;
    }
    let restarted = restart::planned(container, draft);
    let power = if restarted.is_some() { Power::Restarts } else { Power::Runs };
    let gone = restarted.or_else(|| draft.find(&address(container.vmid)));
    let after = gone.into_iter().map(|id| (id, Edge::Needs)).collect::<Vec<_>>();
    let parts = parts(container, &reading, power).map(|part| part.operations(container));
    let mut left = parts.into_iter().filter(|(_, operations)| !operations.is_empty()).peekable();
    while let Some((name, mut operations)) = left.next() {
        if left.peek().is_none() {
            operations.push(remove_folder(container));
        }
        add(container, name, operations, &after, draft);
    }
}

fn parts<'a>(container: &Container, reading: &'a Reading, power: Power) -> [Part<'a>; 3] {
    let run = |argv: Argv| {
        let run = Run::at(Place::Guest(container.vmid), argv);
        Operation::Run(Run { on_failure: OnFailure::Continue, ..run })
    };
    let runs_on = power == Power::Runs;
    let loaded = runs_on && reading.state.is_loaded();
    let table = argv(["nft", "delete", "table", "inet", RULESET_TABLE]);
    let ours = reading.route.as_deref().is_some_and(is_own);
    let routes =
        if runs_on && ours { route::stale(container, &reading.state, None) } else { Vec::new() };
    let is_set = runs_on && reading.script.as_deref().is_some_and(is_own);
    let set = ARP.map(|(name, _)| format!("net.ipv4.conf.all.{name}=0"));
    let sysctl = ["sysctl", "--quiet", "--write"].map(str::to_owned).into_iter().chain(set);
    [
        Part {
            name: "nftables",
            files: vec![(RULESET_PATH, &reading.ruleset)],
            in_force: loaded.then(|| run(table)).into_iter().collect(),
        },
        Part {
            name: "public-route",
            files: vec![(ROUTE_PATH, &reading.route), (NETWORKD_PATH, &reading.networkd)],
            in_force: routes,
        },
        Part {
            name: "arp",
            files: vec![(SCRIPT_PATH, &reading.script)],
            in_force: is_set.then(|| run(sysctl.collect())).into_iter().collect(),
        },
    ]
}

impl Part<'_> {
    /// Returns the name with everything that takes the part away; nothing where it is gone.
    fn operations(self, container: &Container) -> (&'static str, Vec<Operation>) {
        let own = self.files.into_iter().filter_map(|(path, text)| {
            let before = text.as_ref().filter(|text| is_own(text))?.clone();
            Some(Operation::Remove { at: at(container, path), before, shown: Shown::NameOnly })
        });
        (self.name, self.in_force.into_iter().chain(own).collect())
    }
}

fn add(
    container: &Container,
    name: &str,
    operations: Vec<Operation>,
    after: &After,
    draft: &mut Draft,
) {
    let action = Action {
        address: address(container.vmid).part(name),
        verb: Verb::Remove,
        reason: "its public interface is not declared any more".to_owned(),
        disruption: Disruption::None,
        guest: Some(container.vmid),
        origin: None,
        attributes: Vec::new(),
        notes: Vec::new(),
        operations,
    };
    draft.add(action, after);
}

/// Takes the folder away; one that still holds something is somebody's, and stays.
fn remove_folder(container: &Container) -> Operation {
    let argv = argv(["rmdir", "--ignore-fail-on-non-empty", FOLDER]);
    let run = Run::at(Place::Guest(container.vmid), argv);
    Operation::Run(Run { on_failure: OnFailure::Continue, ..run })
}

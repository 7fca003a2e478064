//! In which order the two files are written that decide about packets to the node.

use phoenix_formats::firewall::{FwFile, Level};

use super::lockout::Asker;
use super::names::has_new_fault;
use super::set::Set;
use super::{host_path, lockout};
use crate::observed::Observed;
use crate::plan::Edge;
use crate::refusal::Refusal;

/// One of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Node,
    Cluster,
}

/// The order of the two, and whether the second one needs the first one done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) files: [Last; 2],
    pub(super) edge: Edge,
}

/// The two files together.
type State<'a> = (&'a FwFile, Option<&'a str>);

/// Chooses an order in which no way to the node is shut in between that is open before and afterwards.
pub(super) fn choose(observed: &Observed<'_>, set: &Set) -> Result<Order, Vec<Refusal>> {
    let askers = lockout::askers(observed);
    let states = States::of(set);
    let orders = [[Last::Node, Last::Cluster], [Last::Cluster, Last::Node]];
    let safe = |order: &[Last; 2]| states.keeps_names(*order) && states.are_safe(*order, &askers);
    let accepted = observed.desired.firewall.as_ref().is_none_or(|firewall| firewall.allow_lockout);
    match orders.into_iter().find(safe) {
        Some(files) => Ok(Order { files, edge: states.edge(files, &askers) }),
        None if accepted => Ok(Order { files: orders[0], edge: Edge::Needs }),
        None => {
            let message = "neither host.fw nor cluster.fw can be changed first without shutting a way to the node for a moment";
            let help = "Declare the rules that let you in in both files first, and apply; then take away what is too much.";
            Err(vec![Refusal::file(&host_path(), None, message, help)])
        }
    }
}

struct States<'a> {
    present: &'a FwFile,
    defined: FwFile,
    after: &'a FwFile,
    before_host: Option<&'a str>,
    after_host: Option<&'a str>,
}

impl<'a> States<'a> {
    fn of(set: &'a Set) -> Self {
        let (present, after) = (&set.cluster.present, &set.cluster.after);
        let defined = set.cluster.defined.as_ref();
        let defined = match defined {
            Some(change) => FwFile::parse(Level::Cluster, &change.after, None),
            None => present.clone(),
        };
        let [before_host, after_host] =
            [&set.host.before, &set.host.after].map(|text| text.as_deref());
        Self { present, defined, after, before_host, after_host }
    }

    /// The state between the two.
    fn between(&self, order: [Last; 2]) -> State<'_> {
        match order[0] {
            Last::Node => (&self.defined, self.after_host),
            Last::Cluster => (self.after, self.before_host),
        }
    }

    fn are_safe(&self, order: [Last; 2], askers: &[Asker<'_>]) -> bool {
        let defined = (&self.defined, self.before_host);
        [defined, self.between(order)].iter().all(|state| self.is_safe(*state, askers))
    }

    /// Returns whether every way is open in a state that is open at both ends.
    fn is_safe(&self, state: State<'_>, askers: &[Asker<'_>]) -> bool {
        let (first, last) = ((self.present, self.before_host), (self.after, self.after_host));
        let mut ways = askers.iter().flat_map(|asker| asker.ports.iter().map(move |p| (asker, *p)));
        ways.all(|(asker, port)| {
            let open = |(cluster, host): State<'_>| asker.enters(cluster, host, port).is_open();
            open(state) || !open(first) || !open(last)
        })
    }

    /// Returns whether the node's file names only what is there, where the cluster's is written first.
    fn keeps_names(&self, order: [Last; 2]) -> bool {
        let host = self.before_host.unwrap_or_default();
        order[0] == Last::Node || !has_new_fault(Level::Host, host, self.present, self.after)
    }

    /// Returns what the failure of the first file means to the second: where that one alone would shut a
    /// way, it must not be written.
    fn edge(&self, order: [Last; 2], askers: &[Asker<'_>]) -> Edge {
        let skipped = self.between([order[1], order[0]]);
        if self.is_safe(skipped, askers) { Edge::After } else { Edge::Needs }
    }
}

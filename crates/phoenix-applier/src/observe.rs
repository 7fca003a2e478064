//! Reads all facts that a plan needs.

use std::collections::BTreeSet;

use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::probe::Facts;

use crate::node::Node;

/// How often a node is asked before the planner must be content. Guests' names lead to their
/// configurations, those to nginx.conf, that to folders, those to sites, and sites to what they include
/// in turn; with nothing more to ask it ends before.
const ROUNDS: usize = 10;

/// Returns the facts of a node that a plan needs: all probes of a round go out together.
///
/// The first round asks what is known from the operator's files alone, a further one what the
/// answers led to.
pub fn observe(desired: &Desired, node: &mut dyn Node) -> Facts {
    let mut facts = Facts::default();
    for _ in 0..ROUNDS {
        let wanted = kind::probes(desired, &facts);
        let open = wanted.into_iter().filter(|probe| !facts.knows(probe)).collect::<BTreeSet<_>>();
        if open.is_empty() {
            break;
        }
        for (probe, answer) in node.answer(&open) {
            facts.insert(probe, answer);
        }
    }
    facts
}

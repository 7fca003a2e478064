//! Reads all facts that a plan needs.

use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::probe::Facts;

use crate::node::Node;

/// How often a node is asked at most: names lead to files, and files to the folders and files that
/// they include, level by level. Twenty is more than nginx's configurations have levels; the bound is
/// for files that include each other under ever new names.
const ROUNDS: usize = 20;

/// Returns the facts of a node that a plan needs: all probes of a round go out together.
///
/// The first round asks what is known from the operator's files alone, a further one what the
/// answers led to.
pub fn observe(desired: &Desired, node: &mut dyn Node) -> Facts {
    let mut facts = Facts::default();
    for _ in 0..ROUNDS {
        let open = kind::probes(desired, &facts);
        if open.is_empty() {
            break;
        }
        for (probe, answer) in node.answer(&open) {
            facts.insert(probe, answer);
        }
    }
    facts
}

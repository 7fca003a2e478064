//! Whether the parts of the operator's files agree with each other. What only the node can tell is
//! checked when a plan is made.

mod address;
mod dependencies;
mod firewall;
mod lockout;
mod making;
mod node;
mod unique;

pub(crate) use address::{gateway, two_interfaces, unusable};
pub(crate) use making::is_unprivileged;
pub(crate) use unique::Claims;

use crate::desired::Desired;
use crate::load::finding::Findings;
use crate::load::part::Lowering;

/// Whether the files of guests could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wholeness {
    /// All could: what is not in them is not declared.
    Whole,
    /// One could not: what seems to be missing may stand in it.
    Partial,
}

/// Adds to the findings what is wrong between the parts.
pub(crate) fn check(desired: &Desired, lowering: Lowering, wholeness: Wholeness) -> Findings {
    let Lowering { mut findings, claims, has_unknown_guest, .. } = lowering;
    claims.check(&mut findings);
    if wholeness == Wholeness::Whole && !has_unknown_guest {
        dependencies::missing(desired, &mut findings);
    }
    dependencies::cycles(desired, &mut findings);
    making::clones(desired, &mut findings);
    making::owners(desired, &mut findings);
    making::snapshots(desired, &mut findings);
    firewall::idle_rules(desired, &mut findings);
    lockout::lockout(desired, &mut findings);
    node::node(desired, &mut findings);
    findings
}

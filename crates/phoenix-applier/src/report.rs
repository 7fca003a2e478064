//! What an apply did, action by action.

use phoenix_planner::address::Address;
use serde::Serialize;

/// How one action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// Everything was done, and every check passed.
    Done,
    /// A step failed and no file is other than it was. A `pct set` that fails on a running container can
    /// have moved a limit of its control group all the same, which no file tells.
    Failed {
        /// Which step, and why.
        error: String,
    },
    /// The node has changed since it was observed: nothing of the action was done.
    Stale {
        /// What is not as planned.
        what: String,
    },
    /// An action that this one needs did not succeed.
    Blocked {
        /// The action that it needs.
        by: Address,
    },
    /// A step failed and those before it were taken back.
    RolledBack {
        /// Which step, and why.
        error: String,
    },
    /// A step failed and part of the action may be in force: the node must be looked at.
    Unknown {
        /// Which step, and why.
        error: String,
    },
    /// It was not begun: the apply was interrupted before.
    LeftOut,
}

impl Outcome {
    /// Returns the words of the report.
    pub fn message(&self) -> String {
        match self {
            Self::Done => "done".to_owned(),
            Self::Failed { error } => format!("failed, no file changed: {error}"),
            Self::Stale { what } => format!("stale, nothing done: {what}"),
            Self::Blocked { by } => format!("blocked by {by}"),
            Self::RolledBack { error } => format!("failed and rolled back: {error}"),
            Self::Unknown { error } => format!("failed, state unknown: {error}"),
            Self::LeftOut => "left out: interrupted before it began".to_owned(),
        }
    }
}

/// What an apply did, in the order of execution.
#[derive(Debug, Clone, Default, Serialize)]
#[must_use = "an unread report hides what failed"]
pub struct Report {
    outcomes: Vec<(Address, Outcome)>,
}

impl Report {
    pub(crate) fn push(&mut self, address: Address, outcome: Outcome) {
        self.outcomes.push((address, outcome));
    }

    /// Returns every action with how it ended, in order.
    pub fn outcomes(&self) -> &[(Address, Outcome)] {
        &self.outcomes
    }

    /// Returns whether every action was done.
    pub fn is_success(&self) -> bool {
        self.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Done)
    }

    /// Returns how many actions were done.
    pub fn done(&self) -> usize {
        self.outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Done).count()
    }
}

//! The seam between phoenix and a node.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output, Probe};

/// What a file must still hold for a change to be made.
///
/// A node looks as late as it can: where Proxmox VE has a lock for the file, while it holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect<'a> {
    /// Whatever it holds, and whether it is there or not.
    Anything,
    /// It is absent.
    Absent,
    /// It holds exactly this text.
    Text(&'a str),
}

/// One change to a node: what is left of an operation when all choices are made.
#[derive(Debug, Clone, Copy)]
pub enum Effect<'a> {
    /// Makes the file hold exactly this text, or leaves it as it is: never half-written.
    ///
    /// Folders that are missing above it are made.
    Write {
        /// Which file.
        at: &'a Location,
        /// What it must hold before: anything else is [`NodeError::Stale`].
        expect: Expect<'a>,
        /// What it shall hold.
        text: &'a str,
        /// Permission bits of a new file; an existing one keeps its own, and its owner.
        mode: u32,
    },
    /// Removes a file; one that is absent is an error.
    Remove {
        /// Which file.
        at: &'a Location,
        /// What it must hold before: anything else is [`NodeError::Stale`].
        expect: Expect<'a>,
    },
    /// Runs a program to its end.
    Run {
        /// Where it runs.
        place: Place,
        /// The program and its arguments.
        argv: &'a [String],
    },
    /// Runs a program to its end that reads a file of the node, which nobody else sees on the way.
    Feed {
        /// Where it runs.
        place: Place,
        /// The program and its arguments.
        argv: &'a [String],
        /// The file of the node that is its standard input.
        input: &'a Location,
    },
}

/// A Proxmox VE node, real or simulated.
pub trait Node {
    /// Returns the answers to all probes, asked together.
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer>;

    /// Carries out one change. A program that ends with another status than 0 is no error here.
    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError>;

    /// Keeps other applies away from this node until it is dropped, or says that one is at work.
    fn claim(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    /// Lets some seconds pass before something is tried again.
    fn pause(&mut self, seconds: u32);
}

/// Says why a change could not be made; whether anything has changed must be read again.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A file could not be written or removed.
    #[error("cannot change {at}")]
    File {
        /// Which file.
        at: Location,
        /// Why.
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`")]
    Program {
        /// Which program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The place cannot be reached, such as a stopped guest.
    #[error("cannot reach {place}: {why}")]
    Unreachable {
        /// Which place.
        place: Place,
        /// Why: a lower-case fragment.
        why: String,
    },
    /// The file holds something else than was expected; nothing was changed.
    #[error("{at} has changed since it was read")]
    Stale {
        /// Which file.
        at: Location,
    },
    /// The node refuses the change by a rule of its own.
    #[error("{0}")]
    Refused(String),
}

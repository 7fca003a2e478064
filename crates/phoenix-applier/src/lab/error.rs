//! Why something about a lab did not work.

use std::io;
use std::path::{Path, PathBuf};

use super::name::LabName;
use crate::node::NodeError;
use crate::simulated::SimulatedNodeError;

/// Why something about a lab did not work.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The caller is not root of the machine.
    #[error("guests by LXC need root: LXC makes control groups for them")]
    NotRoot,
    /// There can be no user namespace for the caller, who is not root.
    #[error("a lab without root needs a user namespace: {0}")]
    NoRoom(String),
    /// A program that a lab is made with is missing.
    #[error("`{0}` is not installed, and a lab is made with it")]
    NoProgram(&'static str),
    /// There is such a lab already.
    #[error("lab `{0}` is up already")]
    IsUp(LabName),
    /// There is no such lab.
    #[error("lab `{0}` is not up")]
    NotUp(LabName),
    /// The lab has no such place, or it does not run.
    #[error("lab `{lab}` has no place `{place}` that runs: it has {known}")]
    NoPlace {
        /// The lab.
        lab: LabName,
        /// The place that was asked for.
        place: String,
        /// Those that run.
        known: String,
    },
    /// The folder is no captured node.
    #[error(transparent)]
    Folder(#[from] SimulatedNodeError),
    /// A stand-in did not do its part.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A program failed.
    #[error("`{argv}` failed: {why}")]
    Program {
        /// The command line.
        argv: String,
        /// What it said.
        why: String,
    },
    /// The first process of a place did not start.
    #[error("`{place}` did not start: {why}")]
    Init {
        /// The node, or a guest's number.
        place: String,
        /// What it said.
        why: String,
    },
    /// A file could not be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

impl LabError {
    /// Returns what says which file an error is about.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

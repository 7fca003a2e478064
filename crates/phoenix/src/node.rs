//! Finds the node: this machine, a captured folder, or the node of a lab.

use miette::Diagnostic;
use phoenix_applier::local::{LocalNode, NotANode};
use phoenix_applier::simulated::{SimulatedNode, SimulatedNodeError};
use phoenix_applier::{Lab, LabError, Node};

use crate::args::Places;

/// Returns the node that is meant.
pub(crate) fn find(places: &Places) -> Result<Box<dyn Node>, NoNode> {
    match (&places.lab, &places.node_dir) {
        (Some(_), Some(_)) => Err(NoNode::Both),
        (Some(lab), None) => Ok(Box::new(Lab::find(lab)?.node()?)),
        (None, Some(folder)) => Ok(Box::new(SimulatedNode::open(folder)?)),
        (None, None) => Ok(Box::new(LocalNode::detect()?)),
    }
}

/// Why there is no node.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum NoNode {
    /// This machine is none.
    #[error(transparent)]
    #[diagnostic(help(
        "Run phoenix on the node, name a captured one with --node-dir DIR, or try `phoenix demo`."
    ))]
    Local(#[from] NotANode),
    /// The folder is no captured node.
    #[error(transparent)]
    #[diagnostic(help(
        "A captured node is a folder with `fs/` in it; `phoenix capture DIR` writes one."
    ))]
    Captured(#[from] SimulatedNodeError),
    /// There is no such lab.
    #[error(transparent)]
    #[diagnostic(help("`phoenix lab status` lists the labs; `phoenix lab up` makes one."))]
    Lab(#[from] LabError),
    /// Two nodes are named.
    #[error("`--lab` and `--node-dir` both name a node")]
    #[diagnostic(help("Leave one of them out."))]
    Both,
}

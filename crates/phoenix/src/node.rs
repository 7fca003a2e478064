//! Finds the node: this machine, or a captured folder.

use std::path::Path;

use miette::Diagnostic;
use phoenix_applier::Node;
use phoenix_applier::local::{LocalNode, NotANode};
use phoenix_applier::simulated::{SimulatedNode, SimulatedNodeError};

/// Returns the node that is meant.
pub(crate) fn find(folder: Option<&Path>) -> Result<Box<dyn Node>, NoNode> {
    match folder {
        Some(folder) => Ok(Box::new(SimulatedNode::open(folder)?)),
        None => Ok(Box::new(LocalNode::detect()?)),
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
}

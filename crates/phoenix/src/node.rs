//! Finds the node: this machine, or a captured folder.

use std::path::{Path, PathBuf};

use miette::Diagnostic;
use phoenix_applier::Node;
use phoenix_applier::local::{LocalNode, NotANode};
use phoenix_applier::simulated::{SimulatedNode, SimulatedNodeError};

/// Returns the node that is meant.
pub(crate) fn find(folder: Option<&Path>) -> Result<Box<dyn Node>, NoNode> {
    match folder {
        Some(folder) => {
            let opened = SimulatedNode::open(folder);
            let failed = |source| NoNode::Captured { folder: folder.to_owned(), source };
            Ok(Box::new(opened.map_err(failed)?))
        }
        None => Ok(Box::new(LocalNode::detect()?)),
    }
}

/// Why there is no node.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum NoNode {
    /// This machine is none.
    #[error("this machine is not a Proxmox VE node")]
    #[diagnostic(help(
        "Run phoenix on the node, name a captured one with --node-dir DIR, or try `phoenix demo`."
    ))]
    Local(#[from] NotANode),
    /// The folder is no captured node.
    #[error("`{folder}` is not a captured node", folder = folder.display())]
    #[diagnostic(help(
        "A captured node is a folder with `fs/` in it; `phoenix capture DIR` writes one."
    ))]
    Captured {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        source: SimulatedNodeError,
    },
}

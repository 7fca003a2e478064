//! Reads facts from nodes and carries plans out on them.
//!
//! [`Node`] is the one seam to the outside. It has a real implementation, and a simulated one that is
//! as strict as the real tools.

pub mod node;

pub use node::{Effect, Expect, Node, NodeError};

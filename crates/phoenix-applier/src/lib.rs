//! Reads facts from nodes and carries plans out on them.
//!
//! [`Node`] is the one seam to the outside. It has a real implementation, and a simulated one that is
//! as strict as the real tools.

pub mod apply;
pub mod capture;
pub mod here;
pub mod lab;
pub mod local;
pub mod node;
pub mod observe;
pub mod report;
pub mod simulated;
mod step;
pub mod verify;

pub use apply::{Event, Flow, apply};
pub use here::{Network, Outside};
pub use lab::{Lab, LabError, LabName};
pub use local::{Limits, LocalNode, NotANode};
pub use node::{Effect, Expect, Node, NodeError};
pub use observe::observe;
pub use report::{Outcome, Report};
pub use simulated::{SimulatedNode, SimulatedNodeError};
pub use verify::{Patience, verify};

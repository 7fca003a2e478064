//! Turns desired and observed state into an acyclic, ordered plan of actions, and renders it.
//!
//! The way through this crate: [`source`] holds the operator's texts, [`declared`] is what stands in
//! them, [`desired`] is what they mean once checked, [`kind`] asks for facts and lowers the
//! differences to operations, [`plan`] is the result, [`preview`] shows it.
//!
//! The crate does no IO: probes and operations are data that `phoenix-applier` carries out.

pub mod address;
mod check;
pub mod declared;
pub mod desired;
pub mod json;
pub mod kind;
pub mod load;
pub mod location;
mod observed;
pub mod operation;
pub mod plan;
pub mod preview;
pub mod probe;
pub mod problem;
pub mod refusal;
pub mod schema;
pub mod source;
pub mod verify;
pub mod want;
mod words;

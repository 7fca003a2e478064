//! Tries to break the engine: random operator files on random nodes, failures at every step, and
//! single cases that were suspected.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod cases;
mod choices;
mod faults;
#[path = "../folders/mod.rs"]
mod folders;
mod inside;
mod machines;
mod properties;
mod random;
mod world;

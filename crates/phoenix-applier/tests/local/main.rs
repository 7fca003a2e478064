//! Tests this machine as a node, with a folder that plays the machine.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "the helper process tells its test how far it is")]

mod files;
mod guests;
mod killed;
mod locks;
mod machine;
mod programs;

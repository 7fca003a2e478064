//! The program from outside: what scripts, pull-request checks and the operator see of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its case must fail")]

mod applying;
mod dns;
mod examples;
mod ids;
mod inspecting;
mod planning;
mod reversed;
mod shim;
mod support;
mod traefik;
mod units;
mod verbs;
mod verifying;

//! Runs the tests.

use std::process::Command;

use crate::{orphans, programs, root, traefik};

/// What becomes of a snapshot that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Snapshots {
    /// The test fails.
    Compare,
    /// It is taken.
    Take,
}

/// What the random inputs of property tests are made from, so that a change that passes here passes everywhere.
/// A plain `cargo test` takes new ones each time.
const SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "20261122");

/// Installs what the tests need and runs them.
pub(crate) fn run(arguments: &[String], snapshots: Snapshots) -> Result<(), String> {
    programs::install()?;
    traefik::install();
    orphans::forget()?;
    let update = match snapshots {
        Snapshots::Compare => "no",
        Snapshots::Take => "always",
    };
    let status = Command::new("cargo")
        .args(["test", "--workspace", "--locked"])
        .args(arguments)
        .current_dir(root())
        .env("INSTA_UPDATE", update)
        .env(SEED.0, SEED.1)
        .env(orphans::VARIABLE, orphans::references())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the tests ended with {status}")),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}

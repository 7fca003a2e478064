//! Runs the tests.

use std::process::Command;

use crate::{orphans, programs, root};

/// What becomes of a snapshot that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Snapshots {
    /// The test fails.
    Compare,
    /// It is taken.
    Take,
}

/// Installs what the tests need and runs them.
pub(crate) fn run(arguments: &[String], snapshots: Snapshots) -> Result<(), String> {
    programs::install()?;
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
        .env(orphans::VARIABLE, orphans::references())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the tests ended with {status}")),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}

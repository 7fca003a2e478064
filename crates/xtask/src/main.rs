//! Set-up and checks of the phoenix workspace: `cargo xtask test`, `bless`, `orphans`, `fuzz`, `bench`.

mod bench;
mod fuzz;
mod orphans;
mod programs;
mod tests;
mod traefik;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [ARGS]   installs what the tests need, then runs all of them; ARGS go to cargo test
  bless [ARGS]  the same, and takes new snapshots
  orphans       fails when a snapshot is used by no test of the last `cargo xtask test`
  fuzz [--seconds N]
                runs every fuzz target, 10 seconds each; needs cargo-fuzz
  bench [SIZES] measures phoenix and a baseline on fleets of so many containers
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest = arguments.collect::<Vec<_>>();
    let result = match command.as_str() {
        "test" => tests::run(&rest, tests::Snapshots::Compare),
        "bless" => tests::run(&rest, tests::Snapshots::Take),
        "bench" => bench::run(&rest),
        "orphans" => orphans::run(),
        "fuzz" => fuzz::run(&rest),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&message);
            ExitCode::FAILURE
        }
    }
}

/// Returns the root of the workspace.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or(here.clone(), PathBuf::from)
}

#[expect(clippy::print_stderr, reason = "the checks talk to a person")]
fn say(message: &str) {
    eprintln!("{}", message.trim_end());
}

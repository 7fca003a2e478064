//! `cargo xtask bench`: phoenix against a baseline, on fleets of containers. It measures and judges
//! nothing: what the figures should be, and were, is in `docs/performance.md`.

mod fleet;
mod measure;
mod render;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use fleet::{Fleet, State};
use measure::{Pair, Run, Verb};

use crate::{root, say};

/// How many containers the fleets have where nothing else is asked for.
const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];

/// The most that the addresses of a fleet allow.
const LARGEST: u32 = 100_000;

/// How many containers are measured in all for one figure, within the bounds of [`ROUNDS`]: a small fleet
/// is over in no time and needs more rounds for a steady median.
const CONTAINERS: u32 = 10_000;

/// The fewest and the most rounds.
const ROUNDS: (u32, u32) = (3, 21);

/// Measures fleets of the sizes that are named, or of all four.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let sizes = arguments.iter().map(|size| match size.parse::<u32>() {
        Ok(size) if (1..=LARGEST).contains(&size) => Ok(size),
        _ => Err(format!("`{size}` is no number from 1 to {LARGEST}")),
    });
    let mut sizes = sizes.collect::<Result<Vec<_>, _>>()?;
    if sizes.is_empty() {
        sizes.extend(SIZES);
    }
    let programs = Programs::build()?;
    let folder = std::env::temp_dir().join(format!("phoenix-bench-{}", std::process::id()));
    table::print_head();
    let result = sizes.iter().try_for_each(|size| bench(*size, &folder, &programs));
    // What is left in a temporary folder harms nobody.
    std::fs::remove_dir_all(&folder).ok();
    result
}

/// The programs that are compared.
struct Programs {
    phoenix: PathBuf,
    baseline: PathBuf,
}

impl Programs {
    fn build() -> Result<Self, String> {
        cargo(&["build", "--release", "--package", "phoenix", "--bin", "phoenix"])?;
        cargo(&["build", "--release", "--package", "xtask", "--bin", "baseline"])?;
        // This program stands in `target/debug`.
        let here = std::env::current_exe().map_err(|error| error.to_string())?;
        let target = here.ancestors().nth(2).ok_or("cargo's folder is gone")?;
        let program = |name: &str| target.join("release").join(name);
        Ok(Self { phoenix: program("phoenix"), baseline: program("baseline") })
    }
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    let status = Command::new("cargo").args(arguments).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("`cargo {}` failed", arguments.join(" "))),
    }
}

fn bench(size: u32, folder: &Path, programs: &Programs) -> Result<(), String> {
    let folder = folder.join(size.to_string());
    say(&format!("making a fleet of {size} in {}", folder.display()));
    let fleet = Fleet::make(size, &folder).map_err(|error| error.to_string())?;
    requires_nothing_to_do(&fleet, programs)?;
    let rounds = (CONTAINERS / size).clamp(ROUNDS.0, ROUNDS.1);
    let cases = State::ALL.map(|state| [Verb::Plan, Verb::Apply].map(|verb| (state, verb)));
    let cases = cases.as_flattened();
    let mut pairs = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for ((state, verb), pairs) in cases.iter().zip(&mut pairs) {
            pairs.push(pair(&fleet, *state, *verb, programs)?);
        }
    }
    for ((state, verb), of_case) in cases.iter().zip(&pairs) {
        // The first case is the plan that finds nothing to do.
        table::print(size, *state, *verb, of_case, &pairs[0]);
    }
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())
}

/// Fails where phoenix finds something to do on the node that is in sync: then no figure would be true.
fn requires_nothing_to_do(fleet: &Fleet, programs: &Programs) -> Result<(), String> {
    let mut plan = Command::new(&programs.phoenix);
    plan.args(["plan", "--detailed-exitcode", "--config"]).arg(fleet.config());
    let output = plan.arg("--node-dir").arg(fleet.node(State::InSync)).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("`plan` of a node in sync ended with {}", output.status)),
        Err(error) => Err(format!("cannot run `plan`: {error}")),
    }
}

/// Measures both programs once, one right after the other.
fn pair(fleet: &Fleet, state: State, verb: Verb, programs: &Programs) -> Result<Pair, String> {
    let node = fleet.node(state);
    let phoenix = Run::phoenix(&programs.phoenix, verb, &fleet.config(), &node)?;
    settle(fleet, state, verb, &phoenix)?;
    let baseline = Run::baseline(&programs.baseline, verb, &fleet.config(), &node)?;
    settle(fleet, state, verb, &baseline)?;
    Ok(Pair { phoenix, baseline })
}

/// Makes the node as it was; fails where an apply changed what was as declared, or did not what was not.
fn settle(fleet: &Fleet, state: State, verb: Verb, run: &Run) -> Result<(), String> {
    if verb == Verb::Plan {
        return Ok(());
    }
    let changed = fleet.restore(state).map_err(|error| error.to_string())?;
    let expected = if state == State::Drifted { fleet.drifted() } else { 0 };
    if changed == expected {
        return Ok(());
    }
    Err(format!("`{}` changed {changed} containers, not {expected}", run.line))
}

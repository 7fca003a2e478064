//! The figures as a table in Markdown.

use std::time::Duration;

use super::fleet::State;
use super::measure::{Pair, Run, Verb};

/// Prints the names of the columns.
#[expect(clippy::print_stdout, reason = "the table is the result")]
pub(super) fn print_head() {
    println!(
        "| containers | node | verb | phoenix | baseline | ratio | processor | to no-op plan | phoenix | baseline |"
    );
    println!("|--:|---|---|--:|--:|--:|--:|--:|--:|--:|");
}

/// Prints the row of one case: times, what phoenix takes for one of the baseline by the clock and of the
/// processor, and for one of its own plans that find nothing to do, and memory.
#[expect(clippy::print_stdout, reason = "the table is the result")]
pub(super) fn print(size: u32, state: State, verb: Verb, pairs: &[Pair], no_op: &[Pair]) {
    let to_baseline = median(pairs.iter().map(|p| ratio(p.phoenix.time, p.baseline.time)));
    let of_processor =
        median(pairs.iter().map(|p| ratio(p.phoenix.processor, p.baseline.processor)));
    let rounds = pairs.iter().zip(no_op);
    let to_no_op =
        median(rounds.map(|(pair, no_op)| ratio(pair.phoenix.processor, no_op.phoenix.processor)));
    let (time, memory) = figures(pairs.iter().map(|pair| &pair.phoenix));
    let (baseline_time, baseline_memory) = figures(pairs.iter().map(|pair| &pair.baseline));
    let (state, verb) = (state.as_str(), verb.as_str());
    println!(
        "| {size} | {state} | {verb} | {time:.1} ms | {baseline_time:.1} ms | {to_baseline:.2} \
         | {of_processor:.2} | {to_no_op:.2} | {memory:.1} MiB | {baseline_memory:.1} MiB |"
    );
}

/// Returns the median of the times in milliseconds and the most memory in MiB.
fn figures<'a>(runs: impl Iterator<Item = &'a Run> + Clone) -> (f64, f64) {
    const MILLI: f64 = 1000.0;
    let time = median(runs.clone().map(|run| run.time.as_secs_f64() * MILLI));
    let memory = runs.map(|run| run.memory).max().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "no program has 2^53 KiB")]
    let memory = memory as f64 / 1024.0;
    (time, memory)
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// Returns the middle one, or the upper of two.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values = values.collect::<Vec<_>>();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

//! Carries out single operations, and takes them back.

use std::collections::BTreeSet;
use std::error::Error;

use phoenix_formats::lxc_conf::{Edit, LxcConf};
use phoenix_planner::location::Location;
use phoenix_planner::operation::{
    Check, Leaves, Link, OnFailure, Operation, Run, Transform, Want, Write,
};
use phoenix_planner::preview::command_line;
use phoenix_planner::probe::{Answer, Output, Probe};
use phoenix_planner::want;

use crate::node::{Effect, Expect, Node, NodeError};
use crate::report::Outcome;

/// How much of a program's last words goes into a report: a few lines, not a log.
const LAST_WORDS: usize = 600;

/// What a shell, and lxc-attach(1), end with when a program cannot be run, or is not there.
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Why an action did not go on.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The node is not as it was observed.
    Stale(String),
    /// The step failed and changed nothing itself.
    Failed(String),
    /// The step failed and may have changed something.
    Unknown(String),
}

impl Stopped {
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Stale(message) | Self::Failed(message) | Self::Unknown(message) => message,
        }
    }

    /// Returns the outcome of the action when `undone` steps were taken back, and those that `stay`
    /// could not be.
    pub(crate) fn outcome(self, undone: usize, stay: &[String]) -> Outcome {
        match self {
            Self::Unknown(error) | Self::Stale(error) | Self::Failed(error) if !stay.is_empty() => {
                let stay = stay.join(", ");
                Outcome::Unknown { error: format!("{error}; done and not taken back: {stay}") }
            }
            Self::Unknown(error) => Outcome::Unknown { error },
            Self::Stale(error) | Self::Failed(error) if undone > 0 => Outcome::RolledBack { error },
            Self::Stale(what) => Outcome::Stale { what },
            Self::Failed(error) => Outcome::Failed { error },
        }
    }
}

/// Carries out one operation.
pub(crate) fn perform(operation: &Operation, node: &mut dyn Node) -> Result<(), Stopped> {
    match operation {
        Operation::Write(write) => write_file(write, node),
        Operation::Remove { at, before, .. } => remove_file(at, before, node),
        Operation::Transform(transform) => transform_file(transform, node),
        Operation::Run(run) => run_program(run, node),
        Operation::Check(check) => check_answer(check, node),
        Operation::Edit { at, edits } => edit_file(at, edits, node),
        Operation::Link(link) => set_link(link, node),
    }
}

/// Puts the file of an operation back; returns whether there was anything to put back.
pub(crate) fn undo_file(operation: &Operation, node: &mut dyn Node) -> Result<bool, String> {
    match operation {
        Operation::Write(Write { at, before: Some(before), after, mode, .. }) => {
            put_back(at, before, after, *mode, node)
        }
        Operation::Write(Write { at, before: None, after, .. }) => {
            let remove = Effect::Remove { at, expect: Expect::Text(after) };
            node.perform(remove).map_err(|error| chain(&error))?;
            Ok(true)
        }
        Operation::Transform(Transform { at, before, after, .. }) => {
            put_back(at, before, after, NEW_FILE_MODE, node)
        }
        Operation::Remove { at, before, .. } => {
            put(at, Expect::Absent, before, NEW_FILE_MODE, node)
        }
        Operation::Link(link) => match set_link(&link.reversed(), node) {
            Ok(()) => Ok(true),
            Err(stopped) => Err(stopped.message().to_owned()),
        },
        // What it was before is not known any more; the edits are declared, and are made again if need be.
        Operation::Run(_) | Operation::Check(_) | Operation::Edit { .. } => Ok(false),
    }
}

/// Runs the undo of an operation's program; returns whether it has one.
pub(crate) fn undo_program(operation: &Operation, node: &mut dyn Node) -> Result<bool, String> {
    let Operation::Run(Run { place, undo: Some(argv), on_failure, .. }) = operation else {
        return Ok(false);
    };
    let run = Effect::Run { place: *place, argv };
    let done = match node.perform(run) {
        Ok(output) if output.success() => Ok(true),
        Ok(output) => Err(failure(argv, &output)),
        Err(error) => Err(chain(&error)),
    };
    // Where failing means nothing, it may have had no effect that could be taken back.
    if on_failure.goes_on() { Ok(done.unwrap_or(false)) } else { done }
}

/// Returns whether an operation that was done stays in force, whatever happens after it.
pub(crate) fn stays(operation: &Operation) -> bool {
    match operation {
        Operation::Run(Run { undo, leaves, on_failure, .. }) => {
            undo.is_none() && *leaves == Leaves::Change && !on_failure.goes_on()
        }
        Operation::Write(_)
        | Operation::Remove { .. }
        | Operation::Transform(_)
        | Operation::Link(_)
        | Operation::Check(_) => false,
        Operation::Edit { .. } => true,
    }
}

/// Returns the words of a report for an operation.
pub(crate) fn name(operation: &Operation) -> String {
    match operation {
        Operation::Run(Run { argv, .. }) | Operation::Transform(Transform { argv, .. }) => {
            format!("`{}`", command_line(argv))
        }
        Operation::Write(Write { at, .. })
        | Operation::Link(Link { at, .. })
        | Operation::Remove { at, .. }
        | Operation::Edit { at, .. } => at.to_string(),
        Operation::Check(_) => "a check".to_owned(),
    }
}

/// Permission bits of a file that has to be made again: it existed, so its own are unknown here.
const NEW_FILE_MODE: u32 = 0o644;

fn put_back(
    at: &Location,
    before: &str,
    after: &str,
    mode: u32,
    node: &mut dyn Node,
) -> Result<bool, String> {
    match read(at, node) {
        Answer::Text(now) if now == before => Ok(false),
        _ => put(at, Expect::Text(after), before, mode, node),
    }
}

fn put(
    at: &Location,
    expect: Expect<'_>,
    text: &str,
    mode: u32,
    node: &mut dyn Node,
) -> Result<bool, String> {
    let write = Effect::Write { at, expect, text, mode };
    node.perform(write).map_err(|error| chain(&error))?;
    Ok(true)
}

/// What a file must hold: a node looks at it as late as it can, under its own lock.
fn expected(before: Option<&str>) -> Expect<'_> {
    before.map_or(Expect::Absent, Expect::Text)
}

fn write_file(write: &Write, node: &mut dyn Node) -> Result<(), Stopped> {
    let Write { at, before, after, mode, .. } = write;
    let before = before.as_deref();
    let effect = Effect::Write { at, expect: expected(before), text: after, mode: *mode };
    let result = node.perform(effect);
    result.map(drop).map_err(|error| judge(at, before, &error, node))
}

/// Edits a configuration as it is now; the node compares it with that under the file's own lock.
fn edit_file(at: &Location, edits: &[Edit], node: &mut dyn Node) -> Result<(), Stopped> {
    let before = match read(at, node) {
        Answer::Text(before) => before,
        Answer::Unreachable(why) | Answer::Unreadable(why) => return Err(Stopped::Failed(why)),
        _ => return Err(Stopped::Failed(format!("there is no {at}"))),
    };
    let after = LxcConf::parse(&before).edit(edits);
    let after = after.map_err(|error| Stopped::Failed(format!("{at}: {error}")))?;
    if after == before {
        return Ok(());
    }
    let effect =
        Effect::Write { at, expect: Expect::Text(&before), text: &after, mode: NEW_FILE_MODE };
    let result = node.perform(effect);
    result.map(drop).map_err(|error| judge(at, Some(&before), &error, node))
}

fn remove_file(at: &Location, before: &str, node: &mut dyn Node) -> Result<(), Stopped> {
    let result = node.perform(Effect::Remove { at, expect: Expect::Text(before) });
    result.map(drop).map_err(|error| judge(at, Some(before), &error, node))
}

/// Sets a link that names what was planned; whoever puts something else there in between makes ln(1) fail.
fn set_link(link: &Link, node: &mut dyn Node) -> Result<(), Stopped> {
    let named = match ask(&Link::probe(&link.at), node) {
        Answer::Ran(output) if output.success() => {
            Some(output.stdout.trim_end_matches('\n').to_owned())
        }
        Answer::Ran(_) => None,
        _ => return Err(Stopped::Failed(format!("cannot look at {}", link.at))),
    };
    if named != link.before {
        return Err(Stopped::Stale(format!("{} has changed since the plan was made", link.at)));
    }
    let argv = link.command();
    match node.perform(Effect::Run { place: link.at.place, argv: &argv }) {
        Ok(output) if output.success() => Ok(()),
        Ok(output) => Err(Stopped::Failed(failure(&argv, &output))),
        Err(error) => Err(Stopped::Unknown(chain(&error))),
    }
}

fn transform_file(transform: &Transform, node: &mut dyn Node) -> Result<(), Stopped> {
    let Transform { at, before, after, argv } = transform;
    expect(at, before, node)?;
    let result = node.perform(Effect::Run { place: at.place, argv });
    let error = match (result, read(at, node)) {
        (Ok(output), Answer::Text(now)) if output.success() && now == *after => return Ok(()),
        (Ok(output), _) if output.success() => {
            format!("`{}` did not leave {at} as planned", command_line(argv))
        }
        (Ok(output), _) => failure(argv, &output),
        (Err(error), _) => chain(&error),
    };
    // The program may have left anything: what stood there is put back, whatever it is now.
    match read(at, node) {
        Answer::Text(now) if now == *before => Err(Stopped::Failed(error)),
        _ => match put(at, Expect::Anything, before, NEW_FILE_MODE, node) {
            Ok(_) => Err(Stopped::Failed(format!("{error}; the old text is back"))),
            Err(undo) => Err(Stopped::Unknown(format!("{error}; putting it back failed: {undo}"))),
        },
    }
}

fn run_program(run: &Run, node: &mut dyn Node) -> Result<(), Stopped> {
    let attempts = match run.on_failure {
        OnFailure::Retry { attempts, .. } | OnFailure::Await { attempts, .. } => attempts.max(1),
        OnFailure::Stop | OnFailure::Continue => 1,
    };
    let touched = run.touches.as_ref().map(|at| read(at, node));
    let mut error = String::new();
    for attempt in 0..attempts {
        if attempt > 0 {
            wait(run.on_failure, attempt, &error, node);
        }
        match node.perform(effect_of(run)) {
            Ok(output) if output.success() => return Ok(()),
            Ok(output) => error = failure(&run.argv, &output),
            Err(cause @ NodeError::Unreachable { .. }) if attempt == 0 => {
                return Err(Stopped::Failed(chain(&cause)));
            }
            Err(cause) => error = chain(&cause),
        }
    }
    match (run.on_failure, &run.touches) {
        (OnFailure::Continue | OnFailure::Await { .. }, _) => Ok(()),
        // A failed program may have changed the node all the same: only reading again tells.
        (_, Some(at)) if touched.as_ref() == Some(&read(at, node)) => Err(Stopped::Failed(error)),
        (_, Some(at)) => Err(Stopped::Unknown(format!("{error}; {at} was changed all the same"))),
        // Whatever it has done, its undo is still to come.
        (_, None) if run.undo.is_some() => Err(Stopped::Failed(error)),
        (_, None) => Err(Stopped::Unknown(error)),
    }
}

fn effect_of(run: &Run) -> Effect<'_> {
    let Run { place, argv, input, .. } = run;
    match input {
        Some(input) => Effect::Feed { place: *place, argv, input },
        None => Effect::Run { place: *place, argv },
    }
}

/// Lets time pass before a program is tried again, and says so: a person watches a silent screen meanwhile.
fn wait(on_failure: OnFailure, attempt: u32, error: &str, node: &mut dyn Node) {
    let pause = match on_failure {
        OnFailure::Retry { pause, .. } => {
            tracing::warn!("{error}; trying again in {pause} seconds");
            pause
        }
        OnFailure::Await { attempts, pause } => {
            // It is expected to fail for a while: said once.
            if attempt == 1 {
                let most = attempts.saturating_mul(pause);
                tracing::warn!("{error}; waiting for it, {most} seconds at most");
            }
            pause
        }
        OnFailure::Stop | OnFailure::Continue => 0,
    };
    node.pause(pause);
}

fn check_answer(check: &Check, node: &mut dyn Node) -> Result<(), Stopped> {
    let mut why = String::new();
    for attempt in 0..check.attempts.max(1) {
        if attempt > 0 {
            node.pause(check.pause);
        }
        match want::holds(&check.want, &ask(&check.probe, node)) {
            Ok(()) => return Ok(()),
            Err(reason) => why = reason,
        }
    }
    match (&check.want, &check.probe) {
        (Want::Success, Probe::Run { argv, .. }) => {
            Err(Stopped::Failed(format!("`{}`: {why}", command_line(argv))))
        }
        _ => Err(Stopped::Failed(why)),
    }
}

fn ask(probe: &Probe, node: &mut dyn Node) -> Answer {
    let mut answers = node.answer(&BTreeSet::from([probe.clone()]));
    answers
        .remove(probe)
        .unwrap_or_else(|| Answer::Unreachable("the node did not answer".to_owned()))
}

fn read(at: &Location, node: &mut dyn Node) -> Answer {
    ask(&Probe::File(at.clone()), node)
}

/// Refuses to go on when a file is not what the plan was made from.
fn expect(at: &Location, before: &str, node: &mut dyn Node) -> Result<(), Stopped> {
    match read(at, node) {
        Answer::Text(now) if now == before => Ok(()),
        Answer::Unreachable(why) | Answer::Unreadable(why) => {
            Err(Stopped::Failed(format!("cannot read {at}: {why}")))
        }
        _ => Err(Stopped::Stale(format!("{at} has changed since the plan was made"))),
    }
}

fn judge(at: &Location, before: Option<&str>, error: &NodeError, node: &mut dyn Node) -> Stopped {
    if let NodeError::Stale { .. } = error {
        return Stopped::Stale(format!("{at} has changed since the plan was made"));
    }
    let error = chain(error);
    match (read(at, node), before) {
        (Answer::Text(now), Some(before)) if now == before => Stopped::Failed(error),
        (Answer::Absent, None) => Stopped::Failed(error),
        _ => Stopped::Unknown(error),
    }
}

fn failure(argv: &[String], output: &Output) -> String {
    let said = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
    let said = said.trim();
    let start = said.len().saturating_sub(LAST_WORDS);
    let start = (start..=said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(0);
    let said = said[start..].replace('\n', " / ");
    let missing = if matches!(output.exit, NOT_EXECUTABLE | NOT_FOUND) {
        "; the program, or the interpreter that its first line names, is missing there or cannot be run"
    } else {
        ""
    };
    format!("`{}` ended with status {}: {said}{missing}", command_line(argv), output.exit)
}

/// Returns an error with all its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

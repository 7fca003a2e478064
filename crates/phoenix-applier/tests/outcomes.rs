//! What a report says of an action that fails half-way: never that nothing changed when something
//! did.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_applier::{Effect, Flow, Node, NodeError, Outcome, apply};
use phoenix_planner::address::Address;
use phoenix_planner::location::Place;
use phoenix_planner::operation::{Check, Leaves, OnFailure, Operation, Run, Want};
use phoenix_planner::plan::{Action, Disruption, Draft, Plan, Verb};
use phoenix_planner::probe::{Answer, Output, Probe};

/// A node on which the programs of one name fail.
struct Failing {
    program: &'static str,
    ran: Vec<String>,
}

impl Node for Failing {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        let answer = |probe: &Probe| {
            let Probe::Run { argv, .. } = probe else { panic!("only programs here") };
            self.ran.push(argv.join(" "));
            let output = Output { exit: 1, stdout: String::new(), stderr: "no\n".to_owned() };
            (probe.clone(), Answer::Ran(output))
        };
        probes.iter().map(answer).collect()
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        let Effect::Run { argv, .. } = effect else { panic!("only programs here") };
        self.ran.push(argv.join(" "));
        let exit = if argv[0] == self.program { 127 } else { 0 };
        Ok(Output { exit, stdout: String::new(), stderr: "no\n".to_owned() })
    }

    fn pause(&mut self, _seconds: u32) {}
}

fn run(words: &str) -> Run {
    Run::at(Place::Node, words.split(' ').map(str::to_owned).collect())
}

fn undoable(words: &str, undo: &str) -> Run {
    Run { undo: Some(run(undo).argv), ..run(words) }
}

fn plan(runs: Vec<Run>) -> Plan {
    let mut draft = Draft::default();
    let action = Action {
        address: "lxc/101".parse::<Address>().expect("an address"),
        verb: Verb::Do,
        reason: String::new(),
        disruption: Disruption::None,
        guest: None,
        origin: None,
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: runs.into_iter().map(operation).collect(),
    };
    draft.add(action, &[]);
    draft.finish()
}

/// What fails is a question: it has changed nothing itself.
fn operation(run: Run) -> Operation {
    if run.argv != ["fail"] {
        return Operation::Run(run);
    }
    let probe = Probe::Run { place: run.place, argv: run.argv };
    Operation::Check(Check { probe, want: Want::Success, attempts: 1, pause: 0 })
}

/// Applies some programs, of which `fail` fails; returns the outcome and all that ran.
fn outcome(runs: Vec<Run>) -> (Outcome, Vec<String>) {
    let mut node = Failing { program: "fail", ran: Vec::new() };
    let report = apply(&plan(runs), &mut node, &mut |_| Flow::Continue);
    (report.outcomes()[0].1.clone(), node.ran)
}

#[test]
fn what_cannot_be_taken_back_is_named() {
    let (outcome, _) = outcome(vec![run("stop it"), run("start it"), run("fail")]);
    let Outcome::Unknown { error } = outcome else { panic!("{outcome:?}") };
    assert!(error.ends_with("; done and not taken back: `stop it`, `start it`"), "{error}");
}

#[test]
fn what_only_looks_has_changed_nothing() {
    let look = Run { leaves: Leaves::Nothing, ..run("look") };
    let (outcome, _) = outcome(vec![look, run("fail")]);
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
}

#[test]
fn preparations_are_taken_back_only_before_what_they_prepare() {
    let quiet = || Run { on_failure: OnFailure::Continue, ..undoable("quiet", "loud") };
    let (early, ran) = outcome(vec![quiet(), run("fail")]);
    assert!(matches!(early, Outcome::RolledBack { .. }), "{early:?}");
    assert_eq!(ran, ["quiet", "fail", "loud"]);
    let (late, ran) = outcome(vec![quiet(), run("stop it"), run("fail")]);
    assert!(matches!(late, Outcome::Unknown { .. }), "{late:?}");
    assert_eq!(ran, ["quiet", "stop it", "fail"]);
}

#[test]
fn a_preparation_that_did_nothing_has_nothing_to_take_back() {
    let quiet = Run { on_failure: OnFailure::Continue, ..undoable("fail quietly", "fail loudly") };
    let (outcome, _) = outcome(vec![quiet, run("fail")]);
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
}

#[test]
fn what_is_only_waited_for_stops_nothing() {
    let on_failure = OnFailure::Await { attempts: 3, pause: 1 };
    let ping = |words: &str| Run { on_failure, leaves: Leaves::Nothing, ..run(words) };
    let (never, ran) = outcome(vec![ping("fail ping"), run("start others")]);
    assert_eq!(never, Outcome::Done);
    assert_eq!(ran, ["fail ping", "fail ping", "fail ping", "start others"]);
    let (at_once, ran) = outcome(vec![ping("ping")]);
    assert_eq!(at_once, Outcome::Done);
    assert_eq!(ran, ["ping"]);
}

#[test]
fn a_program_that_cannot_be_run_is_explained() {
    let (outcome, _) = outcome(vec![run("fail at once")]);
    assert!(outcome.message().contains("the interpreter that its first line names"), "{outcome:?}");
}

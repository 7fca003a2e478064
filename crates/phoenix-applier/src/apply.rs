//! Carries a plan out: one walk over its actions, one `match` over their operations.

use std::collections::BTreeMap;

use phoenix_planner::address::Address;
use phoenix_planner::operation::Operation;
use phoenix_planner::plan::{Action, Disruption, Edge, Plan, Step};

use crate::node::Node;
use crate::report::{Outcome, Report};
use crate::step::{self, Stopped};

/// What an apply tells while it works.
#[derive(Debug)]
pub enum Event<'a> {
    /// An action begins.
    Started {
        /// Its number in the plan.
        number: usize,
        /// The action.
        action: &'a Action,
    },
    /// An action has ended.
    Ended {
        /// Its number in the plan.
        number: usize,
        /// The action.
        action: &'a Action,
        /// How it ended.
        outcome: &'a Outcome,
    },
}

/// Whether an apply goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// It ends before the next action; the present one is finished, and services still read what has changed.
    Stop,
}

/// Carries out a plan on a node and returns what became of every action.
///
/// An action whose predecessor failed is blocked; independent ones go on. `tell` hears of every
/// action and may stop the apply between two actions.
pub fn apply(plan: &Plan, node: &mut dyn Node, tell: &mut dyn FnMut(Event<'_>) -> Flow) -> Report {
    let mut report = Report::default();
    let mut ended = Ended::new();
    let mut flow = Flow::Continue;
    for step in plan.steps() {
        let outcome = match (flow, blocker(step, &ended)) {
            (Flow::Stop, _) if !brings_into_force(step, &ended) => Outcome::LeftOut,
            (Flow::Stop, _) => carry_out(step.action, node),
            (Flow::Continue, Some(by)) => Outcome::Blocked { by },
            (Flow::Continue, None) => {
                flow = tell(Event::Started { number: step.number, action: step.action });
                if flow == Flow::Stop { Outcome::LeftOut } else { carry_out(step.action, node) }
            }
        };
        let event = Event::Ended { number: step.number, action: step.action, outcome: &outcome };
        if tell(event) == Flow::Stop {
            flow = Flow::Stop;
        }
        ended.insert(step.number, (step.action, outcome.clone()));
        report.push(step.action.address.clone(), outcome);
    }
    report
}

/// The actions that have ended, by their numbers.
type Ended<'a> = BTreeMap<usize, (&'a Action, Outcome)>;

/// Returns whether a service is to read files of this plan that are all in their places.
///
/// It is done after an interrupt too: the next plan would find the files as declared, and nothing to do. While one
/// of them is left out, the next plan has it, and the service with it.
fn brings_into_force(step: Step<'_>, ended: &Ended<'_>) -> bool {
    if !matches!(step.action.disruption, Disruption::Reload | Disruption::RestartService(_)) {
        return false;
    }
    let needed = step.after().into_iter().filter(|(_, edge)| *edge == Edge::Needs);
    let needed = needed.filter_map(|(number, _)| ended.get(&number)).collect::<Vec<_>>();
    let is_file =
        |operation: &Operation| !matches!(operation, Operation::Run(_) | Operation::Check(_));
    let has_changed = needed.iter().any(|(action, _)| action.operations.iter().any(is_file));
    has_changed && needed.iter().all(|(_, outcome)| *outcome == Outcome::Done)
}

fn blocker(step: Step<'_>, ended: &Ended<'_>) -> Option<Address> {
    let needed = step.after().into_iter().filter(|(_, edge)| *edge == Edge::Needs);
    let mut failed = needed.filter_map(|(number, _)| match ended.get(&number) {
        Some((_, Outcome::Done)) | None => None,
        // The one that failed first is what the operator must look at.
        Some((_, Outcome::Blocked { by })) => Some(by.clone()),
        Some((action, _)) => Some(action.address.clone()),
    });
    failed.next()
}

fn carry_out(action: &Action, node: &mut dyn Node) -> Outcome {
    for (number, operation) in action.operations.iter().enumerate() {
        if let Err(stopped) = step::perform(operation, node) {
            let (done, _) = action.operations.split_at(number);
            return take_back(done, operation, stopped, node);
        }
    }
    Outcome::Done
}

/// Undoes what an action has done: files first, then programs, so that a service that is restarted
/// as an undo reads the old file. The program that failed is undone too: a service that did not
/// restart is down.
///
/// A program without an undo stays in force. What ran before it has led up to it and stays too.
fn take_back(
    done: &[Operation],
    failed: &Operation,
    stopped: Stopped,
    node: &mut dyn Node,
) -> Outcome {
    let kept = done.iter().rposition(step::stays).map_or(0, |last| last + 1);
    let programs = done[kept..].iter().chain([failed]).rev();
    let programs = programs.map(|operation| (step::undo_program as Undo, operation));
    let files = done.iter().rev().map(|operation| (step::undo_file as Undo, operation));
    let mut undone = 0;
    for (undo, operation) in files.chain(programs) {
        match undo(operation, node) {
            Ok(changed) => undone += usize::from(changed),
            Err(error) => {
                let error = format!("{}; taking it back failed: {error}", stopped.message());
                return Outcome::Unknown { error };
            }
        }
    }
    let stay = done[..kept].iter().filter(|operation| step::stays(operation)).map(step::name);
    stopped.outcome(undone, &stay.collect::<Vec<_>>())
}

/// Undoes one operation, and returns whether there was anything to undo.
type Undo = fn(&Operation, &mut dyn Node) -> Result<bool, String>;

//! Asks what checks ask, until all are fine or patience is at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use phoenix_planner::probe::{Answer, Probe};
use phoenix_planner::verify::{Ask, Check, Finding, Outcome, Question, Standing};
use phoenix_planner::want;

use crate::here::Outside;
use crate::node::Node;

/// What a simulated node's programs end with when it does not know the question.
const NOT_FOUND: i32 = 127;

/// How often is asked, and how long between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often in all; at least once.
    pub attempts: u32,
    /// Seconds between two rounds.
    pub pause: u32,
}

/// Returns what every check has found, in their order.
///
/// All checks of a round are asked together, and a further round asks those only that were not fine:
/// the time that it takes does not grow with their number. Without a node, checks of the node and its
/// guests fail.
pub fn verify(
    checks: Vec<Check>,
    mut node: Option<&mut dyn Node>,
    outside: &dyn Outside,
    standing: Standing,
    patience: Patience,
) -> Vec<Finding> {
    let mut outcomes = checks.iter().map(|check| known(&check.ask)).collect::<Vec<_>>();
    // A folder does not change by being waited for.
    let attempts = if standing == Standing::Captured { 1 } else { patience.attempts.max(1) };
    for attempt in 0..attempts {
        let open = outcomes.iter().enumerate().filter(|(_, outcome)| is_open(outcome.as_ref()));
        let open = open.map(|(number, _)| number).collect::<Vec<_>>();
        if open.is_empty() {
            break;
        }
        if attempt > 0 {
            pause(lent(&mut node), patience.pause);
        }
        let asked = open.iter().map(|number| &checks[*number]).collect::<Vec<_>>();
        let answers = Answers::to(&asked, lent(&mut node), outside);
        for number in open {
            outcomes[number] = answers.judge(&checks[number].ask, standing);
        }
    }
    let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Fine));
    checks.into_iter().zip(outcomes).map(|(check, outcome)| Finding { check, outcome }).collect()
}

fn lent<'a>(node: &'a mut Option<&mut dyn Node>) -> Option<&'a mut dyn Node> {
    match node {
        Some(node) => Some(&mut **node),
        None => None,
    }
}

fn pause(node: Option<&mut dyn Node>, seconds: u32) {
    match node {
        Some(node) => node.pause(seconds),
        None => std::thread::sleep(Duration::from_secs(seconds.into())),
    }
}

/// Returns how a check ends that asks nothing.
fn known(ask: &Ask) -> Option<Outcome> {
    match ask {
        Ask::Read { found: Ok(()), .. } => Some(Outcome::Fine),
        Ask::Read { found: Err(why), .. } => Some(Outcome::Failed(why.clone())),
        Ask::Skip(why) => Some(Outcome::Skipped(why.clone())),
        Ask::Place { .. } | Ask::Here { .. } => None,
    }
}

fn is_open(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, None | Some(Outcome::Failed(_)))
}

/// The answers of one round.
struct Answers {
    place: BTreeMap<Probe, Answer>,
    here: BTreeMap<Question, Answer>,
}

impl Answers {
    fn to(checks: &[&Check], node: Option<&mut dyn Node>, outside: &dyn Outside) -> Self {
        let mut probes = BTreeSet::new();
        let mut questions = BTreeSet::new();
        for check in checks {
            match &check.ask {
                Ask::Place { probe, .. } => drop(probes.insert(probe.clone())),
                Ask::Here { question, .. } => drop(questions.insert(question.clone())),
                Ask::Read { .. } | Ask::Skip(_) => {}
            }
        }
        let place = node.filter(|_| !probes.is_empty()).map(|node| node.answer(&probes));
        let questions = questions.into_iter().collect::<Vec<_>>();
        Self { place: place.unwrap_or_default(), here: outside.ask(&questions) }
    }

    fn judge(&self, ask: &Ask, standing: Standing) -> Option<Outcome> {
        let (answer, want) = match ask {
            Ask::Place { probe, want } => (self.place.get(probe), want),
            Ask::Here { question, want } => (self.here.get(question), want),
            Ask::Read { .. } | Ask::Skip(_) => return known(ask),
        };
        Some(match answer {
            Some(Answer::Ran(output))
                if standing == Standing::Captured && output.exit == NOT_FOUND =>
            {
                Outcome::Skipped("the captured node does not say".to_owned())
            }
            Some(answer) => match want::holds(want, answer) {
                Ok(()) => Outcome::Fine,
                Err(why) => Outcome::Failed(why),
            },
            None => Outcome::Failed("the node gave no answer".to_owned()),
        })
    }
}

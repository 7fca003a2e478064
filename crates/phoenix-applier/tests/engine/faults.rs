//! Failures at every step of the upgrade to macvlan: what is reported is what happened, and a plain
//! apply afterwards settles.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use phoenix_applier::{Effect, Event, Flow, Node, NodeError, Outcome, Report, SimulatedNode};
use phoenix_planner::operation::Operation;
use phoenix_planner::plan::{Action, Edge, Plan};
use phoenix_planner::probe::{Answer, Output, Probe};

use crate::world::{UPGRADE, World, addresses, apply_telling, failures, shown, upgrade};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    ErrorBefore,
    ErrorAfter,
    ExitWithout,
    ExitWith,
    Stale,
}

/// How long it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// The next try works.
    Once,
    /// The same change fails again and again.
    Always,
}

/// A node on which the n-th change goes wrong.
struct Faulty {
    node: SimulatedNode,
    left: usize,
    fault: Fault,
    lasting: Lasting,
    /// What went wrong.
    hit: Option<String>,
}

impl Node for Faulty {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        self.node.answer(probes)
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        let name = format!("{effect:?}");
        let now = match &self.hit {
            None => self.left == 0,
            Some(hit) => *hit == name && self.lasting == Lasting::Always,
        };
        if self.hit.is_none() {
            self.left = self.left.saturating_sub(1);
        }
        if !now {
            return self.node.perform(effect);
        }
        self.hit = Some(name);
        self.fail(effect)
    }

    fn pause(&mut self, _: u32) {}
}

impl Faulty {
    fn fail(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        let error = || io::Error::other("injected");
        let broken = match effect {
            Effect::Write { at, .. } | Effect::Remove { at, .. } if self.fault == Fault::Stale => {
                return Err(NodeError::Stale { at: at.clone() });
            }
            Effect::Write { at, .. } | Effect::Remove { at, .. } => {
                NodeError::File { at: at.clone(), source: error() }
            }
            Effect::Run { argv, .. } | Effect::Feed { argv, .. } => {
                NodeError::Program { program: argv[0].clone(), source: error() }
            }
        };
        let happens = matches!(self.fault, Fault::ErrorAfter | Fault::ExitWith);
        if happens {
            drop(self.node.perform(effect));
        }
        let exits = matches!(self.fault, Fault::ExitWith | Fault::ExitWithout);
        match effect {
            Effect::Run { .. } | Effect::Feed { .. } if exits => {
                Ok(Output { exit: 1, stdout: String::new(), stderr: "injected".to_owned() })
            }
            _ => Err(broken),
        }
    }
}

fn world() -> World {
    let world = World::copy_of(&Path::new(UPGRADE).join("node"));
    let node = world.text("node.json").replace("\"running\"", "\"busy\": [\"101\"], \"running\"");
    world.write("node.json", &node);
    world
}

/// What a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    File,
    Program,
}

/// What goes wrong with files, which fail in one way only, and with programs.
const OF_FILES: [(Fault, Lasting); 3] = [
    (Fault::ErrorBefore, Lasting::Always),
    (Fault::ErrorAfter, Lasting::Once),
    (Fault::Stale, Lasting::Once),
];
const OF_PROGRAMS: [(Fault, Lasting); 6] = [
    (Fault::ErrorBefore, Lasting::Once),
    (Fault::ErrorAfter, Lasting::Once),
    (Fault::ExitWithout, Lasting::Once),
    (Fault::ExitWithout, Lasting::Always),
    (Fault::ExitWith, Lasting::Once),
    (Fault::ExitWith, Lasting::Always),
];

/// Returns the changes that the plan makes.
fn changes(plan: &Plan) -> Vec<Change> {
    struct Counting(SimulatedNode, Vec<Change>);
    impl Node for Counting {
        fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
            self.0.answer(probes)
        }
        fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
            let is_run = matches!(effect, Effect::Run { .. } | Effect::Feed { .. });
            self.1.push(if is_run { Change::Program } else { Change::File });
            self.0.perform(effect)
        }
        fn pause(&mut self, _: u32) {}
    }
    let world = world();
    let mut node = Counting(world.node(), Vec::new());
    let report = apply_telling(plan, &mut node, &mut |_| Flow::Continue);
    assert!(report.is_success(), "{}", failures(&report));
    node.1
}

#[test]
fn a_report_tells_what_happened() {
    let plan = world().plan(&upgrade()).unwrap();
    for (number, change) in changes(&plan).into_iter().enumerate() {
        let faults: &[_] = if change == Change::File { &OF_FILES } else { &OF_PROGRAMS };
        for (fault, lasting) in faults {
            one_fault(&plan, number, *fault, *lasting);
        }
    }
}

fn one_fault(plan: &Plan, number: usize, fault: Fault, lasting: Lasting) {
    let world = world();
    let mut node = Faulty { node: world.node(), left: number, fault, lasting, hit: None };
    let what = format!("{fault:?} {lasting:?} of change {number}");
    let mut before = BTreeMap::new();
    let report = apply_telling(plan, &mut node, &mut |event| {
        match event {
            Event::Started { .. } => before = world.snapshot(),
            Event::Ended { action, outcome, .. } => {
                assert_true(&what, action, outcome, &before, &world.snapshot());
            }
        }
        Flow::Continue
    });
    let hit = node.hit.unwrap_or_default();
    let what = format!("{what}: {hit}\n{}", failures(&report));
    let matters = !hit.contains("\"stop\"") && !hit.contains("\"link\"");
    assert!(lasting == Lasting::Once || !matters || !report.is_success(), "{what}");
    assert_blocked(&what, plan, &report);
    assert!(nat_is_proved(&world, &report), "{what}");
    settle(&what, &world);
    assert_same_end(&what, &world);
}

/// Applies again; a container that has to be started first can only be looked into afterwards.
fn settle(what: &str, world: &World) {
    let again = world.plan(&upgrade()).unwrap();
    let report = world.apply(&again);
    assert!(report.is_success(), "{what}\nthen\n{}\n{}", failures(&report), shown(&again));
    let starts = addresses(&again).iter().any(|address| address.ends_with("/start"));
    if starts {
        drop(world.converge(&upgrade()));
    }
    let last = world.plan(&upgrade()).unwrap();
    assert!(last.is_empty(), "{what}\n{}", shown(&last));
}

/// After everything, the node is as it is when nothing goes wrong.
fn assert_same_end(what: &str, world: &World) {
    let smooth = self::world();
    drop(smooth.converge(&upgrade()));
    for path in ["fs/etc/pve/lxc/101.conf", "live/iptables.save", "fs/etc/iptables/rules.v4"] {
        assert_eq!(world.text(path), smooth.text(path), "{what}");
    }
}

fn assert_true(
    what: &str,
    action: &Action,
    outcome: &Outcome,
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) {
    let what = format!("{what}: {} {}", action.address, outcome.message());
    match outcome {
        Outcome::Failed { .. } | Outcome::Stale { .. } | Outcome::RolledBack { .. } => {
            let changed = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes));
            let gone = before.keys().filter(|path| !after.contains_key(*path));
            let paths = changed.map(|(path, _)| path).chain(gone).collect::<Vec<_>>();
            assert!(paths.is_empty(), "{what}: {paths:?}");
        }
        Outcome::Done => {
            for operation in &action.operations {
                // `pct set` changes the guest's configuration once more.
                if let Operation::Write(write) = operation
                    && !write.at.path.is_below("/etc/pve/lxc")
                {
                    let end = write.at.path.as_str();
                    let (_, bytes) = after.iter().find(|(path, _)| path.ends_with(end)).unwrap();
                    assert_eq!(String::from_utf8_lossy(bytes), write.after, "{what}");
                }
            }
        }
        Outcome::Blocked { .. } | Outcome::Unknown { .. } | Outcome::LeftOut => {}
    }
}

fn assert_blocked(what: &str, plan: &Plan, report: &Report) {
    let outcome = |number: usize| &report.outcomes()[number - 1].1;
    for step in plan.steps() {
        let needs = step.after().into_iter().filter(|(_, edge)| *edge == Edge::Needs);
        let failed = needs.filter(|(number, _)| *outcome(*number) != Outcome::Done);
        let failed = failed.map(|(number, _)| number).collect::<Vec<_>>();
        match outcome(step.number) {
            Outcome::Blocked { by } => {
                let root = report.outcomes().iter().find(|(address, _)| address == by).unwrap();
                assert!(!matches!(root.1, Outcome::Done | Outcome::Blocked { .. }), "{what}");
                assert!(!failed.is_empty(), "{what}");
            }
            _ => assert!(failed.is_empty(), "{what}: {}", step.action.address),
        }
    }
}

/// The rules for the gateway are only gone when it has shown that it serves them itself.
fn nat_is_proved(world: &World, report: &Report) -> bool {
    let proved = report
        .outcomes()
        .iter()
        .any(|(address, outcome)| address.as_str() == "lxc/101/proof" && *outcome == Outcome::Done);
    let whole = |path: &str| {
        let first = World::copy_of(&Path::new(UPGRADE).join("node")).text(path);
        world.text(path) == first
    };
    proved || ["live/iptables.save", "fs/etc/iptables/rules.v4"].into_iter().all(whole)
}

#[test]
fn an_interrupted_apply_goes_on_later() {
    let plan = world().plan(&upgrade()).unwrap();
    for last in 0..=plan.len() {
        let world = world();
        let report = apply_telling(&plan, &mut world.node(), &mut |event| match event {
            Event::Ended { number, .. } if number == last => Flow::Stop,
            Event::Started { .. } if last == 0 => Flow::Stop,
            _ => Flow::Continue,
        });
        for (number, (address, outcome)) in (1..).zip(report.outcomes()) {
            let wanted = if number <= last { Outcome::Done } else { Outcome::LeftOut };
            assert_eq!(*outcome, wanted, "{address} when stopped after {last}");
        }
        assert_eq!(report.is_success(), last == plan.len());
        drop(world.converge(&upgrade()));
        assert!(world.plan(&upgrade()).unwrap().is_empty(), "stopped after {last}");
        assert_same_end(&format!("stopped after {last}"), &world);
    }
}

//! The calls of the examples.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_applier::{Effect, Flow, Node, NodeError, SimulatedNode, apply, observe};
use phoenix_planner::desired::Desired;
use phoenix_planner::kind::{self, Task};
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::operation::Operation;
use phoenix_planner::plan::Plan;
use phoenix_planner::probe::{Answer, Output, Probe};
use phoenix_planner::source::{FileKind, Sources};
use phoenix_planner::verify::{self, Ask, Standing};
use serde_json::Value;
use tempfile::TempDir;

use crate::folders::lay;
use crate::named::read_named;

/// More rounds than any example needs. That each settles is for other tests to see: a call that this node does not
/// take keeps it from doing so, and is to be named.
const MOST: usize = 15;

type Calls = BTreeSet<Vec<String>>;

/// Returns the calls of these programs in every example that has a node, by its name.
pub(crate) fn of_all_examples(programs: &[&str]) -> BTreeMap<String, Calls> {
    let entries = fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let with_a_node = names.filter(|name| examples().join(name).join("node").is_dir());
    let mut all = with_a_node.map(|name| (name.clone(), of(&name))).collect::<BTreeMap<_, _>>();
    assert!(all.len() > 20, "{:?}", all.keys());
    let looked_at = |argv: &Vec<String>| programs.contains(&argv[0].as_str());
    all.values_mut().for_each(|calls| calls.retain(looked_at));
    all
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn desired(name: &str) -> Desired {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        if let Ok(text) = fs::read_to_string(examples().join(name).join(kind.file_name())) {
            sources.files.insert(kind, text.into());
        }
    }
    read_named(&examples().join(name), &mut sources);
    load(&sources, Strictness::Lenient).desired.unwrap()
}

/// Returns the programs that the first plan of an example runs, in order, when the node knows no templates at all.
pub(crate) fn without_templates(name: &str) -> Vec<Vec<String>> {
    let folder = node(name);
    let settings = folder.path().join("node.json");
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&settings).unwrap()).unwrap();
    assert!(json.as_object_mut().unwrap().remove("templates").is_some(), "{name}");
    fs::write(&settings, json.to_string()).unwrap();
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let desired = desired(name);
    let plan = kind::plan(&desired, &observe(&desired, &mut node)).unwrap();
    let operations = plan.steps().flat_map(|step| &step.action.operations);
    let runs = operations.filter_map(|operation| match operation {
        Operation::Run(run) => Some(run.argv.clone()),
        _ => None,
    });
    runs.collect()
}

fn node(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    lay(&examples().join(name).join("node"), folder.path());
    folder
}

/// Returns the calls of an example: of its rounds, of the tasks before the first and after the last, and of the
/// verification at the end.
fn of(name: &str) -> Calls {
    let desired = desired(name);
    let folder = node(name);
    let mut node = Recorder::open(folder.path());
    node.tasks(&desired);
    for _ in 0..MOST {
        let plan = kind::plan(&desired, &observe(&desired, &mut node)).unwrap();
        if plan.is_empty() {
            break;
        }
        node.planned(&plan);
        drop(apply(&plan, &mut node, &mut |_| Flow::Continue));
    }
    node.tasks(&desired);
    node.verified(&desired);
    node.calls
}

/// A node that keeps what is called on it.
struct Recorder {
    node: SimulatedNode,
    calls: Calls,
}

impl Recorder {
    fn open(folder: &Path) -> Self {
        Self { node: SimulatedNode::open(folder).unwrap(), calls: Calls::new() }
    }

    /// Keeps the calls of a plan: also of steps that are not reached, and of what takes a step back.
    fn planned(&mut self, plan: &Plan) {
        for operation in plan.steps().flat_map(|step| &step.action.operations) {
            match operation {
                Operation::Run(run) => {
                    self.calls.extend([run.argv.clone()].into_iter().chain(run.undo.clone()));
                }
                Operation::Transform(transform) => drop(self.calls.insert(transform.argv.clone())),
                Operation::Check(check) => self.asked(&check.probe),
                Operation::Link(link) => drop(self.calls.insert(link.command())),
                Operation::Write(_) | Operation::Remove { .. } | Operation::Edit { .. } => {}
            }
        }
    }

    fn asked(&mut self, probe: &Probe) {
        if let Probe::Run { argv, .. } = probe {
            self.calls.insert(argv.clone());
        }
    }

    /// Keeps what `phoenix verify` asks.
    fn verified(&mut self, desired: &Desired) {
        let facts = observe(desired, self);
        for check in verify::checks(desired, &facts, Standing::Captured).unwrap() {
            if let Ask::Place { probe, .. } = &check.ask {
                self.asked(probe);
            }
        }
    }

    /// Keeps the calls of what can be asked for by name, of each guest alone; a refusal has none.
    fn tasks(&mut self, desired: &Desired) {
        let facts = observe(desired, self);
        for vmid in desired.containers.keys().chain(desired.vms.keys()) {
            for task in [Task::Start, Task::Stop, Task::Restart, Task::Delete] {
                if let Ok(plan) = kind::plan_task(desired, &facts, task, &[*vmid]) {
                    self.planned(&plan);
                }
            }
        }
    }
}

impl Node for Recorder {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        probes.iter().for_each(|probe| self.asked(probe));
        self.node.answer(probes)
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        if let Effect::Run { argv, .. } = effect {
            self.calls.insert(argv.to_vec());
        }
        self.node.perform(effect)
    }

    fn pause(&mut self, seconds: u32) {
        self.node.pause(seconds);
    }
}

//! What a rehearsal on a node with real containers has shown: plans from states that no single
//! apply leaves behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot lay out its node has failed")]

mod folders;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use folders::lay;
use phoenix_applier::{
    Effect, Event, Flow, Node, NodeError, SimulatedNode, apply, capture, observe,
};
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::location::Place;
use phoenix_planner::plan::Plan;
use phoenix_planner::probe::{Answer, Output, Probe, argv};
use phoenix_planner::source::{FileKind, Sources};

/// The example that begins with NAT and ends with a public interface.
fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/macvlan-upgrade")
}

/// Returns what the operator of the example wants, with some words replaced.
fn desired(replace: &str, with: &str) -> Desired {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        let Ok(text) = fs::read_to_string(example().join(kind.file_name())) else { continue };
        sources.files.insert(kind, text.replacen(replace, with, 1).into());
    }
    load(&sources, Strictness::Strict).desired.expect("the example is right")
}

fn node() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lay(&example().join("node"), folder.path());
    folder
}

fn plan(desired: &Desired, node: &mut dyn Node) -> Plan {
    kind::plan(desired, &observe(desired, node)).expect("there is a plan")
}

/// A node that cannot look into a container that is stopped, as the real one cannot.
struct Live(SimulatedNode);

impl Node for Live {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        let mut answers = self.0.answer(probes);
        for (probe, answer) in &mut answers {
            let ls = Probe::Run { place: probe.place(), argv: argv(["ss", "-Hltn"]) };
            let place = self.0.answer(&BTreeSet::from([ls])).into_values().next();
            if let (Place::Guest(_), Some(stopped @ Answer::Unreachable(_))) =
                (probe.place(), place)
            {
                *answer = stopped;
            }
        }
        answers
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        self.0.perform(effect)
    }

    fn pause(&mut self, seconds: u32) {
        self.0.pause(seconds);
    }
}

fn addresses(plan: &Plan) -> Vec<String> {
    plan.steps().map(|step| step.action.address.to_string()).collect()
}

/// Applies a plan until an action has ended.
fn apply_until(last: &str, desired: &Desired, node: &mut dyn Node) {
    let mut tell = |event: Event<'_>| match event {
        Event::Ended { action, .. } if action.address.as_str() == last => Flow::Stop,
        _ => Flow::Continue,
    };
    let _ = apply(&plan(desired, node), node, &mut tell);
}

/// Applies a plan whole, and insists that nothing is left to do.
fn settle(desired: &Desired, node: &mut dyn Node) {
    let report = apply(&plan(desired, node), node, &mut |_| Flow::Continue);
    assert!(report.is_success(), "{report:?}");
    assert_eq!(addresses(&plan(desired, node)), Vec::<String>::new());
}

#[test]
fn an_interface_that_waits_for_a_restart_gets_it() {
    let (folder, desired) = (node(), desired("", ""));
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    apply_until("lxc/101", &desired, &mut node);
    let next = addresses(&plan(&desired, &mut node));
    assert_eq!(next[..2], ["lxc/101/public-route", "lxc/101/restart"], "{next:?}");
    settle(&desired, &mut node);
}

#[test]
fn an_interface_that_is_not_declared_any_more_goes_at_last() {
    let folder = node();
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    settle(&desired("", ""), &mut node);
    let without = desired("\"enabled\": true,", "\"enabled\": false,");
    apply_until("lxc/101", &without, &mut node);
    let next = addresses(&plan(&without, &mut node));
    assert!(next.contains(&"lxc/101/restart".to_owned()), "{next:?}");
    settle(&without, &mut node);
}

/// Nothing is known of who listens in a stopped container: what looks unused may be all there is.
#[test]
fn nat_to_a_container_that_cannot_be_seen_stays() {
    let (folder, desired) = (node(), desired("", ""));
    let settings = folder.path().join("node.json");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(settings, text.replace("\"101\", ", "")).unwrap();
    let mut node = Live(SimulatedNode::open(folder.path()).unwrap());
    let next = addresses(&plan(&desired, &mut node));
    assert!(next.contains(&"lxc/101/start".to_owned()), "{next:?}");
    assert!(!next.iter().any(|address| address.starts_with("nat/")), "{next:?}");
    let report = apply(&plan(&desired, &mut node), &mut node, &mut |_| Flow::Continue);
    assert!(report.is_success(), "{report:?}");
    assert!(addresses(&plan(&desired, &mut node)).contains(&"nat/443".to_owned()));
    settle(&desired, &mut node);
}

/// What was asked inside of machines, and whose agent was silent, is kept too.
#[test]
fn captured_machines_give_the_same_plan() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/vm-inside");
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        let Ok(text) = fs::read_to_string(example.join(kind.file_name())) else { continue };
        sources.files.insert(kind, text.into());
    }
    let desired = load(&sources, Strictness::Strict).desired.expect("the example is right");
    let folder = tempfile::tempdir().unwrap();
    lay(&example.join("node"), folder.path());
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    // First with nothing in the machines, then with all that belongs into them.
    for _ in 0..2 {
        let copy = tempfile::tempdir().unwrap();
        capture::capture(&observe(&desired, &mut node), copy.path()).unwrap();
        let mut captured = SimulatedNode::open(copy.path()).unwrap();
        let (here, there) = (plan(&desired, &mut node), plan(&desired, &mut captured));
        assert_eq!(addresses(&here), addresses(&there));
        let deferred =
            |plan: &Plan| plan.deferred().iter().map(|d| d.address.to_string()).collect::<Vec<_>>();
        assert_eq!(deferred(&here), deferred(&there));
        let report = apply(&here, &mut node, &mut |_| Flow::Continue);
        assert!(report.is_success(), "{report:?}");
    }
}

#[test]
fn a_captured_node_gives_the_same_plan() {
    let (folder, desired) = (node(), desired("", ""));
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let facts = observe(&desired, &mut node);
    let copy = tempfile::tempdir().unwrap();
    capture::capture(&facts, copy.path()).unwrap();
    let link = copy.path().join("guests/101/fs/etc/nginx/sites-enabled/gateway");
    assert_eq!(fs::read_link(link).unwrap(), Path::new("../sites-available/gateway"));
    let mut captured = SimulatedNode::open(copy.path()).unwrap();
    let (here, there) = (plan(&desired, &mut node), plan(&desired, &mut captured));
    assert_eq!(addresses(&here), addresses(&there));
    assert_eq!(here.digest(), there.digest());
    settle(&desired, &mut captured);
}

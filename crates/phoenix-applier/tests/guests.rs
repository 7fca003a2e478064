//! A whole fleet from an empty node: in rounds, and stopped after every single change.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod folders;
mod named;

use std::fs;
use std::path::{Path, PathBuf};

use folders::lay;
use named::read_named;
use phoenix_applier::{Event, Flow, Node, Outcome, SimulatedNode, apply, observe};
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::plan::{Plan, Verb};
use phoenix_planner::source::{FileKind, Sources};
use tempfile::TempDir;

/// More plans than a fleet of twelve containers can need, one for each action.
const MOST: usize = 200;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/upstream-empty")
}

fn desired() -> Desired {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        if let Ok(text) = fs::read_to_string(example().join(kind.file_name())) {
            sources.files.insert(kind, text.into());
        }
    }
    read_named(&example(), &mut sources);
    load(&sources, Strictness::Lenient).desired.unwrap()
}

fn empty_node() -> TempDir {
    let folder = TempDir::new().unwrap();
    lay(&example().join("node"), folder.path());
    folder
}

fn plan(desired: &Desired, node: &mut dyn Node) -> Plan {
    let facts = observe(desired, node);
    kind::plan(desired, &facts).unwrap()
}

/// Applies at most so many changes of every plan until nothing is left; panics when that never comes.
fn settle(at_a_time: usize) {
    let (desired, folder) = (desired(), empty_node());
    for _ in 0..MOST {
        let mut node = SimulatedNode::open(folder.path()).unwrap();
        let next = plan(&desired, &mut node);
        if next.is_empty() {
            return;
        }
        let mut done = 0;
        let report = apply(&next, &mut node, &mut |event| {
            // What is only asked or reloaded leaves nothing from which the next plan could go on.
            let changed = matches!(event, Event::Ended { action, .. } if action.verb != Verb::Do);
            done += usize::from(changed);
            if done >= at_a_time { Flow::Stop } else { Flow::Continue }
        });
        for (address, outcome) in report.outcomes() {
            let fine = matches!(outcome, Outcome::Done | Outcome::LeftOut);
            assert!(fine, "{address}: {}", outcome.message());
        }
    }
    panic!("it does not settle");
}

#[test]
fn an_empty_node_settles() {
    settle(usize::MAX);
}

#[test]
fn it_settles_when_it_is_stopped_after_every_change() {
    settle(1);
}

//! Virtual machines from nothing, cut short: what is left is gone on with, and the end is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use phoenix_applier::{Effect, Event, Flow, Node, NodeError, SimulatedNode};
use phoenix_planner::desired::Desired;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::probe::{Answer, Output, Probe};
use phoenix_planner::source::{FileKind, Sources};

use crate::world::{World, addresses, apply_telling, shown};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

/// Machines from nothing, and what is set up inside of machines.
const FRESH: &str = "vm-fresh";
const INSIDE: &str = "vm-inside";

/// How often a plan may be made until nothing is left.
const ROUNDS: usize = 4;

fn desired(example: &str) -> Desired {
    let folder = Path::new(EXAMPLES).join(example);
    let text = |kind: FileKind| fs::read_to_string(folder.join(kind.file_name())).ok();
    let texts = FileKind::ALL.into_iter().filter_map(|kind| Some((kind, text(kind)?.into())));
    let sources = Sources { files: texts.collect(), ..Sources::default() };
    load(&sources, Strictness::Lenient).desired.unwrap()
}

fn world(example: &str) -> World {
    World::copy_of(&Path::new(EXAMPLES).join(example).join("node"))
}

fn empty() -> World {
    world(FRESH)
}

/// Plans and applies until nothing is left, and returns the files of the node.
fn finish(world: &World, desired: &Desired) -> BTreeMap<String, Vec<u8>> {
    for _ in 0..ROUNDS {
        let plan = world.plan(desired).unwrap();
        if plan.is_empty() {
            return world.snapshot();
        }
        let report = world.apply(&plan);
        assert!(report.is_success(), "{}", shown(&plan));
    }
    panic!("it does not settle: {}", shown(&world.plan(desired).unwrap()));
}

#[test]
fn interrupted_after_any_action() {
    ends_the_same_whatever_cuts_it(FRESH);
}

#[test]
fn interrupted_inside_of_machines() {
    ends_the_same_whatever_cuts_it(INSIDE);
}

fn ends_the_same_whatever_cuts_it(example: &str) {
    let desired = desired(example);
    let whole = finish(&world(example), &desired);
    let all = addresses(&world(example).plan(&desired).unwrap()).len();
    for cut in 0..all {
        let world = world(example);
        let plan = world.plan(&desired).unwrap();
        let mut ended = 0;
        let report = apply_telling(&plan, &mut world.node(), &mut |event| {
            ended += usize::from(matches!(event, Event::Ended { .. }));
            if ended > cut { Flow::Stop } else { Flow::Continue }
        });
        assert!(cut + 1 == all || !report.is_success(), "nothing was cut at {cut}");
        let end = finish(&world, &desired);
        let names = whole.keys().chain(end.keys()).collect::<BTreeSet<_>>();
        let other = names.into_iter().filter(|name| whole.get(*name) != end.get(*name));
        // A root certificate is copied with its mode in the plan that makes it, and written in a later one.
        let other = other.filter(|name| !name.ends_with("/attributes")).collect::<Vec<_>>();
        assert!(other.is_empty(), "cut after {cut}: {other:?}");
    }
}

/// A node on which one call of `qm` fails without having done anything.
struct Failing {
    node: SimulatedNode,
    left: usize,
}

impl Node for Failing {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        self.node.answer(probes)
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        let is_qm = matches!(effect, Effect::Run { argv, .. } if argv[0] == "qm");
        if is_qm && self.left == 0 {
            self.left = usize::MAX;
            return Ok(Output { exit: 255, stdout: String::new(), stderr: "injected".to_owned() });
        }
        self.left -= usize::from(is_qm);
        self.node.perform(effect)
    }

    fn pause(&mut self, _: u32) {}
}

#[test]
fn any_call_may_fail_once() {
    let desired = desired(FRESH);
    let calls = 20;
    for left in 0..calls {
        let world = empty();
        let plan = world.plan(&desired).unwrap();
        let mut node = Failing { node: world.node(), left };
        let _ = apply_telling(&plan, &mut node, &mut |_| Flow::Continue);
        let files = finish(&world, &desired);
        let running = &files["/node.json"];
        for vmid in ["1001", "1002"] {
            assert!(String::from_utf8_lossy(running).contains(vmid), "{left}: {vmid} is stopped");
        }
        let template = &files["/fs/etc/pve/qemu-server/9000.conf"];
        assert!(String::from_utf8_lossy(template).contains("template: 1"), "{left}");
    }
}

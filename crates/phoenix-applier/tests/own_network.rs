//! The node's own network: what happens when a change of it does not work out.

#![expect(clippy::unwrap_used, reason = "a test that cannot lay out its node has failed")]

mod folders;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use folders::lay;
use phoenix_applier::{
    Effect, Flow, Node, NodeError, Outcome, Report, SimulatedNode, apply, capture, observe,
};
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::plan::Plan;
use phoenix_planner::probe::{Answer, Output, Probe};
use phoenix_planner::source::{FileKind, Sources};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

fn desired(name: &str) -> Desired {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        let Ok(text) = fs::read_to_string(example(name).join(kind.file_name())) else { continue };
        sources.files.insert(kind, text.into());
    }
    load(&sources, Strictness::Strict).desired.expect("the example is right")
}

fn node(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lay(&example(name).join("node"), folder.path());
    folder
}

fn plan(desired: &Desired, node: &mut dyn Node) -> Plan {
    kind::plan(desired, &observe(desired, node)).expect("there is a plan")
}

/// A node on which a program says that it did its work, and did nothing.
struct Idle {
    node: SimulatedNode,
    program: &'static [&'static str],
    ran: Vec<String>,
}

impl Node for Idle {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        self.node.answer(probes)
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        if let Effect::Run { argv, .. } = effect {
            self.ran.push(argv.join(" "));
            if argv == self.program {
                return Ok(Output { exit: 0, stdout: String::new(), stderr: String::new() });
            }
        }
        self.node.perform(effect)
    }

    fn pause(&mut self, seconds: u32) {
        self.node.pause(seconds);
    }
}

fn outcome<'a>(report: &'a Report, address: &str) -> &'a Outcome {
    let mut all = report.outcomes().iter();
    &all.find(|(own, _)| own.as_str() == address).unwrap().1
}

fn interfaces(folder: &Path) -> String {
    fs::read_to_string(folder.join("fs/etc/network/interfaces")).unwrap()
}

#[test]
fn a_bridge_that_does_not_show_its_address_is_taken_back() {
    let folder = node("node-fresh");
    let before = interfaces(folder.path());
    let simulated = SimulatedNode::open(folder.path()).unwrap();
    let mut node = Idle { node: simulated, program: &["ifreload", "-a"], ran: Vec::new() };
    let plan = plan(&desired("node-fresh"), &mut node);
    let report = apply(&plan, &mut node, &mut |_| Flow::Continue);
    let Outcome::RolledBack { error } = outcome(&report, "interfaces/vmbr0") else {
        panic!("{report:?}")
    };
    assert_eq!(error, "vmbr0 has no address 10.0.0.13");
    assert_eq!(interfaces(folder.path()), before);
    assert_eq!(node.ran.iter().filter(|ran| *ran == "ifreload -a").count(), 2, "{:?}", node.ran);
    // Nothing else may name an address that the node does not have.
    for address in ["hosts/node", "identity/hostname", "resolv-conf/node"] {
        let blocked = outcome(&report, address);
        assert!(matches!(blocked, Outcome::Blocked { .. }), "{address}: {blocked:?}");
    }
    assert_eq!(*outcome(&report, "identity/timezone"), Outcome::Done);
}

#[test]
fn files_that_ifupdown2_refuses_are_not_loaded() {
    let folder = node("node-fresh");
    let before = interfaces(folder.path()) + "\nstray line\n";
    fs::write(folder.path().join("fs/etc/network/interfaces"), &before).unwrap();
    let simulated = SimulatedNode::open(folder.path()).unwrap();
    let mut node = Idle { node: simulated, program: &[], ran: Vec::new() };
    let plan = plan(&desired("node-fresh"), &mut node);
    let report = apply(&plan, &mut node, &mut |_| Flow::Continue);
    let Outcome::RolledBack { error } = outcome(&report, "interfaces/vmbr0") else {
        panic!("{report:?}")
    };
    assert!(error.starts_with("`ifreload -a -s`: it ended with status 1"), "{error}");
    assert_eq!(interfaces(folder.path()), before);
    assert!(!node.ran.iter().any(|ran| ran == "ifreload -a"), "{:?}", node.ran);
}

#[test]
fn a_file_that_is_right_and_not_in_force_is_loaded() {
    let folder = node("node-fresh");
    let desired = desired("node-fresh");
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let text = interfaces(folder.path());
    let after = text.replace("192.168.1.77/24", "10.0.0.13/24").replace("192.168.1.1", "10.0.0.1");
    let at = phoenix_planner::location::Location::node("/etc/network/interfaces");
    let expect = phoenix_applier::Expect::Text(&text);
    node.perform(Effect::Write { at: &at, expect, text: &after, mode: 0o644 }).unwrap();
    let first = plan(&desired, &mut node);
    let step = first.steps().next().unwrap();
    let reason = "its file is right and not in force";
    assert_eq!(
        (step.action.address.as_str(), step.action.reason.as_str()),
        ("interfaces/vmbr0", reason)
    );
    let report = apply(&first, &mut node, &mut |_| Flow::Continue);
    assert!(report.outcomes().iter().all(|(_, outcome)| *outcome == Outcome::Done), "{report:?}");
    assert!(plan(&desired, &mut node).is_empty());
}

#[test]
fn a_capture_plans_the_same_and_applies() {
    for name in ["node-fresh", "node-by-hand", "node-hostile", "node-in-sync"] {
        let (folder, desired) = (node(name), desired(name));
        let mut node = SimulatedNode::open(folder.path()).unwrap();
        let (planned, facts) = (plan(&desired, &mut node), observe(&desired, &mut node));
        let captured = tempfile::tempdir().unwrap();
        capture::capture(&facts, captured.path()).unwrap();
        let mut again = SimulatedNode::open(captured.path()).unwrap();
        let replanned = plan(&desired, &mut again);
        assert_eq!(replanned.digest(), planned.digest(), "{name}");
        assert_eq!(replanned.deferred(), planned.deferred(), "{name}");
        let report = apply(&replanned, &mut again, &mut |_| Flow::Continue);
        let done = report.outcomes().iter().all(|(_, outcome)| *outcome == Outcome::Done);
        assert!(done, "{name}: {report:?}");
        assert!(plan(&desired, &mut again).is_empty(), "{name} does not settle");
    }
}

#[test]
fn a_file_that_nat_changes_too_is_changed_one_after_the_other() {
    let name = "macvlan-upgrade";
    let (folder, desired) = (node(name), desired(name));
    let path = folder.path().join("fs/etc/network/interfaces");
    let text = interfaces(folder.path()).replace("gateway 10.0.0.1", "gateway 10.0.0.254");
    fs::write(&path, text).unwrap();
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let planned = plan(&desired, &mut node);
    let addresses = planned.steps().map(|step| step.action.address.to_string());
    let addresses = addresses.collect::<Vec<_>>();
    assert!(addresses.starts_with(&["interfaces/vmbr0".to_owned()]), "{addresses:?}");
    assert!(addresses.contains(&"nat/443".to_owned()), "{addresses:?}");
    let report = apply(&planned, &mut node, &mut |_| Flow::Continue);
    let done = report.outcomes().iter().all(|(_, outcome)| *outcome == Outcome::Done);
    assert!(done, "{report:?}");
    assert!(plan(&desired, &mut node).is_empty());
    let after = interfaces(folder.path());
    assert!(after.contains("gateway 10.0.0.1\n") && !after.contains("--dport 443"), "{after}");
}

#[test]
fn without_interfaces_the_rest_is_planned() {
    let (folder, desired) = (node("node-fresh"), desired("node-fresh"));
    fs::remove_file(folder.path().join("fs/etc/network/interfaces")).unwrap();
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let planned = plan(&desired, &mut node);
    let [deferred] = planned.deferred() else { panic!("{:?}", planned.deferred()) };
    assert_eq!(deferred.reason, "there is no /etc/network/interfaces here");
    assert!(!planned.is_empty());
}

//! A gateway from nothing: interrupted at every step, and with files that nginx refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod folders;
mod named;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use folders::lay;
use named::read_named;
use phoenix_applier::{Effect, Flow, Node, NodeError, Outcome, SimulatedNode, apply, observe};
use phoenix_planner::address::Address;
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::plan::Plan;
use phoenix_planner::probe::{Answer, Output, Probe};
use phoenix_planner::source::{FileKind, Sources};

/// More plans than two containers can need.
const MOST: usize = 20;

/// The site of the gateway, in the captured node.
const SITE: &str = "guests/101/fs/etc/nginx/sites-available/gateway";

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// Returns what the operator of an example wants, with some words of the files replaced that others name.
fn desired(name: &str, replace: &str, with: &str) -> Desired {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        if let Ok(text) = fs::read_to_string(example(name).join(kind.file_name())) {
            sources.files.insert(kind, text.into());
        }
    }
    read_named(&example(name), &mut sources);
    for text in sources.named.values_mut() {
        *text = text.clone().map(|text| text.replace(replace, with).into());
    }
    load(&sources, Strictness::Strict).desired.unwrap()
}

fn node(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lay(&example(name).join("node"), folder.path());
    folder
}

fn plan(desired: &Desired, node: &mut dyn Node) -> Plan {
    kind::plan(desired, &observe(desired, node)).unwrap()
}

fn addresses(plan: &Plan) -> Vec<String> {
    plan.steps().map(|step| step.action.address.to_string()).collect()
}

/// A node that is cut off after so many changes: nothing can be taken back any more.
struct Cut {
    node: SimulatedNode,
    left: usize,
}

impl Node for Cut {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        self.node.answer(probes)
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        if self.left == 0 {
            return Err(NodeError::Refused("it is cut off".to_owned()));
        }
        self.left -= 1;
        self.node.perform(effect)
    }

    fn pause(&mut self, _seconds: u32) {}
}

/// Plans and applies until nothing is left.
fn settle(desired: &Desired, folder: &Path) {
    for _ in 0..MOST {
        let mut node = SimulatedNode::open(folder).unwrap();
        let next = plan(desired, &mut node);
        if next.is_empty() {
            assert_eq!(next.deferred(), []);
            return;
        }
        drop(apply(&next, &mut node, &mut |_| Flow::Continue));
    }
    panic!("it never settles");
}

/// Returns the node with everything but the web server and what comes after it.
fn without_nginx(desired: &Desired) -> tempfile::TempDir {
    let later = ["lxc/101/nginx", "certificate/gateway.internal.example.com"];
    let later = later.map(|address| address.parse::<Address>().unwrap());
    let folder = node("gateway-fresh");
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let first = plan(desired, &mut node).exclude(&later);
    drop(apply(&first, &mut node, &mut |_| Flow::Continue));
    folder
}

#[test]
fn a_gateway_that_is_cut_off_after_any_change_settles() {
    let desired = desired("gateway-fresh", "", "");
    let whole = node("gateway-fresh");
    settle(&desired, whole.path());
    let wanted = fs::read_to_string(whole.path().join(SITE)).unwrap();
    assert!(wanted.contains("listen 443 ssl;"), "{wanted}");
    let without_nginx = without_nginx(&desired);
    for left in 0.. {
        let folder = tempfile::tempdir().unwrap();
        lay(without_nginx.path(), folder.path());
        let mut cut = Cut { node: SimulatedNode::open(folder.path()).unwrap(), left };
        for _ in 0..2 {
            let next = plan(&desired, &mut cut);
            drop(apply(&next, &mut cut, &mut |_| Flow::Continue));
        }
        settle(&desired, folder.path());
        assert_eq!(fs::read_to_string(folder.path().join(SITE)).unwrap(), wanted, "after {left}");
        if cut.left > 0 {
            return;
        }
    }
}

/// Returns every file of nginx in the container, and what its links name.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.join("guests/101/fs/etc/nginx")];
    while let Some(path) = open.pop() {
        if path.is_symlink() {
            found.insert(path.clone(), fs::read_link(&path).unwrap().display().to_string());
        } else if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
    found
}

#[test]
fn files_that_nginx_refuses_are_taken_back_with_their_links() {
    // The container does not have the address: only nginx itself can tell.
    let desired = desired("gateway-drifted", "listen 80 ", "listen 10.9.9.9:80 ");
    let folder = node("gateway-drifted");
    let before = files(folder.path());
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let next = plan(&desired, &mut node);
    // A reviewed plan is one for these texts.
    assert_ne!(next.digest(), plan(&self::desired("gateway-drifted", "", ""), &mut node).digest());
    let report = apply(&next, &mut node, &mut |_| Flow::Continue);
    let mut outcomes = report.outcomes().iter();
    let (_, outcome) = outcomes.find(|(address, _)| address.as_str() == "lxc/101/nginx").unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_reload_by_hand_that_kept_the_old_sockets_is_followed_by_a_restart() {
    let desired = desired("gateway-drifted", "", "");
    let folder = node("gateway-drifted");
    settle(&desired, folder.path());
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    assert!(plan(&desired, &mut node).is_empty());
    let note = folder.path().join("live/guests/101");
    fs::create_dir_all(&note).unwrap();
    fs::write(note.join("listening"), "10.0.0.153:80\n").unwrap();
    let next = plan(&desired, &mut node);
    assert_eq!(addresses(&next), ["lxc/101/nginx/service"]);
    drop(apply(&next, &mut node, &mut |_| Flow::Continue));
    assert!(plan(&desired, &mut node).is_empty());
}

#[test]
fn a_certificate_that_nobody_brings_is_waited_for() {
    let desired = desired("gateway-fresh", "/etc/nginx/ssl/gateway", "/etc/nginx/ssl/other");
    let folder = node("gateway-fresh");
    for _ in 0..3 {
        let mut node = SimulatedNode::open(folder.path()).unwrap();
        let next = plan(&desired, &mut node);
        drop(apply(&next, &mut node, &mut |_| Flow::Continue));
    }
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let last = plan(&desired, &mut node);
    assert!(last.is_empty(), "{:?}", addresses(&last));
    let waits = last.deferred().iter().find(|d| d.address.as_str() == "lxc/101/nginx").unwrap();
    assert_eq!(
        waits.reason,
        "/etc/nginx/sites-enabled/gateway line 11 names `/etc/nginx/ssl/other.crt`, which is not in the container"
    );
    let nat = last.deferred().iter().any(|d| d.address.as_str() == "nat/443");
    assert!(nat, "the NAT must stay: {:?}", last.deferred());
}

//! The authority, the trust in it, the proxy and certificates: whatever interrupts an apply, the next one settles,
//! and no secret is in anything that is shown or kept.

#![expect(clippy::unwrap_used, reason = "a test that cannot lay out its node has failed")]

mod folders;
mod named;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use folders::lay;
use named::read_named;
use phoenix_applier::{Event, Flow, Node, Outcome, Report, SimulatedNode, apply, observe};
use phoenix_planner::address::Address;
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::plan::{Action, Disruption, Plan};
use phoenix_planner::preview;
use phoenix_planner::source::{FileKind, Sources};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// Returns what the operator of an example wants, with some words replaced everywhere.
fn desired(name: &str, replace: &str, with: &str) -> Desired {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        let Ok(text) = fs::read_to_string(example(name).join(kind.file_name())) else { continue };
        sources.files.insert(kind, text.replace(replace, with).into());
    }
    read_named(&example(name), &mut sources);
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

fn apply_all(plan: &Plan, node: &mut dyn Node) -> Report {
    apply(plan, node, &mut |_| Flow::Continue)
}

/// Returns the services that an apply was to restart, or has restarted.
fn restarts(plan: &Plan, report: &Report, wanted: fn(&Outcome) -> bool) -> BTreeSet<Address> {
    let is_restart = |action: &Action| matches!(action.disruption, Disruption::RestartService(_));
    let ended = plan.steps().zip(report.outcomes());
    let hit = ended.filter(|(step, (_, outcome))| is_restart(step.action) && wanted(outcome));
    hit.map(|(step, _)| step.action.address.clone()).collect()
}

#[test]
fn interrupted_after_any_action_no_restart_is_lost() {
    for name in ["dns-edited", "traefik-drifted", "trust", "trust-drifted"] {
        let desired = desired(name, "", "");
        let whole = plan(&desired, &mut SimulatedNode::open(node(name).path()).unwrap()).len();
        for stop in 1..=whole {
            let folder = node(name);
            let mut node = SimulatedNode::open(folder.path()).unwrap();
            let first = plan(&desired, &mut node);
            let report = apply(&first, &mut node, &mut |event| match event {
                Event::Ended { number, .. } if number == stop => Flow::Stop,
                _ => Flow::Continue,
            });
            let due = restarts(&first, &report, |_| true);
            let mut done = restarts(&first, &report, |outcome| *outcome == Outcome::Done);
            let second = plan(&desired, &mut node);
            let report = apply_all(&second, &mut node);
            done.extend(restarts(&second, &report, |outcome| *outcome == Outcome::Done));
            assert!(!due.is_empty() && due.is_subset(&done), "{name}, {stop}: {due:?}, {done:?}");
        }
    }
}

#[test]
fn interrupted_after_any_action_it_settles() {
    for name in ["trust", "trust-drifted"] {
        let desired = desired(name, "", "");
        let whole = plan(&desired, &mut SimulatedNode::open(node(name).path()).unwrap()).len();
        assert!(whole > 10, "{name}");
        for stop in 0..whole {
            let folder = node(name);
            let mut node = SimulatedNode::open(folder.path()).unwrap();
            let first = plan(&desired, &mut node);
            let _ = apply(&first, &mut node, &mut |event| match event {
                Event::Ended { number, .. } if number == stop => Flow::Stop,
                _ => Flow::Continue,
            });
            let rest = plan(&desired, &mut node);
            assert!(rest.len() < whole || stop == 0, "{name}: {stop}");
            assert!(apply_all(&rest, &mut node).is_success(), "{name}: {stop}");
            assert!(plan(&desired, &mut node).is_empty(), "{name}: {stop} does not settle");
        }
    }
}

#[test]
fn a_command_that_fails_is_run_again() {
    let name = "trust";
    let wrong = desired(name, "pve-firewall.service", "no-such.service");
    let folder = node(name);
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let first = plan(&wrong, &mut node);
    assert!(!apply_all(&first, &mut node).is_success());
    let again = plan(&wrong, &mut node);
    let addresses = again.steps().map(|step| step.action.address.to_string()).collect::<Vec<_>>();
    assert_eq!(addresses, ["certificate/node.internal.example.com"]);
    let programs = preview::json(&again, &|_| None);
    assert!(!programs.contains("step ca certificate") && !programs.contains("\"certificate\","));
    let right = desired(name, "", "");
    let rest = plan(&right, &mut node);
    assert_eq!(rest.len(), 1);
    assert!(apply_all(&rest, &mut node).is_success());
    assert!(plan(&right, &mut node).is_empty());
}

#[test]
fn another_domain_leaves_no_trace_of_the_first() {
    let other = desired("trust", "example.com", "example.org");
    let folder = node("trust");
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let plan = plan(&other, &mut node);
    let all = preview::json(&plan, &|_| None);
    // What the node has still got in its own files is shown as what goes.
    let left = plan.steps().filter(|step| {
        let of_node = ["hosts/", "resolv-conf/"];
        !of_node.iter().any(|kind| step.action.address.as_str().starts_with(kind))
            && format!("{:?}", step.action).contains("example.com")
    });
    assert_eq!(
        left.map(|step| step.action.address.to_string()).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    assert!(all.contains("example.org"));
}

/// Everything that is made from a plan says no key and no password, and no argument holds one.
#[test]
fn no_secret_is_in_a_plan() {
    for name in ["trust", "trust-drifted"] {
        let desired = desired(name, "", "");
        let folder = node(name);
        let secrets = [
            ("guests/103/fs/etc/step-ca/password.txt", "the secret of the authority"),
            ("guests/103/fs/etc/step-ca/provisioner-password.txt", "the secret of the provisioner"),
            ("guests/103/fs/etc/step-ca/secrets/root_ca_key", "the secret of the root"),
            ("guests/102/fs/etc/traefik/acme.json", "the secret of the proxy"),
            ("fs/etc/ssl/private/names.key", "the secret of a certificate"),
        ];
        for (path, secret) in secrets {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, secret).unwrap();
        }
        let mut node = SimulatedNode::open(folder.path()).unwrap();
        let facts = observe(&desired, &mut node);
        let plan = kind::plan(&desired, &facts).expect("there is a plan");
        assert!(!plan.is_empty(), "{name}");
        let shown = format!("{}{:?}{facts:?}", preview::json(&plan, &|_| None), plan);
        assert!(!shown.contains("the secret of"), "{name}");
    }
}

/// A plan does not change while nothing but time passes, until something is due.
#[test]
fn time_alone_changes_nothing_until_something_is_due() {
    let desired = desired("trust", "", "");
    let folder = node("trust");
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    let first = plan(&desired, &mut node);
    assert!(apply_all(&first, &mut node).is_success());
    let later = |hours: u64| {
        let path = folder.path().join("node.json");
        let mut settings: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        settings["now"] = (1_767_225_600 + hours * 3600).into();
        fs::write(&path, settings.to_string()).unwrap();
        let mut node = SimulatedNode::open(folder.path()).unwrap();
        plan(&desired, &mut node)
    };
    assert!(later(1).is_empty() && later(15).is_empty());
    // A third of a day is left.
    let due = later(16);
    assert_eq!(due.len(), 2);
    assert_eq!(due.digest(), later(17).digest());
    assert!(due.steps().all(|step| step.action.reason == "it ends on 2026-01-02"
        || step.action.reason == "it ends on 2026-01-01"));
    // A new certificate by a root that has ended would not be good either.
    let ended = later(11 * 365 * 24);
    assert!(ended.is_empty());
    assert!(ended.deferred().iter().any(|one| one.reason.contains("ended on 2035-12-30")));
}

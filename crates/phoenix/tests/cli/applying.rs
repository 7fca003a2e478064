//! `apply` and `create`: consent, staleness, failures, and what each ends with.

use crate::support::{Copy, compare};

const UPGRADE: &str = "macvlan-upgrade";

#[test]
fn nobody_to_ask_is_1_and_changes_nothing() {
    let copy = Copy::of(UPGRADE);
    let before = copy.node();
    let run = copy.phoenix(&["apply"]).exits(1);
    assert!(run.stderr.contains("--yes"), "{}", run.stderr);
    assert!(before == copy.node());
    // With nothing to do there is nothing to ask.
    let _ = Copy::of("in-sync").phoenix(&["apply"]).exits(0);
}

#[test]
fn only_the_expected_plan_is_applied() {
    let copy = Copy::of(UPGRADE);
    let before = copy.node();
    let run = copy.phoenix(&["apply", "--yes", "--expect", "00000000"]).exits(3);
    assert_eq!(run.stdout, "");
    assert!(before == copy.node());
    let digest = digest(&copy);
    let _ = copy.phoenix(&["apply", "--yes", "--expect", &digest]).exits(0);
    assert!(before != copy.node());
}

/// Returns the digest that the plan's last line shows.
fn digest(copy: &Copy) -> String {
    let plan = copy.phoenix(&["plan"]).exits(0).stdout;
    let (_, digest) = plan.trim_end().rsplit_once('(').unwrap();
    digest.trim_end_matches(')').to_owned()
}

#[test]
fn a_saved_plan_is_applied_once() {
    let copy = Copy::of(UPGRADE);
    let _ = copy.phoenix(&["plan", "--out", "it.plan"]).exits(0);
    let _ = copy.phoenix(&["apply", "it.plan", "--yes"]).exits(0);
    let after = copy.node();
    let again = copy.phoenix(&["apply", "it.plan", "--yes"]).exits(3);
    compare("cli", "stale-when-applied-already", &again.shown());
    assert!(after == copy.node());
}

#[test]
fn a_saved_plan_keeps_its_scope() {
    let copy = Copy::of(UPGRADE);
    let scope = ["plan", "--out", "it.plan", "--target", "firewall/cluster"];
    let _ = copy.phoenix(&scope).exits(0);
    let report = copy.phoenix(&["apply", "it.plan", "--yes"]).exits(0);
    compare("cli", "apply-target", &report.stdout);
    let _ = copy.phoenix(&["plan", "--detailed-exitcode"]).exits(2);
}

#[test]
fn a_change_since_the_plan_makes_it_stale() {
    let copy = Copy::of(UPGRADE);
    let _ = copy.phoenix(&["plan", "--out", "it.plan"]).exits(0);
    let conf = "node/fs/etc/pve/lxc/101.conf";
    copy.write(conf, &copy.read(conf).replace("memory: 2048", "memory: 3072"));
    let before = copy.node();
    let run = copy.phoenix(&["apply", "it.plan", "--yes"]).exits(3);
    assert_eq!(run.stdout, "");
    assert!(before == copy.node());
}

#[test]
fn a_change_that_the_plan_is_not_about_does_not() {
    let copy = Copy::of(UPGRADE);
    let digest = digest(&copy);
    let conf = "node/fs/etc/pve/lxc/102.conf";
    copy.write(conf, &copy.read(conf).replace("arch: amd64", "#a note\narch: amd64"));
    let _ = copy.phoenix(&["apply", "--yes", "--expect", &digest]).exits(0);
}

#[test]
fn a_failure_is_4_and_blocks_what_needs_it_only() {
    let copy = Copy::of(UPGRADE);
    answers(&copy, r#"{"place": "101", "argv": ["nginx", "-t"], "exit": 1, "stderr": "no"}"#);
    let run = copy.phoenix(&["apply", "--yes"]);
    compare("cli", "a-failure", &run.stdout);
    let _ = run.exits(4);
    let site = copy.read("node/guests/101/fs/etc/nginx/sites-available/gateway");
    assert!(site.contains("listen 10.0.0.153:443"), "the site is not rolled back");
    assert!(copy.read("node/live/iptables.save").contains("10.0.0.153:443"), "NAT is gone");
}

#[test]
fn a_node_that_does_not_change_is_5() {
    let copy = Copy::of(UPGRADE);
    let rules = serde_json::Value::from(copy.read("node/live/iptables.save"));
    let answer = format!(r#"{{"place": "node", "argv": ["iptables-save"], "stdout": {rules}}}"#);
    answers(&copy, &answer);
    let run = copy.phoenix(&["apply", "--yes"]);
    compare("cli", "not-settled", &run.stdout);
    let _ = run.exits(5);
}

/// Lets the captured node say something of its own.
fn answers(copy: &Copy, answer: &str) {
    copy.write("node/answers.json", &format!("[{answer}]\n"));
}

#[test]
fn create_brings_an_existing_guest_to_what_is_declared() {
    let copy = Copy::of("upstream");
    let report = copy.phoenix(&["create", "101", "--yes"]).exits(0);
    compare("cli", "create", &report.stdout);
    let again = copy.phoenix(&["create", "101", "--yes"]).exits(0);
    assert_eq!(again.stdout.lines().last(), Some("No changes."));
    let _ = copy.phoenix(&["plan", "--detailed-exitcode"]).exits(2);
}

#[test]
fn setup_brings_the_node_alone_to_what_is_declared() {
    for (example, guests) in [("upstream", true), ("node-fresh", false)] {
        let copy = Copy::of(example);
        let report = copy.phoenix(&["setup", "--yes"]).exits(0);
        compare("cli", &format!("setup-{example}"), &report.stdout);
        let again = copy.phoenix(&["setup", "--yes"]).exits(0);
        assert_eq!(again.stdout.lines().last(), Some("No changes."), "{}", again.stdout);
        let rest = copy.phoenix(&["plan"]).exits(0).stdout;
        assert_eq!(rest.contains("~ lxc/101"), guests, "{rest}");
    }
}

#[test]
fn create_says_what_it_cannot() {
    let copy = Copy::of("upstream");
    let before = copy.node();
    let said = |guest: &str| copy.phoenix(&["create", guest, "--yes"]).exits(1).stderr;
    let texts = ["150", "nginx"].map(|guest| format!("{guest}: {}", said(guest)));
    compare("cli", "create-refused", &texts.join("\n"));
    assert!(before == copy.node());
}

#[test]
fn letsgo_brings_up_an_empty_node_in_rounds() {
    let copy = Copy::of("upstream-empty");
    let run = copy.phoenix(&["letsgo", "--yes"]).exits(0);
    compare("cli", "letsgo", &run.stdout);
    let rounds = run.stderr.lines().filter(|line| line.starts_with("Round ")).count();
    // The longest chain: 900, 103, 101, 102, then those that are cloned from it; four plans each at most.
    assert!((4..=24).contains(&rounds), "{rounds}");
    let again = copy.phoenix(&["LetsGo", "--yes"]).exits(0);
    assert_eq!(again.stdout.lines().last(), Some("No changes."));
    compare("cli", "status", &copy.phoenix(&["status"]).exits(0).stdout);
}

#[test]
fn an_expected_plan_is_the_only_one() {
    let copy = Copy::of("upstream-empty");
    let digest = digest(&copy);
    let run = copy.phoenix(&["apply", "--yes", "--expect", &digest]).exits(5);
    assert!(!run.stderr.contains("Round 2"), "{}", run.stderr);
}

#[test]
fn create_makes_a_guest_and_what_it_needs() {
    let copy = Copy::of("upstream-empty");
    let run = copy.phoenix(&["create", "103", "--yes"]).exits(0);
    compare("cli", "create-from-nothing", &run.stdout);
    let there = copy.phoenix(&["status", "103", "900", "101"]).exits(0).stdout;
    compare("cli", "status-after-create", &there);
    let _ = copy.phoenix(&["create", "103", "--yes"]).exits(0);
}

#[test]
fn create_leaves_others_alone_and_converge_does_not() {
    let done = |verb: &str| {
        let copy = Copy::of("upstream");
        copy.phoenix(&[verb, "102", "--yes"]).exits(0).stdout
    };
    let has = |report: &str, address: &str| {
        report.lines().any(|line| line.split_whitespace().next() == Some(address))
    };
    let (create, converge) = (done("create"), done("converge"));
    assert!(has(&create, "lxc/102") && !has(&create, "lxc/103"), "{create}");
    assert!(has(&converge, "lxc/102") && has(&converge, "lxc/103"), "{converge}");
}

#[test]
fn guests_are_started_stopped_restarted_and_deleted_by_name() {
    let copy = Copy::of("in-sync");
    let mut talk = Vec::new();
    for words in [
        vec!["stop", "101", "102"],
        vec!["stop", "101"],
        vec!["start", "102"],
        vec!["restart", "102"],
        vec!["delete", "103"],
        vec!["delete", "102"],
        vec!["delete", "102"],
        vec!["start", "102"],
    ] {
        let run = copy.phoenix(&[&words[..], &["--yes"]].concat());
        talk.push(format!("$ phoenix {}\n{}\n", words.join(" "), run.shown()));
    }
    compare("cli", "power", &talk.concat());
}

#[test]
fn machines_are_started_stopped_restarted_and_deleted_by_name() {
    let copy = Copy::of("vm-drift");
    let mut talk = Vec::new();
    for words in [
        vec!["status"],
        vec!["stop", "1001", "1002"],
        vec!["start", "1002"],
        vec!["restart", "1002"],
        vec!["delete", "1003", "1004"],
        vec!["delete", "1004"],
        vec!["start", "1003"],
        vec!["create", "1002"],
    ] {
        let yes: &[&str] = if words == ["status"] { &[] } else { &["--yes"] };
        let run = copy.phoenix(&[&words[..], yes].concat());
        talk.push(format!("$ phoenix {}\n{}\n", words.join(" "), run.shown()));
    }
    compare("cli", "power-machines", &talk.concat());
}

#[test]
fn a_protected_guest_is_not_deleted() {
    let copy = Copy::of("in-sync");
    let conf = "node/fs/etc/pve/lxc/102.conf";
    copy.write(conf, &format!("protection: 1\n{}", copy.read(conf)));
    let before = copy.node();
    let run = copy.phoenix(&["delete", "102", "--yes"]).exits(1);
    assert!(run.stderr.contains("container 102 is protected"), "{}", run.stderr);
    assert!(before == copy.node());
}

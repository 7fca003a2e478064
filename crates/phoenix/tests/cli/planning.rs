//! `plan` and `show`: exit codes, scopes, saved plans and committed previews.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Copy, compare};

const UPGRADE: &str = "macvlan-upgrade";

#[test]
fn changes_are_2_only_when_asked_for() {
    let copy = Copy::of(UPGRADE);
    let _ = copy.phoenix(&["plan"]).exits(0);
    let _ = copy.phoenix(&["plan", "--detailed-exitcode"]).exits(2);
    let _ = Copy::of("in-sync").phoenix(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn wrong_use_is_1() {
    let copy = Copy::of(UPGRADE);
    let _ = copy.bare(&["plan", "--no-such-option"]).exits(1);
    let _ = copy.bare(&["no-such-verb"]).exits(1);
    let _ = copy.bare(&[]).exits(1);
    let _ = copy.phoenix(&["plan", "--target", "lxc//"]).exits(1);
    let _ = copy.phoenix(&["apply", "--yes", "--expect", "no digest"]).exits(1);
    let help = copy.bare(&["--help"]).exits(0);
    assert_eq!(help.stderr, "");
    let _ = copy.bare(&["--version"]).exits(0);
}

#[test]
fn a_machine_that_is_no_node_is_told_what_to_do() {
    let copy = Copy::of(UPGRADE);
    let run = copy.bare(&["plan", "--config", "."]).exits(1);
    assert!(run.stderr.contains("--node-dir"), "{}", run.stderr);
    assert!(run.stderr.contains("phoenix demo"), "{}", run.stderr);
    let run = copy.bare(&["plan", "--config", ".", "--node-dir", "nowhere"]).exits(1);
    assert!(run.stderr.contains("nowhere"), "{}", run.stderr);
}

#[test]
fn the_result_is_on_stdout_and_talk_on_stderr() {
    let copy = Copy::of(UPGRADE);
    let plan = copy.phoenix(&["plan"]).exits(0);
    assert!(plan.stdout.ends_with(")\n"), "the last line has the digest");
    assert!(plan.stderr.starts_with("Apply exactly this with: phoenix apply --expect "));
    assert!(!(plan.stdout + &plan.stderr).contains('\u{1b}'), "there is colour");
}

#[test]
fn the_older_name_is_the_same_program() {
    let copy = Copy::of(UPGRADE);
    let plan = ["plan", "--config", ".", "--node-dir", "node"];
    let other = copy.feed(env!("CARGO_BIN_EXE_phoenix-cli"), &plan, None);
    assert_eq!(copy.bare(&plan), other);
}

#[test]
fn a_target_brings_what_it_needs_and_its_parts() {
    scoped("target", "firewall/cluster");
    scoped("target", "lxc/101");
}

#[test]
fn what_is_as_declared_can_be_named_and_a_slip_of_the_pen_cannot() {
    let copy = Copy::of("firewall-in-sync");
    for address in
        ["firewall/node", "firewall/cluster", "firewall/1001", "interfaces/vmbr0", "vm/1001"]
    {
        let run = copy.phoenix(&["plan", "--target", address]).exits(0);
        assert!(run.stdout.ends_with("No changes.\n"), "{address}: {}", run.stdout);
    }
    for address in ["firewall/nod", "firewall/1002", "dnsmasq/records", "shim/vmbr9"] {
        let run = copy.phoenix(&["plan", "--target", address]).exits(1);
        assert!(run.stderr.contains(address), "{address}: {}", run.stderr);
    }
}

#[test]
fn an_exclusion_takes_what_needs_it_too() {
    scoped("exclude", "lxc/101");
    scoped("exclude", "nat/443");
}

/// Compares the overview of a part of the plan.
fn scoped(option: &str, address: &str) {
    let copy = Copy::of(UPGRADE);
    let plan = copy.phoenix(&["plan", &format!("--{option}"), address]).exits(0);
    let overview = plan.stdout.lines().take_while(|line| !line.is_empty());
    let overview = overview.collect::<Vec<_>>().join("\n");
    compare("cli", &format!("{option}-{}", address.replace('/', "-")), &overview);
}

#[test]
fn a_saved_plan_is_shown_as_it_was_and_is_private() {
    let copy = Copy::of(UPGRADE);
    let plan = copy.phoenix(&["plan", "--out", "it.plan"]).exits(0);
    assert_eq!(plan.stderr, "Apply exactly this with: phoenix apply it.plan\n");
    let mode = fs::metadata(copy.path().join("it.plan")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = copy.bare(&["show", "it.plan"]).exits(0);
    assert_eq!(plan.stdout, shown.stdout);
    for format in ["md", "json", "dot"] {
        let plan = copy.phoenix(&["plan", "--format", format]).exits(0);
        let shown = copy.bare(&["show", "it.plan", "--format", format]).exits(0);
        assert_eq!(plan.stdout, shown.stdout);
    }
}

#[test]
fn what_is_no_saved_plan_is_refused() {
    let copy = Copy::of(UPGRADE);
    let _ = copy.bare(&["show", "nowhere.plan"]).exits(1);
    let _ = copy.bare(&["show", "phoenix_hypervisor_config.json"]).exits(1);
    let _ = copy.phoenix(&["apply", "--yes", "node/node.json"]).exits(1);
}

#[test]
fn a_committed_preview_is_checked() {
    let copy = Copy::of(UPGRADE);
    for format in ["text", "md", "json"] {
        let form = ["--format", format];
        let plan = copy.phoenix(&[&["plan"], &form[..]].concat()).exits(0);
        let written = ["plan", "--snapshot", "plan.txt"];
        let _ = copy.phoenix(&[&written, &form[..]].concat()).exits(0);
        assert_eq!(copy.read("plan.txt"), plan.stdout);
        let checked = ["plan", "--check", "plan.txt"];
        let check = copy.phoenix(&[&checked, &form[..]].concat()).exits(0);
        assert_eq!(check.stdout + &check.stderr, "");
    }
}

#[test]
fn a_committed_preview_that_is_old_fails_with_the_difference() {
    let copy = Copy::of(UPGRADE);
    let _ = copy.phoenix(&["plan", "--snapshot", "plan.txt"]).exits(0);
    let file = "phoenix_lxc_configs.json";
    copy.write(file, &copy.read(file).replace("\"memory_mb\": 4096", "\"memory_mb\": 8192"));
    let check = copy.phoenix(&["plan", "--check", "plan.txt"]);
    compare("cli", "check-fails", &check.shown());
    let _ = check.exits(1);
    let _ = copy.phoenix(&["plan", "--check", "nowhere.txt"]).exits(1);
}

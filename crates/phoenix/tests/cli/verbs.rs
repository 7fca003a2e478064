//! `validate`, `schema`, `capture` and `demo`.

use std::fs;

use crate::support::{Copy, compare};

#[test]
fn a_real_operators_files_are_valid() {
    let copy = Copy::of("upstream");
    let run = copy.bare(&["validate", "--config", "."]).exits(0);
    compare("cli", "validate-upstream", &run.shown());
}

#[test]
fn strict_takes_a_likely_slip_for_an_error() {
    let copy = Copy::of("macvlan-upgrade");
    let _ = copy.phoenix(&["plan", "--strict"]).exits(0);
    let file = "phoenix_lxc_configs.json";
    copy.write(file, &copy.read(file).replacen("memory_mb", "memory_md", 1));
    let _ = copy.phoenix(&["plan"]).exits(0);
    let _ = copy.bare(&["validate", "--config", "."]).exits(0);
    let _ = copy.phoenix(&["plan", "--strict"]).exits(1);
    let _ = copy.bare(&["validate", "--config", ".", "--strict"]).exits(1);
}

#[test]
fn every_file_has_a_schema_under_both_its_names() {
    let copy = Copy::empty();
    let names = [
        ("hypervisor", "phoenix_hypervisor_config.json"),
        ("lxc", "phoenix_lxc_configs.json"),
        ("vm", "phoenix_vm_configs.json"),
        ("certificates", "certificate-manifest.json"),
    ];
    for (short, file) in names {
        let schema = copy.bare(&["schema", short]).exits(0);
        let parsed = serde_json::from_str::<serde_json::Value>(&schema.stdout).unwrap();
        assert!(parsed.get("$schema").is_some(), "{short}");
        assert_eq!(schema, copy.bare(&["schema", file]));
    }
    let _ = copy.bare(&["schema", "nothing"]).exits(1);
}

#[test]
fn renew_is_about_certificates_and_what_they_need() {
    let copy = Copy::of("trust");
    let run = copy.phoenix(&["renew", "--yes"]).exits(0);
    compare("cli", "renew", &run.stdout);
    let again = copy.phoenix(&["renew", "--yes"]).exits(0);
    assert!(again.stdout.ends_with("No changes.\n"), "{}", again.stdout);
    let without = Copy::of("macvlan-upgrade").phoenix(&["renew", "--yes"]).exits(0);
    assert_eq!(without.stdout, "");
}

#[test]
fn a_captured_node_plans_as_the_node_itself() {
    for name in ["macvlan-upgrade", "upstream", "stopped-guest", "drifted", "trust"] {
        let copy = Copy::of(name);
        let plan = copy.phoenix(&["plan"]).exits(0);
        let capture = copy.phoenix(&["capture", "captured"]).exits(0);
        assert_eq!(capture.stdout, "", "{name}");
        let captured = ["plan", "--config", ".", "--node-dir", "captured"];
        assert_eq!(plan, copy.bare(&captured).exits(0), "{name}");
    }
}

#[test]
fn a_capture_overwrites_nothing() {
    let copy = Copy::of("macvlan-upgrade");
    let before = copy.node();
    let _ = copy.phoenix(&["capture", "node"]).exits(1);
    assert!(before == copy.node());
}

#[test]
fn a_captured_node_can_be_applied_to() {
    let copy = Copy::of("macvlan-upgrade");
    let _ = copy.phoenix(&["capture", "captured"]).exits(0);
    let on_captured = ["--config", ".", "--node-dir", "captured"];
    let _ = copy.bare(&[&["apply", "--yes"], &on_captured[..]].concat()).exits(0);
    let again = copy.bare(&[&["plan"], &on_captured[..]].concat()).exits(0);
    assert_eq!(again.stdout, "No changes.\n");
}

#[test]
fn the_demo_needs_nothing_and_settles() {
    let copy = Copy::empty();
    let demo = copy.bare(&["demo"]).exits(0);
    assert!(demo.stdout.ends_with("Settled: a second plan finds nothing to do.\n"));
    assert_eq!(fs::read_dir(copy.path()).unwrap().count(), 0);
}

#[test]
fn a_demo_that_is_kept_can_be_played_with() {
    let copy = Copy::empty();
    let _ = copy.bare(&["demo", "--keep", "kept"]).exits(0);
    let plan = ["plan", "--config", "kept", "--node-dir", "kept/node"];
    assert_eq!(copy.bare(&plan).exits(0).stdout, "No changes.\n");
    let conf = "kept/node/fs/etc/pve/lxc/101.conf";
    copy.write(conf, &copy.read(conf).replace("memory: 4096", "memory: 1024"));
    assert!(copy.bare(&plan).exits(0).stdout.contains("memory = 1024 → 4096"));
    let _ = copy.bare(&["demo", "--keep", "kept"]).exits(1);
}

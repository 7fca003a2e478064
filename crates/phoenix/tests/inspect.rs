//! `phoenix inspect`: what a person reads, and that every kind has a JSON form.

#![expect(clippy::unwrap_used, reason = "a test that cannot run phoenix must fail")]

use std::path::{Path, PathBuf};
use std::process::Command;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

fn case(kind: &str, file: &str) -> PathBuf {
    Path::new(CRATE).join("tests/inspect").join(kind).join(file)
}

fn phoenix(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phoenix"));
    command.arg("inspect").args(arguments).env_remove("PHOENIX_CONFIG");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(Path::new(CRATE).join("../../snapshots/inspect"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

const CASES: &[(&str, &str)] = &[
    ("net", "nets.txt"),
    ("qm-net", "nets.txt"),
    ("qm-ipconfig", "addresses.txt"),
    ("lxc-conf", "101.conf"),
    ("firewall", "guest.fw"),
    ("nginx", "gateway.conf"),
    ("interfaces", "interfaces"),
    ("iptables", "rules.v4"),
    ("hosts", "hosts"),
    ("resolv-conf", "resolv.conf"),
    ("dnsmasq", "dnsmasq.conf"),
];

#[test]
fn a_person_reads_what_phoenix_understands() {
    for (kind, file) in CASES {
        check(kind, &phoenix(&[kind, case(kind, file).to_str().unwrap()]));
    }
}

#[test]
fn every_kind_has_a_json_form() {
    for (kind, file) in CASES {
        let text = phoenix(&[kind, case(kind, file).to_str().unwrap(), "--json"]);
        for line in text.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).unwrap().is_object(), "{kind}");
        }
        let by_line = ["net", "qm-net", "qm-ipconfig"].contains(kind);
        assert_eq!(text.lines().count(), if by_line { 3 } else { 1 }, "{kind}");
    }
}

#[test]
fn the_forms_of_names_keep_their_keys() {
    let cases = [("hosts", "hosts"), ("resolv-conf", "resolv.conf"), ("dnsmasq", "dnsmasq.conf")];
    for (kind, file) in cases {
        let text = phoenix(&[kind, case(kind, file).to_str().unwrap(), "--json"]);
        let view: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(view["ok"], false, "{kind}");
        assert!(view["entries"].is_array() && view["warnings"].is_array(), "{kind}");
    }
}

#[test]
fn pct_set_shows_the_configuration_afterwards() {
    let conf = case("pct-set", "101.conf");
    let arguments = ["set", "101", "--memory", "1024", "--net1", "name=eth1,bridge=vmbr9"];
    let set = |tail: &[&str]| {
        let head = ["pct-set", "--config", conf.to_str().unwrap(), "--"];
        phoenix(&[&head, tail].concat())
    };
    check("pct-set", &set(&arguments[..4]));
    check("pct-set-refused", &set(&arguments));
}

#[test]
fn a_terminal_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    std::fs::write(&file, "10.0.0.1 \u{1b}[31mred\n").unwrap();
    let text = phoenix(&["hosts", file.to_str().unwrap()]);
    assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}[31mred"), "{text}");
}

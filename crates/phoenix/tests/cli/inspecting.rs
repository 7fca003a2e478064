//! `inspect`: the shapes that scripts rely on, each with a recorded case.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Copy, root};

fn corpus(file: &str) -> PathBuf {
    root().join("crates/phoenix-formats/tests/corpus").join(file)
}

/// Returns the first line of a corpus that holds a text.
fn recorded(file: &str, holding: &str) -> Value {
    let text = fs::read_to_string(corpus(file)).unwrap();
    let line = text.lines().find(|line| line.contains(holding)).unwrap();
    serde_json::from_str(line).unwrap()
}

fn inspected(copy: &Copy, args: &[&str]) -> Value {
    let run = copy.bare(&[&["inspect"], args].concat()).exits(0);
    serde_json::from_str(&run.stdout).unwrap()
}

/// Compares those members that the contract names.
fn same(members: &[&str], found: &Value, recorded: &Value) {
    for member in members {
        assert_eq!(found[member], recorded[member], "{member} of {found}");
    }
}

#[test]
fn a_net_string_a_line() {
    let copy = Copy::empty();
    let inputs = ["name=eth0,bridge=vmbr0,ip=dhcp", "", "type=macvlan,name=eth1\r"];
    copy.write("nets", &(inputs.join("\n") + "\n"));
    for (program, args, input) in [
        (env!("CARGO_BIN_EXE_phoenix"), &["inspect", "net", "nets", "--json"][..], None),
        (env!("CARGO_BIN_EXE_phoenix"), &["inspect", "net", "-", "--json"], Some("nets")),
        (env!("CARGO_BIN_EXE_phoenix"), &["inspect", "net", "--json"], Some("nets")),
    ] {
        let input = input.map(|file| copy.path().join(file));
        let run = copy.feed(program, args, input.as_deref()).exits(0);
        let found = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found = found.collect::<Vec<_>>();
        let echoed = found.iter().map(|view| view["input"].clone()).collect::<Vec<_>>();
        assert_eq!(echoed, inputs);
        let recorded = recorded("net.jsonl", inputs[0]);
        same(&["accepted", "canonical", "error", "input", "parsed"], &found[0], &recorded);
        assert_eq!(found[2]["accepted"], json!(false));
        assert!(found[2]["error"].is_string());
    }
}

#[test]
fn a_machines_strings_a_line() {
    for (kind, inputs) in [
        ("qm-net", ["virtio,bridge=vmbr0", "", "name=eth0\r"]),
        ("qm-ipconfig", ["ip=dhcp", "", "ip=dhcp,gw=10.0.0.1"]),
    ] {
        let copy = Copy::empty();
        copy.write("lines", &(inputs.join("\n") + "\n"));
        let run = copy.bare(&["inspect", kind, "lines", "--json"]).exits(0);
        let found = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found = found.collect::<Vec<_>>();
        assert_eq!(found.iter().map(|view| view["input"].clone()).collect::<Vec<_>>(), inputs);
        let recorded = recorded("qm.jsonl", &format!("\"input\": \"{}\"", inputs[0]));
        same(&["accepted", "canonical", "error", "input", "parsed"], &found[0], &recorded);
        assert_eq!(found[1]["accepted"], json!(kind == "qm-ipconfig"));
        assert_eq!(found[2]["accepted"], json!(false));
        assert!(found[2]["error"].is_string());
    }
}

#[test]
fn a_containers_configuration() {
    let file = corpus("conf/014-raw-macvlan.conf");
    let found = inspected(&Copy::empty(), &["lxc-conf", file.to_str().unwrap(), "--json"]);
    let expected = fs::read_to_string(file.with_extension("expected.json")).unwrap();
    let expected = serde_json::from_str::<Value>(&expected).unwrap();
    same(&["ok", "parsed", "warnings", "rewritten"], &found, &expected);
}

#[test]
fn a_firewall_file() {
    let copy = Copy::empty();
    copy.write("cluster.fw", "[ALIASES]\n\nweb 10.0.0.9\n");
    copy.write(
        "101.fw",
        "[OPTIONS]\nenable: 1\n\n[RULES]\nIN ACCEPT -source web -p tcp\nIN OOPS\n",
    );
    let args = ["firewall", "101.fw", "--json", "--level", "guest", "--with-cluster", "cluster.fw"];
    let found = inspected(&copy, &args);
    assert_eq!(found["ok"], json!(true));
    assert_eq!(found["parsed"]["options"], json!({"enable": "1"}));
    assert_eq!(found["parsed"]["rules"][0]["source"], json!("web"));
    assert_eq!(found["warnings"][0]["line"], json!(6));
    assert!(found["warnings"][0]["message"].is_string());
    assert!(found["saved"].is_string());
}

#[test]
fn pct_set_on_a_stopped_container() {
    let case = recorded("pct.jsonl", "\"--memory\", \"1024\"");
    let (found, left) = pct_set(&case, &[]);
    assert_eq!(left, case["before"], "the file has changed");
    same(&["exit", "changed", "after"], &found, &case);
}

#[test]
fn pct_set_on_a_running_container() {
    let case = recorded("pct-running.jsonl", "\"--memory\", \"1024\"");
    let (found, left) = pct_set(&case, &["--running"]);
    assert_eq!(left, case["before"], "the file has changed");
    same(&["exit", "changed", "after", "class", "pending"], &found, &case);
}

/// Returns what inspection says, and what is in the file then.
fn pct_set(case: &Value, more: &[&str]) -> (Value, String) {
    let copy = Copy::empty();
    copy.write("101.conf", case["before"].as_str().unwrap());
    let words = case["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let mut args = vec!["pct-set", "--json", "--config", "101.conf", "--bridge", "vmbr0:1500"];
    args.extend(more);
    args.push("--");
    args.extend(words);
    (inspected(&copy, &args), copy.read("101.conf"))
}

#[test]
fn inspection_of_what_is_wrong_is_still_0() {
    let copy = Copy::empty();
    copy.write("garbage", "\u{1}{{{ \"\n\t=;\n[\n");
    let kinds = ["net", "qm-net", "qm-ipconfig", "lxc-conf", "firewall"];
    for kind in kinds.into_iter().chain(["nginx", "interfaces", "iptables"]) {
        let _ = copy.bare(&["inspect", kind, "garbage"]).exits(0);
        let _ = copy.bare(&["inspect", kind, "garbage", "--json"]).exits(0);
        let _ = copy.bare(&["inspect", kind, "nowhere"]).exits(1);
    }
}

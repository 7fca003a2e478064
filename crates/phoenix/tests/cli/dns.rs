//! The node's DNS server when something goes wrong.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::support::Copy;

/// Returns the files of the node that dnsmasq reads.
fn read_by_dnsmasq(copy: &Copy) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = copy.node();
    files.retain(|path, _| path.to_string_lossy().contains("/dnsmasq"));
    files
}

#[test]
fn a_failed_test_leaves_the_old_files_and_the_service() {
    for example in ["dns-edited", "dns-hostile"] {
        let copy = Copy::of(example);
        let says_no = r#"[{"place": "node", "exit": 1, "stderr": "bad option at line 1\n", "argv":
            ["dnsmasq", "--test", "--conf-file=/etc/dnsmasq.conf",
             "--conf-dir=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new"]}]"#;
        copy.write("node/answers.json", says_no);
        let before = copy.node();
        let run = copy.phoenix(&["apply", "--yes"]).exits(4);
        assert!(before == copy.node(), "{example}: {}", run.stdout);
        assert!(run.stdout.contains("bad option at line 1"), "{}", run.stdout);
        assert!(run.stdout.contains("service/dnsmasq  blocked"), "{}", run.stdout);
    }
}

#[test]
fn what_cannot_be_fetched_is_not_done_yet() {
    let copy = Copy::of("dns-fresh");
    let interfaces = "node/fs/etc/network/interfaces";
    let offline = copy.read(interfaces).replace("\tgateway 10.0.0.1\n", "");
    copy.write(interfaces, &offline);
    let before = copy.node();
    let plan = copy.phoenix(&["plan", "--detailed-exitcode"]).exits(0);
    let waiting =
        ["package/dnsmasq-base", "package/dnsmasq ", "dnsmasq/records", "resolv-conf/node"];
    for address in waiting {
        assert!(plan.stdout.contains(address), "{address}: {}", plan.stdout);
    }
    assert!(plan.stdout.contains("no way to the outside"), "{}", plan.stdout);
    let _ = copy.phoenix(&["apply", "--yes"]).exits(0);
    assert!(before == copy.node());
}

#[test]
fn a_server_that_is_not_kept_is_left_alone() {
    let copy = Copy::of("dns-edited");
    let file = "phoenix_hypervisor_config.json";
    copy.write(file, &copy.read(file).replace("\"enabled\": true", "\"enabled\": false"));
    let before = read_by_dnsmasq(&copy);
    let plan = copy.phoenix(&["plan"]).exits(0).stdout;
    assert!(!plan.contains("service/dnsmasq") && !plan.contains("dnsmasq/records"), "{plan}");
    let _ = copy.phoenix(&["apply", "--yes", "--exclude", "resolv-conf/node"]).exits(0);
    assert!(before == read_by_dnsmasq(&copy));
    assert!(!before.is_empty());
}

#[test]
fn a_service_that_is_down_is_started() {
    let copy = Copy::of("dns-in-sync");
    std::fs::create_dir_all(copy.path().join("node/live/units")).unwrap();
    copy.write("node/live/units/dnsmasq.service", "disabled\nfailed\n");
    let run = copy.phoenix(&["apply", "--yes"]).exits(0);
    assert!(run.stdout.contains("1 of 1 actions done."), "{}", run.stdout);
    let _ = copy.phoenix(&["plan", "--detailed-exitcode"]).exits(0);
}

//! `phoenix lab` with real traffic: the macvlan example from its NAT to its own address, with guests of
//! namespaces and of LXC, and what a lab leaves behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod acme;
mod keys;
mod lxc;
mod networkd;
mod shim;
mod support;
mod user;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Lab, MAC, cannot_run, example, skip};

/// The node's address that clients use today, and the container's own.
const NODE: &str = "192.168.1.13";
const PUBLIC: &str = "192.168.1.153";

#[test]
fn the_macvlan_example_carries_traffic() {
    if let Some(why) = cannot_run() {
        return skip("the_macvlan_example_carries_traffic", &why);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let lab = Lab::new("m", &example(scratch.path()));
    let begun = Instant::now();
    lab.must(&["lab", "up"]);
    // It takes half a second; the rest is for machines that do other things too.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    upgrade(&lab);
    hook_fails(&lab);
}

/// Takes a lab of the example from its NAT to its own address, and through a restart.
fn upgrade(lab: &Lab) {
    for place in ["lan", "internet"] {
        lab.serves(place, NODE);
        assert_eq!(lab.http(place, &format!("http://{PUBLIC}/")), "", "before, from {place}");
    }
    lab.must(&["apply", "--yes"]);
    after(lab);
    lab.must(&["verify"]);
    lab.says("node", &["pct", "reboot", "101"]);
    after(lab);
    lab.must(&["verify"]);
}

/// A start hook that fails keeps a guest down, as with LXC: phoenix's own must never do that.
fn hook_fails(lab: &Lab) {
    fs::write(lab.twin("guests/101/fs/etc/phoenix/public-interface.sh"), "#!/bin/false\n").unwrap();
    let failed = lab.exec("node", &["pct", "reboot", "101"]);
    assert!(String::from_utf8_lossy(&failed.stderr).contains("lxc.hook.start"), "{failed:?}");
    assert!(lab.says("node", &["pct", "status", "101"]).contains("stopped"));
}

#[test]
fn the_upgrade_is_taken_back_without_a_trace() {
    if let Some(why) = cannot_run() {
        return skip("the_upgrade_is_taken_back_without_a_trace", &why);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let example = example(scratch.path());
    let lab = Lab::new("t", &example);
    lab.must(&["lab", "up"]);
    let links = lab.says("101", &["ip", "-oneline", "link", "show"]).lines().count();
    lab.must(&["apply", "--yes"]);
    let file = example.join("phoenix_lxc_configs.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"enabled\": true", "\"enabled\": false", 1)).unwrap();
    lab.must(&["apply", "--yes"]);
    assert_eq!(lab.says("101", &["ip", "-oneline", "link", "show"]).lines().count(), links);
    assert!(!lab.says("101", &["ip", "rule", "show"]).contains("192.168.1.153"));
    assert!(!lab.says("101", &["nft", "list", "tables"]).contains("phoenix"));
    assert!(!lab.twin("guests/101/fs/etc/phoenix").exists(), "the folder stays");
    let conf = fs::read_to_string(lab.twin("fs/etc/pve/lxc/101.conf")).unwrap();
    let main = conf.split("\n[").next().unwrap();
    assert!(!main.contains("lxc.net.") && !main.contains("lxc.hook"), "{main}");
    assert_eq!(lab.http("lan", &format!("http://{PUBLIC}/")), "");
    lab.serves("102", "10.0.0.153");
    assert!(lab.says("101", &["ip", "route", "get", "192.0.2.1"]).contains("dev eth0"));
}

/// What must be true once the example is applied.
fn after(lab: &Lab) {
    lab.serves("lan", PUBLIC);
    lab.serves("internet", PUBLIC);
    lab.serves("102", "10.0.0.153");
    assert!(lab.says("101", &["ip", "route", "get", "10.0.0.12"]).contains("dev eth0"));
    let link = lab.says("101", &["ip", "-details", "link", "show", "eth1"]);
    assert!(link.contains(MAC) && link.contains("macvlan mode bridge"), "{link}");
    rules(&lab.says("node", &["iptables-save"]));
    assert_eq!(lab.http("lan", &format!("http://{NODE}/")), "", "there is no NAT any more");
    lab.is_guarded(PUBLIC);
    assert_eq!(lab.http("102", "http://10.0.0.153:8080/"), "200", "eth0 is not filtered");
    every_way(lab);
}

/// Clients reach the container whatever the kernel and the node think of the ways of packets.
fn every_way(lab: &Lab) {
    let drop = ["FORWARD", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP"];
    for value in ["0", "1", "2"] {
        lab.set_rp_filter(value);
        for word in ["-I", "-D"] {
            lab.says("node", &[&["iptables", word], drop.as_slice()].concat());
            lab.serves("lan", PUBLIC);
            lab.serves("internet", PUBLIC);
        }
    }
    lab.set_rp_filter("0");
}

fn rules(saved: &str) {
    let to_guest = saved.lines().filter(|line| line.contains("10.0.0.153")).collect::<Vec<_>>();
    assert!(to_guest.is_empty(), "{to_guest:?}");
    assert!(saved.contains("-s 10.0.0.0/24 ! -d 10.0.0.0/24 -o vmbr0 -j MASQUERADE"), "{saved}");
    assert!(saved.contains("--dport 2222"), "what is somebody else's stays: {saved}");
}

/// Returns what the machine has of a lab: namespaces, mounts, control groups, and processes by their command
/// line.
fn traces(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let namespaces = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    found.extend(namespaces.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    found.extend(mounts.lines().map(str::to_owned));
    let points = mounts.lines().filter(|line| line.contains(" - cgroup"));
    let points = points.filter_map(|line| line.split(' ').nth(4));
    let groups = points.map(|point| format!("{point}/phx-{name}"));
    let locks = format!("/run/lxc/lock/run/phoenix-lab/{name}");
    let left = groups.chain([locks]).filter(|path| Path::new(path).exists());
    let left = left.collect::<Vec<_>>();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    found.extend(lines.map(|line| String::from_utf8_lossy(&line).into_owned()));
    let (prefix, folder) = (format!("phx-{name}-"), format!("/run/phoenix-lab/{name}"));
    found.retain(|line| line.contains(&prefix) || line.contains(&folder));
    found.extend(left);
    found.extend(Path::new(&folder).exists().then_some(folder));
    found
}

#[test]
fn nothing_stays_of_a_lab_whatever_was_killed() {
    if let Some(why) = cannot_run() {
        return skip("nothing_stays_of_a_lab_whatever_was_killed", &why);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    killed(&Lab::new("k", &example(scratch.path())), &["lab", "up"]);
}

/// Kills the making of a lab at several moments, and sees that nothing stays.
fn killed(lab: &Lab, up: &[&str]) {
    for wait in [5, 40, 100, 200, 400] {
        let mut up = lab.phoenix(up).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        up.kill().unwrap();
        up.wait().unwrap();
        if wait != 100 {
            lab.must(&["lab", "down"]);
            assert_eq!(traces(&lab.name), Vec::<String>::new(), "killed after {wait} ms");
        }
    }
    lab.must(up);
    lab.serves("lan", NODE);
    lab.must(&["lab", "down"]);
    assert_eq!(traces(&lab.name), Vec::<String>::new());
}

#[test]
fn two_labs_do_not_meet() {
    if let Some(why) = cannot_run() {
        return skip("two_labs_do_not_meet", &why);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let config = example(scratch.path());
    let (one, two) = (Lab::new("a", &config), Lab::new("b", &config));
    one.must(&["lab", "up"]);
    two.must(&["lab", "up"]);
    assert!(!one.phoenix(&["lab", "up"]).output().unwrap().status.success(), "it is up already");
    one.says("node", &["pct", "stop", "101"]);
    assert_eq!(one.http("lan", &format!("http://{NODE}/")), "");
    two.serves("lan", NODE);
    one.must(&["lab", "down"]);
    two.serves("internet", NODE);
    assert_eq!(two.exec("101", &["sh", "-c", "exit 7"]).status.code(), Some(7));
    assert!(!two.exec("999", &["true"]).status.success());
}

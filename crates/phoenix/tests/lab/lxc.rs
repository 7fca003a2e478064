//! The same examples in real containers of LXC, which reads the raw keys that phoenix wrote.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Lab, MAC, cannot_run, example, example_of, missing, skip};
use crate::{PUBLIC, after, killed, upgrade};

/// Programs of LXC, and the package of Debian that has them.
const PROGRAMS: [(&str, &str); 3] =
    [("lxc-start", "lxc"), ("lxc-stop", "lxc"), ("lxc-info", "lxc")];

/// How long the kernel may hold an interface of a container that is gone.
const GRACE: Duration = Duration::from_secs(5);

/// The one address of the example in which both networks are one.
const IN_ONE: &str = "10.0.0.154";

/// Says why LXC starts no container on this machine.
fn cannot_run_lxc() -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let groups = mounts.contains(" - cgroup");
    let without = || (!groups).then(|| "no control groups are mounted, which LXC needs".to_owned());
    cannot_run().or_else(|| missing(&PROGRAMS)).or_else(without)
}

/// Runs a test in a lab of an example whose guests LXC makes.
fn in_lxc(
    test: &str,
    letter: &str,
    example: impl Fn(&Path) -> std::path::PathBuf,
    check: impl Fn(&Lab),
) {
    if let Some(why) = cannot_run_lxc() {
        return skip(test, &why);
    }
    let scratch = TempDir::new().unwrap();
    check(&Lab::new(letter, &example(scratch.path())));
}

#[test]
fn the_macvlan_example_carries_traffic_in_lxc() {
    in_lxc("the_macvlan_example_carries_traffic_in_lxc", "x", example, |lab| {
        lab.must(&["lab", "up", "--lxc"]);
        upgrade(lab);
        keys_are_those_of_the_configuration(lab);
        in_force_by_the_hook(lab, PUBLIC);
        stops_and_starts(lab);
        after(lab);
        hook_fails(lab);
    });
}

#[test]
fn one_subnet_carries_traffic_in_lxc() {
    let example = |scratch: &Path| example_of(scratch, "one-subnet");
    in_lxc("one_subnet_carries_traffic_in_lxc", "o", example, |lab| {
        lab.must(&["lab", "up", "--lxc"]);
        assert_eq!(lab.http("lan", &format!("http://{IN_ONE}/")), "", "before");
        lab.must(&["apply", "--yes"]);
        one_subnet(lab);
        lab.must(&["verify"]);
        stops_and_starts(lab);
        one_subnet(lab);
        lab.must(&["verify"]);
    });
}

/// What must be true of the example in which the container has two addresses of one subnet.
fn one_subnet(lab: &Lab) {
    keys_are_those_of_the_configuration(lab);
    in_force_by_the_hook(lab, IN_ONE);
    let shown = lab.says("101", &["ip", "-brief", "address", "show", "eth1"]);
    assert!(shown.contains("10.0.0.154/32"), "{shown}");
    for value in ["0", "1", "2"] {
        lab.set_rp_filter(value);
        lab.serves("lan", IN_ONE);
        lab.serves("internet", IN_ONE);
        lab.serves("102", "10.0.0.153");
    }
    lab.set_rp_filter("0");
    assert!(lab.says("101", &["ip", "route", "get", "10.0.0.13"]).contains("dev eth0"));
    lab.is_guarded(IN_ONE);
}

#[test]
fn a_port_of_the_bridge_carries_traffic_in_lxc() {
    let example = |scratch: &Path| example_of(scratch, "veth");
    in_lxc("a_port_of_the_bridge_carries_traffic_in_lxc", "p", example, |lab| {
        lab.must(&["lab", "up", "--lxc"]);
        lab.must(&["apply", "--yes"]);
        lab.must(&["verify"]);
        lab.serves("lan", PUBLIC);
        stops_and_starts(lab);
        lab.serves("lan", PUBLIC);
        lab.is_guarded(PUBLIC);
        lab.must(&["verify"]);
    });
}

#[test]
fn nothing_stays_of_containers_whatever_was_killed() {
    in_lxc("nothing_stays_of_containers_whatever_was_killed", "y", example, |lab| {
        killed(lab, &["lab", "up", "--lxc"]);
    });
}

/// LXC must have been given the very lines that stand in the configuration, and have read them.
fn keys_are_those_of_the_configuration(lab: &Lab) {
    let conf = fs::read_to_string(lab.twin("fs/etc/pve/lxc/101.conf")).unwrap();
    let conf = conf.split("\n[").next().unwrap();
    let written = conf.lines().filter(|line| line.starts_with("lxc."));
    let written = written.map(|line| line.replacen(": ", " = ", 1)).collect::<Vec<_>>();
    assert!(written.iter().any(|line| line.starts_with("lxc.net.1.type = macvlan")), "{written:?}");
    let given = fs::read_to_string(lab.twin("../lxc/101/config")).unwrap();
    let given = given.lines().rev().take(written.len()).collect::<Vec<_>>();
    assert!(given.iter().rev().eq(&written), "{given:?}\n{written:?}");
    let environment = lab.says("101", &["cat", "/proc/1/environ"]);
    let environment = environment.split('\0').collect::<Vec<_>>();
    assert!(environment.contains(&"container=lxc"), "{environment:?}");
    assert!(environment.contains(&"PHOENIX_PUBLIC_INTERFACE=eth1"), "{environment:?}");
}

/// What only the start hook has made: nothing else has run in the container since its start.
fn in_force_by_the_hook(lab: &Lab, public: &str) {
    lab.says("node", &["pct", "reboot", "101"]);
    let read = |key: &str| lab.says("101", &["cat", &format!("/proc/sys/net/ipv4/conf/all/{key}")]);
    assert_eq!((read("arp_ignore").trim(), read("arp_announce").trim()), ("1", "2"));
    let rules = lab.says("101", &["ip", "rule", "show"]);
    assert!(rules.contains(&format!("from {public} lookup 101")), "{rules}");
    let table = lab.says("101", &["ip", "route", "show", "table", "101"]);
    assert!(table.contains("default via") && table.contains("dev eth1"), "{table}");
    let loaded = lab.says("101", &["nft", "list", "table", "inet", "phoenix_public"]);
    assert!(loaded.contains("iifname \"eth1\" jump"), "{loaded}");
    let link = lab.says("101", &["ip", "-details", "link", "show", "eth1"]);
    assert!(link.contains(MAC) && link.contains("macvlan mode bridge"), "{link}");
}

/// Stops the container, sees that its Ethernet address is free on the bridge again, and starts it.
fn stops_and_starts(lab: &Lab) {
    lab.says("node", &["pct", "stop", "101"]);
    assert!(lab.says("node", &["pct", "status", "101"]).contains("stopped"));
    assert!(!lab.exec("101", &["true"]).status.success());
    let links = lab.says("node", &["ip", "-brief", "link"]);
    assert!(!links.contains("veth101"), "{links}");
    let add = ["ip", "link", "add", "link", "vmbr0", "name", "probe", "address", MAC];
    lab.says("node", &[add.as_slice(), &["type", "macvlan", "mode", "bridge"]].concat());
    let up = || lab.exec("node", &["ip", "link", "set", "probe", "up"]);
    let begun = Instant::now();
    while !up().status.success() {
        assert!(begun.elapsed() < GRACE, "the interface of the stopped container is there still");
        std::thread::sleep(Duration::from_millis(50));
    }
    lab.says("node", &["ip", "link", "del", "probe"]);
    lab.says("node", &["pct", "start", "101"]);
}

/// LXC starts no container whose start hook fails, and leaves nothing of the try.
fn hook_fails(lab: &Lab) {
    let program = lab.twin("guests/101/fs/etc/phoenix/public-interface.sh");
    let good = fs::read(&program).unwrap();
    fs::write(&program, "#!/bin/false\n").unwrap();
    let failed = lab.exec("node", &["pct", "reboot", "101"]);
    assert!(String::from_utf8_lossy(&failed.stderr).contains("lxc.hook.start"), "{failed:?}");
    assert!(lab.says("node", &["pct", "status", "101"]).contains("stopped"));
    fs::write(&program, good).unwrap();
    lab.says("node", &["pct", "start", "101"]);
    lab.serves("lan", PUBLIC);
}

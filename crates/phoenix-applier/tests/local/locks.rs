//! Proxmox VE's locks and the cluster file system's other refusals.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use phoenix_applier::{Effect, Expect, Node as _, NodeError};
use phoenix_planner::location::Location;
use rustix::fs::FlockOperation;

use crate::machine::{Helper, Machine, refusal, write};

/// Locks a file until standard input ends: the job of a helper process.
pub(crate) fn hold(path: &Path) {
    let file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    rustix::fs::flock(&file, FlockOperation::LockExclusive).unwrap();
    println!("\nheld");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn another_process_keeps_the_configuration_of_a_guest() {
    let machine = Machine::new();
    let table = [
        ("/etc/pve/lxc/101.conf", "/run/lock/lxc/pve-config-101.lock"),
        ("/etc/pve/nodes/pve1/lxc/102.conf", "/run/lock/lxc/pve-config-102.lock"),
        ("/etc/pve/qemu-server/1001.conf", "/var/lock/qemu-server/lock-1001.conf"),
    ];
    for (path, lock) in table {
        machine.put(path, "old\n");
        machine.put(lock, "");
        let at = &Location::node(path);
        let mut helper = Helper::start("hold", &machine.path(lock));
        helper.hear("held");
        let why = refusal(write(&mut machine.node(), at, Expect::Anything, "new\n"));
        assert!(why.contains(lock) && why.contains("0.2 seconds"), "{why}");
        let remove = Effect::Remove { at, expect: Expect::Anything };
        assert!(refusal(machine.node().perform(remove)).contains(lock));
        assert_eq!(machine.get(path), "old\n");
        helper.kill();
        write(&mut machine.node(), at, Expect::Text("old\n"), "new\n").unwrap();
        assert_eq!(machine.get(path), "new\n");
        assert!(machine.path(lock).exists(), "Proxmox VE never deletes it");
    }
}

#[test]
fn a_file_lock_is_waited_for() {
    let machine = Machine::new();
    machine.put("/etc/pve/lxc/101.conf", "old\n");
    machine.put("/run/lock/lxc/pve-config-101.lock", "");
    let mut helper = Helper::start("hold", &machine.path("/run/lock/lxc/pve-config-101.lock"));
    helper.hear("held");
    let mut node = machine.waiting(Duration::from_secs(30));
    std::thread::scope(|scope| {
        let at = Location::node("/etc/pve/lxc/101.conf");
        let writer = scope.spawn(move || write(&mut node, &at, Expect::Text("old\n"), "new\n"));
        helper.kill();
        writer.join().unwrap().unwrap();
    });
    assert_eq!(machine.get("/etc/pve/lxc/101.conf"), "new\n");
}

#[test]
fn a_job_of_proxmox_keeps_the_configuration() {
    let machine = Machine::new();
    let node = &mut machine.node();
    let at = &Location::node("/etc/pve/lxc/101.conf");
    let text = "arch: amd64\nlock: backup\n";
    machine.put("/etc/pve/lxc/101.conf", text);
    let why = refusal(write(node, at, Expect::Text(text), "new\n"));
    assert!(
        why.starts_with("cannot change /etc/pve/lxc/101.conf: guest 101 is locked by `backup`")
    );
    let removed = node.perform(Effect::Remove { at, expect: Expect::Text(text) });
    assert!(refusal(removed).contains("locked by `backup`"));
    let in_snapshot = "arch: amd64\n[snap]\nlock: backup\n";
    machine.put("/etc/pve/lxc/101.conf", in_snapshot);
    write(node, at, Expect::Text(in_snapshot), "new\n").unwrap();
}

#[test]
fn a_guest_of_another_node_is_left_to_it() {
    let machine = Machine::new();
    let at = &Location::node("/etc/pve/nodes/pve2/lxc/201.conf");
    let why = refusal(write(&mut machine.node(), at, Expect::Anything, "x"));
    assert!(why.ends_with("guest 201 is on node `pve2`: run phoenix there"), "{why}");
}

const FIREWALL: [(&str, &str); 3] = [
    ("/etc/pve/firewall/cluster.fw", "firewall-cluster"),
    ("/etc/pve/firewall/101.fw", "firewall-vm-101"),
    ("/etc/pve/local/host.fw", "firewall-host-pve1"),
];

#[test]
fn another_node_keeps_a_firewall_file() {
    let machine = Machine::new();
    for (path, name) in FIREWALL {
        let at = &Location::node(path);
        let lock = machine.path("/etc/pve/priv/lock").join(name);
        fs::create_dir_all(&lock).unwrap();
        let why = refusal(write(&mut machine.node(), at, Expect::Anything, "x"));
        assert!(why.contains(&format!("/etc/pve/priv/lock/{name}")), "{why}");
        let times = fs::metadata(&lock).unwrap();
        assert_eq!((times.atime(), times.mtime()), (0, 0), "pmxcfs is asked to take it back");
        fs::remove_dir(&lock).unwrap();
        write(&mut machine.node(), at, Expect::Absent, "x").unwrap();
        assert_eq!(machine.get(path), "x");
    }
    assert!(machine.names("/etc/pve/priv/lock").is_empty());
}

#[test]
fn a_firewall_lock_is_waited_for_and_given_back() {
    let machine = Machine::new();
    let lock = machine.path("/etc/pve/priv/lock/firewall-cluster");
    fs::create_dir_all(&lock).unwrap();
    let mut node = machine.waiting(Duration::from_secs(30));
    std::thread::scope(|scope| {
        let at = Location::node("/etc/pve/firewall/cluster.fw");
        let writer = scope.spawn(move || write(&mut node, &at, Expect::Absent, "x"));
        while fs::metadata(&lock).unwrap().mtime() != 0 {
            std::thread::yield_now();
        }
        fs::remove_dir(&lock).unwrap();
        writer.join().unwrap().unwrap();
    });
    assert!(machine.names("/etc/pve/priv/lock").is_empty());
}

#[test]
fn a_firewall_lock_is_given_back_after_a_failure() {
    let machine = Machine::new();
    for (path, _) in FIREWALL {
        let at = &Location::node(path);
        machine.put(path, "now");
        write(&mut machine.node(), at, Expect::Text("before"), "x").unwrap_err();
        machine.node().perform(Effect::Remove { at, expect: Expect::Absent }).unwrap_err();
        machine.node().perform(Effect::Remove { at, expect: Expect::Text("now") }).unwrap();
        assert!(machine.names("/etc/pve/priv/lock").is_empty(), "{path}");
    }
}

#[test]
fn without_quorum_nothing_is_tried() {
    let machine = Machine::new();
    machine.put("/etc/pve/nodes/pve1/lxc/101.conf", "old\n");
    fs::remove_file(machine.path("/etc/pve/local")).unwrap();
    fs::create_dir(machine.path("/etc/pve/local")).unwrap();
    let read_only = fs::Permissions::from_mode(0o555);
    fs::set_permissions(machine.path("/etc/pve/local"), read_only).unwrap();
    for path in ["/etc/pve/lxc/101.conf", "/etc/pve/firewall/cluster.fw", "/etc/pve/x/y"] {
        let at = &Location::node(path);
        let why = refusal(write(&mut machine.node(), at, Expect::Anything, "x"));
        assert!(why.contains("no quorum") && why.contains("`pvecm status`"), "{why}");
        let removed = machine.node().perform(Effect::Remove { at, expect: Expect::Anything });
        assert!(refusal(removed).contains("no quorum"));
    }
    assert_eq!(machine.names("/etc/pve/nodes/pve1/lxc"), ["101.conf"]);
    assert!(machine.names("/etc/pve/priv").is_empty() && !machine.path("/etc/pve/x").exists());
}

#[test]
fn the_bare_folder_is_not_written_to() {
    let machine = Machine::new();
    fs::remove_file(machine.path("/etc/pve/local")).unwrap();
    let at = &Location::node("/etc/pve/firewall/cluster.fw");
    let why = refusal(write(&mut machine.node(), at, Expect::Anything, "x"));
    assert!(why.contains("not mounted on `/etc/pve`"), "{why}");
    assert!(!machine.path("/etc/pve/firewall").exists());
}

#[test]
fn a_link_into_the_cluster_file_system_does_not_go_round_its_rules() {
    let machine = Machine::new();
    machine.put("/etc/pve/lxc/101.conf", "lock: backup\n");
    machine.link("/root/config", "/etc/pve");
    machine.link("/root/guest.conf", "config/lxc/101.conf");
    for path in ["/root/config/lxc/101.conf", "/root/guest.conf"] {
        let at = &Location::node(path);
        let why = refusal(write(&mut machine.node(), at, Expect::Anything, "x"));
        assert!(why.contains("locked by `backup`"), "{why}");
    }
}

#[test]
fn a_left_over_file_is_named() {
    let machine = Machine::new();
    let name = format!("cluster.fw.tmp.{}", std::process::id());
    machine.put(&format!("/etc/pve/firewall/{name}"), "half");
    let at = &Location::node("/etc/pve/firewall/cluster.fw");
    let why = refusal(write(&mut machine.node(), at, Expect::Absent, "x"));
    assert!(why.contains(&format!(".tmp.{}", std::process::id())), "{why}");
    assert_eq!(machine.names("/etc/pve/firewall"), [name], "it is somebody's, and stays");
    assert!(machine.names("/etc/pve/priv/lock").is_empty());
}

#[test]
fn without_a_lock_folder_the_reason_is_told() {
    let machine = Machine::new();
    machine.put("/etc/pve/priv/lock", "a file where the folder should be");
    let at = &Location::node("/etc/pve/firewall/cluster.fw");
    let written = write(&mut machine.node(), at, Expect::Absent, "x");
    assert!(matches!(written, Err(NodeError::File { .. })), "{written:?}");
}

#[test]
fn one_apply_at_a_time() {
    let machine = Machine::new();
    machine.put("/run/phoenix-apply.lock", "");
    let (mut first, mut second) = (machine.node(), machine.node());
    first.claim().unwrap();
    let second_claim = second.claim();
    assert!(matches!(second_claim, Err(NodeError::Refused(why)) if why.contains("another apply")));
    first.claim().unwrap();
    drop(first);
    second.claim().unwrap();
}

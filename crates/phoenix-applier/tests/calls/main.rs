//! Every call of Proxmox VE's programs and of `zfs` that phoenix makes or asks in an example is one that the real
//! program takes, and every one that the planner can make is in an example.

#![expect(clippy::unwrap_used, reason = "a test that cannot lay out its node has failed")]

mod collected;
mod declared;
#[path = "../folders/mod.rs"]
mod folders;
#[path = "../named/mod.rs"]
mod named;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use declared::Declared;

/// The programs whose calls are looked at.
const PROGRAMS: [&str; 6] = ["pct", "pve-firewall", "pveam", "pvesm", "qm", "zfs"];

/// What a stock node does not take, by its example, the word that it stumbles on, and the reason.
const NOT_STOCK: &[(&str, &str, &str)] =
    &[("pct-macvlan", "type=macvlan", "the `pct` of this node has been taught to take it")];

/// What the planner can call without an example, and the reason.
const WITHOUT_EXAMPLE: &[(&str, &str)] = &[(
    "pveam update",
    "the examples' nodes know their templates; the test below takes that from one",
)];

/// The calls of each example: its plans until nothing is left, the tasks on its guests, and what was asked for them.
static CALLS: LazyLock<BTreeMap<String, BTreeSet<Vec<String>>>> =
    LazyLock::new(|| collected::of_all_examples(&PROGRAMS));

#[test]
fn every_call_is_one_that_the_program_takes() {
    let declared = Declared::read();
    let mut excused = BTreeSet::new();
    let mut faults = Vec::new();
    for (example, argv) in
        CALLS.iter().flat_map(|(name, calls)| calls.iter().map(move |c| (name, c)))
    {
        let Err(why) = declared.check(argv) else { continue };
        let line = argv.join(" ");
        match NOT_STOCK.iter().find(|(name, word, _)| name == example && line.contains(word)) {
            Some((name, ..)) => drop(excused.insert(*name)),
            None => faults.push(format!("{example}: {line}: {why}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(excused.len(), NOT_STOCK.len(), "an exception is none: {excused:?}");
}

#[test]
fn every_call_that_the_planner_can_make_is_in_an_example() {
    let head = |argv: &Vec<String>| argv[..2].join(" ");
    let shown = CALLS.values().flatten().map(head).collect::<BTreeSet<_>>();
    let written = written::heads(&PROGRAMS);
    assert!(written.len() > 20, "{written:?}");
    let without = WITHOUT_EXAMPLE.iter().map(|(head, _)| (*head).to_owned()).collect();
    let missing = written.difference(&shown).cloned().collect::<BTreeSet<_>>();
    assert_eq!(missing, without, "left: in the planner and in no example; right: known to be so");
    let unseen = shown.difference(&written).collect::<Vec<_>>();
    assert!(unseen.is_empty(), "calls of examples that are not found in the source: {unseen:?}");
}

#[test]
fn a_list_of_templates_that_is_old_is_renewed_first() {
    let pveam = |argv: &Vec<String>| argv[0] == "pveam";
    let calls = collected::without_templates("containers").into_iter().filter(pveam);
    let calls = calls.collect::<Vec<_>>();
    let verbs = calls.iter().map(|argv| argv[1].as_str()).collect::<Vec<_>>();
    assert_eq!(verbs, ["update", "download"]);
    assert!(calls.iter().all(|argv| Declared::read().check(argv).is_ok()), "{calls:?}");
}

#[test]
fn a_call_that_the_program_takes_is_taken() {
    for line in [
        "qm set 1001 --cores 4 --onboot",
        "qm set 1001 --net0 virtio=BC:24:11:00:00:01,bridge=vmbr0 --ide2 local-lvm:cloudinit",
        "pct create 100 local:vztmpl/x.tar.zst --unprivileged 1 --rootfs local-lvm:8",
        "pct exec 100 -- ip --json address show",
        "pct help set --verbose",
        "pvesm scan nfs 10.0.0.1",
        "pve-firewall compile",
        "zfs create -o compression=lz4 rpool/data",
    ] {
        assert_eq!(Declared::read().check(&words(line)), Ok(()), "{line}");
    }
}

#[test]
fn a_call_that_the_program_does_not_take_is_found() {
    for line in [
        "pct create 100",
        "pct create 100 x --nonsense 1",
        "pct create 99 x",
        "pct create 100 x --memory many",
        "pct create 100 x --cores 9000",
        "pct create 100 x --mp256 /a,mp=/b",
        "pct create 100 x --net0 name=eth0,type=macvlan",
        "pct create 100 x --net0 name=eth0,mtu=70000",
        "pct create 100 x --net0 bridge=vmbr0",
        "pct create 100 x --features nesting=yes",
        "pct create 100 x --rootfs local-lvm:8,local-lvm:9",
        "pct resize 100 home 8G",
        "pct exec 100",
        "pct exec 100 ip address show",
        "pct help fly",
        "pct fly 100",
        "pct",
        "qm set 1001 --cores",
        "qm set 1001 --cores 0",
        "qm set 1001 --colour red",
        "qm set 1001 --net32 virtio",
        "qm set 1001 --net0 virtio=BC:24:11:00:00:01,colour=red",
        "qm set 1001 --ipconfig0 gw=10.0.0.1,address=10.0.0.2",
        "qm set 1001 --ostype debian",
        "qm start",
        "qm start 1",
        "qm start 1001 1002",
        "qm resize 1001 scsi99 32G",
        "pveam list",
        "pveam available --section games",
        "pvesm scan tapes",
        "pve-firewall compile now",
        "zfs destroy rpool/data",
        "zfs create -o compression rpool/data",
    ] {
        assert!(Declared::read().check(&words(line)).is_err(), "{line}");
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

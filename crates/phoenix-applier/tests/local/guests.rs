//! Files and programs in containers, which may be hostile.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use phoenix_applier::{Effect, Expect, Node as _, NodeError};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Probe};

use crate::machine::{Machine, ask, in_guest, own_ids, read, refusal, unreadable, write};

const PID: u32 = 4242;

#[test]
fn no_link_leads_out_of_a_guest() {
    let machine = Machine::new();
    let root = machine.start_guest(101, PID, &own_ids());
    machine.put("/etc/shadow", "the node's");
    let outside = machine.path("/etc/shadow");
    let links = [
        ("absolute", "/etc/shadow".to_owned()),
        ("real", outside.display().to_string()),
        ("above", "../../../../../../../../etc/shadow".to_owned()),
        ("chain", "absolute".to_owned()),
        ("folder/real", outside.display().to_string()),
    ];
    for (name, to) in &links {
        machine.link(&format!("{root}/etc/{name}"), to);
    }
    machine.link(&format!("{root}/etc/up"), "../../../../..");
    for name in ["absolute", "real", "above", "chain", "folder/real", "up/etc/shadow"] {
        let at = in_guest(101, &format!("/etc/{name}"));
        assert_eq!(read(&mut machine.node(), &at), Answer::Absent, "{name}");
    }
    for (name, _) in &links {
        let at = in_guest(101, &format!("/etc/{name}"));
        // Where the link leads to is a place inside the guest, or cannot be reached at all.
        let _ = write(&mut machine.node(), &at, Expect::Anything, "the guest's");
        assert_eq!(machine.get("/etc/shadow"), "the node's", "{name}");
    }
    assert_eq!(machine.get(&format!("{root}/etc/shadow")), "the guest's");
}

#[test]
fn a_file_of_the_guest_is_found_through_its_links() {
    let machine = Machine::new();
    let root = machine.start_guest(101, PID, &own_ids());
    machine.put(&format!("{root}/usr/lib/os-release"), "ID=debian\n");
    machine.link(&format!("{root}/etc/os-release"), "../usr/lib/os-release");
    machine.link(&format!("{root}/etc/absolute"), "/usr/lib/os-release");
    let node = &mut machine.node();
    for path in ["/etc/os-release", "/etc/absolute"] {
        assert_eq!(read(node, &in_guest(101, path)), Answer::Text("ID=debian\n".to_owned()));
    }
    write(node, &in_guest(101, "/etc/absolute"), Expect::Text("ID=debian\n"), "ID=x\n").unwrap();
    assert_eq!(machine.get(&format!("{root}/usr/lib/os-release")), "ID=x\n");
    assert!(machine.path(&format!("{root}/etc/absolute")).is_symlink());
    let names = Answer::Names(vec!["absolute".to_owned(), "os-release".to_owned()]);
    assert_eq!(ask(node, Probe::List(in_guest(101, "/etc"))), names);
}

#[test]
fn nothing_in_a_guest_blocks() {
    let machine = Machine::new();
    let root = machine.start_guest(101, PID, &own_ids());
    let fifo = machine.path(&format!("{root}/etc/fifo"));
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    machine.link(&format!("{root}/etc/loop"), "loop");
    machine.link(&format!("{root}/etc/a"), "b");
    machine.link(&format!("{root}/etc/b"), "a");
    machine.link(&format!("{root}/etc/grow"), "grow/grow");
    machine.link(&format!("{root}/etc/to-fifo"), "fifo");
    let node = &mut machine.node();
    for name in ["fifo", "loop", "a", "grow", "to-fifo"] {
        let at = &in_guest(101, &format!("/etc/{name}"));
        unreadable(read(node, at));
        write(node, at, Expect::Anything, "x").unwrap_err();
    }
    assert_eq!(machine.names(&format!("{root}/etc")).len(), 6, "nothing was made");
}

#[test]
fn a_guest_does_not_borrow_the_rights_of_the_node() {
    let machine = Machine::new();
    // Nobody who can run this test is in the map.
    let root = machine.start_guest(101, PID, "0 4000000000 65536\n");
    machine.put(&format!("{root}/lent/secret"), "the node's");
    machine.put(&format!("{root}/lent/open"), "for everyone");
    set_mode(&machine, &format!("{root}/lent/secret"), 0o600);
    machine.link(&format!("{root}/etc/file"), "/lent/secret");
    let node = &mut machine.node();
    let why = unreadable(read(node, &in_guest(101, "/etc/file")));
    assert_eq!(why, "it belongs to a user that the guest does not have");
    let open = read(node, &in_guest(101, "/lent/open"));
    assert_eq!(open, Answer::Text("for everyone".to_owned()));
    for path in ["/etc/file", "/lent/open", "/lent/new", "/lent/new/folder/file"] {
        let why = refusal(write(node, &in_guest(101, path), Expect::Anything, "x"));
        assert!(why.starts_with(&format!("cannot change lxc/101:{path}: it belongs to")), "{why}");
    }
    let at = &in_guest(101, "/lent/open");
    let removed = node.perform(Effect::Remove { at, expect: Expect::Anything });
    assert!(refusal(removed).contains("a user that the guest does not have"));
    assert_eq!(machine.names(&format!("{root}/lent")), ["open", "secret"]);
    assert_eq!(machine.get(&format!("{root}/lent/secret")), "the node's");
}

fn set_mode(machine: &Machine, path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(machine.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// Only root can give files away; for others there is nothing to see.
#[test]
fn new_files_belong_to_the_root_of_the_guest() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let machine = Machine::new();
    let root = machine.start_guest(101, PID, "0 100000 65536\n");
    for folder in ["", "/etc"] {
        let folder = machine.path(&format!("{root}{folder}"));
        std::os::unix::fs::chown(folder, Some(100_000), Some(100_000)).unwrap();
    }
    machine.put(&format!("{root}/etc/old"), "1");
    set_mode(&machine, &format!("{root}/etc/old"), 0o640);
    let old = machine.path(&format!("{root}/etc/old"));
    std::os::unix::fs::chown(old, Some(100_033), Some(100_042)).unwrap();
    let node = &mut machine.node();
    write(node, &in_guest(101, "/etc/old"), Expect::Text("1"), "2").unwrap();
    write(node, &in_guest(101, "/etc/new/file"), Expect::Absent, "2").unwrap();
    let table = [
        ("/etc/old", (100_033, 100_042, 0o640)),
        ("/etc/new", (100_000, 100_000, 0o755)),
        ("/etc/new/file", (100_000, 100_000, 0o644)),
    ];
    for (path, owner) in table {
        let found = fs::metadata(machine.path(&format!("{root}{path}"))).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), owner, "{path}");
    }
    assert_eq!(machine.names(&format!("{root}/etc/new")), ["file"]);
}

/// Says why a guest cannot be reached, which reading, running and changing must agree on.
fn unreachable(machine: &Machine, vmid: u32) -> String {
    let at = in_guest(vmid, "/etc/hosts");
    let argv = ["true".to_owned()];
    let run = Probe::Run { place: at.place, argv: argv.to_vec() };
    let probes = [Probe::File(at.clone()), Probe::List(at.clone()), run];
    let node = &mut machine.node();
    let answers: BTreeSet<_> =
        node.answer(&probes.into()).into_values().map(|answer| format!("{answer:?}")).collect();
    let changes = [
        Effect::Run { place: at.place, argv: &argv },
        Effect::Write { at: &at, expect: Expect::Anything, text: "", mode: 0o644 },
        Effect::Remove { at: &at, expect: Expect::Anything },
    ];
    let whys: BTreeSet<_> = changes
        .into_iter()
        .map(|change| match node.perform(change) {
            Err(NodeError::Unreachable { place, why }) if place == at.place => why,
            other => panic!("reached: {other:?}"),
        })
        .collect();
    assert_eq!((answers.len(), whys.len()), (1, 1));
    let why = whys.into_iter().next().unwrap();
    assert_eq!(answers.first().unwrap(), &format!("Unreachable({why:?})"));
    why
}

#[test]
fn a_guest_that_does_not_run_says_so() {
    let machine = Machine::new();
    machine.start_guest(101, PID, &own_ids());
    let stopped = "the container is not running";
    machine.put("/etc/pve/lxc/102.conf", "");
    machine.put("/etc/pve/qemu-server/1001.conf", "");
    assert_eq!(unreachable(&machine, 102), stopped, "never started: `lxc-info` does not know it");
    assert_eq!(unreachable(&machine, 103), "there is no such container on this node");
    assert!(unreachable(&machine, 1001).starts_with("it is a virtual machine"));
    machine.program("/usr/bin/lxc-info", "#!/bin/sh\nexit 0\n");
    assert_eq!(unreachable(&machine, 103), stopped, "`lxc-info` knows it");
    let echo = format!("#!/bin/sh\nexec /bin/cat '{}'\n", machine.path("/pids/101").display());
    machine.program("/usr/bin/lxc-info", &echo);
    for pid in ["", "-1\n", "0\n", "not running\n"] {
        machine.put("/pids/101", pid);
        assert_eq!(unreachable(&machine, 101), stopped, "{pid:?}");
    }
}

#[test]
fn a_number_that_is_used_again_is_not_followed() {
    let machine = Machine::new();
    machine.start_guest(101, PID, &own_ids());
    let turn = machine.path("/turn");
    // It answers with one number, and with another one from then on.
    let info = format!(
        "#!/bin/sh\nif [ -e '{turn}' ]; then echo 77; else echo {PID}; : > '{turn}'; fi\n",
        turn = turn.display()
    );
    machine.program("/usr/bin/lxc-info", &info);
    let answer = read(&mut machine.node(), &in_guest(101, "/etc/hosts"));
    assert_eq!(answer, Answer::Unreachable("the container was restarted meanwhile".to_owned()));
}

#[test]
fn programs_run_in_their_guest() {
    let machine = Machine::new();
    machine.start_guest(101, PID, &own_ids());
    let place: Place = "101".parse().unwrap();
    let argv = ["printf", "%s|", "a b", "$HOME", "--"].map(str::to_owned).to_vec();
    let node = &mut machine.node();
    let run = node.perform(Effect::Run { place, argv: &argv }).unwrap();
    let asked = ask(node, Probe::Run { place, argv });
    assert_eq!(run.stdout, "a b|$HOME|--|");
    assert_eq!(run.stderr, "in 101\n");
    assert_eq!(asked, Answer::Ran(run));
}

#[test]
fn all_places_are_asked_at_once() {
    let machine = Machine::new();
    machine.put("/etc/hosts", "node");
    let guests = 101..112;
    let mut probes = BTreeSet::from([Probe::File(Location::node("/etc/hosts"))]);
    for vmid in guests.clone() {
        let root = machine.start_guest(vmid, vmid + 1000, &own_ids());
        machine.put(&format!("{root}/etc/hosts"), vmid.to_string());
        probes.insert(Probe::File(in_guest(vmid, "/etc/hosts")));
    }
    let answers = machine.node().answer(&probes);
    assert_eq!(answers.keys().cloned().collect::<BTreeSet<_>>(), probes);
    for vmid in guests {
        let probe = Probe::File(in_guest(vmid, "/etc/hosts"));
        assert_eq!(answers[&probe], Answer::Text(vmid.to_string()));
    }
}

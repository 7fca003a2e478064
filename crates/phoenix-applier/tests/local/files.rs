//! Files of the node itself.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;

use phoenix_applier::{Effect, Expect, LocalNode, Node as _, NodeError};
use phoenix_planner::location::Location;
use phoenix_planner::probe::{Answer, Probe};
use proptest::prelude::*;

use crate::machine::{Machine, ask, in_guest, own_ids, read, refusal, unreadable, write};

fn file(path: &str) -> Location {
    Location::node(path)
}

#[test]
fn every_kind_of_file_has_its_answer() {
    let machine = Machine::new();
    machine.put("/etc/hosts", "127.0.0.1 localhost\n");
    machine.put("/etc/binary", b"ab\xff\xfe");
    machine.link("/etc/link", "hosts");
    machine.link("/etc/absolute", "/etc/hosts");
    machine.link("/etc/above", "../../../../etc/hosts");
    machine.link("/etc/nowhere", "/no/such/file");
    machine.link("/etc/loop", "loop");
    let fifo = machine.path("/etc/fifo");
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    let _socket = UnixListener::bind(machine.path("/etc/socket")).unwrap();
    let text = Answer::Text("127.0.0.1 localhost\n".to_owned());
    let unreadable = |why: &str| Answer::Unreadable(why.to_owned());
    let table = [
        ("/etc/hosts", text.clone()),
        ("/etc/link", text.clone()),
        ("/etc/absolute", text.clone()),
        ("/etc/above", text),
        ("/etc/nowhere", Answer::Absent),
        ("/etc/none", Answer::Absent),
        ("/etc/hosts/below", Answer::Absent),
        ("/etc/loop", unreadable("it leads through too many symbolic links")),
        ("/etc", unreadable("it is a folder")),
        ("/etc/binary", unreadable("it is not UTF-8 text")),
        ("/etc/fifo", unreadable("it is no regular file")),
        ("/etc/socket", unreadable("it is no regular file")),
    ];
    for (path, answer) in table {
        assert_eq!(read(&mut machine.node(), &file(path)), answer, "{path}");
    }
}

#[test]
fn a_file_may_be_as_large_as_its_limit() {
    let machine = Machine::new();
    for (path, mib) in [("/etc/pve/x.cfg", 1), ("/etc/x.cfg", 16)] {
        let text = "x".repeat(mib << 20);
        let node = &mut machine.node();
        write(node, &file(path), Expect::Absent, &text).unwrap();
        assert_eq!(read(node, &file(path)), Answer::Text(text.clone()), "{path}");
        let more = format!("{text}x");
        let why = refusal(write(node, &file(path), Expect::Anything, &more));
        assert_eq!(why, format!("cannot change {path}: the text is larger than {mib} MiB"));
        assert_eq!(machine.get(path).len(), text.len(), "nothing is cut off");
        machine.put(path, &more);
        let why = unreadable(read(node, &file(path)));
        assert_eq!(why, format!("it is larger than {mib} MiB"));
    }
}

#[test]
fn names_are_sorted_and_complete() {
    let machine = Machine::new();
    for name in ["b", "a", ".hidden", "B", "ä"] {
        machine.put(&format!("/etc/nginx/{name}"), "");
    }
    machine.link("/etc/sites", "nginx");
    let list = |path: &str| ask(&mut machine.node(), Probe::List(file(path)));
    let names = [".hidden", "B", "a", "b", "ä"].map(str::to_owned).to_vec();
    assert_eq!(list("/etc/nginx"), Answer::Names(names.clone()));
    assert_eq!(list("/etc/sites"), Answer::Names(names));
    assert_eq!(list("/etc/none"), Answer::Absent);
    assert_eq!(list("/etc/nginx/a"), Answer::Unreadable("it is no folder".to_owned()));
}

#[test]
fn a_new_file_has_the_wanted_mode_and_an_old_one_keeps_its_own() {
    let machine = Machine::new();
    let node = &mut machine.node();
    let at = &file("/etc/phoenix/new/secret");
    let mode = |path: &str| fs::metadata(machine.path(path)).unwrap().permissions().mode() & 0o7777;
    node.perform(Effect::Write { at, expect: Expect::Absent, text: "1", mode: 0o600 }).unwrap();
    assert_eq!(mode("/etc/phoenix/new/secret"), 0o600);
    assert_eq!(mode("/etc/phoenix"), 0o755);
    machine.put("/etc/old", "1");
    fs::set_permissions(machine.path("/etc/old"), fs::Permissions::from_mode(0o4664)).unwrap();
    write(node, &file("/etc/old"), Expect::Text("1"), "2").unwrap();
    assert_eq!((mode("/etc/old"), machine.get("/etc/old")), (0o664, "2".to_owned()));
}

#[test]
fn a_written_link_stays_a_link() {
    let machine = Machine::new();
    machine.put("/etc/nginx/available/site", "old");
    machine.link("/etc/nginx/enabled/site", "../available/site");
    machine.link("/etc/new", "/srv/made/file");
    let node = &mut machine.node();
    write(node, &file("/etc/nginx/enabled/site"), Expect::Text("old"), "new").unwrap();
    assert_eq!(machine.get("/etc/nginx/available/site"), "new");
    assert!(machine.path("/etc/nginx/enabled/site").is_symlink());
    write(node, &file("/etc/new"), Expect::Absent, "text").unwrap();
    assert_eq!(machine.get("/srv/made/file"), "text");
    assert_eq!(machine.names("/etc/nginx/available"), ["site"], "nothing is left beside it");
}

#[test]
fn a_removed_link_leaves_its_file() {
    let machine = Machine::new();
    machine.put("/etc/available", "text");
    machine.link("/etc/enabled", "available");
    let node = &mut machine.node();
    let at = &file("/etc/enabled");
    node.perform(Effect::Remove { at, expect: Expect::Text("text") }).unwrap();
    assert_eq!(machine.get("/etc/available"), "text");
    assert_eq!(read(node, at), Answer::Absent);
}

/// Tries a change that must find the file stale, and must leave everything as it is.
fn check_stale(machine: &Machine, at: &Location, expect: Expect<'_>) {
    let node = &mut machine.node();
    let before = read(node, at);
    let written = write(node, at, expect, "new");
    assert!(matches!(&written, Err(NodeError::Stale { at: found }) if found == at), "{written:?}");
    assert_eq!(written.unwrap_err().to_string(), format!("{at} has changed since it was read"));
    assert_eq!(read(node, at), before);
}

#[test]
fn what_changed_since_is_never_overwritten() {
    let machine = Machine::new();
    for path in ["/etc/file", "/etc/pve/lxc/101.conf", "/etc/pve/firewall/101.fw", "/etc/pve/x"] {
        machine.put(path, "now\n");
        check_stale(&machine, &file(path), Expect::Text("before\n"));
        check_stale(&machine, &file(path), Expect::Absent);
        let none = path.replace("101", "102").replace("file", "none").replace("/x", "/y");
        check_stale(&machine, &file(&none), Expect::Text("before\n"));
        let removed = machine
            .node()
            .perform(Effect::Remove { at: &file(path), expect: Expect::Text("before\n") });
        assert!(matches!(removed, Err(NodeError::Stale { .. })), "{path}: {removed:?}");
        assert_eq!(machine.get(path), "now\n");
    }
    check_stale(&machine, &file("/etc/no/folder/file"), Expect::Text("x"));
    assert!(!machine.path("/etc/no").exists(), "a stale change makes no folder");
    machine.put("/etc/binary", b"\xff");
    check_stale(&machine, &file("/etc/binary"), Expect::Text("x"));
}

#[test]
fn a_link_to_nowhere_is_absent_for_reading_and_writing() {
    let machine = Machine::new();
    machine.link("/etc/link", "target");
    write(&mut machine.node(), &file("/etc/link"), Expect::Absent, "text").unwrap();
    assert_eq!(machine.get("/etc/target"), "text");
}

#[test]
fn what_is_no_file_is_neither_replaced_nor_removed() {
    let machine = Machine::new();
    let _socket = UnixListener::bind(machine.path("/etc/socket")).unwrap();
    let node = &mut machine.node();
    let why = refusal(write(node, &file("/etc/socket"), Expect::Anything, "x"));
    assert_eq!(why, "cannot change /etc/socket: it is no regular file");
    let onto_folder = write(node, &file("/etc/pve"), Expect::Anything, "x");
    assert!(onto_folder.is_err(), "{onto_folder:?}");
    let remove = |node: &mut LocalNode, path: &str| {
        node.perform(Effect::Remove { at: &file(path), expect: Expect::Anything })
    };
    assert!(matches!(remove(node, "/etc/none"), Err(NodeError::File { .. })));
    assert!(matches!(remove(node, "/etc/pve/nodes"), Err(NodeError::File { .. })));
    assert!(machine.path("/etc/pve/nodes").is_dir());
}

#[test]
fn a_failed_write_leaves_nothing_beside_the_file() {
    let machine = Machine::new();
    for path in ["/etc/dir/file", "/etc/pve/firewall/cluster.fw"] {
        machine.put(path, "now");
        write(&mut machine.node(), &file(path), Expect::Text("before"), "x").unwrap_err();
        write(&mut machine.node(), &file(path), Expect::Text("now"), "x").unwrap();
    }
    assert_eq!(machine.names("/etc/dir"), ["file"]);
    assert_eq!(machine.names("/etc/pve/firewall"), ["cluster.fw"]);
}

#[test]
fn a_write_replaces_the_file_and_not_its_bytes() {
    let machine = Machine::new();
    for path in ["/etc/file", "/etc/pve/file"] {
        machine.put(path, "old");
        let reader = fs::File::open(machine.path(path)).unwrap();
        write(&mut machine.node(), &file(path), Expect::Text("old"), "new").unwrap();
        assert_eq!(std::io::read_to_string(reader).unwrap(), "old", "{path}");
        assert_eq!(fs::metadata(machine.path(path)).unwrap().nlink(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_written_is_read(texts in prop::collection::vec(any::<String>(), 1..4)) {
        let machine = Machine::new();
        machine.start_guest(101, 4242, &own_ids());
        let node = &mut machine.node();
        let places = [file("/etc/a/b"), file("/etc/pve/firewall/101.fw"), in_guest(101, "/etc/a/b")];
        for at in &places {
            let mut before = None;
            for text in &texts {
                let expect = before.map_or(Expect::Absent, Expect::Text);
                prop_assert!(write(node, at, expect, text).is_ok());
                prop_assert_eq!(read(node, at), Answer::Text(text.clone()));
                before = Some(text);
            }
            node.perform(Effect::Remove { at, expect: Expect::Text(texts.last().unwrap()) }).unwrap();
            prop_assert_eq!(read(node, at), Answer::Absent);
        }
    }
}

//! Files and programs in a virtual machine, by the guest agent of QEMU itself.
//!
//! The agent runs here without any machine, on a socket. What stands between it and phoenix is a program
//! `qm` that speaks with it as Proxmox VE's does; see `qm.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot lay out its node has failed")]

mod machine;
mod qm;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::time::Duration;

use machine::Machine;
use phoenix_applier::{Effect, Expect, Node as _, NodeError};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output, Probe};

/// More than `qm guest exec` hands over.
const LARGE: usize = (1 << 20) + 1;

fn unreadable(answer: Answer) -> String {
    match answer {
        Answer::Unreadable(why) => why,
        other => panic!("not unreadable: {other:?}"),
    }
}

fn unreachable(answer: Answer) -> String {
    match answer {
        Answer::Unreachable(why) => why,
        other => panic!("not unreachable: {other:?}"),
    }
}

#[test]
fn files_are_read_as_they_are() {
    let Some(machine) = Machine::start() else { return };
    machine.put("plain", "one\nzwei ü €\n\0end");
    machine.put("-rf", "a name like an option");
    machine.put("empty", "");
    machine.put("latin", [b'a', 0xff, b'\n']);
    machine.put("large", vec![b'x'; LARGE]);
    machine.put("full", vec![b'x'; LARGE - 1]);
    fs::create_dir(machine.path("folder")).unwrap();
    symlink("plain", machine.path("link")).unwrap();
    symlink("nowhere", machine.path("dangling")).unwrap();
    symlink("loop", machine.path("loop")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(machine.path("fifo")).status();
    assert!(fifo.unwrap().success());
    let names = ["plain", "-rf", "empty", "latin", "large", "full", "folder", "link", "dangling"];
    let names = names.into_iter().chain(["fifo", "absent", "plain/below"]);
    let mut answers = machine.read_all(names);
    let mut of = |name: &str| answers.remove(name).unwrap();
    assert_eq!(of("plain"), Answer::Text("one\nzwei ü €\n\0end".to_owned()));
    assert_eq!(of("link"), Answer::Text("one\nzwei ü €\n\0end".to_owned()));
    assert_eq!(of("-rf"), Answer::Text("a name like an option".to_owned()));
    assert_eq!(of("empty"), Answer::Text(String::new()));
    assert_eq!(of("full"), Answer::Text("x".repeat(LARGE - 1)));
    for name in ["absent", "dangling", "plain/below"] {
        assert_eq!(of(name), Answer::Absent, "{name}");
    }
    assert_eq!(unreadable(of("latin")), "it is not UTF-8 text");
    assert_eq!(unreadable(of("large")), "it is larger than 1 MiB");
    assert_eq!(unreadable(of("folder")), "it is a folder");
    assert_eq!(unreadable(of("fifo")), "it is no regular file");
    let why = unreadable(machine.read("loop"));
    assert!(why.starts_with("it cannot be looked at: stat: "), "{why}");
}

#[test]
fn folders_are_listed() {
    let Some(machine) = Machine::start() else { return };
    for name in ["b", "a b", ".c", "ü"] {
        machine.put(name, "");
    }
    let list = |path: &str| machine.ask(Probe::List(machine.at(path)));
    let names = [".c", "a b", "b", "ü"].map(str::to_owned).to_vec();
    assert_eq!(list(""), Answer::Names(names));
    assert_eq!(list("nothing"), Answer::Absent);
    assert_eq!(unreadable(list("b")), "it is no folder");
}

#[test]
fn a_file_is_replaced_whole() {
    let Some(machine) = Machine::start() else { return };
    machine.put("old", "before\n");
    fs::set_permissions(machine.path("old"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("old", machine.path("link")).unwrap();
    let number = fs::metadata(machine.path("old")).unwrap().ino();
    machine.write("link", Expect::Text("before\n"), "ü €\0\n", 0o600).unwrap();
    let now = fs::metadata(machine.path("old")).unwrap();
    assert_eq!(fs::read_to_string(machine.path("old")).unwrap(), "ü €\0\n");
    assert_eq!(now.mode() & 0o7777, 0o640, "it keeps its mode");
    assert_ne!(now.ino(), number, "it was not written into");
    assert!(machine.path("link").is_symlink());
    let full = "x".repeat(LARGE - 1);
    machine.write("a/new/folder/file", Expect::Absent, &full, 0o600).unwrap();
    let new = machine.path("a/new/folder/file");
    assert_eq!(fs::metadata(&new).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_to_string(new).unwrap(), full);
    assert_eq!(machine.names("a/new/folder"), ["file"], "nothing is left beside it");
    assert_eq!(machine.names(""), ["a", "link", "old"]);
}

#[test]
fn the_owner_of_a_file_stays() {
    let Some(machine) = Machine::start() else { return };
    if !rustix::process::geteuid().is_root() {
        return;
    }
    machine.put("file", "x");
    std::os::unix::fs::chown(machine.path("file"), Some(4321), Some(1234)).unwrap();
    machine.write("file", Expect::Anything, "y", 0o644).unwrap();
    let now = fs::metadata(machine.path("file")).unwrap();
    assert_eq!((now.uid(), now.gid()), (4321, 1234));
}

#[test]
fn what_is_not_as_expected_stays() {
    let Some(machine) = Machine::start() else { return };
    machine.put("file", "theirs");
    fs::create_dir(machine.path("folder")).unwrap();
    let stale = |name: &str, expect| {
        let result = machine.write(name, expect, "ours", 0o644);
        assert!(matches!(result, Err(NodeError::Stale { .. })), "{name}: {result:?}");
    };
    stale("file", Expect::Absent);
    stale("file", Expect::Text("before"));
    stale("absent", Expect::Text("before"));
    let remove = |name: &str, expect| {
        let at = machine.at(name);
        machine.node().perform(Effect::Remove { at: &at, expect })
    };
    let removed = remove("file", Expect::Text("before"));
    assert!(matches!(removed, Err(NodeError::Stale { .. })), "{removed:?}");
    let folder = machine.write("folder", Expect::Anything, "ours", 0o644);
    assert!(matches!(&folder, Err(NodeError::Refused(why)) if why.ends_with("it is a folder")));
    let large = machine.write("large", Expect::Absent, &"x".repeat(LARGE), 0o644);
    assert!(matches!(&large, Err(NodeError::Refused(why)) if why.contains("1 MiB")), "{large:?}");
    assert_eq!(fs::read_to_string(machine.path("file")).unwrap(), "theirs");
    assert_eq!(machine.names(""), ["file", "folder"]);
    remove("file", Expect::Text("theirs")).unwrap();
    let gone = remove("file", Expect::Anything);
    assert!(matches!(gone, Err(NodeError::File { .. })), "{gone:?}");
    assert_eq!(machine.names(""), ["folder"]);
}

#[test]
fn programs_end_as_they_end() {
    let Some(machine) = Machine::start() else { return };
    let ran = |line: &[&str]| match machine.ask_program(line) {
        Answer::Ran(output) => output,
        other => panic!("{line:?}: {other:?}"),
    };
    let said = |exit, stdout: &str, stderr: &str| Output {
        exit,
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    };
    assert_eq!(ran(&["printf", "%s|", "a b", "$HOME", "ü", "--"]), said(0, "a b|$HOME|ü|--|", ""));
    assert_eq!(ran(&["sh", "-c", "echo out; echo err >&2; exit 3"]), said(3, "out\n", "err\n"));
    assert_eq!(ran(&["sh", "-c", "kill -9 $$"]).exit, 137);
    assert_eq!(ran(&["no-such-program"]).exit, 127);
    assert_eq!(ran(&["/etc/passwd"]).exit, 126);
    // No answer of a program reads what the agent was told, or has its environment.
    assert_eq!(ran(&["cat"]).stdout, "");
    let env = ran(&["env"]).stdout;
    let names = env.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    assert_eq!(names.collect::<BTreeSet<_>>(), BTreeSet::from(["HOME", "LC_ALL", "PATH"]));
}

#[test]
fn a_file_of_the_node_goes_in_unseen() {
    let Some(machine) = Machine::start() else { return };
    let secret = "-----BEGIN PRIVATE KEY-----\n";
    let input = Location::node("/stage/a.key");
    machine.put_on_node("/stage/a.key", secret);
    let to = machine.path("key.pem").display().to_string();
    symlink("/etc/passwd", machine.path("key.pem")).unwrap();
    let words = ["install", "--mode=0600", "--no-target-directory", "--", "/dev/stdin", &to];
    let argv = words.map(str::to_owned);
    let place = Place::Vm(machine::VMID.parse().unwrap());
    let fed = machine.node().perform(Effect::Feed { place, argv: &argv, input: &input });
    assert!(fed.unwrap().success());
    assert!(!machine.path("key.pem").is_symlink(), "what stood there was not followed");
    assert_eq!(fs::read_to_string(machine.path("key.pem")).unwrap(), secret);
    assert_eq!(fs::metadata(machine.path("key.pem")).unwrap().mode() & 0o7777, 0o600);
    assert!(!machine.arguments().contains("PRIVATE"), "it stood in an argument");
    let absent = Location::node("/stage/b.key");
    let fed = machine.node().perform(Effect::Feed { place, argv: &argv, input: &absent });
    assert!(matches!(fed, Err(NodeError::File { .. })), "{fed:?}");
}

#[test]
fn a_program_that_never_ends() {
    let Some(machine) = Machine::start() else { return };
    let node = &mut machine.waiting(Duration::from_secs(1));
    let sleep = ["sleep", "600"].map(str::to_owned);
    let place = Place::Vm(machine::VMID.parse().unwrap());
    let why = match node.perform(Effect::Run { place, argv: &sleep }) {
        Err(NodeError::Program { program, source }) => format!("{program}: {source}"),
        other => panic!("{other:?}"),
    };
    let pid = why.strip_prefix(
        "sleep: it had not ended after 1 seconds, and goes on in the machine as process ",
    );
    let pid = pid.unwrap_or_else(|| panic!("{why}"));
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(name.trim(), "sleep", "a change goes on");
    std::process::Command::new("kill").arg(pid).status().unwrap();
    let probe = Probe::Run { place, argv: sleep.to_vec() };
    let answers = node.answer(&BTreeSet::from([probe.clone()]));
    assert_eq!(unreadable(answers[&probe].clone()), "it had not ended after 1 seconds");
}

#[test]
fn an_agent_that_is_gone() {
    let Some(mut machine) = Machine::start() else { return };
    machine.put("file", "x");
    machine.stop();
    let why = unreachable(machine.read("file"));
    assert!(why.starts_with("its guest agent does not answer"), "{why}");
    assert_eq!(unreachable(machine.ask_program(&["true"])), why);
    let written = machine.write("file", Expect::Anything, "y", 0o644);
    assert!(matches!(written, Err(NodeError::Unreachable { .. })), "{written:?}");
    assert_eq!(fs::read_to_string(machine.path("file")).unwrap(), "x");
    // All files and programs are asked for together, and the agent only once.
    let before = machine.arguments().lines().count();
    machine.read_all(["a", "b", "c"]);
    assert_eq!(machine.arguments().lines().count(), before + 1);
}

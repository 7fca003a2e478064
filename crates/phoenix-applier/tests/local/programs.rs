//! Programs on the node.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use phoenix_applier::{Effect, Limits, LocalNode, Node as _, NodeError};
use phoenix_planner::location::Place;
use phoenix_planner::probe::{Answer, Output};

use crate::machine::{Helper, Machine, ask_program, unreadable};

fn ran(exit: i32, stdout: &str, stderr: &str) -> Answer {
    Answer::Ran(Output { exit, stdout: stdout.to_owned(), stderr: stderr.to_owned() })
}

#[test]
fn a_program_answers_with_its_output_and_status() {
    let machine = Machine::new();
    machine.program("/usr/sbin/tool", "#!/bin/sh\necho \"$0 $#\"\n");
    let tool = machine.path("/usr/sbin/tool").display().to_string();
    let table: [(&[&str], Answer); 8] = [
        (&["printf", "%s", "a b;$(id)"], ran(0, "a b;$(id)", "")),
        (&["sh", "-c", "echo out; echo err >&2; exit 3"], ran(3, "out\n", "err\n")),
        (&["sh", "-c", "kill -9 $$"], ran(137, "", "")),
        (&["cat"], ran(0, "", "")),
        (&["tool", "a", ""], ran(0, &format!("{tool} 2\n"), "")),
        (&["/usr/sbin/tool"], ran(0, &format!("{tool} 0\n"), "")),
        (&["no-such-tool"], ran(127, "", "`no-such-tool` is not installed")),
        (&["printf", r"\377"], ran(0, "\u{fffd}", "")),
    ];
    for (argv, answer) in table {
        assert_eq!(ask_program(&mut machine.node(), argv), answer, "{argv:?}");
    }
}

#[test]
fn the_environment_is_made_from_nothing() {
    let machine = Machine::new();
    let Answer::Ran(output) = ask_program(&mut machine.node(), &["env"]) else { panic!() };
    let mut names: Vec<_> = output.stdout.lines().filter_map(|line| line.split_once('=')).collect();
    names.retain(|(name, _)| *name != "PATH");
    names.sort_unstable();
    assert_eq!(names, [("HOME", "/root"), ("LC_ALL", "C")]);
}

/// From where the helper's operator is connected.
pub(crate) const SESSION: &str = "192.168.7.9 50022 10.0.0.13 22";

/// Says what programs get to know of the session of this process.
pub(crate) fn tell_session(root: &Path) {
    let asked =
        [vec!["printenv", "SSH_CONNECTION"], vec!["sh", "-c", "echo ${SSH_CONNECTION-hidden}"]];
    let said =
        asked.map(|argv| match ask_program(&mut LocalNode::with_root(root).unwrap(), &argv) {
            Answer::Ran(output) => output.stdout.trim().to_owned(),
            other => panic!("{other:?}"),
        });
    println!("said {}", said.join(" and "));
}

#[test]
fn only_printenv_tells_from_where_the_operator_is_connected() {
    let machine = Machine::new();
    Helper::start("session", &machine.path("/")).hear(&format!("said {SESSION} and hidden"));
}

#[test]
fn a_program_has_a_process_group_of_its_own() {
    let machine = Machine::new();
    let show = "read -r pid name state parent group rest < /proc/$$/stat; echo $((pid - group))";
    assert_eq!(ask_program(&mut machine.node(), &["sh", "-c", show]), ran(0, "0\n", ""));
}

#[test]
fn a_program_is_not_there_or_cannot_be_run() {
    let machine = Machine::new();
    machine.put("/usr/bin/data", "no program");
    let answer = ask_program(&mut machine.node(), &["/usr/bin/data"]);
    assert!(matches!(&answer, Answer::Ran(output) if output.exit == 126), "{answer:?}");
    for argv in [vec![], vec!["no-such-tool".to_owned()], vec![String::new()]] {
        let result = machine.node().perform(Effect::Run { place: Place::Node, argv: &argv });
        assert!(matches!(result, Err(NodeError::Program { .. })), "{argv:?}: {result:?}");
    }
}

#[test]
fn what_a_program_leaves_behind_is_not_waited_for() {
    let machine = Machine::new();
    let start = Instant::now();
    let answer = ask_program(&mut machine.node(), &["sh", "-c", "sleep 20 & echo $!"]);
    assert!(start.elapsed() < Duration::from_secs(15));
    let Answer::Ran(Output { exit: 0, stdout, .. }) = answer else { panic!("{answer:?}") };
    let pid = rustix::process::Pid::from_raw(stdout.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_program_that_hangs_is_ended() {
    let machine = Machine::new();
    let short = Duration::from_millis(200);
    let mut node = machine.node().with_limits(Limits { lock: short, probe: short, change: short });
    let hang = ["sh", "-c", "sleep 60; echo never"];
    let why = unreadable(ask_program(&mut node, &hang));
    assert_eq!(why, "it had not ended after 0.2 seconds");
    let argv = hang.map(str::to_owned);
    match node.perform(Effect::Run { place: Place::Node, argv: &argv }) {
        Err(NodeError::Program { program, source }) => {
            assert_eq!((program.as_str(), source.kind()), ("sh", ErrorKind::TimedOut));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_says_too_much_is_bounded() {
    let machine = Machine::new();
    let why = unreadable(ask_program(&mut machine.node(), &["yes"]));
    assert_eq!(why, "it wrote more than 16 MiB");
    let why = unreadable(ask_program(&mut machine.node(), &["sh", "-c", "yes >&2"]));
    assert_eq!(why, "it wrote more than 16 MiB");
    let argv = ["head", "-c", "20000000", "/dev/zero"].map(str::to_owned);
    let output = machine.node().perform(Effect::Run { place: Place::Node, argv: &argv }).unwrap();
    assert_eq!((output.exit, output.stdout.len()), (0, 16 << 20), "a change is not killed for it");
}

#[test]
fn both_streams_are_read_at_the_same_time() {
    let machine = Machine::new();
    let both = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; printf x";
    let Answer::Ran(output) = ask_program(&mut machine.node(), &["sh", "-c", both]) else {
        panic!()
    };
    assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_001, 1_000_000));
}

//! `pct set` on a stopped container against what the real command did.

use phoenix_formats::lxc_conf::{Edit, LxcConf};
use phoenix_formats::net::{LxcNet, NetText, NetView};
use phoenix_formats::pct::{Live, NodeView, State, apply_pending, pending_changes, set};
use proptest::prelude::*;
use serde_json::Value;

const CORPUS: &str = include_str!("corpus/pct.jsonl");

fn text(case: &Value, key: &str) -> String {
    case[key].as_str().expect("a text").to_owned()
}

fn check(case: &Value) -> Result<(), String> {
    let args: Vec<String> = serde_json::from_value(case["args"].clone()).expect("arguments");
    let outcome = set(&text(case, "before"), &args, &NodeView::default(), State::Stopped);
    let view = serde_json::to_value(outcome.inspect()).expect("JSON");
    match () {
        () if (view["exit"] == 0) != (case["exit"] == 0) => Err(format!(
            "exit {} instead of {}: {:?}",
            view["exit"], case["exit"], outcome.messages
        )),
        () if view["changed"] != case["changed"] => Err("changed".to_owned()),
        () if view["after"] != case["after"] => {
            Err(format!("after {}instead of {}", view["after"], case["after"]))
        }
        () if (view["exit"] == 0 || !outcome.messages.is_empty())
            && view.get("class").is_none() =>
        {
            Ok(())
        }
        () => Err(format!("a failure says nothing: {view}")),
    }
}

#[test]
fn the_real_effects() {
    let cases = CORPUS.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let fails = |case: Value| {
        check(&case).err().map(|why| format!("{} {}: {why}", case["id"], case["args"]))
    };
    let failures: Vec<String> = cases.filter_map(fails).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn after(before: &str, args: &[&str]) -> Option<String> {
    let args: Vec<String> =
        ["set", "101"].iter().chain(args).map(|arg| (*arg).to_owned()).collect();
    let outcome = set(before, &args, &NodeView::default(), State::Stopped);
    outcome.succeeded.then_some(outcome.after)
}

const BASE: &str =
    "arch: amd64\nmemory: 512\nostype: debian\nrootfs: local-lvm:vm-101-disk-0,size=8G\n";

#[test]
fn options_are_read_as_perl_does() {
    let table: [(&[&str], bool); 18] = [
        (&["--mem", "64"], true),
        (&["-memory=64"], true),
        (&["--MEMORY", "64"], true),
        (&["--memory="], false),
        (&["--memory"], false),
        (&["--onboot"], true),
        (&["--onboot", "--memory", "64"], true),
        (&["--onboot", "-1"], false),
        (&["--net", "name=a"], false),
        (&["--de", "swap"], false),
        (&["--tags", "a", "--tags", "b"], true),
        (&["--memory", "15", "--memory", "64"], true),
        (&["x", "--memory", "64"], false),
        (&["--memory", "64", "--"], true),
        (&[], false),
        (&["--digest", "0000"], false),
        (&["--delete", ""], true),
        (&["--foo", "1"], false),
    ];
    for (args, accepted) in table {
        assert_eq!(after(BASE, args).is_some(), accepted, "{args:?}");
    }
    assert_eq!(after(BASE, &["--tags", "b", "--tags", "A,b"]), Some(format!("{BASE}tags: a;b\n")));
}

#[test]
fn volumes_are_kept_as_unused() {
    let before = format!("{BASE}mp0: local-lvm:vm-101-disk-1,mp=/a,size=4G\n");
    let gone = after(&before, &["--delete", "mp0"]).expect("it can be deleted");
    assert!(gone.ends_with("unused0: local-lvm:vm-101-disk-1\n"), "{gone}");
    let same = after(&before, &["--mp0", "local-lvm:vm-101-disk-1,ro=1,mp=/b,size=4096M"])
        .expect("changed");
    assert!(
        same.contains("mp0: local-lvm:vm-101-disk-1,mp=/b,ro=1,size=4G\n")
            && !same.contains("unused"),
        "{same}"
    );
}

#[test]
fn new_volumes_have_the_next_free_number() {
    let made =
        after(BASE, &["--mp0", "local-lvm:4,mp=/a", "--mp1", "local-lvm:0.5,mp=/b"]).expect("made");
    assert!(made.contains("mp0: local-lvm:vm-101-disk-1,mp=/a,size=4G\n"), "{made}");
    assert!(made.contains("mp1: local-lvm:vm-101-disk-2,mp=/b,size=512M\n"), "{made}");
    let made = after(BASE, &["--mp0", "local:1,mp=/data"]).expect("made");
    assert!(made.contains("mp0: local:101/vm-101-disk-0.raw,mp=/data,size=1G\n"), "{made}");
    assert_eq!(after(BASE, &["--mp0", "elsewhere:4,mp=/a"]), None);
}

#[test]
fn some_failures_have_written_the_file() {
    for args in [["--delete", "arch"], ["--net3", "name=a,bridge=vmbr9"]] {
        let args: Vec<String> =
            ["set", "101"].iter().chain(&args).map(|arg| (*arg).to_owned()).collect();
        let outcome = set(BASE, &args, &NodeView::default(), State::Stopped);
        assert!(!outcome.succeeded && outcome.changed, "{args:?}");
    }
    let broken = format!("{BASE}net1: name=eth1,type=macvlan\n");
    for args in [["--delete", "net1"], ["--net1", "name=eth1,bridge=vmbr0"]] {
        assert_eq!(after(&broken, &args), None, "{args:?}");
    }
}

#[test]
fn large_files_take_linear_time() {
    let numbered = |from: &str, to: &str| -> String {
        (0..10_000).map(|n| format!("{from}{n}{to}")).collect()
    };
    let files = [
        "[".repeat(1 << 18),
        "\0".repeat(1 << 18),
        "a=".repeat(1 << 17),
        "é\"".repeat(1 << 18),
        "%".repeat(1 << 18),
        format!("[{}]\n{}", "a".repeat(1 << 17), "x\n".repeat(1 << 18)),
        format!("[pve:pending]\ndelete: {}\n", numbered("k", ",")),
        format!("{BASE}[pve:pending]\n{}", numbered("k", ": 1\n")),
        numbered("lxc.net.1.a", ": 1\n"),
        "lxc.environment.runtime: A=1\n".repeat(1 << 15),
        format!("net0: {}\n", numbered("k", "=1,")),
        numbered("unused", ": local:x\n"),
        "#\n".repeat(1 << 17),
    ];
    for file in files {
        let conf = LxcConf::parse(&file);
        let raw = Edit::RawUnder { prefix: "lxc.net.1.".to_owned(), pairs: Vec::new() };
        let set_memory = Edit::Set { key: "memory".to_owned(), value: "1".to_owned() };
        assert!(conf.edit(&[raw, set_memory]).is_ok());
        assert!(conf.lost().len().max(conf.warnings().len()) <= file.len());
        assert_eq!(NetView::of(&file).accepted, LxcNet::parse(&file).is_ok());
        assert!(NetText::parse(&file).differences(&NetText::default()).len() <= file.len());
        assert!(!pending_changes(&apply_pending(&file, &NodeView::default())).contains("no such"));
        assert!(
            after(&file, &["--memory", "64", "--delete", "swap"]).is_none()
                || file.starts_with("arch")
        );
        assert!(after(BASE, &["--description", &file]).is_none());
    }
}

fn arguments() -> impl Strategy<Value = Vec<String>> {
    let option = prop_oneof![
        "--(memory|cores|swap)=[0-9]{1,5}",
        "--net[0-9]=name=eth[0-9],bridge=vmbr[0-2],hwaddr=02:00:00:00:00:0[0-9](,ip=10.0.0.[0-9]/24)?",
        "--(delete|revert)=(memory|swap|net0|mp0|tags),(cores|hostname)",
        "--(tags|nameserver|hostname|onboot|description)=\\PC{0,6}",
        "--mp[0-9]=(/a|local:1|local:x),mp=/[a-z](,ro=1)?",
        "\\PC{0,12}",
    ];
    proptest::collection::vec(option, 0..4)
        .prop_map(|options| ["set", "101"].into_iter().map(str::to_owned).chain(options).collect())
}

fn files() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("\n[pve:pending]\n".to_owned()),
        "(swap|onboot|hostname|delete|mp0|net0|net12|tags): [a-z0-9,!/]{0,8}\n",
        "net[0-9]: name=eth[0-9],bridge=vmbr0,hwaddr=02:00:00:00:00:0[0-9]\n",
        "mp[0-9]: local:x,mp=/[a-z]\n",
    ];
    proptest::collection::vec(line, 0..8).prop_map(|lines| BASE.to_owned() + &lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(file in any::<String>(), args in arguments()) {
        let _ = set(&file, &args, &NodeView::default(), State::Stopped);
        let _ = set(&file, &args, &NodeView::default(), State::Running(&Live::default()));
        let _ = apply_pending(&file, &NodeView::default());
    }

    #[test]
    fn a_refusal_changes_nothing_unless_it_says_so(file in files(), args in arguments()) {
        for state in [State::Stopped, State::Running(&Live::default())] {
            let outcome = set(&file, &args, &NodeView::default(), state);
            prop_assert_eq!(outcome.changed, outcome.after != file);
            prop_assert!(outcome.succeeded || !outcome.messages.is_empty());
        }
    }

    #[test]
    fn the_second_time_changes_nothing(file in files(), args in arguments()) {
        // Deleting what is only pending brings it into force, and a volume is made anew each time.
        let file = file.split("\n[pve:pending]").next().unwrap_or_default().to_owned();
        let args: Vec<String> = args.into_iter().filter(|arg| !arg.contains("local:1")).collect();
        for state in [State::Stopped, State::Running(&Live::default())] {
            let once = set(&file, &args, &NodeView::default(), state);
            if once.succeeded {
                let twice = set(&once.after, &args, &NodeView::default(), state);
                prop_assert_eq!(twice.after, once.after);
            }
        }
    }

    #[test]
    fn stopping_leaves_nothing_pending(file in files()) {
        let stopped = apply_pending(&file, &NodeView::default());
        prop_assert_eq!(apply_pending(&stopped, &NodeView::default()), stopped);
    }
}

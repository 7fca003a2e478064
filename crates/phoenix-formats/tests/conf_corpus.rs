//! Configuration files of containers against what the real Proxmox VE reads and writes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use phoenix_formats::lxc_conf::{Edit, Features, LxcConf, Startup, peek};
use proptest::prelude::*;
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/conf")
}

#[expect(clippy::disallowed_methods, reason = "the test reads its corpus")]
fn names() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).expect("the corpus is there");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    names.filter_map(|name| name.strip_suffix(".conf").map(str::to_owned)).collect()
}

#[expect(clippy::disallowed_methods, reason = "the test reads its corpus")]
fn file(name: &str, suffix: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}{suffix}"))).expect("a corpus file")
}

/// The line that one of the real program's warnings is about.
fn line_of(text: &str, warning: &str) -> usize {
    let message = warning
        .strip_prefix("vm 101 - ")
        .expect("a warning about the guest")
        .trim_end_matches('\n');
    let quoted = |rest: &str| rest.split('\'').next().map(|key| format!("{key}:"));
    let start = match message.strip_prefix("unable to parse value of '") {
        Some(rest) => quoted(rest).expect("a key"),
        None => match message.strip_prefix("unable to parse config: ") {
            Some(line) => line.to_owned(),
            None => message.split([' ', ':']).next().expect("a key").to_owned(),
        },
    };
    1 + text.lines().position(|line| line.starts_with(&start)).expect("the line is there")
}

fn check(name: &str) -> Result<(), String> {
    let text = file(name, ".conf");
    let expected: Value = serde_json::from_str(&file(name, ".expected.json")).expect("JSON");
    let conf = LxcConf::parse(&text);
    let view = serde_json::to_value(conf.inspect()).expect("JSON");
    let warnings = expected["warnings"].as_array().expect("warnings");
    let lines: BTreeSet<usize> = conf.warnings().iter().map(|warning| warning.line).collect();
    let wanted =
        warnings.iter().map(|warning| line_of(&text, warning.as_str().expect("a text"))).collect();
    match () {
        () if view["ok"] != expected["ok"] => Err("ok".to_owned()),
        () if view["parsed"] != expected["parsed"] => {
            Err(format!("parsed {} instead of {}", view["parsed"], expected["parsed"]))
        }
        () if view["rewritten"] != expected["rewritten"] => {
            Err(format!("rewritten {} instead of {}", view["rewritten"], expected["rewritten"]))
        }
        () if conf.rewritten() != file(name, ".rewritten") => {
            Err("rewritten differs from the file".to_owned())
        }
        () if lines != wanted || conf.warnings().len() != warnings.len() => {
            Err(format!("warnings {:?} instead of {warnings:?}", conf.warnings()))
        }
        () if conf.text() != text || conf.edit(&[]) != Ok(text.clone()) => {
            Err("the text changed".to_owned())
        }
        () if peeks(&text) != gets(&conf) => Err(format!("peek says {:?}", peeks(&text))),
        () => Ok(()),
    }
}

/// Settings that are kept as they are written.
const TEXTS: [&str; 3] = ["hostname", "lock", "ostype"];

fn peeks(text: &str) -> [Option<&str>; 3] {
    TEXTS.map(|key| peek(text, key))
}

fn gets(conf: &LxcConf) -> [Option<&str>; 3] {
    TEXTS.map(|key| conf.get(key))
}

#[test]
fn the_real_reading() {
    let fails = |name: String| check(&name).err().map(|why| format!("{name}: {why}"));
    let failures: Vec<String> = names().into_iter().filter_map(fails).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(names().len(), 91);
}

#[test]
fn what_is_written_is_read_again() {
    for name in names() {
        let written = LxcConf::parse(&file(&name, ".conf")).rewritten();
        let again = LxcConf::parse(&written);
        // A value of white space alone grows at each write: the real program does that too.
        if name != "118-emptyval" {
            assert_eq!(again.rewritten(), written, "{name}");
        }
        assert_eq!(again.lost(), [], "{name}");
    }
}

fn set(key: &str, value: &str) -> Edit {
    Edit::Set { key: key.to_owned(), value: value.to_owned() }
}

fn under(prefix: &str, pairs: &[(&str, &str)]) -> Edit {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Edit::RawUnder { prefix: prefix.to_owned(), pairs: pairs.iter().map(own).collect() }
}

fn edited(text: &str, edits: &[Edit]) -> String {
    LxcConf::parse(text).edit(edits).expect("the edit is possible")
}

#[test]
fn edits_touch_their_lines_only() {
    let text =
        "# note\r\nmemory:\t512\r\nodd line\r\nnet0: x\r\n\r\n[pve:pending]\r\nmemory: 9\r\n";
    let table = [
        (set("memory", "512"), text.to_owned()),
        (set("memory", "1024"), text.replace("memory:\t512", "memory: 1024")),
        (set("cores", "2"), text.replace("memory:\t", "cores: 2\r\nmemory:\t")),
        (set("onboot", "1"), text.replace("net0: x\r\n", "net0: x\r\nonboot: 1\r\n")),
        (Edit::Remove { key: "memory".to_owned() }, text.replace("memory:\t512\r\n", "")),
        (Edit::Remove { key: "swap".to_owned() }, text.to_owned()),
        (
            under("lxc.net.1.", &[("lxc.net.1.type", "macvlan"), ("lxc.net.1.link", "vmbr0")]),
            text.replace(
                "net0: x\r\n",
                "net0: x\r\nlxc.net.1.type: macvlan\r\nlxc.net.1.link: vmbr0\r\n",
            ),
        ),
    ];
    for (edit, expected) in table {
        assert_eq!(edited(text, std::slice::from_ref(&edit)), expected, "{edit:?}");
    }
}

#[test]
fn raw_lines_keep_their_places() {
    let text =
        "memory: 1\nlxc.net.1.type = macvlan\nlxc.cap.drop: a\nlxc.net.1.link: vmbr0\nswap: 1";
    let pairs =
        [("lxc.net.1.type", "macvlan"), ("lxc.net.1.link", "vmbr1"), ("lxc.net.1.flags", "up")];
    let wanted = "memory: 1\nlxc.net.1.type = macvlan\nlxc.cap.drop: a\nlxc.net.1.link: vmbr1\n\
                  lxc.net.1.flags: up\nswap: 1";
    assert_eq!(edited(text, &[under("lxc.net.1.", &pairs)]), wanted);
    assert_eq!(edited(wanted, &[under("lxc.net.1.", &[])]), "memory: 1\nlxc.cap.drop: a\nswap: 1");
    let pair = |value: &str| ("lxc.mount.auto".to_owned(), value.to_owned());
    let (key, value) = pair("proc");
    let once = edited("memory: 1", &[Edit::AddRaw { key, value }]);
    assert_eq!(once, "memory: 1\nlxc.mount.auto: proc");
    let (key, value) = pair("sys");
    let twice = edited(&once, &[Edit::AddRaw { key, value }]);
    assert_eq!(twice, "memory: 1\nlxc.mount.auto: proc\nlxc.mount.auto: sys");
    let (key, value) = pair("proc");
    assert_eq!(edited(&twice, &[Edit::RemoveRaw { key, value }]), "memory: 1\nlxc.mount.auto: sys");
}

#[test]
fn impossible_lines_are_refused() {
    let conf = LxcConf::parse("memory: 512\n");
    for (key, value) in [
        ("Memory", "1"),
        ("memory", ""),
        ("memory", "1\nswap: 2"),
        ("description", "x"),
        ("a.b", "1"),
    ] {
        assert!(conf.edit(&[set(key, value)]).is_err(), "{key}: {value}");
    }
    assert!(conf.edit(&[under("lxc.", &[("lxc.a", "1\n2")])]).is_err());
    assert!(conf.edit(&[under("lxc.", &[("memory", "1")])]).is_err());
}

#[test]
fn lost_lines_are_named() {
    let text = "memory: 1\nmemory: 2\n # x\nlxc.foo: 1\nsnapstate: delete\ndelete: a\n[ab]\nswap: 1\n[ab]\nswap: 2\n";
    let lost: Vec<usize> = LxcConf::parse(text).lost().into_iter().map(|line| line.line).collect();
    assert_eq!(lost, [1, 3, 4, 5, 6, 8]);
}

#[test]
fn environment_lines_become_one_setting() {
    let text = "env: A=1\nlxc.environment.runtime: B=2\nlxc.cap.drop: x\nswap: 1\n";
    let conf = LxcConf::parse(text);
    assert_eq!(conf.get("env"), Some("A=1\0B=2"));
    let written =
        "swap: 1\nlxc.environment.runtime: A=1\nlxc.environment.runtime: B=2\nlxc.cap.drop: x\n";
    assert_eq!(conf.rewritten(), written);
}

#[test]
fn small_formats() {
    let startup = "order=3,up=5".parse::<Startup>().expect("a start");
    assert_eq!((startup.order, startup.up, startup.down), (Some(3), Some(5), None));
    assert!("up".parse::<Startup>().is_err());
    let features = "nesting=1,mount=nfs;cifs".parse::<Features>().expect("features");
    assert!(features.nesting && !features.keyctl);
    assert_eq!(features.mount, ["nfs", "cifs"]);
    let pending = LxcConf::parse("[pve:pending]\ndelete: net1,!mp0;swap\n");
    let keys: Vec<(String, bool)> = pending
        .pending()
        .deletions()
        .into_iter()
        .map(|deletion| (deletion.key, deletion.forced))
        .collect();
    assert_eq!(
        keys,
        [("mp0".to_owned(), true), ("net1".to_owned(), false), ("swap".to_owned(), false)]
    );
}

fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "(memory|swap|net0|onboot|foo): ?[a-z0-9=,]{0,6}",
        "lxc\\.(net\\.1\\.[a-z]{1,3}|cap\\.drop|foo)( ?=|:) ?[a-z0-9]{0,3}",
        "#[ -~]{0,6}",
        "\\[(pve:pending|[a-z]{1,3})\\]",
        "[ \\t]{0,2}\\PC{0,5}",
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    proptest::collection::vec((line, end), 0..12)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
        .prop_flat_map(|text: String| {
            prop_oneof![Just(text.clone()), Just(text.trim_end_matches(['\r', '\n']).to_owned())]
        })
}

/// The text without the lines of the main section that `is_named` picks.
fn without(text: &str, is_named: impl Fn(&str) -> bool) -> String {
    let mut main = true;
    let keep = |line: &&str| {
        let conf = LxcConf::parse(line);
        main &= conf.snapshots().is_empty() && !line.to_lowercase().starts_with("[pve:pending]");
        !(main && is_named(line))
    };
    text.lines().filter(keep).collect::<Vec<_>>().join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(text in any::<String>()) {
        let conf = LxcConf::parse(&text);
        prop_assert_eq!(conf.edit(&[]), Ok(text.clone()));
        let _ = (conf.lost(), conf.inspect());
    }

    #[test]
    fn setting_changes_only_its_line(text in lines(), value in "[a-z0-9]{1,4}") {
        let after = edited(&text, &[set("memory", &value)]);
        let conf = LxcConf::parse(&after);
        let alone = LxcConf::parse(&format!("memory: {value}"));
        prop_assert_eq!(alone.get("memory"), conf.get("memory"));
        let named = |line: &str| line.starts_with("memory:");
        prop_assert_eq!(without(&after, named), without(&text, named));
        prop_assert_eq!(edited(&after, &[set("memory", &value)]), after.clone());
        prop_assert_eq!(after.ends_with('\n'), text.ends_with('\n') || text.is_empty());
    }

    #[test]
    fn raw_lines_become_exactly_these(text in lines(), values in proptest::collection::vec("[a-z]{1,3}", 0..4)) {
        let pairs: Vec<(String, String)> =
            values.iter().map(|value| (format!("lxc.net.1.{value}"), value.clone())).collect();
        let edit = Edit::RawUnder { prefix: "lxc.net.1.".to_owned(), pairs: pairs.clone() };
        let after = edited(&text, std::slice::from_ref(&edit));
        let conf = LxcConf::parse(&after);
        let seen: Vec<_> = conf.raw().iter().filter(|(key, _)| key.starts_with("lxc.net.1.")).cloned().collect();
        prop_assert_eq!(seen, pairs);
        let named = |line: &str| LxcConf::parse(line).raw().iter().any(|(key, _)| key.starts_with("lxc.net.1."));
        prop_assert_eq!(without(&after, named), without(&text, named));
        prop_assert_eq!(edited(&after, &[edit]), after);
    }

    #[test]
    fn removing_undoes_adding(text in lines()) {
        let after = edited(&text, &[set("tty", "7")]);
        let back = edited(&after, &[Edit::Remove { key: "tty".to_owned() }]);
        prop_assert_eq!(back.trim_end_matches(['\r', '\n']), text.trim_end_matches(['\r', '\n']));
    }
}

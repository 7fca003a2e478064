//! `pct set` on a running container against what the real command did.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::pct::{
    Bridge, Class, Known, Live, NodeView, Outcome, State, apply_pending, class_of, config,
    current_config, pending_changes, resize, set,
};
use serde_json::{Value, json};

const CORPUS: &str = include_str!("corpus/pct-running.jsonl");

/// The node on which the corpus was recorded.
fn node() -> NodeView {
    let inner = Bridge { has_uplink: false, ..Bridge::new(1500) };
    let bridges = [("vmbr0".to_owned(), Bridge::new(1500)), ("vmbr1".to_owned(), inner)];
    NodeView {
        directories: Known::only(["/var/lib/vz/share"]),
        ..NodeView::with_bridges(BTreeMap::from(bridges))
    }
}

/// What somebody had done inside the guest before a case.
fn live(case: &Value) -> Live {
    let inside = |name: &str, addresses: &[&str]| {
        let addresses: BTreeSet<String> =
            addresses.iter().map(|address| (*address).to_owned()).collect();
        Live { interfaces: Some(BTreeMap::from([(name.to_owned(), addresses)])) }
    };
    match case["note"].as_str().unwrap_or_default() {
        note if note.starts_with("the new address is already on eth0") => {
            inside("eth0", &["10.77.0.101/24", "10.77.0.111/24"])
        }
        note if note.starts_with("guest renamed eth0") => inside("foo0", &["10.77.0.101/24"]),
        _ => Live::default(),
    }
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().expect("a text")
}

/// The address that the real command chose, where it chose one.
fn random_mac(case: &Value) -> Option<&str> {
    let known =
        |mac: &&str| !text(case, "before").contains(mac) && !case["args"].to_string().contains(mac);
    let mut macs = text(case, "after").split("hwaddr=").skip(1).filter_map(|rest| rest.get(..17));
    macs.find(known)
}

fn check_set(case: &Value, args: &[String]) -> Result<(), String> {
    let mut node = node();
    node.random_mac = random_mac(case).unwrap_or(NodeView::RANDOM_MAC).to_owned();
    let outcome = set(text(case, "before"), args, &node, State::Running(&live(case)));
    let view = serde_json::to_value(outcome.inspect_running()).expect("JSON");
    for key in ["changed", "after", "class", "pending"] {
        if view[key] != case[key] {
            return Err(format!(
                "{key} {} instead of {}; {:?}",
                view[key], case[key], outcome.messages
            ));
        }
    }
    if (view["exit"] == 0) != (case["exit"] == 0) {
        return Err(format!("exit {}; {:?}", view["exit"], outcome.messages));
    }
    check_silence(case, &outcome)
}

fn check_silence(case: &Value, outcome: &Outcome) -> Result<(), String> {
    let silent = case["class"] == "pending" && case["pending"] == json!({});
    let says_so = case["applied"].as_str().is_some_and(|applied| applied.contains("NOT listed"));
    if (silent || says_so) && outcome.silent.is_empty() {
        return Err("no key is silent".to_owned());
    }
    Ok(())
}

fn check(case: &Value) -> Result<(), String> {
    let args: Vec<String> = serde_json::from_value(case["args"].clone()).expect("arguments");
    let before = text(case, "before");
    let shown = case["output"].as_str().unwrap_or_default();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let same = |ours: String, theirs: &str| {
        if ours == theirs { Ok(()) } else { Err(format!("{ours:?} instead of {theirs:?}")) }
    };
    match words[..] {
        ["set", ..] => check_set(case, &args)?,
        ["config", _] => same(config(before), shown)?,
        ["config", _, "--current"] => same(current_config(before), shown)?,
        ["pending", _] => same(pending_changes(before), shown)?,
        ["resize", _, key, size] => match resize(before, key, size) {
            Ok(after) => same(after, text(case, "after"))?,
            Err(error) if case["exit"] == 0 => return Err(error.to_string()),
            Err(_) => {}
        },
        ["stop" | "reboot", ..] => same(apply_pending(before, &node()), text(case, "after"))?,
        _ => {}
    }
    let listed =
        case["pct_pending"].as_str().map(|listed| (listed, pending_changes(text(case, "after"))));
    listed.map_or(Ok(()), |(theirs, ours)| same(ours, theirs))
}

/// Checks what the recorder did next, as far as it is a change of the configuration.
fn check_then(case: &Value) -> Result<(), String> {
    let mut before = text(case, "after").to_owned();
    let mut stopped = false;
    for step in case["then"].as_array().into_iter().flatten() {
        let args: Vec<String> = serde_json::from_value(step["args"].clone()).unwrap_or_default();
        let Some(file) = step["file"].as_str() else { return Ok(()) };
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        stopped |= words.first() == Some(&"stop");
        let state = if stopped { State::Stopped } else { State::Running(&live(case)) };
        let after = match words[..] {
            ["stop" | "reboot" | "shutdown", ..] | [] => apply_pending(&before, &node()),
            ["set", ..] if step["exit"] == 0 => set(&before, &args, &node(), state).after,
            _ => file.to_owned(),
        };
        if after != file {
            return Err(format!("then {args:?}: {after:?} instead of {file:?}"));
        }
        before = after;
    }
    Ok(())
}

#[test]
fn the_real_effects() {
    let cases = CORPUS.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let fails = |case: Value| {
        let verdict = check(&case).and_then(|()| check_then(&case));
        verdict.err().map(|why| format!("{} {}: {why}", case["id"], case["args"]))
    };
    let failures: Vec<String> = cases.filter_map(fails).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn classes_of_single_keys() {
    let net =
        "name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,type=veth";
    let with = |from: &str, to: &str| net.replace(from, to);
    let changed = [
        (with("ip=10.0.0.5/24", "ip=10.0.0.6/24"), Class::Reconnect),
        (with("ip=10.0.0.5/24", "ip=10.0.0.5/16"), Class::Live),
        (with("ip=10.0.0.5/24", "ip=dhcp"), Class::Reconnect),
        (with("gw=10.0.0.1", "gw=10.0.0.2"), Class::Live),
        (with("BC:24:11:00:00:01", "bc:24:11:00:00:01"), Class::Reconnect),
        (with("hwaddr=BC:24:11:00:00:01,", ""), Class::Reconnect),
        (with("eth0", "eth9"), Class::Reconnect),
        (with("vmbr0", "vmbr1"), Class::Reconnect),
        (with("type=veth", "tag=5"), Class::Reconnect),
        (with("type=veth", "firewall=1"), Class::Reconnect),
        (with("type=veth", "link_down=1"), Class::Reconnect),
        (with("type=veth", "link_down=0"), Class::Live),
        (with("type=veth", "rate=5"), Class::Live),
        (with("type=veth", "mtu=1400"), Class::PendingSilent),
        (with("type=veth", "trunks=5"), Class::PendingSilent),
        (with("type=veth", "mtu=1400,firewall=1"), Class::Reconnect),
        (with("type=veth", "type=macvlan"), Class::Refused),
    ];
    for (new, class) in changed {
        assert_eq!(class_of("net0", Some(net), Some(&new)), class, "{new}");
    }
    let table = [
        ("net1", None, Some(net), Class::Live),
        ("net9", Some(net), None, Class::Reconnect),
        ("net10", Some(net), None, Class::Pending),
        ("lxc.net.1.link", Some("vmbr0"), Some("vmbr1"), Class::PendingSilent),
        ("hostname", Some("a"), Some("b"), Class::PendingSilent),
        ("memory", Some("512"), Some("1024"), Class::Live),
        ("memory", Some("512"), None, Class::Refused),
        ("memory", Some("512"), Some("1"), Class::Refused),
        ("nameserver", None, Some("1.1.1.1"), Class::Pending),
        ("features", Some("nesting=1"), None, Class::Pending),
        ("mp0", None, Some("/a,mp=/b"), Class::Live),
        ("mp0", Some("/a,mp=/b"), Some("/a,mp=/c"), Class::Pending),
        ("unprivileged", None, Some("1"), Class::Refused),
        ("cpulimit", Some("1"), Some("0.0"), Class::Refused),
        ("cpulimit", Some("1"), None, Class::Live),
        ("onboot", None, Some("1"), Class::Live),
        ("unused0", Some("local:a"), None, Class::Live),
        ("nonsense", None, Some("1"), Class::Refused),
    ];
    for (key, old, new, class) in table {
        assert_eq!(class_of(key, old, new), class, "{key} {old:?} {new:?}");
    }
}

#[test]
fn the_class_of_a_key_agrees_with_the_command() {
    for line in CORPUS.lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let args: Vec<String> = serde_json::from_value(case["args"].clone()).expect("arguments");
        let before = phoenix_formats::lxc_conf::LxcConf::parse(text(&case, "before"));
        let outcome = set(before.text(), &args, &node(), State::Running(&live(&case)));
        let [verb, _, option, value] = &args[..] else { continue };
        if verb != "set" || !outcome.succeeded || !before.pending().is_empty() || !outcome.changed {
            continue;
        }
        let (key, new) = if option == "--delete" {
            (value.as_str(), None)
        } else {
            (option.trim_start_matches('-'), Some(value.as_str()))
        };
        if live(&case) == Live::default() && !key.contains(',') {
            assert_eq!(Some(class_of(key, before.get(key), new)), outcome.class, "{}", case["id"]);
        }
    }
}

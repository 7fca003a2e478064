//! What holds for every captured node: which folders are none, what questions and changes may do to it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod folders;
mod simulated_support;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use phoenix_applier::{Effect, Expect, Node, NodeError, SimulatedNode};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Probe};
use proptest::prelude::*;
use simulated_support::{contents, scratch};

/// Writes a file into a fresh copy of the node and returns what opening it says.
fn opened_with(name: &str, text: &str) -> String {
    let scratch = scratch();
    fs::write(scratch.path().join(name), text).unwrap();
    let error = match SimulatedNode::open(scratch.path()) {
        Ok(_) => return "opened".to_owned(),
        Err(error) => error.to_string(),
    };
    error.replace(&format!("{}/", scratch.path().display()), "")
}

#[test]
fn wrong_settings_are_named_with_their_line() {
    let keys = "expected one of `name`, `pve_version`, `net_types`, `running`, `busy`, `packages`, `without_nftables`, `without_agent`, `datasets`, `templates`, `downloads`, `now`";
    let cases = [
        ("node.json", "{}", "opened".to_owned()),
        ("node.json", "{\"running\": [101, \"102\"], \"busy\": []}", "opened".to_owned()),
        ("node.json", "{\n\"runing\": []}", format!("`node.json` line 2: unknown field `runing`, {keys}")),
        ("node.json", "{\"running\": [1]}", "`node.json` line 1: `1` is not a guest's number, which is 100 to 999999999".to_owned()),
        ("node.json", "{\"running\": [true]}", "`node.json` line 1: invalid type: boolean `true`, expected the number of a guest".to_owned()),
        ("node.json", "{\"name\": \"a b\"}", "`node.json` line 1: `a b` cannot be the name of a node: it may hold letters, digits and `-` only".to_owned()),
        ("node.json", "", "`node.json` line 1: EOF while parsing a value".to_owned()),
        ("answers.json", "[]", "opened".to_owned()),
        ("answers.json", "[{\"place\": \"node\"}]", "`answers.json` line 1: missing field `argv`".to_owned()),
        ("answers.json", "[{\"place\": \"x\", \"argv\": []}]", "`answers.json` line 1: `x` is not a guest's number, which is 100 to 999999999".to_owned()),
    ];
    for (name, text, expected) in cases {
        assert_eq!(opened_with(name, text), expected, "{name}: {text}");
    }
}

#[test]
fn settings_that_are_no_text_are_unreadable() {
    let scratch = scratch();
    fs::write(scratch.path().join("node.json"), [0xff]).unwrap();
    let error = SimulatedNode::open(scratch.path()).unwrap_err();
    assert!(error.to_string().ends_with("it is not UTF-8 text"), "{error}");
}

#[test]
fn a_folder_needs_files() {
    let empty = tempfile::tempdir().unwrap();
    let file = empty.path().join("file");
    fs::write(&file, "").unwrap();
    let error = |path: &Path| SimulatedNode::open(path).unwrap_err().to_string();
    assert!(error(empty.path()).ends_with("it has no folder `fs`"));
    assert!(error(&file).ends_with("is not a folder"));
    assert!(error(&empty.path().join("missing")).ends_with("is not a folder"));
    std::os::unix::fs::symlink("/", empty.path().join("fs")).unwrap();
    let node = SimulatedNode::open(empty.path()).unwrap();
    assert_eq!(node.name().as_str(), "pve", "`/` is the captured folder itself");
}

#[test]
fn nothing_but_files_is_a_node() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("fs")).unwrap();
    let mut node = SimulatedNode::open(folder.path()).unwrap();
    assert_eq!((node.name().as_str(), node.pve_version()), ("pve", None));
    assert_eq!(said(&mut node, "hostname"), "pve\n");
    assert_eq!(said(&mut node, "pct list"), "");
    assert_eq!(said(&mut node, "iptables-save"), "");
    assert_eq!(contents(folder.path()), BTreeMap::new());
}

fn said(node: &mut SimulatedNode, command: &str) -> String {
    let probe = run(Place::Node, command);
    match node.answer(&BTreeSet::from([probe.clone()])).remove(&probe) {
        Some(Answer::Ran(output)) if output.success() => output.stdout,
        answer => panic!("{command}: {answer:?}"),
    }
}

fn run(place: Place, command: &str) -> Probe {
    Probe::Run { place, argv: command.split(' ').map(str::to_owned).collect() }
}

fn write(
    node: &mut SimulatedNode,
    path: &str,
    expect: Expect<'_>,
    text: &str,
) -> Result<(), NodeError> {
    let at = Location::node(path);
    node.perform(Effect::Write { at: &at, expect, text, mode: 0o600 }).map(drop)
}

#[test]
fn writes_follow_the_rules_of_the_place() {
    let scratch = scratch();
    let mut node = SimulatedNode::open(scratch.path()).unwrap();
    let mebibyte = "x".repeat(1 << 20);
    let larger = mebibyte.clone() + "x";
    write(&mut node, "/etc/pve/firewall/101.fw", Expect::Absent, &mebibyte).unwrap();
    let error =
        write(&mut node, "/etc/pve/firewall/101.fw", Expect::Anything, &larger).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot change /etc/pve/firewall/101.fw: the text is larger than 1 MiB"
    );
    write(&mut node, "/etc/large", Expect::Absent, &larger).unwrap();
    for expect in [Expect::Absent, Expect::Text("y")] {
        let error = write(&mut node, "/etc/pve/firewall/101.fw", expect, "z").unwrap_err();
        assert!(matches!(error, NodeError::Stale { .. }), "{error}");
    }
    let error = write(&mut node, "/etc/missing", Expect::Text("y"), "z").unwrap_err();
    assert!(matches!(error, NodeError::Stale { .. }), "{error}");
    let error = write(&mut node, "/no/such/folder", Expect::Absent, "z").unwrap_err();
    assert!(error.source().is_some(), "{error}");
}

#[test]
fn a_file_keeps_its_mode() {
    let scratch = scratch();
    let mut node = SimulatedNode::open(scratch.path()).unwrap();
    let mode = |path: &str| {
        let file = fs::metadata(scratch.path().join("fs").join(path)).unwrap();
        file.permissions().mode() & 0o777
    };
    write(&mut node, "/etc/new", Expect::Absent, "a").unwrap();
    assert_eq!(mode("etc/new"), 0o600);
    let interfaces = scratch.path().join("fs/etc/network/interfaces");
    fs::set_permissions(&interfaces, fs::Permissions::from_mode(0o664)).unwrap();
    write(&mut node, "/etc/network/interfaces", Expect::Anything, "a").unwrap();
    assert_eq!(mode("etc/network/interfaces"), 0o664);
}

/// The folder of containers may stand where the cluster file system has it, with its links or without.
#[test]
fn containers_may_stand_in_the_folder_of_the_node() {
    for links in [vec![], vec![("lxc", "nodes/phoenix/lxc"), ("local", "nodes/phoenix")]] {
        let scratch = scratch();
        let pve = scratch.path().join("fs/etc/pve");
        fs::create_dir_all(pve.join("nodes/phoenix")).unwrap();
        fs::rename(pve.join("lxc"), pve.join("nodes/phoenix/lxc")).unwrap();
        for (name, target) in &links {
            std::os::unix::fs::symlink(target, pve.join(name)).unwrap();
        }
        let mut node = SimulatedNode::open(scratch.path()).unwrap();
        assert_eq!(said(&mut node, "pct list").lines().count(), 4);
        said_by_change(&mut node, "pct set 101 --memory 600");
        for (count, path) in ["lxc", "local/lxc", "nodes/phoenix/lxc"].into_iter().enumerate() {
            let path = format!("/etc/pve/{path}/101.conf");
            let text = text_of(&mut node, &path);
            assert!(text.contains("\nmemory: 600\n"), "{text}");
            let added = format!("{text}lxc.environment: N={count}\n");
            write(&mut node, &path, Expect::Text(&text), &added.replace("[before]\n", "")).unwrap();
        }
        let live = fs::read_to_string(scratch.path().join("live/lxc/101.conf")).unwrap();
        assert!(!live.contains("lxc.environment"), "what is in force stays");
        said_by_change(&mut node, "pct reboot 101");
        assert!(!scratch.path().join("live/lxc").exists());
        assert_eq!(pve.join("lxc").is_symlink(), !links.is_empty());
    }
}

fn text_of(node: &mut SimulatedNode, path: &str) -> String {
    let probe = Probe::File(Location::node(path));
    match node.answer(&BTreeSet::from([probe.clone()])).remove(&probe) {
        Some(Answer::Text(text)) => text,
        answer => panic!("{path}: {answer:?}"),
    }
}

fn said_by_change(node: &mut SimulatedNode, command: &str) {
    let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let output = node.perform(Effect::Run { place: Place::Node, argv: &argv }).unwrap();
    assert!(output.success(), "{command}: {output:?}");
}

/// Commands of all kinds, each with its place; questions among them.
const COMMANDS: [(&str, &str); 30] = [
    ("node", "pct list"),
    ("node", "pct start 101"),
    ("node", "pct start 103"),
    ("node", "pct stop 101"),
    ("node", "pct shutdown 103 --forceStop 1"),
    ("node", "pct reboot 101"),
    ("node", "pct set 101 --memory 600"),
    ("node", "pct set 101 --nameserver 10.0.0.13"),
    ("node", "pct set 101 --hostname other"),
    (
        "node",
        "pct set 101 --net0 name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=52:54:00:67:89:B3,ip=10.0.0.154/24,mtu=1400",
    ),
    (
        "node",
        "pct set 101 --net0 name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=52:54:00:67:89:B3,ip=10.0.0.153/24",
    ),
    ("node", "pct set 101 --net1 name=eth1,bridge=vmbr0,ip=192.168.1.153/24,gw=192.168.1.1"),
    ("node", "pct set 101 --net1 name=eth1,bridge=vmbr9"),
    ("node", "pct set 101 --delete net1"),
    ("node", "pct set 101 --delete net0,nameserver"),
    ("node", "pct set 101 --revert nameserver"),
    ("node", "pct set 103 --net1 name=eth1,bridge=vmbr9"),
    ("node", "pct set 103 --net1 name=eth1,bridge=vmbr0,firewall=1"),
    ("node", "pct config 101"),
    ("node", "pct help set --verbose"),
    ("node", "iptables -t nat -D PREROUTING 1"),
    ("node", "systemctl reload pve-firewall.service"),
    ("101", "ip link set eth0 down"),
    ("101", "systemctl restart nginx.service"),
    ("101", "systemctl stop nginx.service"),
    ("101", "nginx -t"),
    (
        "101",
        "/usr/local/sbin/nginx-config-set-listen-all-interfaces /etc/nginx/sites-available/gateway",
    ),
    ("101", "readlink -f -- /etc/nginx/sites-enabled/gateway"),
    ("102", "ip -json -details address show"),
    ("node", "no such command"),
];

/// Returns all that can be asked about what commands change.
fn questions() -> BTreeSet<Probe> {
    let mut probes = BTreeSet::new();
    for vmid in ["101", "102", "103"] {
        let place: Place = vmid.parse().unwrap();
        probes.extend(
            [format!("pct config {vmid}"), format!("pct status {vmid}")]
                .map(|line| run(Place::Node, &line)),
        );
        for line in
            ["ip -json -details address show", "ip -json route get 8.8.8.8", "ss -Hltn", "nginx -t"]
        {
            probes.insert(run(place, line));
        }
        probes.insert(Probe::File(Location::node(&format!("/etc/pve/lxc/{vmid}.conf"))));
    }
    for line in ["pct list", "iptables-save", "ip -json -details address show"] {
        probes.insert(run(Place::Node, line));
    }
    probes
}

/// Returns every command of the list as a question, and every file and folder of the node.
fn all_probes() -> BTreeSet<Probe> {
    let mut probes = questions();
    probes.extend(COMMANDS.map(|(place, command)| run(place.parse().unwrap(), command)));
    for name in contents(scratch().path()).keys().filter_map(|name| name.strip_prefix("fs")) {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        probes.insert(Probe::File(Location::node(name)));
        probes.extend((!folder.is_empty()).then(|| Probe::List(Location::node(folder))));
    }
    probes
}

fn play(node: &mut SimulatedNode, (place, command): (&str, &str)) {
    let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let place = place.parse().unwrap();
    // A command may fail, and a guest may not run: what counts is what is left.
    node.perform(Effect::Run { place, argv: &argv }).map(drop).ok();
}

/// Changes a guest's file by hand, as often as wanted.
fn edit(node: &mut SimulatedNode, vmid: &str, line: &str) {
    let path = format!("/etc/pve/lxc/{vmid}.conf");
    let probe = Probe::File(Location::node(&path));
    let Some(Answer::Text(text)) = node.answer(&BTreeSet::from([probe.clone()])).remove(&probe)
    else {
        return;
    };
    let after = match text.strip_prefix(line) {
        Some(rest) => rest.to_owned(),
        None => line.to_owned() + &text,
    };
    write(node, &path, Expect::Text(&text), &after).unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Run(usize),
    Edit(&'static str, &'static str),
    Site(&'static str, &'static str),
}

fn step() -> impl Strategy<Value = Step> {
    let edits = [
        ("101", "cores: 7\n"),
        ("101", "lxc.net.1.type: macvlan\nlxc.net.1.link: vmbr0\n"),
        ("103", "cores: 1\n"),
    ];
    let sites = [("10.0.0.153", "*"), ("*", "10.0.0.153"), (":443", ":8443")];
    prop_oneof![
        6 => (0..COMMANDS.len()).prop_map(Step::Run),
        2 => proptest::sample::select(edits.to_vec()).prop_map(|(vmid, line)| Step::Edit(vmid, line)),
        1 => proptest::sample::select(sites.to_vec()).prop_map(|(old, new)| Step::Site(old, new)),
    ]
}

fn take(node: &mut SimulatedNode, step: &Step) {
    match step {
        Step::Run(index) => play(node, COMMANDS[*index]),
        Step::Edit(vmid, line) => edit(node, vmid, line),
        Step::Site(old, new) => site(node, old, new),
    }
}

fn site(node: &mut SimulatedNode, old: &str, new: &str) {
    let path = "/etc/nginx/sites-available/gateway".parse().unwrap();
    let at = Location::guest("101".parse().unwrap(), path);
    let probe = Probe::File(at.clone());
    let Some(Answer::Text(text)) = node.answer(&BTreeSet::from([probe.clone()])).remove(&probe)
    else {
        return;
    };
    let text = text.replace(old, new);
    // A guest that does not run cannot be written to.
    node.perform(Effect::Write { at: &at, expect: Expect::Anything, text: &text, mode: 0o644 })
        .map(drop)
        .ok();
}

#[test]
fn questions_change_no_byte() {
    let scratch = scratch();
    let before = contents(scratch.path());
    let mut node = SimulatedNode::open(scratch.path()).unwrap();
    node.answer(&all_probes());
    assert_eq!(contents(scratch.path()), before);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever was done, the next process sees the same node, and asking it changes no byte of it.
    #[test]
    fn the_folder_is_all_there_is(steps in proptest::collection::vec(step(), 1..24)) {
        let scratch = scratch();
        let mut node = SimulatedNode::open(scratch.path()).unwrap();
        for step in &steps {
            take(&mut node, step);
        }
        let before = contents(scratch.path());
        let mut next = SimulatedNode::open(scratch.path()).unwrap();
        prop_assert_eq!(node.answer(&questions()), next.answer(&questions()));
        next.answer(&all_probes());
        prop_assert_eq!(contents(scratch.path()), before);
    }

    /// When no guest runs, nothing is in force that a file does not say.
    #[test]
    fn a_stop_leaves_nothing_behind(steps in proptest::collection::vec(step(), 1..24)) {
        let scratch = scratch();
        let mut node = SimulatedNode::open(scratch.path()).unwrap();
        for step in &steps {
            take(&mut node, step);
        }
        for vmid in ["101", "102", "103"] {
            play(&mut node, ("node", &format!("pct stop {vmid}")));
        }
        let names: Vec<String> = contents(scratch.path()).into_keys().collect();
        let left: Vec<&String> = names.iter().filter(|name| name.starts_with("live/") && *name != "live/iptables.save").collect();
        prop_assert!(left.is_empty(), "{:?}", left);
        prop_assert!(!scratch.path().join("live/guests").exists() && !scratch.path().join("live/lxc").exists());
    }

    /// No words make it panic or claim success for what it does not know.
    #[test]
    fn unknown_words_are_refused(words in proptest::collection::vec("[-a-z0-9=/.,]{0,9}|pct|set|101|--net0|ip|-json|route|get|readlink|-f|--|iptables|-t|nat|-D", 0..7)) {
        let scratch = scratch();
        let before = contents(scratch.path());
        let mut node = SimulatedNode::open(scratch.path()).unwrap();
        for place in ["node", "101"] {
            let ran = node.perform(Effect::Run { place: place.parse().unwrap(), argv: &words });
            let output = ran.unwrap();
            prop_assert!(!output.success() || matches!(words.first().map(String::as_str), Some("pct" | "ip" | "readlink" | "iptables")), "{:?}", words);
        }
        let changed = contents(scratch.path()) != before;
        prop_assert!(!changed || words.len() > 3, "{:?}", words);
    }
}

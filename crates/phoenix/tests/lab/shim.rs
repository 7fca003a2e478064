//! The shim with real traffic: the node, and guests that are routed through it, reach a macvlan of the
//! node's own bridge, and the LAN notices nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Lab, MAC, PATH, cannot_run, example, skip};
use crate::{NODE, PUBLIC};

/// The address of the shim, as the example has it.
const SHIM: &str = "192.168.1.14";

/// A network of guests that only the node knows.
const INNER: [&str; 2] = ["10.9.0.1/24", "10.9.0.12/24"];

/// The line by which the public bridge is declared.
const BRIDGE: &str = "\"public_bridge\": \"vmbr0\"";

/// Declares the shim, or takes it out again.
fn declare(example: &Path, line: &str) {
    let path = example.join("phoenix_hypervisor_config.json");
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find(BRIDGE).unwrap();
    let end = start + text[start..].find('\n').unwrap();
    fs::write(&path, format!("{}{BRIDGE}{line}{}", &text[..start], &text[end..])).unwrap();
}

/// Puts guest 102 behind the node: on a wire of its own, which the router does not know.
fn put_behind_the_node(lab: &Lab) {
    let ip = |place: &str, line: &str| {
        lab.says(place, &[&["ip"], line.split(' ').collect::<Vec<_>>().as_slice()].concat())
    };
    // A place knows no other by its name: the machine plugs the wire in.
    let netns = |place: &str| format!("phx-{}-{place}", lab.name);
    let wire = ["type", "veth", "peer", "name", "inner0", "netns", &netns("node")];
    let mut plug = Command::new("ip");
    plug.args(["-netns", &netns("102"), "link", "add", "inner"]).args(wire).env("PATH", PATH);
    assert!(plug.status().unwrap().success());
    ip("node", &format!("address add {} dev inner0", INNER[0]));
    ip("node", "link set inner0 up");
    ip("102", &format!("address add {} dev inner", INNER[1]));
    ip("102", "link set inner up");
    ip("102", &format!("route replace {PUBLIC}/32 via {}", INNER[0].trim_end_matches("/24")));
}

/// Returns the MAC by which the LAN client reaches an address of the node, 20 times.
fn node_seen_from_the_lan(lab: &Lab) -> Vec<String> {
    // The last answer counts, as on machines that are slower than the second one.
    let write = "echo 0 >/proc/sys/net/ipv4/neigh/eth0/locktime";
    lab.says("lan", &["sh", "-c", write]);
    let once = || {
        lab.says("lan", &["ip", "neigh", "flush", "dev", "eth0"]);
        // Nobody listens there; the question for the MAC is what counts.
        lab.http("lan", &format!("http://{NODE}:9/"));
        let shown = lab.says("lan", &["ip", "-json", "neigh", "show", NODE]);
        let shown = serde_json::from_str::<serde_json::Value>(&shown).unwrap();
        shown[0]["lladdr"].as_str().unwrap_or_default().to_owned()
    };
    (0..20).map(|_| once()).filter(|mac| !mac.is_empty()).collect()
}

fn node_mac(lab: &Lab, device: &str) -> String {
    let shown = lab.says("node", &["ip", "-json", "link", "show", "dev", device]);
    let shown = serde_json::from_str::<serde_json::Value>(&shown).unwrap();
    shown[0]["address"].as_str().unwrap().to_owned()
}

/// Returns whether a place reaches the public address; a machine that does other things too has three tries.
fn reaches(lab: &Lab, place: &str) -> bool {
    (0..3).any(|_| is_reached(lab, place))
}

fn is_reached(lab: &Lab, place: &str) -> bool {
    let (plain, tls) = (format!("http://{PUBLIC}/"), format!("https://{PUBLIC}/"));
    lab.http(place, &plain) == "301" && lab.http(place, &tls) == "502"
}

fn up(letter: &str, scratch: &Path) -> (Lab, PathBuf) {
    let example = example(scratch);
    let lab = Lab::new(letter, &example);
    lab.must(&["lab", "up"]);
    lab.must(&["apply", "--yes"]);
    put_behind_the_node(&lab);
    (lab, example)
}

#[test]
fn the_shim_carries_traffic_and_goes_without_a_trace() {
    if let Some(why) = cannot_run() {
        return skip("the_shim_carries_traffic_and_goes_without_a_trace", &why);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let (lab, example) = up("s", scratch.path());
    let before = state(&lab);
    assert!(!is_reached(&lab, "node") && !is_reached(&lab, "102"), "without the shim");

    declare(&example, &format!(", \"public_shim_address\": \"{SHIM}\""));
    lab.must(&["apply", "--yes"]);
    for value in ["0", "1", "2"] {
        lab.set_rp_filter(value);
        assert!(reaches(&lab, "node"), "rp_filter {value}: {}", lab.says("node", &["ip", "route"]));
        assert!(
            reaches(&lab, "102"),
            "rp_filter {value}: {}",
            lab.says("node", &["iptables-save"])
        );
        lab.serves("lan", PUBLIC);
    }
    lab.set_rp_filter("0");
    lab.must(&["verify"]);
    let seen = node_seen_from_the_lan(&lab);
    let own = node_mac(&lab, "vmbr0");
    assert!(
        !seen.is_empty() && seen.iter().all(|mac| *mac == own),
        "the shim answers for the node: {seen:?}"
    );
    lab.says("node", &["sysctl", "-qw", "net.ipv4.conf.phoenix-shim.arp_filter=0"]);
    lab.must(&["apply", "--yes"]);
    let filter = ["sysctl", "-n", "net.ipv4.conf.phoenix-shim.arp_filter"];
    assert_eq!(lab.says("node", &filter), "1\n", "the setting stays as somebody has left it");
    drifts(&lab);

    lab.says("node", &["pct", "reboot", "101"]);
    assert!(reaches(&lab, "node") && reaches(&lab, "102"), "after a restart of the guest");
    lab.must(&["verify"]);

    declare(&example, "");
    lab.must(&["apply", "--yes"]);
    assert!(!is_reached(&lab, "node") && !is_reached(&lab, "102"), "without the shim again");
    assert_eq!(state(&lab), before, "something stays");
    assert!(!lab.twin("fs/etc/network/interfaces.d/phoenix-shim").exists());
}

/// What somebody takes away by hand is seen by verify, and comes back.
fn drifts(lab: &Lab) {
    let mac = MAC.to_ascii_lowercase();
    let drift: [&[&str]; 4] = [
        &["ip", "route", "delete", PUBLIC, "dev", "phoenix-shim"],
        &["bridge", "fdb", "del", &mac, "dev", "vmbr0", "self", "local"],
        &["ip", "address", "delete", &format!("{SHIM}/32"), "dev", "phoenix-shim"],
        &["ip", "link", "delete", "dev", "phoenix-shim"],
    ];
    for argv in drift {
        lab.says("node", argv);
        let verified = lab.phoenix(&["verify"]).output().unwrap();
        let said = String::from_utf8_lossy(&verified.stdout);
        assert!(said.contains("failed   shim/vmbr0"), "{argv:?}: {said}");
        lab.must(&["apply", "--yes"]);
        lab.must(&["verify"]);
    }
}

/// What the node has of the shim's kind.
fn state(lab: &Lab) -> String {
    let links = lab.says("node", &["ip", "-json", "link", "show"]);
    let links = serde_json::from_str::<Vec<serde_json::Value>>(&links).unwrap();
    let mut links = links.iter().map(|link| link["ifname"].to_string()).collect::<Vec<_>>();
    links.sort();
    let fdb = lab.says("node", &["bridge", "fdb", "show", "dev", "vmbr0"]);
    let own = |line: &&str| line.contains("permanent") && line.contains("master");
    let fdb = fdb.lines().filter(own).collect::<Vec<_>>().join("\n");
    let rules = lab.says("node", &["iptables-save"]);
    let rules = rules.lines().filter(|line| line.starts_with("-A")).collect::<Vec<_>>().join("\n");
    let routes = lab.says("node", &["ip", "route", "show"]);
    format!("{links:?}\n{fdb}\n{rules}\n{routes}")
}

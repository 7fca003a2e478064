//! Packets from outside to the node, decided by the real kernel with the real ruleset, against what the files say.
//!
//! `packets.jsonl` names a folder with `cluster.fw` and `host.fw`, the node's network, the packet and its fate.

#![expect(clippy::unwrap_used, reason = "a missing or broken fixture must stop the test")]

use std::path::{Path, PathBuf};

use phoenix_formats::firewall::{FwFile, Level, host_opens};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/fw-host")
}

#[expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]
fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Asks for the one address of the packet, with the node's own network as the management network.
fn check(packet: &Value) -> Result<(), String> {
    let text = |key: &str| packet[key].as_str().unwrap();
    let folder = folder().join(text("config"));
    let mut cluster = read(&folder.join("cluster.fw")).unwrap_or_default();
    if !cluster.contains("local_network") {
        cluster = format!("[ALIASES]\nlocal_network {}\n{cluster}", text("local_network"));
    }
    let cluster = FwFile::parse(Level::Cluster, &cluster, None);
    let host =
        read(&folder.join("host.fw")).map(|text| FwFile::parse(Level::Host, &text, Some(&cluster)));
    let source = text("source").parse::<std::net::IpAddr>().unwrap().into();
    let port = packet["dport"].as_u64().unwrap().try_into().unwrap();
    let passage = host_opens(&cluster, host.as_ref(), source, text("proto"), port);
    let right = passage.is_open() == (text("expected") == "ACCEPT");
    right.then_some(()).ok_or_else(|| format!("{packet}: {passage:?}"))
}

#[test]
fn decides_packets_to_the_node_as_the_kernel_does() {
    let packets = read(&folder().join("packets.jsonl")).unwrap();
    let packets: Vec<Value> =
        packets.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(packets.len() > 100, "cases are missing");
    let wrong: Vec<_> = packets.iter().filter_map(|packet| check(packet).err()).collect();
    assert!(wrong.is_empty(), "{} packets differ:\n{}", wrong.len(), wrong.join("\n"));
}

//! A guest's rules as a ruleset of nft(8): what it says, and that the real program takes it.

#![expect(clippy::unwrap_used, reason = "a test that cannot run its program has failed")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use phoenix_formats::firewall::{FwFile, Guarded, Level, Ruleset};
use proptest::prelude::*;

const GUARDED: Guarded<'static> = Guarded { net: "net1", device: "eth1", table: "phoenix_public" };

fn ruleset(guest: &str, cluster: &str) -> Ruleset {
    let cluster = FwFile::parse(Level::Cluster, cluster, None);
    let guest = FwFile::parse(Level::Guest, guest, Some(&cluster));
    Ruleset::of(&guest, &cluster, GUARDED)
}

fn rendered(guest: &str, cluster: &str) -> String {
    ruleset(guest, cluster).render("# test", "phoenix 0")
}

/// Returns what nft(8) says against texts in a network of its own; `None` where it cannot be run.
#[expect(clippy::disallowed_methods, reason = "the test asks the real program")]
fn nft(words: &[&str], text: &str) -> Option<Result<String, String>> {
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "nft"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    let (said, against) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
    if against.contains("unshare") || against.contains("not permitted") {
        return None;
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    Some(if output.status.success() { Ok(said) } else { Err(against) })
}

/// Fails when nft(8) is there and does not take a text twice, one after the other.
fn taken(text: &str) {
    let twice = format!("{text}{text}");
    match nft(&["-f", "-"], &twice) {
        Some(Ok(_)) => {}
        Some(Err(why)) => panic!("{why}\n{text}"),
        None => eprintln!("skipped: nft(8) cannot be run in a network of its own here"),
    }
}

const CLUSTER: &str = "\
[ALIASES]
nas 10.0.0.20
office 192.168.7.0/24

[IPSET friends]
10.0.0.0/24
10.0.0.128/25
!10.0.0.66
nas
2001:db8::/64

[group web]
IN ACCEPT -p tcp -dport 8443
IN Ping(ACCEPT)
IN SSH(ACCEPT) -source +friends
";

/// Each row: a rule of the guest, and the lines that it becomes.
const ROWS: &[(&str, &[&str])] = &[
    ("IN ACCEPT -i net1 -p tcp -dport 80", &["tcp dport 80 accept"]),
    ("IN ACCEPT -p tcp -dport 80,443,8000:8010", &["tcp dport { 80, 443, 8000-8010 } accept"]),
    ("IN ACCEPT -p tcp -dport 80:90,85:95", &["tcp dport 80-95 accept"]),
    ("IN ACCEPT -p udp -dport 53 -sport 1024:65535", &["udp sport 1024-65535 udp dport 53 accept"]),
    ("IN ACCEPT -p tcp -dport https", &["tcp dport 443 accept"]),
    ("IN ACCEPT -p tcp", &["meta l4proto 6 accept"]),
    ("IN ACCEPT -p gre", &["meta l4proto 47 accept"]),
    ("IN ACCEPT", &["accept"]),
    ("IN DROP -source 10.1.0.0/16", &["ip saddr { 10.1.0.0-10.1.255.255 } drop"]),
    ("IN REJECT -source 10.1.0.1-10.1.0.9", &["ip saddr { 10.1.0.1-10.1.0.9 } reject"]),
    ("IN ACCEPT -source 2001:db8::1", &["ip6 saddr { 2001:db8::1 } accept"]),
    ("IN ACCEPT -dest 192.168.1.153", &["ip daddr { 192.168.1.153 } accept"]),
    ("IN ACCEPT -source nas", &["ip saddr { 10.0.0.20 } accept"]),
    ("IN ACCEPT -source dc/office", &["ip saddr { 192.168.7.0-192.168.7.255 } accept"]),
    (
        "IN ACCEPT -source +friends",
        &["ip saddr @set_1 ip saddr != @set_1_not accept", "ip6 saddr @set_2 accept"],
    ),
    ("IN Web(ACCEPT)", &["tcp dport 80 accept", "tcp dport 443 accept"]),
    ("IN Ping(ACCEPT)", &["icmp type 8 accept", "icmpv6 type 128 accept"]),
    (
        "IN ACCEPT -p icmp -icmp-type port-unreachable",
        &["meta nfproto ipv4 icmp type 3 icmp code 3 accept"],
    ),
    ("IN ACCEPT -p icmp", &["meta nfproto ipv4 meta l4proto 1 accept"]),
    ("GROUP web", &["jump group_1"]),
    ("GROUP web -i net1", &["jump group_1"]),
    // Not for this interface, or never applied.
    ("IN ACCEPT -i net0 -p tcp -dport 22", &[]),
    ("GROUP web -i net0", &[]),
    ("|IN ACCEPT -p tcp -dport 22", &[]),
    ("OUT ACCEPT -p tcp -dport 443", &[]),
];

/// Returns the lines between the needed ICMP and the last rule, without comments.
fn own_lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with("icmpv6 type {"));
    let lines = lines.skip(1).take_while(|line| !line.starts_with("counter drop"));
    lines.filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn rules_become_these_lines() {
    let mut wrong = Vec::new();
    for (rule, wanted) in ROWS {
        let text = rendered(&format!("[RULES]\n{rule}\n"), CLUSTER);
        if own_lines(&text) != *wanted {
            wrong.push(format!("{rule}: {:?}", own_lines(&text)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_real_program_takes_all_of_them() {
    let rules = ROWS.iter().map(|(rule, _)| format!("{rule}\n")).collect::<String>();
    taken(&rendered(&format!("[RULES]\n{rules}"), CLUSTER));
    taken(&rendered("", ""));
}

#[test]
fn what_has_no_way_into_it_is_named() {
    let guest = "[RULES]\nOUT DROP -dest 10.0.0.0/8\nIN ACCEPT -source +sdn/vnet-all\n";
    let left = ruleset(guest, CLUSTER).left_out;
    let left = left.iter().map(|left| format!("{}: {}", left.rule, left.reason));
    assert_eq!(
        left.collect::<Vec<_>>(),
        ["OUT DROP -dest 10.0.0.0/8: what leaves is not filtered in the guest"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_files_make_a_ruleset_that_is_taken(
        rows in prop::collection::vec(prop::sample::select(ROWS), 0..12),
        comment in "[ -~]{0,12}\u{7}?\\\\?é?",
        ports in prop::collection::vec(0u16..1000, 1..6),
    ) {
        let list = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let rules = rows.iter().map(|(rule, _)| format!("{rule} # {comment}\n")).collect::<String>();
        let rules = format!("[RULES]\n{rules}IN ACCEPT -p tcp -dport {list}\n");
        taken(&rendered(&rules, CLUSTER));
    }

    #[test]
    fn no_text_panics(guest in "\\PC{0,80}", cluster in "\\PC{0,80}") {
        let _ = rendered(&format!("[RULES]\n{guest}"), &format!("[IPSET a]\n{cluster}"));
    }
}

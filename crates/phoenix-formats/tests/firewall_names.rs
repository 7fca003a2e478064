//! Removing what rules can name, and who gets in from elsewhere than the local network.

#![expect(clippy::unwrap_used, reason = "a wrong input of a test must stop it")]

use phoenix_formats::firewall::{Caller, FwEdit, FwFile, Level, host_admits};
use proptest::prelude::*;

fn parse(text: &str) -> FwFile {
    FwFile::parse(Level::Cluster, text, None)
}

fn gone(kind: &str, name: &str) -> FwEdit {
    let name = name.to_owned();
    match kind {
        "alias" => FwEdit::RemoveAlias { name },
        "ipset" => FwEdit::RemoveIpset { name },
        _ => FwEdit::RemoveGroup { name },
    }
}

#[track_caller]
fn check(before: &str, edit: FwEdit, after: &str) {
    let edited = parse(before).edit(std::slice::from_ref(&edit)).unwrap();
    assert_eq!(edited, after);
    assert_eq!(parse(&edited).edit(&[edit]).unwrap(), after, "a second time changes something");
}

#[test]
fn every_line_of_an_alias_goes() {
    let before = "[ALIASES]\nGw 10.0.0.1\ngwx 10.0.0.2\n# gw\n  gw 10.0.0.3 # new\n[RULES]\n# gw\n[aliases]\ngw 1.1.1.1";
    let after = "[ALIASES]\ngwx 10.0.0.2\n# gw\n[RULES]\n# gw\n[aliases]\n";
    check(before, gone("alias", "GW"), after);
    check("[RULES]\nIN ACCEPT\n", gone("alias", "gw"), "[RULES]\nIN ACCEPT\n");
}

#[test]
fn a_section_goes_with_what_is_lost_in_it_and_without_its_comments() {
    let before = "[RULES]\n\nIN DROP\n\n[group Web] # c\n\n# ours\nIN ACCEPT\nnonsense\n\n[group web]\n\n[group db]\n\nIN DROP\n";
    check(before, gone("group", "web"), "[RULES]\n\nIN DROP\n\n# ours\n[group db]\n\nIN DROP\n");
    let before = "[IPSET aa]\n10.0.0.1\n\n[ipset bb]\n10.0.0.2\n";
    check(before, gone("ipset", "aa"), "[ipset bb]\n10.0.0.2\n");
    check(before, gone("ipset", "bb"), "[IPSET aa]\n10.0.0.1\n\n");
    check(before, gone("group", "aa"), before);
}

#[test]
fn a_group_gets_its_comment_and_keeps_the_same_one() {
    let edit = |comment: &str| FwEdit::SetGroupComment {
        name: "web".to_owned(),
        comment: comment.to_owned(),
    };
    check("[Group WEB]\nIN DROP\n", edit("new"), "[group web] # new\nIN DROP\n");
    check("[Group WEB]   #new\n", edit("new"), "[Group WEB]   #new\n");
    assert!(parse("[RULES]\n").edit(&[edit("new")]).is_err());
    assert!(parse("[group web]\n").edit(&[edit("a\nb")]).is_err());
}

fn admits(cluster: &str, from: &str, port: u16) -> String {
    let caller = Caller {
        from: from.parse().unwrap(),
        to: "10.0.0.13/32".parse().unwrap(),
        local_network: "10.0.0.0/24".parse().unwrap(),
    };
    let cluster = parse(&format!("[OPTIONS]\nenable: 1\n{cluster}"));
    let passage = host_admits(&cluster, None, &caller, "tcp", port);
    format!("{} {}", if passage.is_open() { "open" } else { "closed" }, passage.decider())
}

#[test]
fn only_the_local_network_manages_the_node_unasked() {
    let management = "open PVE's own rules for the management addresses";
    let policy = "closed the cluster's `policy_in: DROP`";
    assert_eq!(admits("", "10.0.0.0/24", 22), management);
    assert_eq!(admits("", "10.0.0.77/32", 8006), management);
    assert_eq!(admits("", "192.168.7.9/32", 22), policy);
    assert_eq!(admits("", "fd00::9/128", 22), policy);
    assert_eq!(admits("", "10.0.0.0/16", 22), policy);
    assert_eq!(admits("[IPSET management]\n192.168.7.0/24\n", "192.168.7.9/32", 22), management);
    assert_eq!(admits("[ALIASES]\nlocal_network 10.0.0.0/25\n", "10.0.0.200/32", 22), policy);
}

#[test]
fn a_destination_is_compared_with_what_is_called() {
    let own = "[RULES]\nIN ACCEPT -dest 10.0.0.13 -p tcp -dport 22\n";
    assert!(admits(own, "192.168.7.9/32", 22).starts_with("open `IN ACCEPT"));
    let other = "[RULES]\nIN DROP -dest 10.0.0.14\nIN ACCEPT\n";
    assert!(admits(other, "192.168.7.9/32", 22).starts_with("open `IN ACCEPT"));
    let every = "[RULES]\nIN DROP -dest 10.0.0.0/24\nIN ACCEPT\n";
    assert!(admits(every, "192.168.7.9/32", 22).starts_with("closed `IN DROP"));
}

#[test]
fn long_files_take_no_time() {
    const LENGTH: usize = 1 << 18;
    for part in ["[group aa]\n", "[IPSET aa]\n1.1.1.1\n", "[ALIASES]\naa 1.1.1.1\n", "aa\u{a0}\n"] {
        let file = parse(&part.repeat(LENGTH / part.len()));
        for kind in ["alias", "ipset", "group"] {
            let _ = file.edit(&[gone(kind, "aa")]);
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("[ALIASES]"),
        Just("[RULES]"),
        Just("[IPSET aa] # c"),
        Just("[group aa]"),
        Just("[group bb]"),
        Just("[group b]"),
        Just("aa 10.0.0.1"),
        Just("AA 10.0.0.2 # c"),
        Just("10.0.0.1"),
        Just("IN ACCEPT -source bb"),
        Just("IN"),
        Just("# c"),
        Just(""),
    ];
    proptest::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_is_gone_and_the_rest_is_read_the_same(text in text(), kind in "alias|ipset|group") {
        let file = parse(&text);
        let Ok(edited) = file.edit(&[gone(&kind, "aa")]) else { return Ok(()) };
        let after = parse(&edited);
        let names = |file: &FwFile| {
            let aliases = file.aliases().keys().map(|name| format!("alias {name}"));
            let ipsets = file.ipsets().keys().map(|name| format!("ipset {name}"));
            let groups = file.groups().keys().map(|name| format!("group {name}"));
            aliases.chain(ipsets).chain(groups).collect::<Vec<_>>()
        };
        let mut expected = names(&file);
        expected.retain(|name| *name != format!("{kind} aa"));
        prop_assert_eq!(names(&after), expected);
        prop_assert_eq!(after.rules().len(), file.rules().len());
        prop_assert_eq!(after.groups().get("bb").map(Vec::len), file.groups().get("bb").map(Vec::len));
        let comments = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
        prop_assert_eq!(comments(&edited), comments(&text));
    }
}

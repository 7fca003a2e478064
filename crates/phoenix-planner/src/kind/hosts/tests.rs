use phoenix_formats::hosts::Hosts;
use proptest::prelude::*;

use super::{BEGIN, Own};
use crate::location::Location;

fn own(running: Option<&str>) -> Own {
    Own {
        address: [10, 0, 0, 13].into(),
        full: "phoenix.example.com".to_owned(),
        name: "phoenix".to_owned(),
        running: running.map(str::to_owned),
    }
}

const LINE: &str = "10.0.0.13 phoenix.example.com phoenix";

/// What it is, the text before, and the text after.
const CASES: &[(&str, &str, &str)] = &[
    (
        "a new file",
        BEGIN,
        "127.0.0.1 localhost\n10.0.0.13 phoenix.example.com phoenix\n::1 localhost ip6-localhost ip6-loopback\n",
    ),
    (
        "right already",
        "10.0.0.13 phoenix.example.com phoenix\n",
        "10.0.0.13 phoenix.example.com phoenix\n",
    ),
    (
        "white space and comments stay",
        "10.0.0.13\tphoenix.example.com  phoenix # me\n",
        "10.0.0.13\tphoenix.example.com  phoenix # me\n",
    ),
    (
        "Debian's own line",
        "127.0.0.1\tlocalhost\n127.0.1.1\tphoenix.lan\tphoenix\n",
        "127.0.0.1\tlocalhost\n10.0.0.13\tphoenix.example.com phoenix\n",
    ),
    (
        "beside localhost",
        "127.0.0.1 localhost phoenix\n::1 localhost phoenix\n",
        "127.0.0.1 localhost\n10.0.0.13 phoenix.example.com phoenix\n::1 localhost\n",
    ),
    (
        "another address",
        "10.0.0.5 phoenix.example.com phoenix # office\n10.0.0.7 nas\n",
        "10.0.0.13 phoenix.example.com phoenix # office\n10.0.0.7 nas\n",
    ),
    (
        "both",
        "127.0.1.1 phoenix\n10.0.0.13 phoenix.example.com phoenix pvelocalhost\n",
        "10.0.0.13 phoenix.example.com phoenix pvelocalhost\n",
    ),
    (
        "another domain",
        "10.0.0.13 phoenix.old.lan phoenix\n",
        "10.0.0.13 phoenix.example.com phoenix\n",
    ),
    (
        "aliases stay",
        "10.0.0.13 nfs.example.com nfs phoenix\n",
        "10.0.0.13 phoenix.example.com phoenix nfs.example.com nfs\n",
    ),
    (
        "letter case does not count",
        "10.0.0.13 Phoenix.Example.COM Phoenix\n",
        "10.0.0.13 phoenix.example.com phoenix\n",
    ),
    (
        "CRLF stays",
        "127.0.0.1 localhost\r\n# x\r\n",
        "127.0.0.1 localhost\r\n10.0.0.13 phoenix.example.com phoenix\r\n# x\r\n",
    ),
    (
        "no line end",
        "127.0.0.1 localhost",
        "127.0.0.1 localhost\n10.0.0.13 phoenix.example.com phoenix\n",
    ),
    (
        "a namesake elsewhere",
        "192.0.2.7 phoenix.example.org\n10.0.0.13 phoenix.example.com phoenix\n",
        "192.0.2.7 phoenix.example.org\n10.0.0.13 phoenix.example.com phoenix\n",
    ),
    (
        "its IPv6 address",
        "fd00::13 phoenix\n10.0.0.13 phoenix.example.com phoenix\n",
        "fd00::13 phoenix\n10.0.0.13 phoenix.example.com phoenix\n",
    ),
    ("an empty file", "", "10.0.0.13 phoenix.example.com phoenix\n"),
    ("only comments", "# mine\n", "10.0.0.13 phoenix.example.com phoenix\n# mine\n"),
];

#[test]
fn the_nodes_own_line() {
    for &(what, before, after) in CASES {
        assert_eq!(own(None).edited(before), after, "{what}");
        assert_eq!(own(None).edited(after), after, "{what}, again");
    }
}

#[test]
fn the_running_name_goes_on_resolving_until_the_boot() {
    let renamed = own(Some("pve"));
    let after = "10.0.0.13 phoenix.example.com phoenix pve.lan pve\n";
    assert_eq!(renamed.edited("10.0.0.13 pve.lan pve\n"), after);
    assert_eq!(renamed.edited("127.0.1.1 pve.lan pve\n"), after);
    assert_eq!(renamed.edited(after), after);
    assert_eq!(own(None).edited(after), after, "after the boot");
}

#[test]
fn a_line_of_another_machine_is_refused() {
    let hosts = Hosts::parse("127.0.0.1 localhost phoenix\n10.0.0.5 nas phoenix\n");
    let refusals = own(None).shared(&hosts, &Location::node("/etc/hosts"));
    let shown = refusals.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        shown,
        [
            "/etc/hosts:2: `phoenix` is this node, at 10.0.0.13, and stands here with other names of 10.0.0.5"
        ]
    );
}

fn near_hosts() -> impl Strategy<Value = String> {
    let address = prop::sample::select(vec![
        "10.0.0.13",
        "127.0.0.1",
        "127.0.1.1",
        "::1",
        "10.0.0.5",
        "fd00::1",
        "# 1.2.3.4",
        "junk",
    ]);
    let name = prop::sample::select(vec![
        "phoenix",
        "phoenix.example.com",
        "phoenix.lan",
        "localhost",
        "nas",
        "PHOENIX",
        "#",
        "é",
    ]);
    let gap = prop::sample::select(vec![" ", "\t", "  "]);
    let end = prop::sample::select(vec!["\n", "\r\n", "\n\n", ""]);
    let line = (address, prop::collection::vec((gap, name), 0..4), end);
    prop::collection::vec(line, 0..8).prop_map(|lines| {
        let names = |names: Vec<(&str, &str)>| {
            names.into_iter().map(|(g, n)| format!("{g}{n}")).collect::<String>()
        };
        lines
            .into_iter()
            .map(|(address, rest, end)| format!("{address}{}{end}", names(rest)))
            .collect()
    })
}

proptest! {
    #[test]
    fn the_name_resolves_to_the_address_alone_and_nothing_else_is_lost(text in near_hosts()) {
        let own = own(None);
        let after = own.edited(&text);
        prop_assert_eq!(own.edited(&after), after.clone());
        let hosts = Hosts::parse(&after);
        let v4 = |name: &str| hosts.addresses_of(name).into_iter().filter(|a| a.is_ipv4() || a.is_loopback()).collect::<Vec<_>>();
        prop_assert_eq!(v4("phoenix"), [own.address]);
        prop_assert_eq!(v4("phoenix.example.com"), [own.address]);
        for name in ["localhost", "nas"] {
            prop_assert_eq!(hosts.addresses_of(name), Hosts::parse(&text).addresses_of(name));
        }
    }

    #[test]
    fn lines_without_the_name_stay(text in near_hosts()) {
        let after = own(None).edited(&text);
        let foreign = |text: &str| {
            let lines = text.lines().filter(|line| !line.to_lowercase().contains("phoenix"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let (before, after) = (foreign(&text), foreign(&after));
        prop_assert!(before.iter().all(|line| after.contains(line)), "{before:?} {after:?}");
    }
}

#[test]
fn large_input_takes_linear_time() {
    for piece in
        ["127.0.1.1 phoenix\n", "10.0.0.13 phoenix\n", "#\n", "é", "10.0.0.5 nas phoenix\n"]
    {
        let text = piece.repeat((1 << 20) / piece.len());
        let after = own(None).edited(&text);
        assert!(after.contains(LINE) || after.contains("phoenix.example.com phoenix"), "{piece}");
    }
}

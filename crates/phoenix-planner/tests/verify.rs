//! What answers must show, in the words of the real programs, and which checks an action is about.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its case must fail")]

use phoenix_planner::address::Address;
use phoenix_planner::operation::Want;
use phoenix_planner::probe::{Answer, Output};
use phoenix_planner::verify::{Ask, Check, Vantage, concerns};
use phoenix_planner::want::holds;

const RULES: &str = r#"[{"priority":0,"src":"all","table":"local"},{"priority":101,"src":"192.168.1.153","table":"101"},{"priority":32766,"src":"all","table":"main"}]"#;
const TABLE: &str = r#"[{"dst":"default","gateway":"192.168.1.1","dev":"eth1","flags":[]},{"dst":"192.168.1.0/24","dev":"eth1","scope":"link","flags":[]}]"#;
const ROUTE: &str = r#"[{"dst":"192.0.2.1","gateway":"10.0.0.1","dev":"vmbr0","prefsrc":"10.0.0.13","flags":[],"uid":0,"cache":[]}]"#;
const LIST: &str = "VMID       Status     Lock         Name\n101        running                 gateway\n102        stopped                 traefik\n";
const HOSTS: &str =
    "10.0.0.13       STREAM phoenix\n10.0.0.13       DGRAM  \n10.0.0.13       RAW    \n";
const TWO: &str =
    "127.0.1.1       STREAM phoenix\n127.0.1.1       DGRAM  \n10.0.0.13       STREAM \n";
const SOCKETS: &str = "LISTEN 0 511 0.0.0.0:443 0.0.0.0:*\nLISTEN 0 511 10.0.0.153:80 0.0.0.0:*\nLISTEN 0 511 [::]:80 [::]:*\n";

fn ran(exit: i32, stdout: &str) -> Answer {
    Answer::Ran(Output { exit, stdout: stdout.to_owned(), stderr: String::new() })
}

fn ip(text: &str) -> std::net::Ipv4Addr {
    text.parse().unwrap()
}

/// Every case that is not as expected is listed.
#[test]
fn answers_are_judged_with_the_cause() {
    let servers = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let table =
        |device: &str| Want::TableDefault { via: ip("192.168.1.1"), device: device.to_owned() };
    let way = |via: &str| Want::RouteVia { via: ip(via), device: "vmbr0".to_owned() };
    let rule = |address: &str| Want::OwnRule { ip: ip(address), table: 101 };
    let cases = [
        (rule("192.168.1.153"), ran(0, RULES), None),
        (
            rule("192.168.1.154"),
            ran(0, RULES),
            Some("no rule sends what comes from 192.168.1.154 to table 101"),
        ),
        (table("eth1"), ran(0, TABLE), None),
        (
            table("eth1"),
            ran(2, "[ ]\n"),
            Some("there is no route `default via 192.168.1.1 dev eth1`"),
        ),
        (
            table("eth0"),
            ran(0, TABLE),
            Some(
                "it has `default via 192.168.1.1 dev eth1`, not `default via 192.168.1.1 dev eth0`",
            ),
        ),
        (way("10.0.0.1"), ran(0, ROUTE), None),
        (
            way("10.0.0.2"),
            ran(0, ROUTE),
            Some("the way out is by 10.0.0.1 on vmbr0, not by 10.0.0.2 on vmbr0"),
        ),
        (way("10.0.0.1"), ran(2, ""), Some("it ended with status 2")),
        (Want::Running(101), ran(0, LIST), None),
        (Want::Running(102), ran(0, LIST), Some("it is stopped")),
        (Want::Running(10), ran(0, LIST), Some("there is no such container")),
        (Want::Host(ip("10.0.0.13")), ran(0, HOSTS), None),
        (
            Want::Host(ip("10.0.0.13")),
            ran(0, TWO),
            Some("the answer is 10.0.0.13, 127.0.1.1, not 10.0.0.13"),
        ),
        (Want::Host(ip("10.0.0.13")), ran(2, ""), Some("the name is not known")),
        (Want::Firewall { enabled: true }, ran(0, "Status: enabled/running\n"), None),
        (
            Want::Firewall { enabled: true },
            ran(0, "Status: enabled/running (pending changes)\n"),
            Some("it is enabled/running (pending changes), not enabled/running"),
        ),
        (
            Want::Firewall { enabled: false },
            ran(0, "Status: enabled/running\n"),
            Some("it is enabled/running, not disabled/running"),
        ),
        (Want::Lines(vec!["1".to_owned(), "2".to_owned()]), ran(0, "1\n2\n"), None),
        (
            Want::Lines(vec!["1".to_owned(), "2".to_owned()]),
            ran(0, "0\n0\n"),
            Some("it is 0 0, not 1 2"),
        ),
        (Want::Everywhere { ports: vec![443] }, ran(0, SOCKETS), None),
        (
            Want::Everywhere { ports: vec![80, 443, 8443] },
            ran(0, SOCKETS),
            Some("port 80 listens on 10.0.0.153:80, [::]:80 only; nothing listens on port 8443"),
        ),
        (
            Want::Nameservers(servers(&["10.0.0.13", "9.9.9.9"])),
            Answer::Text("nameserver 10.0.0.13\nnameserver 9.9.9.9\n".to_owned()),
            None,
        ),
        (
            Want::Nameservers(servers(&["10.0.0.13", "9.9.9.9"])),
            Answer::Text("nameserver 9.9.9.9\n".to_owned()),
            Some("it asks 9.9.9.9, not 10.0.0.13, 9.9.9.9"),
        ),
        (Want::Nameservers(Vec::new()), Answer::Absent, Some("there is no such file")),
        (
            Want::AddressIn(servers(&["10.0.0.13"])),
            Answer::Connected,
            Some("the node gave no answer"),
        ),
        (Want::Connects, Answer::Unreachable("refused".to_owned()), Some("refused")),
    ];
    let wrong = cases.iter().filter_map(|(want, answer, expected)| {
        let found = holds(want, answer).err();
        (found.as_deref() != *expected).then(|| format!("{want:?} of {answer:?}: {found:?}"))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn no_answer_panics() {
    let long = "[".repeat(1 << 20);
    for text in ["", "\0", "{", "[{}]", "Ü", "101", "101 ", "0.0.0.0:", long.as_str()] {
        let wants = [
            Want::Running(101),
            Want::Host(ip("10.0.0.13")),
            Want::Firewall { enabled: true },
            Want::OwnRule { ip: ip("10.0.0.13"), table: 101 },
            Want::TableDefault { via: ip("10.0.0.1"), device: String::new() },
            Want::RouteVia { via: ip("10.0.0.1"), device: String::new() },
            Want::Everywhere { ports: vec![80] },
            Want::Up { name: "eth0".to_owned() },
        ];
        for want in wants {
            assert!(holds(&want, &ran(0, text)).is_err(), "{want:?} of {}", text.len());
        }
    }
}

#[test]
fn an_action_is_about_its_guest_or_its_kind() {
    let check = |address: &str| Check {
        address: address.parse().unwrap(),
        title: String::new(),
        vantage: Vantage::Node,
        ask: Ask::Skip(String::new()),
        help: String::new(),
    };
    let guest = Some("101".parse().unwrap());
    for (checked, action, guest, expected) in [
        ("lxc/101/net1", "nat/443", guest, true),
        ("lxc/102", "nat/443", guest, false),
        ("firewall/cluster", "service/pve-firewall", None, true),
        ("firewall/cluster", "firewall/node", None, true),
        ("service/dnsmasq", "package/dnsmasq", None, true),
        ("service/dnsmasq", "dnsmasq/records", None, true),
        ("hosts/node", "resolv-conf/node", None, false),
        ("interfaces/vmbr0/gateway", "interfaces/vmbr0", None, true),
    ] {
        let action = action.parse::<Address>().unwrap();
        assert_eq!(concerns(&check(checked), &action, guest), expected, "{checked} {action}");
    }
}

//! What ip(8) prints, and what it would print on a node that is only described.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests ask the real ip(8), and fail by panicking"
)]

use std::net::IpAddr;

use phoenix_formats::interfaces::{Interfaces, Network};
use phoenix_formats::iproute::{
    Answer, Gateway, Link, ReadError, RouteKind, links_json, links_of, read_links, read_route,
    route_get,
};
use serde_json::Value;

#[path = "support/namespace.rs"]
mod namespace;

/// A node, and the commands that make the same one of virtual links.
const NODE: &str = "\
iface eno1 inet manual
iface vmbr0 inet static
\taddress 192.168.1.2/24
\taddress 192.168.1.3/24
\taddress 10.0.0.1/16
\taddress fd00::1/64
\tgateway 192.168.1.1
\tbridge-ports eno1
iface vmbr0 inet6 static
\tgateway fd00::ff
iface vmbr1 inet static
\taddress 10.0.7.1/24
\tbridge-ports none
\tbridge-vlan-aware yes
";

const REAL: &str = "\
ip link set lo up
ip link add vmbr0 type bridge
ip link add eno1 type veth peer name other
ip link add vmbr1 type bridge
ip link set vmbr1 type bridge vlan_filtering 1 2>/dev/null
ip link set eno1 master vmbr0
for i in eno1 other vmbr0 vmbr1; do ip link set $i addrgenmode none; ip link set $i up; done
ip addr add 192.168.1.2/24 dev vmbr0
ip addr add 192.168.1.3/24 dev vmbr0
ip addr add 10.0.0.1/16 dev vmbr0
ip addr add fd00::1/64 dev vmbr0 nodad
ip addr add 10.0.7.1/24 dev vmbr1
ip route add default via 192.168.1.1
ip route add default via fd00::ff
";

const ASKED: &[&str] = &[
    "192.168.1.9",
    "192.168.1.2",
    "192.168.1.3",
    "192.168.1.255",
    "10.0.3.4",
    "10.0.7.9",
    "8.8.8.8",
    "127.0.0.1",
    "127.0.0.9",
    "fd00::5",
    "fd00::1",
    "2001:db8::1",
    "::1",
];

fn node() -> (Network, Vec<Link>) {
    let network = Interfaces::parse(NODE).network();
    let links = links_of(&network);
    (network, links)
}

#[test]
fn routes_are_those_of_the_real_ip() {
    let ask = |address: &str| format!("ip -json route get {address}; echo $?\n");
    let script: String = ASKED.iter().map(|address| ask(address)).collect();
    let Some(out) = namespace::run(&(REAL.to_owned() + &script)) else { return };
    let real: Vec<_> = out.lines().collect();
    let (network, links) = node();
    for (address, real) in ASKED.iter().zip(real.chunks(2)) {
        let said = route_get(&links, &Gateway::of(&network), address.parse().unwrap());
        assert_eq!(real, [said.stdout.trim_end(), &said.exit.to_string()], "{address}");
    }
}

#[test]
fn without_a_way_ip_ends_with_two() {
    let (_, links) = node();
    let address: IpAddr = "8.8.8.8".parse().unwrap();
    let stderr = "RTNETLINK answers: Network is unreachable\n".to_owned();
    assert_eq!(route_get(&links, &[], address), Answer { exit: 2, stdout: String::new(), stderr });
    let script = REAL.to_owned() + "ip route del default\nip route get 8.8.8.8 2>&1; echo $?\n";
    let Some(out) = namespace::run(&script) else { return };
    assert_eq!(out, "RTNETLINK answers: Network is unreachable\n2\n");
}

#[test]
fn links_have_the_shape_of_the_real_ip() {
    let Some(out) = namespace::run(&(REAL.to_owned() + "ip -json -details address show\n")) else {
        return;
    };
    let real: Vec<Value> = serde_json::from_str(&out).unwrap();
    let (_, links) = node();
    let said: Vec<Value> = serde_json::from_str(&links_json(&links)).unwrap();
    for link in &said {
        let real = real.iter().find(|real| real["ifname"] == link["ifname"]).unwrap();
        same_shape(link, real, "");
    }
    let parsed = read_links(&out).unwrap();
    assert!(parsed.iter().find(|link| link.name == "vmbr0").unwrap().is_bridge());
    assert_eq!(
        parsed.iter().find(|link| link.name == "other").unwrap().lower.as_deref(),
        Some("eno1")
    );
}

/// Fields that differ from machine to machine.
const OWN: &[&str] = &["ifindex", "address", "promiscuity", "qdisc", "vlan_filtering"];

/// Checks that everything said is said by the real one too.
fn same_shape(said: &Value, real: &Value, name: &str) {
    match (said, real) {
        (Value::Object(said), Value::Object(real)) => {
            for (key, value) in said {
                same_shape(
                    value,
                    real.get(key).unwrap_or_else(|| panic!("{key} is not there")),
                    key,
                );
            }
        }
        (Value::Array(said), Value::Array(real)) => {
            assert_eq!(said.len(), real.len(), "{name}: {said:?} {real:?}");
            said.iter().zip(real).for_each(|(said, real)| same_shape(said, real, name));
        }
        _ if OWN.contains(&name) => {}
        _ => assert_eq!(said, real, "{name}"),
    }
}

#[test]
fn links_of_a_described_node() {
    let (_, links) = node();
    let names: Vec<_> = links.iter().map(|link| (link.index, link.name.as_str())).collect();
    assert_eq!(names, [(1, "lo"), (2, "eno1"), (3, "vmbr0"), (4, "vmbr1")]);
    assert_eq!(read_links(&links_json(&links)).unwrap(), links);
    let physical: Vec<_> =
        links.iter().filter(|link| link.is_physical()).map(|link| &link.name).collect();
    assert_eq!(physical, ["eno1"]);
    assert_eq!(links[1].master.as_deref(), Some("vmbr0"));
    assert_eq!(links[2].mac, links[1].mac);
    assert!(links[3].vlan_filtering && links[3].is_bridge() && links[3].is_up());
    assert!(links[2].addresses[2].secondary && !links[2].addresses[1].secondary);
}

#[test]
fn ports_without_a_stanza_are_there() {
    let text = "iface vmbr0 inet manual\n\tbridge-ports eno2 bond0.5\n\tmtu 1400\niface bond0.5 inet manual\niface bond0 inet manual\n\tbond-slaves eno1\n";
    let links = links_of(&Interfaces::parse(text).network());
    let shown: Vec<_> = links
        .iter()
        .map(|link| {
            (
                link.name.as_str(),
                link.kind.as_deref(),
                link.master.as_deref(),
                link.lower.as_deref(),
            )
        })
        .collect();
    let expected = [
        ("lo", None, None, None),
        ("vmbr0", Some("bridge"), None, None),
        ("bond0.5", Some("vlan"), Some("vmbr0"), Some("bond0")),
        ("bond0", Some("bond"), None, None),
        ("eno1", None, Some("bond0"), None),
        ("eno2", None, Some("vmbr0"), None),
    ];
    assert_eq!(shown, expected);
    assert_eq!(links[5].mtu, 1400);
}

#[test]
fn unknown_fields_are_skipped_and_other_texts_are_errors() {
    let links = read_links(r#"[{},{"ifname":"x","new":{"a":[1]},"linkinfo":{"info_kind":"macvlan","info_data":{"mode":"bridge"}},"flags":["UP"],"addr_info":[{"family":"inet6","scope":"site","prefixlen":64}]}]"#).unwrap();
    assert_eq!(
        (links.len(), links[0].kind.as_deref(), links[0].is_up()),
        (1, Some("macvlan"), true)
    );
    assert!(links[0].addresses.is_empty());
    assert!(matches!(read_links(""), Err(ReadError::NotJson(_))));
    assert!(matches!(read_links("eth0: up"), Err(ReadError::NotJson(_))));
    assert!(matches!(read_links("{}"), Err(ReadError::Shape(_))));
    assert!(matches!(read_links(r#"[{"ifname":1}]"#), Err(ReadError::Shape(_))));
    assert!(read_links(&"[".repeat(1 << 20)).is_err());
    assert!(matches!(read_route("[]"), Err(ReadError::Empty)));
    assert!(matches!(read_route("[{}]"), Err(ReadError::Shape(_))));
}

#[test]
fn routes_are_read() {
    let direct = read_route(
        r#"[{"dst":"10.0.0.7","dev":"vmbr0","prefsrc":"10.0.0.1","flags":[],"uid":0,"cache":[]}]"#,
    )
    .unwrap();
    assert!(direct.is_on_link());
    assert_eq!((direct.device.as_str(), direct.source), ("vmbr0", "10.0.0.1".parse().ok()));
    let far = read_route(r#"[{"dst":"8.8.8.8","gateway":"192.168.1.1","dev":"vmbr0"}]"#).unwrap();
    assert_eq!((far.is_on_link(), far.via), (false, "192.168.1.1".parse().ok()));
    let mixed = read_route(
        r#"[{"dst":"8.8.8.8","via":{"family":"inet6","host":"fe80::1"},"dev":"vmbr0"}]"#,
    )
    .unwrap();
    assert_eq!(mixed.via, "fe80::1".parse().ok());
    let own = read_route(r#"[{"type":"local","dst":"10.0.0.1","dev":"lo"}]"#).unwrap();
    assert_eq!((own.kind, own.is_on_link()), (RouteKind::Local, false));
    let new = read_route(r#"[{"type":"anycast","dst":"10.0.0.1","dev":"lo"}]"#).unwrap();
    assert_eq!(new.kind, RouteKind::Other);
}

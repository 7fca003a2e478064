//! interfaces(5): what is read, what its commands do, and edits of single lines.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the corpus, and fail by panicking"
)]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use phoenix_formats::interfaces::{EditError, Interfaces, Network, Phase};
use phoenix_formats::iptables::{PortRange, PortSet, Protocol, obsolete};
use proptest::prelude::*;

const PROXMOX: &str = include_str!("corpus/interfaces/proxmox.interfaces");
const BOND: &str = include_str!("corpus/interfaces/bond.interfaces");
const ODD: &str = include_str!("corpus/interfaces/odd.interfaces");

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/interfaces");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|e| e == "interfaces")).collect();
    files.sort();
    files
}

#[test]
fn inspection() {
    let mut failed = Vec::new();
    for file in corpus() {
        let interfaces = Interfaces::parse(&std::fs::read_to_string(&file).unwrap());
        let actual = serde_json::to_string_pretty(&interfaces).unwrap() + "\n";
        let expected = std::fs::read_to_string(file.with_extension("expected.json")).unwrap();
        if actual != expected {
            failed.push(format!("{}:\n{actual}", file.display()));
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn bridges_ports_and_uplinks() {
    let network = Interfaces::parse(PROXMOX).network();
    let bridges: Vec<_> = network.bridges().map(|bridge| bridge.name.as_str()).collect();
    assert_eq!(bridges, ["vmbr0", "vmbr1"]);
    assert_eq!(network.ports_of("vmbr0").unwrap(), ["eno1"]);
    assert_eq!(network.ports_of("vmbr1").unwrap(), [""; 0]);
    assert_eq!(network.ports_of("eno1"), None);
    let bond = Interfaces::parse(BOND).network();
    let uplinks = |name: &str| bond.uplinks(name).into_iter().collect::<Vec<_>>();
    assert_eq!(uplinks("vmbr0"), ["eno1", "eno2"]);
    assert_eq!(uplinks("bond1"), ["eno4"]);
    assert_eq!(uplinks("vlan20"), ["eno3"]);
    assert_eq!(uplinks("none"), [""; 0]);
}

#[test]
fn uplinks_of_a_circle_end() {
    let circle = "iface a inet manual\n bridge-ports b\niface b inet manual\n bridge-ports a c\n";
    let uplinks = Interfaces::parse(circle).network().uplinks("a");
    assert_eq!(uplinks.into_iter().collect::<Vec<_>>(), ["c"]);
}

#[test]
fn included_files_add_to_the_network() {
    let (main, sdn) =
        (Interfaces::parse(PROXMOX), Interfaces::parse("iface vnet1\n bridge_ports none\n"));
    let network = Network::of(&[&main, &sdn]);
    assert_eq!(network.bridges().count(), 3);
    assert_eq!(main.sources().next().unwrap().pattern, "/etc/network/interfaces.d/*");
}

#[test]
fn commands_are_matched_like_live_rules() {
    let interfaces = Interfaces::parse(PROXMOX);
    let found = interfaces.iptables();
    let address = Ipv4Addr::new(10, 0, 0, 153);
    let accepted: PortSet =
        [80, 443].map(|port| (Protocol::Tcp, PortRange::one(port))).into_iter().collect();
    let verdicts = obsolete(&found.rules, address, &[Ipv4Addr::new(192, 168, 1, 2)], &accepted);
    let removed: Vec<_> = verdicts.remove.iter().map(|removal| removal.rule.line).collect();
    let left: Vec<_> =
        verdicts.left.iter().map(|left| (left.rule.line, left.reason.to_string())).collect();
    // The FORWARD rule stays for 8443, which leads to the same port of the guest.
    assert_eq!(removed, [26, 25]);
    assert_eq!(left.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [28, 30, 31]);
    assert_eq!(left[1].1, "it deletes a rule that no plain command here makes");
    let opaque: Vec<_> =
        found.opaque_about(address).map(|command| (command.line, command.phase)).collect();
    assert_eq!(opaque, [(29, Phase::PostUp)]);
}

#[test]
fn removal_takes_continued_lines_along() {
    let interfaces = Interfaces::parse(PROXMOX);
    let without = interfaces.remove_lines(&BTreeSet::from([25, 26, 1, 9]));
    let kept: Vec<_> =
        PROXMOX.lines().enumerate().filter(|(i, _)| ![24, 25, 26].contains(i)).collect();
    let expected: String = kept.iter().flat_map(|(_, line)| [line, "\n"]).collect();
    assert_eq!(without, expected);
}

#[test]
fn options_are_set_in_place_or_added() {
    let set = |text: &str, line, name: &str, value: &str| {
        Interfaces::parse(text).set_option(line, name, value)
    };
    let cases = [
        (
            "iface a\n\taddress  1.1.1.1/8 \n",
            "address",
            "2.2.2.2/8",
            "iface a\n\taddress  2.2.2.2/8\n",
        ),
        (
            "iface a\n  bridge_ports x\n\nauto b",
            "bridge-ports",
            "y z",
            "iface a\n  bridge_ports y z\n\nauto b",
        ),
        (
            "iface a\n  mtu 1\n# end\nauto b",
            "address",
            "::1/8",
            "iface a\n  mtu 1\n  address ::1/8\n# end\nauto b",
        ),
        ("iface a", "mtu", "9", "iface a\n\tmtu 9"),
        ("iface a\r\n mtu 1\r\n", "up", "x", "iface a\r\n mtu 1\r\n up x\r\n"),
        ("iface a\n up x \\\n  y\nauto b\n", "up", "z", "iface a\n up z\nauto b\n"),
        ("iface a\n m\\\ntu 1\n", "mtu", "2", "iface a\n mtu 2\n"),
        ("iface a\n mtu\n", "mtu", "2", "iface a\n mtu 2\n"),
    ];
    for (text, name, value, expected) in cases {
        assert_eq!(set(text, 1, name, value).as_deref(), Ok(expected), "{text:?}");
    }
    assert_eq!(set("iface a\n", 2, "mtu", "1"), Err(EditError::NoStanza(2)));
    assert_eq!(
        set("iface a\n up x\n up y\n", 1, "up", "z"),
        Err(EditError::Several("up".to_owned()))
    );
    assert_eq!(set("iface a\n up x \\", 1, "mtu", "1"), Err(EditError::Dangling));
    for (name, value) in
        [("", "1"), ("a b", "1"), ("a", ""), ("a", "x\ny"), ("a", "x\\"), ("a", " x"), ("#a", "x")]
    {
        assert_eq!(set("iface a\n", 1, name, value), Err(EditError::Form), "{name:?} {value:?}");
    }
}

#[test]
fn odd_lines_are_kept_and_warned_about() {
    let interfaces = Interfaces::parse(ODD);
    assert_eq!(interfaces.text(), ODD);
    let lines: Vec<_> = interfaces.warnings().iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [1, 6, 7, 8, 14]);
}

fn near_interfaces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("iface vmbr0 inet static\n"),
        Just("iface vmbr0:1 inet6 static\n"),
        Just("auto vmbr0\n"),
        Just("\taddress 10.0.0.1/24\n"),
        Just("  netmask 255.255.255.0\n"),
        Just("address "),
        Just("mtu 1400\n"),
        Just("bridge-ports eno1 vmbr0\n"),
        Just("post-up iptables -t nat -A PREROUTING -p tcp --dport 443 -j DNAT --to 10.0.0.153\n"),
        Just("mapping x\n"),
        Just("source y\n"),
        Just("\\\n"),
        Just("\\\r\n"),
        Just("\r"),
        Just("\r\n"),
        Just("\n"),
        Just("#"),
        Just(" "),
        Just("é"),
        Just("\0"),
        Just("\u{a0}"),
    ];
    prop_oneof![
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
        any::<String>()
    ]
}

proptest! {
    #[test]
    fn the_text_stays(text in near_interfaces()) {
        let interfaces = Interfaces::parse(&text);
        prop_assert_eq!(interfaces.text(), &text);
        prop_assert_eq!(interfaces.remove_lines(&BTreeSet::new()), text.clone());
        let _ = (interfaces.iptables(), interfaces.network().uplinks("vmbr0"));
        let links = phoenix_formats::iproute::links_of(&interfaces.network());
        let json = phoenix_formats::iproute::links_json(&links);
        prop_assert_eq!(phoenix_formats::iproute::read_links(&json).unwrap(), links);
    }

    #[test]
    fn removal_keeps_every_other_line(text in near_interfaces(), pick in any::<prop::sample::Index>()) {
        let text = format!("iface a\n mtu 1\n{text}");
        let interfaces = Interfaces::parse(&text);
        let options: Vec<_> = interfaces.stanzas().iter().flat_map(|stanza| &stanza.options).collect();
        let option = pick.get(&options);
        let lines = text.split_inclusive('\n').enumerate();
        let kept: String = lines
            .filter(|(index, _)| !(option.line..=option.last_line).contains(&(index + 1)))
            .map(|(_, line)| line)
            .collect();
        prop_assert_eq!(interfaces.remove_lines(&BTreeSet::from([option.line])), kept);
    }

    #[test]
    fn a_set_option_is_read_back(text in near_interfaces(), pick in any::<prop::sample::Index>()) {
        let text = format!("iface a\n{text}");
        let interfaces = Interfaces::parse(&text);
        let stanza = pick.get(interfaces.stanzas());
        let Ok(edited) = interfaces.set_option(stanza.line, "mtu", "1234") else { return Ok(()) };
        let after = Interfaces::parse(&edited);
        prop_assert!(stanza.kind.takes_options());
        let again = after.stanzas().iter().find(|own| own.line == stanza.line).unwrap();
        let values: Vec<_> = again.options.iter().filter(|o| o.is("mtu")).map(|o| o.value.as_str()).collect();
        prop_assert_eq!(values, ["1234"]);
        prop_assert_eq!(after.stanzas().len(), interfaces.stanzas().len());
        prop_assert_eq!(after.set_option(stanza.line, "mtu", "1234").unwrap(), edited);
    }
}

#[test]
fn large_input_is_read_in_linear_time() {
    for piece in [
        "\\\n",
        "\n",
        "#",
        "iface a\n",
        " bridge-ports x y\n",
        " address 1.1.1.1\n",
        "é",
        "iface a\n up x\n",
    ] {
        let text = format!("iface z\n{}", piece.repeat((1 << 18) / piece.len()));
        let interfaces = Interfaces::parse(&text);
        assert_eq!(interfaces.text(), text);
        let _ = (interfaces.network().uplinks("a"), interfaces.iptables());
    }
}

//! hosts(5): what is read, and edits of single lines.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use phoenix_formats::hosts::{EditError, Hosts};
use proptest::prelude::*;

const FILE: &str = "# table\r\n127.0.0.1\tlocalhost\r\n10.0.0.153  gw.home gw\t# inside\r\n192.168.1.153 GW.home\r\n::1 localhost";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn entries_and_who_comes_first() {
    let hosts = Hosts::parse(FILE);
    let entry = &hosts.entries()[1];
    assert_eq!(
        (entry.line, entry.names.as_slice()),
        (3, ["gw.home".to_owned(), "gw".to_owned()].as_slice())
    );
    assert_eq!(entry.comment.as_deref(), Some("inside"));
    assert_eq!(hosts.first("GW.HOME.").unwrap().address, ip("10.0.0.153"));
    assert_eq!(hosts.addresses_of("gw.home"), [ip("10.0.0.153"), ip("192.168.1.153")]);
    assert_eq!(hosts.addresses_of("localhost"), [ip("127.0.0.1"), ip("::1")]);
    assert_eq!(hosts.names_of(ip("10.0.0.153")), ["gw.home", "gw"]);
    assert!(hosts.warnings().is_empty() && hosts.first("none").is_none());
}

#[test]
fn what_is_skipped_or_odd() {
    let long = format!("10.0.0.1 {}", "a".repeat(64));
    let cases = [
        ("10.0.0.1 a", 0),
        ("  10.0.0.1\ta_b  #", 0),
        ("10.0.0.1", 1),
        ("10.0.0.1 # a", 1),
        ("300.0.0.1 a", 1),
        ("fe80::1%lo a", 1),
        ("10.0.0.1 -a a- a..b ü .", 5),
        (long.as_str(), 1),
        ("#10.0.0.1 a", 0),
        ("a", 1),
        ("\r", 0),
    ];
    for (text, count) in cases {
        let hosts = Hosts::parse(text);
        assert_eq!(hosts.warnings().len(), count, "{text:?}: {:?}", hosts.warnings());
    }
}

#[test]
fn names_of_an_address_are_set() {
    let cases = [
        ("10.0.0.153", &["web.home"][..], FILE.replace("gw.home gw\t", "web.home\t")),
        ("10.0.0.153", &["gw.home", "gw"], FILE.to_owned()),
        ("10.0.0.153", &[], FILE.replace("10.0.0.153  gw.home gw\t# inside\r\n", "")),
        ("10.0.0.7", &["new.home", "new"], format!("{FILE}\r\n10.0.0.7 new.home new\r\n")),
        ("10.0.0.7", &[], FILE.to_owned()),
    ];
    for (address, names, expected) in cases {
        assert_eq!(
            Hosts::parse(FILE).set_names(ip(address), names).unwrap(),
            expected,
            "{address} {names:?}"
        );
    }
    let twice = "1.1.1.1 a # x\n2.2.2.2 b\n1.1.1.1 c\n";
    assert_eq!(
        Hosts::parse(twice).set_names(ip("1.1.1.1"), &["d"]).unwrap(),
        "1.1.1.1 d # x\n2.2.2.2 b\n"
    );
    for name in ["", "a b", "a#b", "-a", "a\n"] {
        assert!(
            matches!(Hosts::parse("").set_names(ip("::1"), &[name]), Err(EditError::Name { .. })),
            "{name:?}"
        );
    }
}

#[test]
fn names_go_and_lines_are_replaced() {
    let hosts = Hosts::parse(FILE);
    let without = FILE.replace("gw.home gw\t", "gw\t").replace("192.168.1.153 GW.home\r\n", "");
    assert_eq!(hosts.remove_names(&["gw.home"]), without);
    assert_eq!(hosts.replace_line(5, "# gone").unwrap(), FILE.replace("::1 localhost", "# gone"));
    assert_eq!(hosts.replace_line(6, "a"), Err(EditError::NoLine(6)));
    assert_eq!(hosts.replace_line(1, "a\nb"), Err(EditError::Form));
}

fn near_hosts() -> impl Strategy<Value = String> {
    let pieces = [
        "10.0.0.1",
        "::1",
        " ",
        "\t",
        "a",
        "gw.home",
        "#",
        "\n",
        "\r\n",
        "\r",
        "é",
        "\0",
        "10.0.0.1 gw\n",
    ];
    let piece = prop::sample::select(pieces.to_vec());
    prop_oneof![
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
        any::<String>()
    ]
}

proptest! {
    #[test]
    fn the_text_stays(text in near_hosts()) {
        let hosts = Hosts::parse(&text);
        prop_assert_eq!(hosts.text(), &text);
        prop_assert_eq!(hosts.remove_names(&[]), text.clone());
    }

    #[test]
    fn set_names_are_read_back(text in near_hosts(), names in prop::collection::vec("[a-z]{1,5}", 0..4)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let address = ip("10.0.0.1");
        let edited = Hosts::parse(&text).set_names(address, &names).unwrap();
        let after = Hosts::parse(&edited);
        prop_assert_eq!(after.names_of(address), names.clone());
        let others = |hosts: &Hosts| hosts.entries().iter().filter(|e| e.address != address).map(|e| e.names.clone()).collect::<Vec<_>>();
        prop_assert_eq!(others(&after), others(&Hosts::parse(&text)));
        prop_assert_eq!(after.set_names(address, &names).unwrap(), edited);
    }
}

#[test]
fn large_input_is_read_in_linear_time() {
    for piece in ["#", " ", "a ", "10.0.0.1 a\n", "\n", "é", "\0", "1"] {
        let text = format!("10.0.0.1 a{}", piece.repeat((1 << 20) / piece.len()));
        let hosts = Hosts::parse(&text);
        let _ = (
            hosts.addresses_of("a"),
            hosts.remove_names(&["a"]),
            hosts.set_names(ip("10.0.0.1"), &["b"]),
        );
    }
}

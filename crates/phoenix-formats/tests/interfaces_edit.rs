//! interfaces(5): edits of heads, of one option among several, and new lines in a place.

use phoenix_formats::interfaces::{EditError, Interfaces, StanzaKind};
use proptest::prelude::*;

#[test]
fn one_of_several_options_changes() {
    let text =
        "iface a\n  address 1.1.1.1/8\n  address\t2.2.2.2/8 # no comment here\n  address ::1/8\n";
    let file = Interfaces::parse(text);
    let expected = text.replace("2.2.2.2/8 # no comment here", "3.3.3.3/8");
    assert_eq!(file.change_option(3, "3.3.3.3/8"), Ok(expected));
    assert_eq!(file.change_option(1, "x"), Err(EditError::NoOption(1)));
    assert_eq!(file.change_option(2, "x\ny"), Err(EditError::Form));
}

#[test]
fn an_option_is_inserted_in_its_place() {
    let insert =
        |text: &str, after| Interfaces::parse(text).insert_option(after, "gateway", "1.1.1.1");
    let cases = [
        ("iface a\n mtu 1\n up x\n", 1, "iface a\n gateway 1.1.1.1\n mtu 1\n up x\n"),
        ("iface a\n mtu 1\n up x\n", 2, "iface a\n mtu 1\n gateway 1.1.1.1\n up x\n"),
        ("iface a\n mtu 1\n up x", 3, "iface a\n mtu 1\n up x\n gateway 1.1.1.1"),
        ("iface a", 1, "iface a\n\tgateway 1.1.1.1"),
        ("iface a\r\n\r\n", 1, "iface a\r\n\tgateway 1.1.1.1\r\n\r\n"),
        ("iface \\\n a\n up x \\\n  y\n", 1, "iface \\\n a\n gateway 1.1.1.1\n up x \\\n  y\n"),
        ("iface \\\n a\n up x \\\n  y\n", 3, "iface \\\n a\n up x \\\n  y\n gateway 1.1.1.1\n"),
        ("iface a\n# c\n  mtu 1\n", 1, "iface a\n  gateway 1.1.1.1\n# c\n  mtu 1\n"),
    ];
    for (text, after, expected) in cases {
        assert_eq!(insert(text, after).as_deref(), Ok(expected), "{text:?}");
    }
    assert_eq!(insert("auto a\niface a\n", 1), Err(EditError::NoStanza(1)));
    assert_eq!(insert("iface a \\", 1), Err(EditError::Dangling));
}

#[test]
fn the_method_changes_in_its_place() {
    let set = |text: &str| Interfaces::parse(text).set_method(1, "static");
    let cases = [
        ("iface a inet dhcp\n", "iface a inet static\n"),
        ("  iface\ta  inet \tmanual \r\n up x\r\n", "  iface\ta  inet \tstatic \r\n up x\r\n"),
        ("iface a inet dhcp inherits b", "iface a inet static inherits b"),
    ];
    for (text, expected) in cases {
        assert_eq!(set(text).as_deref(), Ok(expected), "{text:?}");
    }
    assert_eq!(set("iface a\n"), Err(EditError::NoStanza(1)));
    assert_eq!(set("iface a inet\n"), Err(EditError::NoStanza(1)));
    assert_eq!(set("auto a b c\n"), Err(EditError::NoStanza(1)));
    assert_eq!(set("iface a \\\ninet dhcp\n"), Err(EditError::Form));
    let two = Interfaces::parse("iface a inet dhcp\n").set_method(1, "static x");
    assert_eq!(two, Err(EditError::Form));
}

#[test]
fn auto_stands_before_the_stanza() {
    let add = |text: &str, line| Interfaces::parse(text).add_auto(line);
    let cases = [
        ("iface a\n", 1, "auto a\niface a\n"),
        ("# c\n  iface a inet dhcp\r\n", 2, "# c\n  auto a\r\n  iface a inet dhcp\r\n"),
        ("iface a", 1, "auto a\niface a"),
    ];
    for (text, line, expected) in cases {
        assert_eq!(add(text, line).as_deref(), Ok(expected), "{text:?}");
    }
    assert_eq!(add("auto a\n", 1), Err(EditError::NoStanza(1)));
    assert_eq!(add("iface a\n", 2), Err(EditError::NoStanza(2)));
}

fn near_interfaces() -> impl Strategy<Value = String> {
    let pieces = [
        "iface vmbr0 inet static\n",
        "iface vmbr0 inet dhcp\r\n",
        "iface \\\nx inet manual\n",
        "iface y\n",
        "auto vmbr0\n",
        "\taddress 10.0.0.1/24\n",
        " address ::1/64\n",
        "up x \\\n  y\n",
        "mtu 1400",
        "# comment\n",
        "\\\n",
        "\r\n",
        "\n",
        " ",
        "é",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..30).prop_map(|own| own.concat())
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

proptest! {
    #[test]
    fn an_inserted_option_is_read_back_and_nothing_else_changes(
        text in near_interfaces(),
        pick in any::<prop::sample::Index>(),
    ) {
        let text = format!("iface a\n{text}");
        let file = Interfaces::parse(&text);
        let stanza = pick.get(file.stanzas());
        let Ok(edited) = file.insert_option(stanza.line, "gateway", "9.9.9.9") else { return Ok(()) };
        let after = Interfaces::parse(&edited);
        prop_assert_eq!(after.stanzas().len(), file.stanzas().len());
        let own = after.stanzas().iter().find(|own| own.line == stanza.line).unwrap();
        prop_assert_eq!(own.options.len(), stanza.options.len() + 1);
        prop_assert_eq!(own.options[0].value.as_str(), "9.9.9.9");
        let mut without = lines(&edited);
        without.remove(stanza.last_line);
        prop_assert_eq!(without, lines(&text));
    }

    #[test]
    fn a_changed_head_is_read_back(text in near_interfaces(), pick in any::<prop::sample::Index>()) {
        let text = format!("iface a inet dhcp\n{text}");
        let file = Interfaces::parse(&text);
        let stanza = pick.get(file.stanzas());
        if let Ok(edited) = file.set_method(stanza.line, "static") {
            let after = Interfaces::parse(&edited);
            let own = after.stanzas().iter().find(|own| own.line == stanza.line).unwrap();
            let is_static = matches!(&own.kind, StanzaKind::Iface { method: Some(m), .. } if m == "static");
            prop_assert!(is_static);
            prop_assert_eq!(lines(&edited).len(), lines(&text).len());
        }
        if let Ok(edited) = file.add_auto(stanza.line) {
            let after = Interfaces::parse(&edited);
            prop_assert_eq!(after.stanzas().len(), file.stanzas().len() + 1);
        }
    }

    #[test]
    fn no_text_is_too_odd_to_edit(text in any::<String>(), line in 0_usize..9) {
        let file = Interfaces::parse(&text);
        let _ = (file.add_auto(line), file.set_method(line, "static"));
        let _ = (file.insert_option(line, "a", "b"), file.change_option(line, "b"));
    }
}

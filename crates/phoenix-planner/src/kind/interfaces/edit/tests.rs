use phoenix_formats::interfaces::Interfaces;
use proptest::prelude::*;

use super::{Auto, Fault, Wanted, addresses, edit};
use crate::kind::interfaces::files;

fn wanted(auto: Auto) -> Wanted<'static> {
    Wanted {
        bridge: "vmbr0",
        auto,
        address: "10.0.0.13/24".parse().ok(),
        gateway: "10.0.0.1".parse().ok(),
        nameservers: Some("10.0.0.13 9.9.9.9".to_owned()),
    }
}

fn edited(text: &str) -> Result<(String, Vec<String>), Fault> {
    let file = Interfaces::parse(text);
    let line = files::stanzas(&file, "vmbr0").next().map_or(0, |stanza| stanza.line);
    edit(&file, line, &wanted(Auto::Present)).map(|edited| (edited.text, edited.changes))
}

/// What it is, the text before, and the text after.
const CASES: &[(&str, &str, &str)] = &[
    (
        "right",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n",
    ),
    (
        "a dotted prefix",
        " address 10.0.0.13/255.255.255.0\n gateway 10.0.0.1\n",
        " address 10.0.0.13/255.255.255.0\n gateway 10.0.0.1\n",
    ),
    (
        "the netmask is right",
        " address 10.0.0.5\n netmask 255.255.255.0\n gateway 10.0.0.1\n",
        " address 10.0.0.13\n netmask 255.255.255.0\n gateway 10.0.0.1\n",
    ),
    (
        "the netmask is wrong",
        " address 10.0.0.13\n netmask 255.0.0.0\n gateway 10.0.0.1\n",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n",
    ),
    (
        "no prefix at all",
        " address 10.0.0.13\n gateway 10.0.0.1\n",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n",
    ),
    (
        "another prefix",
        " address 10.0.0.13/16\n gateway 10.0.0.1\n",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n",
    ),
    ("nothing there", " mtu 9000\n", " address 10.0.0.13/24\n gateway 10.0.0.1\n mtu 9000\n"),
    (
        "a gateway behind the netmask",
        " address 10.0.0.13\n netmask 24\n mtu 9000\n",
        " address 10.0.0.13\n netmask 24\n gateway 10.0.0.1\n mtu 9000\n",
    ),
    (
        "both subnets again",
        " address 10.1.0.5/24\n broadcast 10.1.0.255\n network 10.1.0.0\n gateway 10.1.0.1\n",
        " address 10.0.0.13/24\n network 10.0.0.0\n gateway 10.0.0.1\n",
    ),
    (
        "a broadcast of its own",
        " address 10.1.0.5/24\n broadcast 255.255.255.255\n gateway 10.0.0.1\n",
        " address 10.0.0.13/24\n broadcast 255.255.255.255\n gateway 10.0.0.1\n",
    ),
    (
        "another address beside",
        " address 10.0.0.13/24\n address 10.0.0.77/24\n gateway 10.0.0.1\n",
        " address 10.0.0.13/24\n address 10.0.0.77/24\n gateway 10.0.0.1\n",
    ),
    (
        "IPv6 beside",
        " address fd00::1/64\n address 10.0.0.5/24\n gateway fd00::2\n gateway 10.0.0.3\n",
        " address fd00::1/64\n address 10.0.0.13/24\n gateway fd00::2\n gateway 10.0.0.1\n",
    ),
    (
        "resolvconf's line",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n dns-nameservers 8.8.8.8\n",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n dns-nameservers 10.0.0.13 9.9.9.9\n",
    ),
    (
        "two of resolvconf's lines",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n dns-nameservers 8.8.8.8\n dns-nameservers 8.8.4.4\n",
        " address 10.0.0.13/24\n gateway 10.0.0.1\n dns-nameservers 8.8.8.8\n dns-nameservers 8.8.4.4\n",
    ),
];

#[test]
fn only_what_differs_changes() {
    for &(what, before, after) in CASES {
        let text = format!("iface vmbr0 inet static\n{before} # x\n\nauto vmbr0\n");
        let (found, changes) = edited(&text).unwrap_or_else(|_| panic!("{what} is refused"));
        assert_eq!(
            found,
            format!("iface vmbr0 inet static\n{after} # x\n\nauto vmbr0\n"),
            "{what}"
        );
        assert_eq!(changes.is_empty(), before == after, "{what}: {changes:?}");
        let (again, changes) = edited(&found).unwrap_or_else(|_| panic!("{what} is refused again"));
        assert_eq!((again, changes.len()), (found, 0), "{what}, again");
    }
}

#[test]
fn what_is_not_clear_is_not_guessed() {
    let several = |text: &str| match edited(text) {
        Err(Fault::Several { option, lines }) => (option, lines),
        _ => panic!("{text:?} is edited"),
    };
    let head = "iface vmbr0 inet static\n";
    let two = format!("{head} address 10.0.0.5/24\n address 10.0.0.6/24\n");
    assert_eq!(several(&two), ("address", vec![2, 3]));
    let two = format!("{head} address 10.0.0.13/24\n gateway 10.0.0.1\n gateway 10.0.0.2\n");
    assert_eq!(several(&two), ("gateway", vec![3, 4]));
    assert!(matches!(edited("iface vmbr0 inet tunnel\n"), Err(Fault::Method(_))));
    assert!(matches!(edited("iface vmbr0 \\\ninet dhcp\n"), Err(Fault::Form(_))));
}

#[test]
fn a_netmask_counts_where_the_address_has_no_prefix() {
    let nets = |text: &str| {
        let file = Interfaces::parse(text);
        let shown = addresses(&file.stanzas()[0]).into_iter().map(|net| net.to_string());
        shown.collect::<Vec<_>>()
    };
    assert_eq!(nets("iface a\n address 10.0.0.1\n netmask 255.255.0.0\n"), ["10.0.0.1/16"]);
    assert_eq!(nets("iface a\n netmask 16\n address 10.0.0.1\n"), ["10.0.0.1/16"]);
    assert_eq!(nets("iface a\n address 10.0.0.1/24\n netmask 255.255.0.0\n"), ["10.0.0.1/24"]);
    assert_eq!(nets("iface a\n address 10.0.0.1\n"), [""; 0]);
}

fn near_stanza() -> impl Strategy<Value = String> {
    let lines = [
        " address 10.0.0.13/24\n",
        " address 10.0.0.5\r\n",
        "\taddress 192.168.1.5/16\n",
        " address fd00::1/64\n",
        " netmask 255.255.255.0\n",
        " netmask 8\n",
        " gateway 10.0.0.1\n",
        " gateway 10.0.0.9\n",
        " broadcast 10.0.0.255\n",
        " dns-nameservers 1.1.1.1\n",
        " bridge-ports eno1 \\\n  eno2\n",
        " post-up echo address 10.0.0.5\n",
        " # address 10.0.0.7\n",
        "\n",
    ];
    let head = prop::sample::select(vec![
        "iface vmbr0 inet static\n",
        "iface vmbr0 inet dhcp\n",
        "iface vmbr0\n",
        "  iface vmbr0 inet manual\r\n",
    ]);
    let lines = prop::collection::vec(prop::sample::select(lines.to_vec()), 0..10);
    let after = prop::sample::select(vec![
        "",
        "iface vmbr0 inet6 static\n address fd00::9/64\n",
        "auto lo\n# end",
    ]);
    (head, lines, after)
        .prop_map(|(head, lines, after)| format!("# top\n{head}{}{after}", lines.concat()))
}

proptest! {
    #[test]
    fn the_stanza_is_as_wanted_and_foreign_lines_stay(text in near_stanza(), missing in any::<bool>()) {
        let file = Interfaces::parse(&text);
        let auto = if missing { Auto::Missing } else { Auto::Present };
        let Ok(done) = edit(&file, 2, &wanted(auto)) else { return Ok(()) };
        let after = Interfaces::parse(&done.text);
        let stanza = files::stanzas(&after, "vmbr0").next();
        let Some(stanza) = stanza else { return Err(TestCaseError::fail("the stanza is gone")) };
        let nets = addresses(stanza).iter().map(ToString::to_string).collect::<Vec<_>>();
        prop_assert!(nets.contains(&"10.0.0.13/24".to_owned()), "{nets:?}");
        let gateway = super::gateways(stanza).first().map(|(_, ip)| ip.to_string());
        prop_assert_eq!(gateway.as_deref(), Some("10.0.0.1"));
        let again = edit(&after, stanza.line, &wanted(Auto::Present));
        let Ok(again) = again else { return Err(TestCaseError::fail("refused the second time")) };
        prop_assert_eq!(&again.text, &done.text);
        let own = ["address", "netmask", "gateway", "broadcast", "dns-", "iface", "auto vmbr0"];
        let foreign = |text: &str| {
            let lines = text.lines().filter(|line| !own.iter().any(|own| line.trim().starts_with(own)));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        prop_assert_eq!(foreign(&done.text), foreign(&text));
    }
}

use std::net::IpAddr;

use phoenix_formats::resolv_conf::ResolvConf;
use proptest::prelude::*;

use super::{edited, servers, words};
use crate::load::{Strictness, load};
use crate::source::{FileKind, Sources};

fn asked(hypervisor: &str) -> Option<String> {
    let mut sources = Sources::default();
    sources.files.insert(FileKind::Hypervisor, hypervisor.into());
    sources.files.insert(FileKind::Containers, "{}".into());
    let desired = load(&sources, Strictness::Strict).desired.expect("the case is right");
    servers(&desired).map(|servers| words(&servers))
}

#[test]
fn the_nodes_own_server_comes_first_and_three_count() {
    let address = r#""name": "vmbr0", "address": "10.0.0.13/24""#;
    let declared = format!(r#"{address}, "dns_nameservers": ["10.0.0.153", "8.8.8.8"]"#);
    let cases = [
        (declared.as_str(), r#"{"enabled": true}"#, Some("10.0.0.13 10.0.0.153 8.8.8.8")),
        (declared.as_str(), r#"{"enabled": false}"#, Some("10.0.0.153 8.8.8.8")),
        (declared.as_str(), "null", Some("10.0.0.153 8.8.8.8")),
        (address, "{}", Some("10.0.0.13 8.8.8.8 8.8.4.4")),
        (address, r#"{"upstream_servers": ["1.1.1.1", "1.1.1.1"]}"#, Some("10.0.0.13 1.1.1.1")),
        (
            address,
            r#"{"upstream_servers": ["2620:fe::fe", "1.1.1.1", "9.9.9.9"]}"#,
            Some("10.0.0.13 2620:fe::fe 1.1.1.1"),
        ),
        (address, r#"{"enabled": false}"#, None),
        (address, "null", None),
        (r#""dns_nameservers": []"#, "null", Some("")),
        (r#""dns_nameservers": "9.9.9.9""#, "null", Some("9.9.9.9")),
    ];
    for (interfaces, dns, expected) in cases {
        let text = format!(
            r#"{{"domain_name": "lan", "network": {{"interfaces": {{{interfaces}}}}}, "dns_server": {dns}}}"#
        );
        assert_eq!(asked(&text).as_deref(), expected, "{text}");
    }
}

fn near_resolv_conf() -> impl Strategy<Value = String> {
    let lines = [
        "nameserver 8.8.8.8\n",
        "nameserver 10.0.0.13\r\n",
        "nameserver fe80::1%eth0\n",
        "search lan example.com\n",
        "search a.example.com\r\n",
        "domain old.example.com\n",
        "options rotate\n",
        "sortlist 10.0.0.0/24\n",
        "# comment\n",
        "; other\n",
        " nameserver 1.1.1.1\n",
        "nameserver\n",
        "\n",
        "junk",
        "é",
    ];
    prop::collection::vec(prop::sample::select(lines.to_vec()), 0..12).prop_map(|own| own.concat())
}

proptest! {
    #[test]
    fn what_is_asked_is_as_wanted_and_the_rest_stays(text in near_resolv_conf()) {
        let wanted = ["10.0.0.13", "9.9.9.9"].map(|ip| ip.parse::<IpAddr>().expect("an address"));
        let after = edited(&ResolvConf::parse(&text), &wanted, Some("example.com"));
        let after = after.expect("nothing here is more than one word");
        let read = ResolvConf::parse(&after);
        let servers = read.nameservers().map(|server| server.address).collect::<Vec<_>>();
        prop_assert_eq!(servers, wanted);
        prop_assert_eq!(read.search()[0], "example.com");
        let before = ResolvConf::parse(&text);
        let kept = |domain: &&str| read.search().contains(&domain.trim_end_matches('\r'));
        prop_assert!(before.search().iter().all(kept));
        prop_assert_eq!(read.options(), before.options());
        let again = edited(&read, &wanted, Some("example.com"));
        prop_assert_eq!(again.as_deref(), Ok(after.as_str()));
        let comments = |text: &str| text.matches("# comment").count();
        prop_assert_eq!(comments(&after), comments(&text));
    }
}

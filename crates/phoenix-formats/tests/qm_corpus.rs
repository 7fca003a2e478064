//! Network strings and cloud-init addresses of machines against the verdicts of the real Proxmox VE.

use phoenix_formats::net::NetView;
use phoenix_formats::qm::{FirewallFlag, IpConfig, VmNet, ipconfig_view, net_view};
use proptest::prelude::*;
use serde_json::Value;

const CORPUS: &str = include_str!("corpus/qm.jsonl");

fn cases() -> impl Iterator<Item = (usize, Value)> {
    let parse = |line| serde_json::from_str(line).expect("the corpus is JSON");
    CORPUS.lines().map(parse).enumerate()
}

fn view(case: &Value) -> NetView {
    let input = case["input"].as_str().expect("an input");
    if case["kind"] == "net" { net_view(input) } else { ipconfig_view(input) }
}

/// An `ipconfig` counts as accepted when the machine starts with it.
fn accepted(case: &Value) -> bool {
    let verdict = if case["kind"] == "net" { "accepted" } else { "runtime_accepted" };
    case[verdict].as_bool().expect("a verdict")
}

fn check(case: &Value) -> Result<(), String> {
    let view = view(case);
    if view.accepted != accepted(case) || view.accepted == view.error.is_some() {
        return Err(format!("accepted: {}, {:?}", view.accepted, view.error));
    }
    let seen = serde_json::to_value(&view).expect("a view is JSON");
    for key in ["parsed", "canonical"].into_iter().filter(|_| view.accepted) {
        if seen[key] != case[key] {
            return Err(format!("{key}: {} instead of {}", seen[key], case[key]));
        }
    }
    Ok(())
}

#[test]
fn the_real_verdicts() {
    let fails = |(number, case): (usize, Value)| {
        check(&case).err().map(|why| format!("{number}: {}: {why}", case["input"]))
    };
    let failures: Vec<String> = cases().filter_map(fails).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn canonical_text_is_a_fixed_point() {
    for (number, case) in cases().filter(|(_, case)| accepted(case)) {
        let canonical = case["canonical"].as_str().expect("a canonical form");
        let again = Value::from(canonical);
        let again = view(&serde_json::json!({"kind": case["kind"], "input": again}));
        assert_eq!(again.canonical.as_deref(), Some(canonical), "case {number}");
    }
}

#[test]
fn rules_beyond_the_corpus() {
    let taken = [
        ("macaddr=BC:24:11:00:00:01,virtio=BC:24:11:00:00:02", "virtio=BC:24:11:00:00:02"),
        ("macaddr=bad,e1000=BC:24:11:00:00:02", "e1000=BC:24:11:00:00:02"),
        ("virtio,rate=-0", "virtio,rate=-0"),
        ("virtio,rate=1E+3,tag=+5", "virtio,rate=1E+3,tag=+5"),
        ("virtio,trunks=5-1;007", "virtio,trunks=5-1;007"),
        (" ,virtio,,", "virtio"),
    ];
    for (text, canonical) in taken {
        assert_eq!(VmNet::parse(text).map(|net| net.canonical()).as_deref(), Ok(canonical));
    }
    let refused = [
        "virtio=BC:24:11:00:00:01,virtio=BC:24:11:00:00:01",
        "virtio,virtio=BC:24:11:00:00:01",
        "model=virtio,e1000=BC:24:11:00:00:01",
        "virtio\n",
        "virtio,rate=-1e-9",
        "virtio,trunks=1-2-3",
        "virtio,mtu=1e3",
    ];
    for text in refused {
        assert!(VmNet::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_gateway_needs_an_address_of_its_own() {
    let error = |text| IpConfig::parse(text).expect_err("the machine would not start").to_string();
    assert_eq!(error("gw=10.0.0.1"), "`gw` needs `ip` beside it");
    assert!(error("ip=dhcp,gw=10.0.0.1").starts_with("`gw` cannot stand beside `ip=dhcp`"));
    assert!(error("ip6=manual,gw6=fd00::1").starts_with("`gw6` cannot stand beside `ip6=manual`"));
    assert!(IpConfig::parse("ip=manual,gw=10.0.0.1").is_ok());
    assert!(IpConfig::parse("ip6=::/64,gw6=fd00::1").is_ok());
}

#[test]
fn the_firewall_flag_and_nothing_else() {
    let net = VmNet::parse("virtio=bc:24:11:00:00:01,bridge=vmbr0,tag=5").expect("accepted");
    let on = net.with_firewall(FirewallFlag::On);
    assert_eq!(on.to_string(), "virtio=bc:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=5");
    assert!(on.is_on("firewall"));
    assert_eq!(on.with_firewall(FirewallFlag::Off), net);
    assert_eq!((net.model(), net.mac()), ("virtio", "BC:24:11:00:00:01".parse().ok()));
}

/// Strings that are nearly right.
fn near(words: &'static str) -> impl Strategy<Value = String> {
    proptest::collection::vec(words, 0..5).prop_map(|parts| parts.join(","))
}

const NET: &str = "(virtio|e1000|model|macaddr|bridge|firewall|rate|tag|trunks)(=(virtio|vmbr0|on|0|5|-1|1-5|BC:24:11:00:00:0[1-3]))?";
const IPCONFIG: &str =
    "(ip|ip6|gw|gw6)=(dhcp|auto|manual|10[.]0[.]0[.][1-5](/24)?|fd00::[1-5](/64)?)";

fn settled(view: &NetView, again: impl Fn(&str) -> NetView) -> bool {
    let shown = view.canonical.as_deref().map(again);
    shown.is_none_or(|shown| shown.canonical == view.canonical && shown.parsed == view.parsed)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_back(net in near(NET), addresses in near(IPCONFIG)) {
        prop_assert!(settled(&net_view(&net), net_view), "{}", net);
        prop_assert!(settled(&ipconfig_view(&addresses), ipconfig_view), "{}", addresses);
    }

    #[test]
    fn nothing_panics(text in any::<String>()) {
        for view in [net_view(&text), ipconfig_view(&text)] {
            prop_assert_eq!(view.accepted, view.error.is_none());
            prop_assert_eq!(view.accepted, view.canonical.is_some());
        }
    }

    #[test]
    fn a_card_is_given_once(first in "virtio|e1000", second in "virtio|e1000", mac in "BC:24:11:00:00:0[1-3]") {
        for text in [format!("{first},{second}={mac}"), format!("{first}={mac},model={second}")] {
            prop_assert!(VmNet::parse(&text).is_err());
        }
    }
}

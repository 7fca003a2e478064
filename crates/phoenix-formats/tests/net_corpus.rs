//! Network strings of containers against the verdicts of the real Proxmox VE.

use phoenix_formats::net::{LxcNet, NetText, NetView, same_value};
use phoenix_formats::property::PropertyText;
use proptest::prelude::*;
use serde_json::Value;

const CORPUS: &str = include_str!("corpus/net.jsonl");

fn cases() -> impl Iterator<Item = (usize, Value)> {
    let parse = |line| serde_json::from_str(line).expect("the corpus is JSON");
    CORPUS.lines().map(parse).enumerate()
}

fn check(case: &Value) -> Result<(), String> {
    let view = NetView::of(case["input"].as_str().expect("an input"));
    let seen = serde_json::to_value(&view).expect("a view is JSON");
    for key in ["accepted", "parsed", "canonical"] {
        if seen[key] != case[key] {
            return Err(format!("{key}: {} instead of {}", seen[key], case[key]));
        }
    }
    if view.accepted == view.error.is_some() {
        return Err(format!("error: {:?}", view.error));
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
    for (number, case) in cases().filter(|(_, case)| case["accepted"] == true) {
        let canonical = case["canonical"].as_str().expect("a canonical form");
        let again = LxcNet::parse(canonical).expect("canonical text is accepted");
        assert_eq!(again.to_string(), canonical, "case {number}");
    }
}

#[test]
fn every_fault_is_reported() {
    let spec = "name=eth1,macaddr=02:00:00:00:01:01,bridge=vmbr0,type=macvlan,mode=bridge";
    let error = LxcNet::parse(spec).expect_err("stock Proxmox VE refuses it");
    assert_eq!(
        error.to_string(),
        "`type` cannot be `macvlan`: it takes `veth`; there is no property `macaddr`; \
         there is no property `mode`"
    );
}

#[test]
fn rules_beyond_the_corpus() {
    let taken = ["tag=+5", "mtu=+1500", "rate=-1", "rate=1E+3", "ip=10.0.0.1/008", "firewall=tRuE"];
    for part in taken {
        assert!(LxcNet::parse(&format!("name=a,{part}")).is_ok(), "{part}");
    }
    let refused =
        ["tag=--5", "rate=.", "rate=1e", "rate=e5", "mtu=1e3", "ip=10.0.0.1/+24", "=x", "tag=5\n1"];
    for part in refused {
        assert!(LxcNet::parse(&format!("name=a,{part}")).is_err(), "{part}");
    }
}

#[test]
fn text_keeps_what_it_does_not_know() {
    let text = NetText::parse("name=eth1,macaddr=02:00:00:00:01:01,bridge=vmbr0,type=macvlan,x");
    let changed = text.with("bridge", "vmbr1").with("ip", "dhcp").without("name");
    assert_eq!(
        changed.to_string(),
        "macaddr=02:00:00:00:01:01,bridge=vmbr1,type=macvlan,x,ip=dhcp"
    );
    assert_eq!(text.mac(), "02:00:00:00:01:01".parse().ok());
}

#[test]
fn meaning_beats_spelling() {
    let same = |left: &str, right: &str| NetText::parse(left).differences(&NetText::parse(right));
    let left = "name=e,hwaddr=BC:24:11:00:00:0A,firewall=yes,tag=5,ip6=fd00::1/64";
    let right = "macaddr=bc:24:11:00:00:0a,name=e,firewall=1,link_down=0,tag=005,type=veth,ip6=fd00:0::1/64";
    assert_eq!(same(left, right), Vec::<String>::new());
    assert_eq!(same("name=e,ip=10.0.0.1/24", "name=e,ip=10.0.0.1/25,mtu=9000"), ["ip", "mtu"]);
    assert!(!same_value("ip", Some("dhcp"), None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_round_trips(text in "\\PC{0,80}") {
        prop_assert_eq!(PropertyText::parse(&text).to_string(), text.clone());
        prop_assert_eq!(NetText::parse(&text).to_string(), text);
    }

    #[test]
    fn nothing_panics(text in any::<String>()) {
        let view = NetView::of(&text);
        prop_assert_eq!(view.accepted, view.error.is_none());
    }

    #[test]
    fn a_value_says_what_makes_no_difference(
        text in "((name|ip|gw|type|firewall|macaddr|hwaddr)=[a-z0-1]{0,2},?){0,4}",
        key in prop_oneof![Just("firewall"), Just("hwaddr"), Just("type"), Just("ip")],
        value in prop_oneof![Just("0"), Just("1"), Just("veth"), Just("aa:bb:cc:00:00:01")],
    ) {
        let net = NetText::parse(&text);
        let same = net.differences(&net.with(key, value)).is_empty();
        prop_assert_eq!(net.says(key, value), same);
    }

    #[test]
    fn what_is_set_can_be_read(text in "[a-z=,0-9]{0,40}", value in "[a-z0-9.:/]{0,20}") {
        let net = NetText::parse(&text).with("ip", &value);
        prop_assert_eq!(net.get("ip"), Some(value.as_str()));
        prop_assert!(net.without("ip").get("ip").is_none());
    }
}

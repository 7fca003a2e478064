//! Single rules: what PVE would make of them, which mean the same, which match nothing.

#![expect(clippy::unwrap_used, reason = "a wrong input of a test must stop it")]

use phoenix_formats::firewall::{
    Action, Effect, FwFile, Level, Names, NeverMatches, Property, Rule, RuleKind, Scope, host_opens,
};

const CLUSTER: &str = "[ALIASES]\nweb 10.0.0.5\nnet6 fd00:1::/64\n[IPSET admins]\n10.9.0.0/16\n[group web]\nIN ACCEPT\n";

fn guest() -> Scope {
    Scope::rules(Level::Guest).with_cluster(Names::of(&FwFile::parse(
        Level::Cluster,
        CLUSTER,
        None,
    )))
}

fn rule(line: &str) -> Rule {
    Rule::parse_line(line).unwrap()
}

#[track_caller]
fn check(scope: &Scope, line: &str, problems: &[(Property, Effect)]) {
    let found: Vec<_> =
        rule(line).check(scope).iter().map(|problem| (problem.property, problem.effect)).collect();
    assert_eq!(found, problems, "{line}");
}

#[test]
fn good_rules_have_no_problem() {
    let good = [
        "IN ACCEPT -i net0 -p tcp -dport 80,443,1000:2000,ssh",
        "IN SSH(ACCEPT) -source +admins",
        "IN SSH(ACCEPT) -source +dc/admins -dest WEB",
        "GROUP web -i net1",
        "OUT ACCEPT -p icmp -icmp-type echo-request",
        "IN ACCEPT -p icmp -dport 8",
        "IN ACCEPT -p udp -dport domain -log info # names",
        "IN ACCEPT -source 10.80.0.0/255.255.0.0",
    ];
    good.iter().for_each(|line| check(&guest(), line, &[]));
}

#[test]
fn rules_that_pve_keeps_and_never_applies() {
    use Effect::Inert;
    check(&guest(), "IN ACCEPT -i eth1", &[(Property::Iface, Inert)]);
    check(&guest(), "IN accept", &[(Property::Action, Inert)]);
    check(&guest(), "FORWARD DROP", &[(Property::Type, Inert)]);
    check(&Scope::rules(Level::Host), "FORWARD REJECT", &[(Property::Action, Inert)]);
    check(&guest(), "IN ACCEPT -dport 80", &[(Property::Proto, Inert), (Property::Dport, Inert)]);
    check(&guest(), "IN ACCEPT -p tcp -dport 80-90", &[(Property::Dport, Inert)]);
    check(&guest(), "IN ACCEPT -source 10.0.0.5/24", &[(Property::Source, Inert)]);
    check(&guest(), "IN ACCEPT -source !10.0.0.5", &[(Property::Source, Inert)]);
    check(&guest(), "IN HTTPS(ACCEPT) -p udp", &[(Property::Proto, Inert)]);
    check(&guest(), "GROUP nosuch", &[(Property::Action, Inert)]);
    check(&Scope::group(), "IN ACCEPT -i net0", &[(Property::Type, Inert)]);
    // PVE's own check passes these; they fail when it builds the ruleset.
    check(&guest(), "IN ACCEPT -source guest/web", &[(Property::Source, Inert)]);
    check(&guest(), "IN ACCEPT -source +guest/admins", &[(Property::Source, Inert)]);
    check(&guest(), "IN ACCEPT -p icmp -dport 80:90", &[(Property::Dport, Inert)]);
}

#[test]
fn rules_that_endanger_all_others() {
    use Effect::Hazard;
    check(&guest(), "IN ACCEPT -p udp -dport http", &[(Property::Dport, Hazard)]);
    check(&guest(), "IN ACCEPT -p tcp -sport tftp", &[(Property::Sport, Hazard)]);
    check(&guest(), "IN ACCEPT -p tcp -dport echo-request", &[(Property::Dport, Hazard)]);
    check(&guest(), "IN ACCEPT -source 10.0.0.1/x", &[(Property::Source, Hazard)]);
    check(&guest(), "IN ACCEPT -source 10.0.0", &[(Property::Source, Hazard)]);
    check(&guest(), "IN ACCEPT -dest 10.0.0.1-20", &[(Property::Dest, Hazard)]);
}

#[test]
fn rules_that_pve_drops_or_overlooks() {
    check(&guest(), "IN ACCEPT -source 10.0.0.1 -dest net6", &[(Property::Dest, Effect::Dropped)]);
    check(&guest(), "IN ACCEPT -p tcp -dport 0", &[(Property::Dport, Effect::Widened)]);
    check(&guest(), "BOTH ACCEPT", &[(Property::Type, Effect::BlocksSave)]);
    let spaced = Rule { source: Some("10.0.0.1, 10.0.0.2".to_owned()), ..rule("IN ACCEPT") };
    assert_eq!(spaced.check(&guest())[0].effect, Effect::Dropped);
    let logged = Rule { log: Some("info".to_owned()), ..rule("GROUP web") };
    assert_eq!(logged.check(&guest())[0].property, Property::Log);
    let mismatch = Rule::new(RuleKind::In, Action::Group("web".to_owned()));
    assert_eq!(mismatch.check(&guest())[0].property, Property::Action);
}

#[test]
fn lines_that_are_no_rules() {
    for line in [
        "IN",
        "| IN DROP",
        "IN ACCEPT -p",
        "IN ACCEPT -dport   80",
        "IN ACCEPT --p tcp",
        "GROUP web -log info",
        "",
    ] {
        assert!(Rule::parse_line(line).is_err(), "{line}");
    }
}

#[test]
fn rules_that_mean_the_same() {
    let same = [
        ("IN https(ACCEPT)", "in HTTPS(ACCEPT) # why"),
        ("IN ACCEPT -source 10.0.0.1", "IN ACCEPT -source 10.0.0.1/32"),
        ("IN ACCEPT -source 10.0.0.0-10.0.0.255", "IN ACCEPT -source 10.0.0.0/24"),
        ("IN ACCEPT -source FD00::A,fd00::b", "IN ACCEPT -source fd00:0::b,fd00::a"),
        ("IN ACCEPT -source 10.8.0.0/255.255.0.0", "IN ACCEPT -source 10.8.0.0/16"),
        ("IN ACCEPT -dest WEB", "IN ACCEPT -dest web"),
        ("IN ACCEPT -p 6 -dport 80,443", "IN ACCEPT --dport https,0080 --proto tcp"),
        ("IN ACCEPT -p icmpv6", "IN ACCEPT -p ipv6-icmp"),
        ("IN ACCEPT -p tcp -dport 0", "IN ACCEPT -p tcp"),
    ];
    for (a, b) in same {
        assert!(rule(a).same_meaning(&rule(b)), "{a} / {b}");
    }
}

#[test]
fn rules_that_differ() {
    let different = [
        ("IN ACCEPT", "|IN ACCEPT"),
        ("IN ACCEPT", "IN ACCEPT -source 0.0.0.0/0"),
        ("IN ACCEPT -i net1", "IN ACCEPT -i net01"),
        ("IN ACCEPT -source 10.0.0", "IN ACCEPT -source 10.0.0.0"),
        ("IN ACCEPT -source web", "IN ACCEPT -source dc/web"),
        ("IN ACCEPT -source +web", "IN ACCEPT -source +WEB"),
        ("IN ACCEPT -p icmp", "IN ACCEPT -p 1"),
        ("IN ACCEPT -p tcp -dport 80:81", "IN ACCEPT -p tcp -dport 80,81"),
        ("IN ACCEPT -log info", "IN ACCEPT -log nolog"),
    ];
    for (a, b) in different {
        assert!(!rule(a).same_meaning(&rule(b)), "{a} / {b}");
    }
}

#[test]
fn rules_that_no_packet_matches() {
    let local = ["10.0.0.153/24".parse().unwrap(), "192.168.1.153/24".parse().unwrap()];
    let never = |line: &str| rule(line).never_matches(&guest(), &local);
    assert_eq!(
        never("IN ACCEPT -i net32"),
        Some(NeverMatches::NoSuchNic { iface: "net32".to_owned() })
    );
    assert!(matches!(never("IN ACCEPT -i net01"), Some(NeverMatches::NoSuchNic { .. })));
    assert!(matches!(never("IN ACCEPT -dest web"), Some(NeverMatches::ForeignDestination { .. })));
    assert!(matches!(
        never("IN ACCEPT -dest 10.0.0.15,10.0.1.0/24"),
        Some(NeverMatches::ForeignDestination { .. })
    ));
    assert!(matches!(
        never("OUT ACCEPT -source 10.0.0.1"),
        Some(NeverMatches::ForeignSource { .. })
    ));
    assert!(matches!(
        never("IN DHCPv6(ACCEPT) -source 10.0.0.1"),
        Some(NeverMatches::OtherVersion { .. })
    ));
    for line in [
        "IN ACCEPT -i net31",
        "IN ACCEPT -dest 10.0.0.0/24",
        "IN ACCEPT -dest 10.0.0.255",
        "IN ACCEPT -dest 224.0.0.251",
        "IN ACCEPT -dest fd00::1",
        "IN ACCEPT -dest +admins",
        "IN ACCEPT -source 10.7.0.1",
        "OUT ACCEPT -source 192.168.1.153",
    ] {
        assert_eq!(never(line), None, "{line}");
    }
}

#[track_caller]
fn check_host(cluster: &str, host: &str, decider: &str) {
    let cluster = FwFile::parse(Level::Cluster, cluster, None);
    let host = FwFile::parse(Level::Host, host, Some(&cluster));
    let passage = host_opens(&cluster, Some(&host), "192.168.1.0/24".parse().unwrap(), "tcp", 22);
    let word = if passage.is_open() { "open" } else { "closed" };
    assert_eq!(format!("{word}: {}", passage.decider()), decider);
}

#[test]
fn the_node_is_open_or_says_which_line_closes_it() {
    let on = "[OPTIONS]\nenable: 1\n";
    check_host("", "[RULES]\nIN DROP", "open: the cluster's firewall is off");
    check_host(on, "[OPTIONS]\nenable: 0", "open: the node's firewall is off");
    check_host(on, "", "open: PVE's own rules for the management addresses");
    check_host(on, "[RULES]\nIN SSH(DROP)", "closed: `IN SSH(DROP)`, line 2 of `host.fw`");
    check_host(
        on,
        "[RULES]\n|IN DROP\nIN ACCEPT -p tcp -dport 20:25\nIN DROP",
        "open: `IN ACCEPT -p tcp -dport 20:25`, line 3 of `host.fw`",
    );
    check_host(
        on,
        "[RULES]\nIN ACCEPT -source 192.168.1.5\nIN DROP",
        "closed: `IN DROP`, line 3 of `host.fw`",
    );
    check_host(
        on,
        "[RULES]\nIN DROP -source 192.168.1.5",
        "closed: `IN DROP -source 192.168.1.5`, line 2 of `host.fw`",
    );
    check_host(
        on,
        "[RULES]\nIN ACCEPT -i vmbr0\nIN REJECT -p 6",
        "closed: `IN REJECT -p 6`, line 3 of `host.fw`",
    );
    check_host(
        on,
        "[RULES]\nIN DROP -p udp\nIN DROP -source 10.0.0.0/8\nOUT DROP",
        "open: PVE's own rules for the management addresses",
    );
    check_host(
        &format!("{on}[RULES]\nIN DROP\n"),
        "[RULES]\nIN ACCEPT -source 192.168.0.0/16",
        "open: `IN ACCEPT -source 192.168.0.0/16`, line 2 of `host.fw`",
    );
    let elsewhere = format!("{on}policy_in: ACCEPT\n[ALIASES]\nlocal_network 10.0.0.0/8\n");
    check_host(&elsewhere, "", "open: the cluster's `policy_in: ACCEPT`");
    check_host(
        &elsewhere.replace("ACCEPT", "REJECT"),
        "",
        "closed: the cluster's `policy_in: REJECT`",
    );
    let managed = format!(
        "{on}[ALIASES]\nlocal_network 10.0.0.0/8\nlan 192.168.1.0/25\n[IPSET management]\nlan\n192.168.1.128/25\n"
    );
    check_host(&managed, "", "open: PVE's own rules for the management addresses");
    check_host(&format!("{managed}!192.168.1.7\n"), "", "closed: the cluster's `policy_in: DROP`");
    check_host(
        &format!("{on}[IPSET blacklist]\n192.168.1.66\n"),
        "",
        "closed: the set `blacklist`",
    );
    let grouped =
        format!("{on}[group lan]\nIN ACCEPT -p udp\nIN SSH(REJECT)\n[RULES]\nGROUP lan\n");
    check_host(&grouped, "", "closed: `IN SSH(REJECT)`, line 5 of `cluster.fw`");
    check_host(
        "[OPTIONS]\nenable: 1\nlog_ratelimit: rate=x\n",
        "",
        "closed: PVE refuses the cluster's file",
    );
}

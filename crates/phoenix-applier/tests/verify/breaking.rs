//! Each of the six checks of the upgrade, broken on purpose: exactly that one fails, and names the cause.

use std::net::{Ipv4Addr, TcpListener};

use phoenix_applier::{Network, verify};
use phoenix_planner::desired::{Desired, Located};
use phoenix_planner::source::{FileKind, Origin};
use phoenix_planner::verify::{Ask, Finding, Outcome, Question, Standing, from_here};

use crate::resolver::{Say, serve};
use crate::support::{Applied, ONCE, desired, failures, only};

const PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 153);

#[test]
fn nothing_fails_after_an_apply() {
    let applied = Applied::new();
    assert_eq!(applied.failures(), []);
    let is_fine = |address: &str| {
        let of = |finding: &&Finding| finding.check.address.as_str() == address;
        applied.findings().iter().find(of).map(|found| found.outcome.clone()) == Some(Outcome::Fine)
    };
    for part in ["net1", "nginx", "internal-route", "default-route", "nat"] {
        assert!(is_fine(&format!("lxc/101/{part}")), "{part}");
    }
}

/// 1 and 2: the interface is there, with the declared address and MAC.
#[test]
fn another_mac_or_address_of_the_running_interface_is_found() {
    let applied = Applied::new();
    let conf = applied.read("fs/etc/pve/lxc/101.conf");
    let current = conf.split("\n[").next().unwrap();
    let live = "live/lxc/101.conf";
    applied.write(live, &current.replace("02:00:00:00:01:01", "02:00:00:00:01:99"));
    let message = "eth1 has the MAC 02:00:00:00:01:99, not 02:00:00:00:01:01";
    only(&applied.failures(), "lxc/101/net1", message);
    applied.write(live, &current.replace("192.168.1.153", "192.168.1.154"));
    only(&applied.failures(), "lxc/101/net1", "eth1 has no address 192.168.1.153");
}

/// 3: nginx listens on all interfaces.
#[test]
fn sockets_on_the_internal_address_alone_are_found() {
    let applied = Applied::new();
    applied.write("live/guests/101/listening", "10.0.0.153:443\n0.0.0.0:80\n");
    only(&applied.failures(), "lxc/101/nginx", "port 443 listens on 10.0.0.153:443 only");
    applied.write("live/guests/101/listening", "");
    let message = "nothing listens on port 80; nothing listens on port 443";
    only(&applied.failures(), "lxc/101/nginx", message);
}

/// 4: the public domain leads to the public address.
#[test]
fn a_wrong_answer_for_the_public_domain_is_found() {
    let message = "the answer is 192.0.2.7, not 192.168.1.153";
    let wrong = Ipv4Addr::new(192, 0, 2, 7);
    for (said, failed) in [
        (vec![PUBLIC], None),
        (vec![wrong], Some(message)),
        (vec![PUBLIC, wrong], Some("the answer is 192.0.2.7, 192.168.1.153, not 192.168.1.153")),
        (Vec::new(), Some("the name has no address")),
    ] {
        let mut applied = Applied::new();
        ask_at(&mut applied.desired, Say::Addresses(said));
        let address = "public-domain/thinkheads.ai".to_owned();
        let expected = failed.map(|message| (address, message.to_owned()));
        assert_eq!(applied.failures(), expected.into_iter().collect::<Vec<_>>());
    }
}

/// Declares a public domain, and that this server is asked for it.
fn ask_at(desired: &mut Desired, say: Say) {
    let origin = Origin::file(FileKind::Hypervisor);
    let domain = Located { value: "thinkheads.ai".to_owned(), origin: origin.clone() };
    desired.network.public_domain = Some(domain);
    desired.network.public_resolver = Some(Located { value: serve(say), origin });
}

#[test]
fn a_domain_that_nobody_can_be_asked_for_is_skipped() {
    let mut applied = Applied::new();
    ask_at(&mut applied.desired, Say::Addresses(Vec::new()));
    applied.desired.network.public_resolver = None;
    let skipped = applied.findings().pop().map(|finding| finding.outcome);
    let why = "`network.public_resolver` is not declared".to_owned();
    assert_eq!(skipped, Some(Outcome::Skipped(why)));
}

/// 5: traffic reaches the container, without NAT on the node.
#[test]
fn a_rule_that_was_left_or_came_back_is_found() {
    let rule = "-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.153:443";
    let applied = Applied::new();
    let live = applied.read("live/iptables.save");
    let with = live.replace("-A PREROUTING", &format!("{rule}\n-A PREROUTING"));
    applied.write("live/iptables.save", &with);
    only(&applied.failures(), "lxc/101/nat", &format!("there is live rule `{rule}`"));
    applied.write("live/iptables.save", &live);
    let saved = applied.read("fs/etc/iptables/rules.v4");
    let with = saved.replacen("*nat\n", &format!("*nat\n{rule}\n"), 1);
    assert!(with != saved);
    applied.write("fs/etc/iptables/rules.v4", &with);
    let found = applied.failures();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "lxc/101/nat");
    assert!(found[0].1.starts_with("there is /etc/iptables/rules.v4:"), "{found:?}");
}

/// Returns the desired state of the example with a public address on the loopback interface.
fn on_loopback(address: Ipv4Addr) -> Desired {
    let mut desired = desired();
    let public = desired.containers.values_mut().find_map(|c| c.public.as_mut()).unwrap();
    public.ip = address.into();
    desired
}

#[test]
fn ports_that_refuse_are_found_and_the_curl_line_is_said() {
    let desired = on_loopback(Ipv4Addr::new(127, 66, 11, 101));
    let checks = from_here(&desired, Standing::Lan);
    let findings = verify(checks, None, &Network, Standing::Lan, ONCE);
    let refused = "refused: nothing listens there".to_owned();
    let expected = ["lxc/101/port/80", "lxc/101/port/443"].map(|a| (a.to_owned(), refused.clone()));
    assert_eq!(failures(&findings), expected);
    let by_hand =
        |n: usize| findings[n].check.looked_at().rsplit_once(" by ").unwrap().1.to_owned();
    assert_eq!(by_hand(0), "`curl --head http://127.66.11.101/`");
    assert_eq!(by_hand(1), "`curl --head --insecure https://127.66.11.101/`");
}

#[test]
fn a_port_that_answers_is_fine() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut checks = from_here(&on_loopback(Ipv4Addr::LOCALHOST), Standing::Lan);
    checks.truncate(1);
    let Ask::Here { question, .. } = &mut checks[0].ask else {
        panic!("it asks the network");
    };
    let Question::Connect { to, .. } = question else { panic!("it makes a connection") };
    *to = listener.local_addr().unwrap();
    let findings = verify(checks, None, &Network, Standing::Lan, ONCE);
    assert_eq!(failures(&findings), []);
}

#[test]
fn the_node_does_not_try_its_own_macvlan() {
    let mut desired = desired();
    let origin = Origin::file(FileKind::Hypervisor);
    desired.network.public_domain = Some(Located { value: "example.com".to_owned(), origin });
    let mut checks = from_here(&desired, Standing::Node);
    // The domain has no resolver here.
    checks.truncate(2);
    let findings = verify(checks, None, &Network, Standing::Node, ONCE);
    assert_eq!(findings.len(), 2);
    for finding in findings {
        let Outcome::Skipped(why) = finding.outcome else { panic!("{finding:?}") };
        assert!(why.starts_with("the node cannot reach its own macvlan"), "{why}");
        assert!(why.contains("phoenix verify --from-here"), "{why}");
        let port = if why.contains("https:") { 443 } else { 80 };
        let curl = format!("`curl --head --connect-to ::192.168.1.153:{port} http");
        assert!(why.contains(&curl), "{why}");
        assert!(why.ends_with("://phoenix-verify.example.com/`"), "{why}");
    }
}

/// 6: internal traffic leaves by the internal interface.
#[test]
fn a_default_route_by_the_public_interface_is_found() {
    let applied = Applied::new();
    let conf = applied.read("fs/etc/pve/lxc/101.conf");
    let current = conf.split("\n[").next().unwrap();
    let moved = format!("{current}\nlxc.net.1.ipv4.gateway: 192.168.1.1\n");
    applied.write("live/lxc/101.conf", &moved);
    let message = "the way out is by 192.168.1.1 on eth1, not by 10.0.0.1 on eth0";
    only(&applied.failures(), "lxc/101/default-route", message);
}

#[test]
fn internal_traffic_by_the_public_interface_is_found() {
    let applied = Applied::new();
    let conf = applied.read("fs/etc/pve/lxc/101.conf");
    let current = conf.split("\n[").next().unwrap();
    // A longer prefix than that of eth0, on the interface that has the address already.
    let taken = format!("{current}\nlxc.net.1.ipv4.address: 10.0.0.2/28\n");
    applied.write("live/lxc/101.conf", &taken);
    let message = "the way to 10.0.0.1 is by eth1, not by eth0";
    let found = applied.failures();
    assert!(
        found.contains(&("lxc/101/internal-route".to_owned(), message.to_owned())),
        "{found:?}"
    );
}

//! Single suspicions, each with the smallest node that shows it.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_applier::capture::capture;
use phoenix_applier::{Effect, Node, NodeError, Outcome, SimulatedNode, apply, observe};
use phoenix_applier::{Event, Flow};
use phoenix_planner::desired::Desired;
use phoenix_planner::location::Place;
use phoenix_planner::probe::{Answer, Output, Probe};
use serde_json::{Value, json};

use crate::world::{
    UPGRADE, World, addresses, assert_done, declared, plan_on, shown, step, upgrade,
};

const INTERFACES: &str = "auto vmbr0\niface vmbr0 inet static\n\taddress 10.0.0.13/24\n\tgateway 10.0.0.1\n\tbridge-ports enp6s0\n\niface vmbr0 inet static\n\taddress 192.168.1.13/24\n\niface enp6s0 inet manual\n";
const HEAD: &str = "arch: amd64\nmemory: 512\n";
const NET0: &str = "net0: name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=52:54:00:67:89:B3,ip=10.0.0.153/24,type=veth\n";
const TAIL: &str = "onboot: 1\nostype: debian\nrootfs: local:101/vm-101-disk-0.raw,size=8G\n";
const RAW: &str = "lxc.net.1.type: macvlan\nlxc.net.1.link: vmbr0\nlxc.net.1.macvlan.mode: bridge\nlxc.net.1.flags: up\nlxc.net.1.name: eth1\nlxc.net.1.hwaddr: 02:00:00:00:01:01\nlxc.net.1.ipv4.address: 192.168.1.153/24\nlxc.environment: PHOENIX_PUBLIC_INTERFACE=eth1\n";
const MAIN: &str = "events {}\nhttp {\n    include sites-enabled/*;\n}\n";
const SITE: &str = "guests/101/fs/etc/nginx/sites-available/gateway";
const NAT: &str = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 192.168.1.13/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.153:443\nCOMMIT\n";

/// Returns container 101 on a node, running.
fn running(config: &str) -> World {
    let world = stopped(config);
    world.write("node.json", r#"{"running": ["101"]}"#);
    world
}

fn stopped(config: &str) -> World {
    World::new([("fs/etc/network/interfaces", INTERFACES), ("fs/etc/pve/lxc/101.conf", config)])
}

/// Returns a running gateway whose nginx listens on its internal address, behind NAT.
fn gateway() -> World {
    let world = running(&[HEAD, NET0, TAIL].concat());
    world.write("live/iptables.save", NAT);
    world.write("guests/101/fs/etc/nginx/nginx.conf", MAIN);
    world.write(SITE, "server {\n    listen 10.0.0.153:443 ssl;\n}\n");
    world.link("guests/101/fs/etc/nginx/sites-enabled/gateway", "../sites-available/gateway");
    world
}

fn wanted(container: &Value) -> Desired {
    wanted_all(&json!({"101": container}))
}

fn wanted_all(containers: &Value) -> Desired {
    let network = json!({
        "interfaces": {"name": "vmbr0", "address": "10.0.0.13/24", "gateway": "10.0.0.1"},
        "public_bridge": "vmbr0",
    });
    declared(&json!({"network": network}), &json!({"lxc_configs": containers})).unwrap()
}

fn public(kind: &str) -> Value {
    json!({
        "enabled": true, "type": kind, "ip": "192.168.1.153/24", "gw": "192.168.1.1",
        "mac_address": "02:00:00:00:01:01",
    })
}

fn with_public(kind: &str) -> Value {
    json!({
        "start_at_boot": true,
        "network_config": {"bridge": "vmbr0", "ip": "10.0.0.153/24", "gw": "10.0.0.1"},
        "public_interface": public(kind),
    })
}

fn assert_settles(world: &World, desired: &Desired) {
    let plan = world.converge(desired);
    let again = world.plan(desired).unwrap();
    assert!(again.is_empty(), "{}\nafter\n{}", shown(&again), shown(&plan));
}

fn stop_after(
    plan: &phoenix_planner::plan::Plan,
    node: &mut dyn Node,
    address: &str,
) -> Vec<Outcome> {
    let report = apply(plan, node, &mut |event| match event {
        Event::Ended { action, .. } if action.address.as_str() == address => Flow::Stop,
        _ => Flow::Continue,
    });
    report.outcomes().iter().map(|(_, outcome)| outcome.clone()).collect()
}

/// A node whose stopped guests cannot be looked into, as a real one's.
struct Closed(SimulatedNode, BTreeSet<Place>);

impl Node for Closed {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        let mut answers = self.0.answer(probes);
        for (probe, answer) in &mut answers {
            if self.1.contains(&probe.place()) {
                *answer = Answer::Unreachable("the container is not running".to_owned());
            }
        }
        answers
    }

    fn perform(&mut self, effect: Effect<'_>) -> Result<Output, NodeError> {
        self.0.perform(effect)
    }

    fn pause(&mut self, _: u32) {}
}

#[test]
fn two_containers_on_one_port_do_not_disturb_each_other() {
    let world = gateway();
    let second = [HEAD, &NET0.replace("153", "154").replace("B3", "B4"), TAIL].concat();
    world.write("fs/etc/pve/lxc/102.conf", &second);
    world.write("node.json", r#"{"running": ["101", "102"]}"#);
    let rule = NAT.lines().nth(2).unwrap();
    let two = NAT.replace(
        rule,
        &format!("{rule}\n{}", rule.replace("153", "154").replace("--dport 443", "--dport 8443")),
    );
    world.write("live/iptables.save", &two);
    world.write("fs/etc/iptables/rules.v4", &two);
    world.write("guests/102/fs/etc/nginx/nginx.conf", MAIN);
    world.write(
        "guests/102/fs/etc/nginx/sites-enabled/a",
        "server {\n    listen 443 ssl;\n    listen 8443 ssl;\n}\n",
    );
    let mut other = with_public("macvlan");
    other["network_config"]["ip"] = json!("10.0.0.154/24");
    other["public_interface"]["ip"] = json!("192.168.1.154/24");
    other["public_interface"]["mac_address"] = json!("02:00:00:00:01:02");
    other["firewall"] =
        json!({"rules": [{"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "8443"}]});
    let desired = wanted_all(&json!({"101": with_public("macvlan"), "102": other}));
    let plan = world.plan(&desired).unwrap();
    let unique = addresses(&plan).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(unique.len(), plan.len(), "{}", shown(&plan));
    assert_settles(&world, &desired);
}

#[test]
fn two_sites_of_a_container_share_the_helper() {
    let world = gateway();
    world.write(
        "guests/101/fs/etc/nginx/sites-enabled/b",
        "server {\n    listen 10.0.0.153:80;\n}\n",
    );
    let mut container = with_public("macvlan");
    container["public_interface"]["nginx_sites"] =
        json!(["/etc/nginx/sites-available/gateway", "/etc/nginx/sites-enabled/b"]);
    assert_settles(&world, &wanted(&container));
}

#[test]
fn nat_stays_while_nobody_can_see_what_the_container_serves() {
    let world = gateway();
    world.write("node.json", "{}");
    let desired = wanted(&with_public("macvlan"));
    let place = Place::Guest("101".parse().unwrap());
    let plan = plan_on(&desired, &mut Closed(world.node(), BTreeSet::from([place]))).unwrap();
    assert!(!addresses(&plan).contains(&"nat/443".to_owned()), "{}", shown(&plan));
    assert_done(&plan, &world.apply(&plan));
    assert_settles(&world, &desired);
    assert!(!world.text("live/iptables.save").contains("443"), "settled in the end");
}

#[test]
fn a_public_interface_turns_from_raw_to_veth_and_back() {
    let world = running(&[HEAD, NET0, TAIL, RAW].concat());
    assert_settles(&world, &wanted(&with_public("veth")));
    let conf = world.config(101);
    assert!(conf.contains("\nnet1: ") && !conf.contains("lxc.net.1"), "{conf}");
    assert_settles(&world, &wanted(&with_public("macvlan")));
    let conf = world.config(101);
    assert!(!conf.contains("\nnet1: ") && conf.contains("lxc.net.1"), "{conf}");
}

#[test]
fn what_is_not_declared_of_net1_stays() {
    let net1 = "net1: name=eth1,bridge=vmbr0,firewall=1,hwaddr=02:00:00:00:0a:01,ip=192.168.1.150/24,ip6=auto,rate=5,type=veth\n";
    let world = running(&[HEAD, NET0, net1, TAIL].concat());
    let mut container = with_public("veth");
    container["public_interface"].as_object_mut().unwrap().remove("mac_address");
    assert_settles(&world, &wanted(&container));
    let conf = world.config(101);
    for part in
        ["firewall=1", "hwaddr=02:00:00:00:0a:01", "ip=192.168.1.153/24", "ip6=auto", "rate=5"]
    {
        assert!(conf.lines().any(|l| l.starts_with("net1:") && l.contains(part)), "{part}: {conf}");
    }
}

#[test]
fn a_declared_mac_keeps_its_spelling() {
    let net1 =
        "net1: name=eth1,bridge=vmbr0,hwaddr=02:00:00:00:0a:01,ip=192.168.1.150/24,type=veth\n";
    let world = running(&[HEAD, NET0, net1, TAIL].concat());
    let mut container = with_public("veth");
    container["public_interface"]["mac_address"] = json!("02:00:00:00:0A:01");
    assert_settles(&world, &wanted(&container));
    assert!(world.config(101).contains("hwaddr=02:00:00:00:0a:01"), "{}", world.config(101));
}

#[test]
fn a_raw_mac_that_is_not_declared_stays() {
    let world = running(&[HEAD, NET0, TAIL, RAW].concat());
    let mut container = with_public("macvlan");
    container["public_interface"].as_object_mut().unwrap().remove("mac_address");
    let plan = world.plan(&wanted(&container)).unwrap();
    assert!(!addresses(&plan).contains(&"lxc/101/restart".to_owned()), "{}", shown(&plan));
    assert_settles(&world, &wanted(&container));
    assert!(world.config(101).contains("lxc.net.1.hwaddr: 02:00:00:00:01:01"));
}

#[test]
fn an_interface_that_only_waits_goes_too() {
    let pending =
        "\n[pve:pending]\nnet1: name=eth1,bridge=vmbr0,hwaddr=02:00:00:00:01:01,type=veth\n";
    for kind in ["macvlan", "veth"] {
        for enabled in [true, false] {
            let world = running(&[HEAD, NET0, TAIL, pending].concat());
            let mut container = with_public(kind);
            container["public_interface"]["enabled"] = json!(enabled);
            assert_settles(&world, &wanted(&container));
        }
    }
}

#[test]
fn a_restart_that_was_left_out_is_planned_again() {
    let world = running(&[HEAD, NET0, TAIL].concat());
    let desired = wanted(&with_public("macvlan"));
    let plan = world.plan(&desired).unwrap();
    let _ = stop_after(&plan, &mut world.node(), "lxc/101");
    let again = world.plan(&desired).unwrap();
    assert!(addresses(&again).contains(&"lxc/101/restart".to_owned()), "{}", shown(&again));
    assert_settles(&world, &desired);
}

#[test]
fn a_removal_whose_restart_was_left_out_is_planned_again() {
    let world = running(&[HEAD, NET0, TAIL, RAW].concat());
    let mut container = with_public("macvlan");
    container["public_interface"]["enabled"] = json!(false);
    let desired = wanted(&container);
    let _ = stop_after(&world.plan(&desired).unwrap(), &mut world.node(), "lxc/101");
    let again = world.plan(&desired).unwrap();
    assert!(addresses(&again).contains(&"lxc/101/restart".to_owned()), "{}", shown(&again));
    assert_settles(&world, &desired);
}

#[test]
fn a_boolean_means_the_same_in_every_word() {
    let conf =
        [HEAD, NET0, TAIL].concat().replace("onboot: 1", "features: nesting=on\nonboot: yes");
    let world = running(&conf);
    let plan =
        world.plan(&wanted(&json!({"start_at_boot": true, "apparmor_manages_nesting": true})));
    assert!(plan.as_ref().unwrap().is_empty(), "{}", shown(&plan.unwrap()));
    let desired = wanted(&json!({"start_at_boot": false, "apparmor_manages_nesting": false}));
    let plan = world.plan(&desired).unwrap();
    assert_eq!(step(&plan, "lxc/101").action.attributes.len(), 2);
    assert_settles(&world, &desired);
}

#[test]
fn an_address_that_goes_shares_no_subnet() {
    let world = running(&[HEAD, NET0, TAIL].concat());
    let mut container = with_public("macvlan");
    container["network_config"] = json!({"ip": "dhcp"});
    container["public_interface"]["ip"] = json!("10.0.0.154/24");
    container["public_interface"]["gw"] = json!("10.0.0.1");
    assert_settles(&world, &wanted(&container));
}

#[test]
fn includes_are_followed_to_their_end() {
    let world = gateway();
    let nginx = |name: &str| format!("guests/101/fs/etc/nginx/{name}");
    world.write(SITE, "server {\n    include snippets/*;\n    listen 10.0.0.153:80;\n}\n");
    world.write(&nginx("snippets/one"), "include more/*;\n");
    world.write(&nginx("more/two"), "include last/*;\n");
    world.write(&nginx("last/three"), "listen 10.0.0.153:443 ssl;\n");
    let facts = observe(&wanted(&with_public("macvlan")), &mut world.node());
    let open = phoenix_planner::kind::probes(&wanted(&with_public("macvlan")), &facts);
    let open = open.into_iter().filter(|probe| !facts.knows(probe)).collect::<Vec<_>>();
    assert_eq!(open, []);
}

#[test]
fn a_locked_container_says_so_in_the_plan() {
    let conf = [HEAD, NET0, TAIL].concat().replace("memory", "lock: backup\nmemory");
    let world = running(&conf);
    let plan = world.plan(&wanted(&json!({"memory_mb": 1024}))).unwrap();
    assert!(shown(&plan).contains("locked (backup)"), "{}", shown(&plan));
    assert!(plan.is_empty(), "{}", shown(&plan));
    assert_eq!(world.config(101), conf);
}

#[test]
fn rules_of_the_public_interface_go_with_it() {
    let world = running(&[HEAD, NET0, TAIL].concat());
    let mine = "[RULES]\n\n# mine\nIN DROP -source 10.0.0.77\n";
    world.write("fs/etc/pve/firewall/101.fw", mine);
    let mut container = with_public("macvlan");
    assert_settles(&world, &wanted(&container));
    assert!(world.text("fs/etc/pve/firewall/101.fw").contains("eth1 (public)"));
    container["public_interface"]["enabled"] = json!(false);
    assert_settles(&world, &wanted(&container));
    assert_eq!(world.text("fs/etc/pve/firewall/101.fw"), mine);
}

#[test]
fn a_captured_node_plans_as_the_node_did() {
    let world = World::copy_of(&std::path::Path::new(UPGRADE).join("node"));
    let desired = upgrade();
    let facts = observe(&desired, &mut world.node());
    let captured = World::new([]);
    capture(&facts, captured.path("").as_path()).unwrap();
    assert_eq!(shown(&captured.plan(&desired).unwrap()), shown(&world.plan(&desired).unwrap()));
    assert_settles(&captured, &desired);
}

#[test]
fn a_first_net0_without_a_bridge_is_refused() {
    let world = running(&[HEAD, TAIL].concat());
    let refusals = world.plan(&wanted(&json!({"network_config": {"ip": "dhcp"}}))).unwrap_err();
    assert!(refusals[0].message.contains("no bridge"), "{refusals:?}");
}

#[test]
fn what_follows_a_target_needs_nothing_outside() {
    let world = gateway();
    let plan = world.plan(&wanted(&with_public("macvlan"))).unwrap();
    let part = plan.target(&["lxc/101/restart".parse().unwrap()]);
    let inside = ["lxc/101/arp", "lxc/101/nftables", "lxc/101", "lxc/101/public-route"];
    let after = ["lxc/101/restart", "service/pve-firewall"];
    assert_eq!(addresses(&part), inside.into_iter().chain(after).collect::<Vec<_>>());
}

#[test]
fn values_of_the_environment_are_not_shown() {
    let secret = "lxc.environment: TOKEN=hunter2\n";
    let world = running(&[HEAD, NET0, TAIL, secret].concat());
    let plan = world.plan(&wanted(&with_public("macvlan"))).unwrap();
    assert!(!shown(&plan).contains("hunter2"), "{}", shown(&plan));
}

#[test]
fn raw_lines_that_are_lost_are_not_planned_for_ever() {
    let world = running(&[HEAD, NET0, TAIL].concat());
    let container = json!({
        "memory_mb": 1024,
        "lxc_options": ["lxc.sysctl.net.ipv4.ip_forward=1", "lxc.apparmor.profile=unconfined"],
    });
    if let Ok(plan) = world.plan(&wanted(&container)) {
        assert_done(&plan, &world.apply(&plan));
        let again = world.plan(&wanted(&container)).unwrap();
        assert!(again.is_empty(), "{}", shown(&again));
    }
}

#[test]
fn a_start_needs_what_is_configured_before() {
    let net1 =
        "net1: name=eth1,bridge=vmbr0,hwaddr=02:00:00:00:01:01,ip=192.168.1.150/24,type=veth\n";
    let world = stopped(&[HEAD, NET0, net1, TAIL].concat());
    let desired = wanted(&with_public("macvlan"));
    let plan = world.plan(&desired).unwrap();
    let part = plan.target(&["lxc/101/start".parse().unwrap()]);
    let wanted = ["firewall/101", "lxc/101", "lxc/101/start", "service/pve-firewall"];
    assert_eq!(addresses(&part), wanted);
    assert_settles(&world, &desired);
}

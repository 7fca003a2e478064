//! What a public interface needs inside its container: made, kept, found again, taken away.

use phoenix_planner::plan::Plan;
use serde_json::{Value, json};

use crate::world::{World, addresses, assert_done, declared, shown};

const CONF: &str = "\
arch: amd64
hostname: web
memory: 512
net0: name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.153/24,type=veth
onboot: 1
ostype: debian
rootfs: local:101/disk.raw,size=4G
unprivileged: 1
";

const INTERFACES: &str = "\
auto vmbr0
iface vmbr0 inet static
\taddress 10.0.0.13/24
\taddress 192.168.1.13/24
\tgateway 10.0.0.1
\tbridge-ports enp6s0
";

fn world(node: &str) -> World {
    World::new([
        ("fs/etc/pve/lxc/101.conf", CONF),
        ("fs/etc/network/interfaces", INTERFACES),
        ("node.json", node),
    ])
}

fn running() -> World {
    world(r#"{"running": ["101"]}"#)
}

fn wanted(public: &Value) -> phoenix_planner::desired::Desired {
    let hypervisor = json!({"domain_name": "example.com", "network": {"public_bridge": "vmbr0"}});
    let container = json!({"name": "web", "start_at_boot": true, "public_interface": public});
    declared(&hypervisor, &json!({"lxc_configs": {"101": container}})).unwrap()
}

fn public(kind: &str, ip: &str) -> Value {
    json!({"enabled": true, "type": kind, "ip": ip, "gw": "192.168.1.1", "mac_address": "02:00:00:00:01:01"})
}

fn settled(world: &World, desired: &phoenix_planner::desired::Desired) -> Plan {
    let plan = world.plan(desired).unwrap();
    assert_done(&plan, &world.apply(&plan));
    let again = world.plan(desired).unwrap();
    assert!(again.is_empty(), "{}", shown(&again));
    plan
}

fn in_force(world: &World) -> [String; 4] {
    ["arp", "rules", "routes", "nft"].map(|name| world.text(&format!("live/guests/101/{name}")))
}

#[test]
fn it_is_in_force_after_a_restart_and_without_one() {
    for kind in ["macvlan", "veth"] {
        let world = running();
        let plan = settled(&world, &wanted(&public(kind, "192.168.1.153/24")));
        let restarts = addresses(&plan).contains(&"lxc/101/restart".to_owned());
        assert_eq!(restarts, kind == "macvlan", "{}", shown(&plan));
        let [arp, rules, routes, nft] = in_force(&world);
        assert_eq!(arp, "1\n2\n");
        assert_eq!(rules, "101 192.168.1.153/32 101\n");
        assert_eq!(routes, "101 default via 192.168.1.1 dev eth1\n101 192.168.1.0/24 dev eth1\n");
        assert!(nft.contains("tcp dport 443 accept"), "{nft}");
    }
}

#[test]
fn what_was_lost_is_made_again() {
    for note in ["arp", "rules", "routes", "nft"] {
        let world = running();
        let desired = wanted(&public("macvlan", "192.168.1.153/24"));
        let _ = settled(&world, &desired);
        std::fs::remove_file(world.path(&format!("live/guests/101/{note}"))).unwrap();
        let plan = settled(&world, &desired);
        assert_eq!(plan.len(), 1, "{}", shown(&plan));
        assert!(in_force(&world).iter().all(|text| !text.is_empty()));
    }
}

#[test]
fn another_address_takes_the_old_rule_away() {
    let world = running();
    let _ = settled(&world, &wanted(&public("veth", "192.168.1.153/24")));
    let _ = settled(&world, &wanted(&public("veth", "192.168.1.154/24")));
    assert_eq!(in_force(&world)[1], "101 192.168.1.154/32 101\n");
}

#[test]
fn nothing_of_it_stays() {
    for kind in ["macvlan", "veth"] {
        let world = running();
        let mut public = public(kind, "192.168.1.153/24");
        let _ = settled(&world, &wanted(&public));
        public["enabled"] = json!(false);
        let _ = settled(&world, &wanted(&public));
        assert_eq!(in_force(&world), ["", "", "", ""].map(str::to_owned));
        let left = world.snapshot().into_keys().filter(|path| path.contains("phoenix"));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
        assert!(!world.config(101).contains("lxc.hook"), "{}", world.config(101));
    }
}

#[test]
fn nft_is_installed_where_it_is_missing() {
    let world = world(r#"{"running": ["101"], "without_nftables": ["101"]}"#);
    let plan = settled(&world, &wanted(&public("macvlan", "192.168.1.153/24")));
    assert_eq!(addresses(&plan)[2], "lxc/101/package/nftables");
    assert!(!in_force(&world)[3].is_empty());
}

#[test]
fn a_default_route_of_somebody_else_is_refused() {
    let world = running();
    world.write("live/guests/101/routes", "101 default via 10.0.0.9 dev eth0\n");
    let desired = wanted(&public("macvlan", "192.168.1.153/24"));
    let refusals = world.plan(&desired).unwrap_err();
    assert!(refusals[0].message.contains("default via 10.0.0.9"), "{refusals:?}");
}

#[test]
fn a_port_of_a_bridge_is_refused() {
    let hypervisor = json!({"domain_name": "example.com", "network": {"public_bridge": "enp6s0"}});
    let container =
        json!({"name": "web", "public_interface": public("macvlan", "192.168.1.153/24")});
    let desired = declared(&hypervisor, &json!({"lxc_configs": {"101": container}})).unwrap();
    let refusals = running().plan(&desired).unwrap_err();
    assert!(
        refusals.iter().any(|r| r.message.contains("is a port of bridge `vmbr0`")),
        "{refusals:?}"
    );
}

#[test]
fn networkd_is_told_to_leave_it_alone() {
    let world = running();
    world.write(
        "answers.json",
        r#"[{"place": "101", "argv": ["systemctl", "is-active", "systemd-networkd.service"], "stdout": "active\n"}]"#,
    );
    let _ = settled(&world, &wanted(&public("veth", "192.168.1.153/24")));
    let path = "guests/101/fs/etc/systemd/networkd.conf.d/phoenix-public-interface.conf";
    assert!(world.text(path).contains("ManageForeignRoutingPolicyRules=no"));
    assert_eq!(in_force(&world)[1], "101 192.168.1.153/32 101\n");
}

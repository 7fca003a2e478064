//! Single cases: each kind of file fresh, right, edited by hand, and hostile.

use phoenix_planner::operation::Operation;
use phoenix_planner::plan::Edge;
use serde_json::{Value, json};

use super::node::{CLUSTER, HOST, Node, addresses, cluster, desired, refused, settled};

const GUEST: &str = "/etc/pve/firewall/101.fw";
const VM: &str = "/etc/pve/firewall/1001.fw";

#[track_caller]
fn becomes(before: &str, fields: Value, after: &str) {
    let files = if before.is_empty() { vec![] } else { vec![(CLUSTER, before)] };
    let (node, _) = settled(Node::with(&files), &cluster(fields));
    assert_eq!(node.text(CLUSTER), after);
}

fn everything() -> Value {
    json!({
        "enabled": true, "default_input_policy": "DROP", "default_forward_policy": "ACCEPT",
        "ebtables": true, "log_ratelimit": { "rate": "5/minute", "burst": 10 },
        "global_firewall_rules": [
            { "type": "in", "action": "ACCEPT", "source": "+admins", "proto": "tcp", "port": "22,8006" },
            { "type": "group", "action": "Web" },
        ],
        "aliases": { "Office": { "cidr": "192.168.5.0/24", "comment": "upstairs" } },
        "ipsets": { "admins": [{ "cidr": "office" }, { "cidr": "192.168.5.9/32", "nomatch": true, "comment": "printer" }] },
        "groups": { "Web": { "comment": "what is public", "rules": [{ "type": "in", "action": "ACCEPT", "macro": "HTTPS" }] } },
    })
}

const EVERYTHING: &str = "\
[OPTIONS]

enable: 1
policy_in: DROP
ebtables: 1
log_ratelimit: enable=1,burst=10,rate=5/minute
policy_forward: ACCEPT

[ALIASES]

Office 192.168.5.0/24 # upstairs

[IPSET admins]

office
!192.168.5.9 # printer

[RULES]

IN ACCEPT -source +admins -p tcp -dport 22,8006
GROUP web

[group web] # what is public

IN HTTPS(ACCEPT)
";

#[test]
fn a_fresh_cluster_file_is_whole_and_stays() {
    becomes("", everything(), EVERYTHING);
    becomes(EVERYTHING, everything(), EVERYTHING);
}

#[test]
fn what_is_written_otherwise_and_means_the_same_stays() {
    let by_hand = "\
# ours
[Options]
 enable:   1
policy_in: drop
ebtables: 1
policy_forward: ACCEPT
log_ratelimit: 1,rate=5/minute,burst=10
[aliases]
# who sits upstairs
OFFICE 192.168.5.0/24 # upstairs
backup 10.0.0.7
[ipset ADMINS] # keys
! 192.168.5.9/32 # printer
Office
[group web] # what is public
# tls only
IN https(ACCEPT) # gateway
[group old]
IN DROP
[rules]
IN ACCEPT -dport ssh,8006 -p tcp -source +admins
GROUP web -i vmbr1
";
    let mut fields = everything();
    fields["global_firewall_rules"][1]["iface"] = json!("vmbr1");
    becomes(by_hand, fields, by_hand);
}

#[test]
fn what_is_not_declared_survives() {
    let before = "\
[OPTIONS]

enable: 0
policy_out: REJECT

[ALIASES]

backup 10.0.0.7

[IPSET theirs] # mine
10.1.0.0/16

[RULES]

# keep this line
IN DROP -source 10.9.0.0/16 # by hand

[group other]

IN DROP
[weird]
IN REJECT
[RULES]
IN ACCEPT -p icmp
";
    let fields = json!({ "enabled": true, "aliases": { "gw": { "cidr": "10.0.0.1" } }, "ipsets": { "theirs": [] } });
    let after = before
        .replace("enable: 0", "enable: 1")
        .replace("backup 10.0.0.7\n", "backup 10.0.0.7\ngw 10.0.0.1\n")
        .replace("10.1.0.0/16\n\n[RULES]", "\n[RULES]");
    becomes(before, fields, &after);
}

#[test]
fn a_file_whose_headers_proxmox_ve_does_not_read_is_refused() {
    let fields = json!({ "enabled": true });
    for text in ["[OPTIONS]\r\nenable: 0\r\n", "\u{feff}[OPTIONS]\nenable: 0\n"] {
        let said = refused(&Node::with(&[(CLUSTER, text)]), &cluster(fields.clone()));
        assert!(said.starts_with("/etc/pve/firewall/cluster.fw: "), "{said}");
    }
    let host = Node::with(&[(HOST, "[OPTIONS]\r\nenable: 0\r\n")]);
    let said = refused(&host, &cluster(json!({ "node": { "tcpflags": true } })));
    assert!(said.starts_with("/etc/pve/local/host.fw: "), "{said}");
}

#[test]
fn disabled_and_absent_stays_absent() {
    let off = json!({ "enabled": false, "rules": [{ "type": "in", "action": "DROP" }] });
    let rules = json!([{ "type": "in", "action": "DROP", "source": "10.9.0.0/16" }]);
    let desired = desired(&json!({ "enabled": false, "global_firewall_rules": rules }), &off, &off);
    assert_eq!(settled(Node::with(&[]), &desired).1, Vec::<String>::new());
}

#[test]
fn the_nodes_file_has_its_options_and_rules() {
    let fields = json!({ "node": {
        "enabled": true, "log_level_in": "info", "nf_conntrack_max": 65536,
        "nf_conntrack_helpers": ["ftp", "SIP"], "protection_synflood": true,
        "rules": [{ "type": "in", "action": "ACCEPT", "source": "10.0.0.0/24", "proto": "tcp", "port": "22" }],
    } });
    let (node, done) = settled(Node::with(&[]), &cluster(fields.clone()));
    assert_eq!(done, ["firewall/node"]);
    let fresh = "\
[OPTIONS]

enable: 1
log_level_in: info
nf_conntrack_helpers: ftp,sip
nf_conntrack_max: 65536
protection_synflood: 1

[RULES]

IN ACCEPT -source 10.0.0.0/24 -p tcp -dport 22
";
    assert_eq!(node.text(HOST), fresh);
    let by_hand =
        "[OPTIONS]\nndp: 1\nenable: 0\n[RULES]\n# ours\nIN SSH(ACCEPT) -source 10.0.0.0/24\n";
    let (node, _) = settled(Node::with(&[(HOST, by_hand)]), &cluster(fields));
    assert!(node.text(HOST).starts_with("[OPTIONS]\nndp: 1\nenable: 1\n"), "{}", node.text(HOST));
    assert!(node.text(HOST).contains("\n# ours\n"));
}

#[test]
fn guests_have_all_options_and_names_of_their_own() {
    let guest = json!({
        "enabled": true, "dhcp": false, "ndp": true, "radv": false, "macfilter": true, "ipfilter": true,
        "log_level_in": "nolog", "log_level_out": "debug",
        "aliases": { "peer": { "cidr": "10.0.0.9" } },
        "ipsets": { "ipfilter-net0": [{ "cidr": "10.0.0.153" }] },
        "rules": [{ "type": "in", "action": "ACCEPT", "source": "peer" }],
    });
    let (node, done) = settled(Node::with(&[]), &desired(&Value::Null, &guest, &guest));
    assert_eq!(done, ["firewall/101", "firewall/1001"]);
    let fresh = "\
[OPTIONS]

enable: 1
dhcp: 0
ipfilter: 1
log_level_in: nolog
log_level_out: debug
macfilter: 1
ndp: 1
radv: 0

[ALIASES]

peer 10.0.0.9

[IPSET ipfilter-net0]

10.0.0.153

[RULES]

IN ACCEPT -source peer
";
    assert_eq!([node.text(GUEST), node.text(VM)], [fresh, fresh]);
}

#[test]
fn a_virtual_machine_is_looked_at_before_its_file_is_written() {
    let vm = json!({ "enabled": true, "rules": [{ "type": "in", "action": "ACCEPT", "iface": "eth0" }] });
    let desired = desired(&Value::Null, &Value::Null, &vm);
    let config = "/etc/pve/qemu-server/1001.conf";
    // The first interface gets `firewall=1`, behind the rules; of another one that lacks it the plan says so.
    let open = "net0: virtio=02:00:00:00:00:01,bridge=vmbr0\nnet1: e1000\n";
    let plan = Node::with(&[(config, open)]).plan(&desired).unwrap();
    let actions = plan.steps().map(|step| step.action).collect::<Vec<_>>();
    assert_eq!(
        [&actions[0].address, &actions[1].address].map(|a| a.as_str()),
        ["firewall/1001", "vm/1001"]
    );
    assert_eq!(
        actions[0].notes,
        ["net1 has no firewall=1 in the virtual machine's configuration: no rule is applied there"]
    );
    assert_eq!(actions[1].attributes[0].name, "net0.firewall");
    let guarded = "net0: virtio=02:00:00:00:00:01,bridge=vmbr0,firewall=1\n[before]\nlock: backup\nnet1: e1000\n";
    let plan = Node::with(&[(config, guarded)]).plan(&desired).unwrap();
    assert!(plan.steps().all(|step| step.action.notes.is_empty()));
    let locked = Node::with(&[(config, "lock: backup\nnet0: virtio,bridge=vmbr0\n")]);
    assert_eq!(addresses(&locked.plan(&desired).unwrap()), Vec::<String>::new());
    let mut gone = Node::with(&[]);
    gone.files.remove(config);
    assert_eq!(addresses(&gone.plan(&desired).unwrap()), Vec::<String>::new());
}

#[test]
fn names_are_there_before_their_users_and_go_after_them() {
    let guest = json!({ "enabled": true, "rules": [{ "type": "group", "action": "web" }] });
    let fields = json!({
        "enabled": true, "default_input_policy": "DROP",
        "groups": { "web": { "rules": [{ "type": "in", "action": "ACCEPT", "source": "lan", "proto": "tcp", "port": 443 }] } },
        "aliases": { "lan": { "cidr": "10.0.0.0/24" } },
    });
    let before = "[OPTIONS]\n\nenable: 0\n\n[RULES]\n\nIN DROP -p tcp -dport 23\n";
    let node = Node::with(&[(CLUSTER, before)]);
    let wanted = desired(&fields, &guest, &Value::Null);
    let plan = node.plan(&wanted).unwrap();
    assert_eq!(
        addresses(&plan),
        ["firewall/cluster/definitions", "firewall/101", "firewall/cluster"]
    );
    let after = plan.steps().map(|step| step.after()).collect::<Vec<_>>();
    assert_eq!(after[1], [(1, Edge::Needs)]);
    let (node, _) = settled(node, &wanted);

    let removed = json!({ "enabled": true, "removed": { "aliases": "lan", "groups": ["web"] } });
    let without = json!({ "enabled": true, "rules": [] });
    let (node, done) = settled(node, &desired(&removed, &without, &Value::Null));
    assert_eq!(done, ["firewall/101", "firewall/cluster"]);
    assert_eq!(
        node.text(CLUSTER),
        "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\n\n[ALIASES]\n\n\n[RULES]\n\nIN DROP -p tcp -dport 23\n\n"
    );
}

#[test]
fn a_name_that_something_uses_does_not_go() {
    let files = [
        (CLUSTER, "[ALIASES]\nlan 10.0.0.0/24\n[RULES]\n"),
        ("/etc/pve/firewall/105.fw", "[RULES]\nIN ACCEPT -source lan\n"),
    ];
    let removed = cluster(json!({ "removed": { "aliases": ["LAN"] } }));
    assert_eq!(
        refused(&Node::with(&files), &removed),
        "/firewall/removed: a name cannot go that /etc/pve/firewall/105.fw still uses: `IN ACCEPT -source lan`"
    );
    let other = [files[0], ("/etc/pve/nodes/pve2/host.fw", "[RULES]\nIN ACCEPT -source dc/lan\n")];
    assert!(refused(&Node::with(&other), &removed).contains("/etc/pve/nodes/pve2/host.fw"));
    let own = [(CLUSTER, "[ALIASES]\nlan 10.0.0.0/24\n[RULES]\nIN ACCEPT -source lan\n")];
    assert!(refused(&Node::with(&own), &removed).contains("cluster.fw still uses"));
    let off = [(CLUSTER, "[ALIASES]\nlan 10.0.0.0/24\n[RULES]\n|IN ACCEPT -source lan\n")];
    assert!(Node::with(&off).plan(&removed).is_ok());
}

#[test]
fn a_name_that_nobody_has_is_refused_where_it_is_written() {
    let rules = |rule: Value| cluster(json!({ "global_firewall_rules": [rule] }));
    let node = Node::with(&[]);
    let cases = [
        (
            json!({ "type": "in", "action": "ACCEPT", "source": "lan" }),
            "/firewall/global_firewall_rules/0/source",
        ),
        (
            json!({ "type": "in", "action": "ACCEPT", "dest": "+nets" }),
            "/firewall/global_firewall_rules/0/dest",
        ),
        (json!({ "type": "group", "action": "web" }), "/firewall/global_firewall_rules/0/action"),
    ];
    for (rule, place) in cases {
        let said = refused(&node, &rules(rule));
        assert!(said.starts_with(place), "{said}");
    }
    let grouped = json!({ "groups": { "web": { "rules": [{ "type": "in", "action": "ACCEPT", "source": "lan" }] } } });
    assert!(refused(&node, &cluster(grouped)).starts_with("/firewall/groups/web/rules/0/source"));
    let entry = json!({ "ipsets": { "nets": [{ "cidr": "lan" }] } });
    assert!(refused(&node, &cluster(entry)).starts_with("/firewall/ipsets/nets: "));
    let guest = json!({ "enabled": true, "rules": [{ "type": "in", "action": "ACCEPT", "source": "+nets" }] });
    let said = refused(&node, &desired(&Value::Null, &Value::Null, &guest));
    assert!(said.starts_with("/vms/0/firewall/rules/0/source"), "{said}");
}

#[test]
fn a_name_that_stands_below_its_user_is_refused() {
    let before = "[RULES]\n\nIN DROP -p tcp -dport 23\n\n[ALIASES]\n\ngw 10.0.0.1\n";
    let fields = json!({
        "aliases": { "lan": { "cidr": "10.0.0.0/24" } },
        "global_firewall_rules": [{ "type": "in", "action": "ACCEPT", "source": "lan" }],
    });
    let said = refused(&Node::with(&[(CLUSTER, before)]), &cluster(fields));
    assert!(said.starts_with("/etc/pve/firewall/cluster.fw:3: "), "{said}");
}

#[test]
fn forwarding_rules_are_noted_where_nothing_applies_them() {
    let rules = json!([{ "type": "forward", "action": "DROP", "source": "10.9.0.0/16" }]);
    let mut fields = json!({ "enabled": true, "global_firewall_rules": rules });
    let notes =
        |fields: &Value| Node::with(&[]).plan(&cluster(fields.clone())).unwrap().notes().to_vec();
    assert_eq!(
        notes(&fields),
        [
            "rules and policies for forwarded packets are in force only with `nftables: 1` in host.fw"
        ]
    );
    fields["node"] = json!({ "nftables": true });
    assert_eq!(notes(&fields), Vec::<String>::new());
}

#[test]
fn a_rate_that_means_the_same_is_left_and_another_is_written() {
    let fields = json!({ "log_ratelimit": { "enabled": true } });
    for same in ["1", "enable=yes,burst=5", "rate=1/second,enable=on"] {
        let before = format!("[OPTIONS]\nlog_ratelimit: {same}\n");
        becomes(&before, fields.clone(), &before);
    }
    becomes("[OPTIONS]\nlog_ratelimit: 0\n", fields, "[OPTIONS]\nlog_ratelimit: enable=1\n");
}

#[test]
fn a_write_goes_on_from_what_the_one_before_left() {
    let guest = json!({ "rules": [{ "type": "in", "action": "ACCEPT", "source": "lan" }] });
    let fields = json!({ "enabled": true, "aliases": { "lan": { "cidr": "10.0.0.0/24" } } });
    let plan = Node::with(&[]).plan(&desired(&fields, &guest, &Value::Null)).unwrap();
    let writes = plan.steps().flat_map(|step| step.action.operations.clone());
    let writes = writes.filter_map(|operation| match operation {
        Operation::Write(write) if write.at.path.as_str() == CLUSTER => {
            Some((write.before, write.after))
        }
        _ => None,
    });
    let writes = writes.collect::<Vec<_>>();
    assert_eq!(writes[0], (None, "[ALIASES]\n\nlan 10.0.0.0/24\n".to_owned()));
    assert_eq!(writes[1].0.as_ref(), Some(&writes[0].1));
    assert!(writes[1].1.starts_with("[OPTIONS]\n\nenable: 1\n"));
}

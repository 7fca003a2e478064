//! The ways to the node: who is kept out, and in which order nobody is.

use phoenix_planner::plan::Edge;
use serde_json::{Value, json};

use super::node::{CLUSTER, HOST, Node, addresses, cluster, refused, settled};

fn shutting() -> Value {
    json!({ "enabled": true, "default_input_policy": "DROP", "global_firewall_rules": [
        { "type": "in", "action": "ACCEPT", "proto": "tcp", "port": "443" },
        { "type": "in", "action": "DROP", "source": "+guests" },
    ] })
}

#[test]
fn what_only_the_node_knows_can_be_a_lockout() {
    let node = Node::with(&[(CLUSTER, "[IPSET guests]\n10.0.0.0/16\n")]);
    assert_eq!(
        refused(&node, &cluster(shutting())),
        "/firewall/global_firewall_rules/1: the node's own network 10.0.0.0/24 would no longer reach ports 22 and 8006: `IN DROP -source +guests`, line 12 of `cluster.fw`"
    );
    let mut meant = shutting();
    meant["allow_lockout"] = json!(true);
    let plan = node.plan(&cluster(meant)).unwrap();
    assert!(
        plan.notes()[0].starts_with(
            "the node's own network 10.0.0.0/24 will no longer reach ports 22 and 8006"
        )
    );
}

#[test]
fn the_operators_own_way_must_stay() {
    let fields = json!({ "enabled": true, "default_input_policy": "DROP" });
    let mut node = Node::with(&[]);
    node.session = Some("192.168.7.9 50022 10.0.0.13 22\n");
    let said = refused(&node, &cluster(fields.clone()));
    assert!(said.starts_with("/firewall: 192.168.7.9, from where this ssh session comes, would no longer reach port 22"), "{said}");
    // The web interface does not help somebody who comes by ssh.
    let mut half = fields.clone();
    half["operator_addresses"] = json!(["192.168.7.0/24"]);
    half["global_firewall_rules"] = json!([{ "type": "in", "action": "ACCEPT", "source": "192.168.7.0/24", "proto": "tcp", "port": 8006 }]);
    assert!(refused(&node, &cluster(half.clone())).contains("this ssh session"));
    node.session = None;
    let plan = node.plan(&cluster(half)).unwrap();
    assert_eq!(
        plan.notes(),
        [
            "the operator's address 192.168.7.0/24 will no longer reach port 22: the cluster's `policy_in: DROP`"
        ]
    );
    let mut both = fields.clone();
    both["operator_addresses"] = json!("192.168.7.9");
    assert!(
        refused(&node, &cluster(both))
            .starts_with("/firewall/operator_addresses: the operator's address 192.168.7.9 ")
    );
    for inside in ["10.0.0.77 50022 10.0.0.13 22\n", "127.0.0.1 50022 127.0.0.1 22\n", "", "odd\n"]
    {
        node.session = Some(inside);
        assert!(node.plan(&cluster(fields.clone())).is_ok(), "{inside}");
    }
    node.session = Some("192.168.7.9 50022 10.0.0.13 2222\n");
    assert!(refused(&node, &cluster(fields)).contains("would no longer reach port 2222"));
}

#[test]
fn rules_to_the_nodes_own_address_count() {
    let fields = json!({ "enabled": true, "default_input_policy": "DROP", "global_firewall_rules": [
        { "type": "in", "action": "ACCEPT", "dest": "10.0.0.13", "proto": "tcp", "port": "22,8006" },
        { "type": "in", "action": "DROP", "dest": "10.0.0.99" },
        { "type": "in", "action": "DROP", "proto": "tcp" },
    ] });
    assert!(Node::with(&[]).plan(&cluster(fields)).is_ok());
}

#[test]
fn the_node_comes_after_the_cluster_where_only_that_is_safe() {
    let accept = json!({ "type": "in", "action": "ACCEPT", "proto": "tcp", "port": "22,8006" });
    let drop = json!({ "type": "in", "action": "DROP", "proto": "tcp", "port": "22,8006" });
    let before = [
        (CLUSTER, "[OPTIONS]\nenable: 1\n[RULES]\nIN DROP -p tcp -dport 22,8006\n"),
        (HOST, "[RULES]\nIN ACCEPT -p tcp -dport 22,8006\n"),
    ];
    let fields = json!({ "global_firewall_rules": [accept, drop], "node": { "rules": [] } });
    let plan = Node::with(&before).plan(&cluster(fields.clone())).unwrap();
    assert_eq!(addresses(&plan), ["firewall/cluster", "firewall/node"]);
    assert_eq!(plan.steps().nth(1).unwrap().after(), [(1, Edge::Needs)]);
    settled(Node::with(&before), &cluster(fields));
}

#[test]
fn there_may_be_no_safe_order() {
    let way = |action: &str, port: u16| json!({ "type": "in", "action": action, "proto": "tcp", "port": port });
    let before = [
        (
            CLUSTER,
            "[OPTIONS]\nenable: 1\n[RULES]\nIN DROP -p tcp -dport 22\nIN ACCEPT -p tcp -dport 8006\n",
        ),
        (HOST, "[RULES]\nIN ACCEPT -p tcp -dport 22\n"),
    ];
    let mut fields = json!({
        "global_firewall_rules": [way("ACCEPT", 22), way("DROP", 8006)],
        "node": { "rules": [way("ACCEPT", 8006)] },
    });
    assert!(
        refused(&Node::with(&before), &cluster(fields.clone()))
            .contains("neither host.fw nor cluster.fw")
    );
    fields["allow_lockout"] = json!(true);
    assert!(Node::with(&before).plan(&cluster(fields)).is_ok());
}

//! Random sets: no state on the way to them is worse than both of its ends.

use ipnet::IpNet;
use phoenix_formats::firewall::host_opens;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::node::{CLUSTER, HOST, Node, actions, addresses, loaded};

const GUEST: &str = "/etc/pve/firewall/101.fw";
const VM: &str = "/etc/pve/firewall/1001.fw";

/// Rules as declared, and as files have them: from harmless to those that shut everything.
fn rules() -> impl Strategy<Value = Vec<Value>> {
    let all = vec![
        json!({ "type": "in", "action": "ACCEPT", "proto": "tcp", "port": "22,8006" }),
        json!({ "type": "in", "action": "ACCEPT", "source": "lan", "proto": "tcp", "port": 22 }),
        json!({ "type": "in", "action": "ACCEPT", "source": "+admins", "proto": "tcp", "port": 8006 }),
        json!({ "type": "group", "action": "web" }),
        json!({ "type": "group", "action": "ways" }),
        json!({ "type": "in", "action": "DROP", "proto": "tcp", "port": 22 }),
        json!({ "type": "in", "action": "DROP", "proto": "tcp", "port": 8006 }),
        json!({ "type": "in", "action": "DROP" }),
    ];
    let count = all.len();
    subsequence(all, 0..=count).prop_shuffle()
}

fn present_rules() -> impl Strategy<Value = String> {
    let all = vec![
        "IN ACCEPT -p tcp -dport 22,8006",
        "IN ACCEPT -source lan -p tcp -dport 22 # by hand",
        "IN ACCEPT -source +admins -p tcp -dport 8006",
        "GROUP web",
        "GROUP ways",
        "IN DROP -p tcp -dport 22",
        "IN DROP -p tcp -dport 8006",
        "|IN DROP",
    ];
    let count = all.len();
    let lines = subsequence(all, 0..=count).prop_shuffle();
    lines.prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}

/// Some of the definitions: each name with one of two meanings.
fn definitions() -> impl Strategy<Value = Map<String, Value>> {
    let aliases =
        json!({ "lan": { "cidr": "10.0.0.0/24" }, "local_network": { "cidr": "10.0.0.0/25" } });
    let ipsets = json!({
        "admins": [{ "cidr": "lan" }],
        "management": [{ "cidr": "10.0.0.0/24" }],
        "blacklist": [{ "cidr": "10.9.0.0/16" }],
    });
    let groups = json!({
        "web": { "rules": [{ "type": "in", "action": "ACCEPT", "proto": "tcp", "port": 443 }] },
        "ways": { "rules": [{ "type": "in", "action": "ACCEPT", "source": "+admins", "proto": "tcp", "port": "22,8006" }] },
    });
    let some = |value: Value| {
        let members = value.as_object().unwrap().clone().into_iter().collect::<Vec<_>>();
        let count = members.len();
        let some = subsequence(members.clone(), 0..=count);
        prop_oneof![2 => Just(members), 1 => some]
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    };
    (some(aliases), some(ipsets), some(groups)).prop_map(|(aliases, ipsets, groups)| {
        let members = [("aliases", aliases), ("ipsets", ipsets), ("groups", groups)];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// Returns what is left of names to remove where those that are declared stay.
fn removed(definitions: &Map<String, Value>) -> Value {
    let names = json!({ "aliases": ["lan", "unused"], "ipsets": ["admins"], "groups": ["ways"] });
    let mut removed = Map::new();
    for (kind, names) in names.as_object().unwrap() {
        let declared = |name: &&Value| definitions[kind].get(name.as_str().unwrap()).is_none();
        let names = names.as_array().unwrap().iter().filter(declared).collect::<Vec<_>>();
        removed.insert(kind.clone(), json!(names));
    }
    Value::Object(removed)
}

fn cluster() -> impl Strategy<Value = Value> {
    let node = (proptest::option::of(rules()), any::<bool>());
    let parts =
        (definitions(), proptest::option::of(rules()), proptest::option::of(node), any::<bool>());
    (parts, any::<bool>()).prop_map(|((mut members, rules, node, removes), drops)| {
        members.insert("enabled".to_owned(), json!(true));
        if removes {
            let removed = removed(&members);
            members.insert("removed".to_owned(), removed);
        }
        let policy = if drops { "DROP" } else { "ACCEPT" };
        members.insert("default_input_policy".to_owned(), json!(policy));
        if let Some(rules) = rules {
            members.insert("global_firewall_rules".to_owned(), json!(rules));
        }
        if let Some((rules, enabled)) = node {
            let mut node = json!({ "enabled": enabled });
            node["rules"] = json!(rules);
            members.insert("node".to_owned(), node);
        }
        Value::Object(members)
    })
}

fn guest() -> impl Strategy<Value = Value> {
    proptest::option::of(rules()).prop_map(|rules| match rules {
        Some(rules) => json!({ "enabled": true, "rules": rules }),
        None => Value::Null,
    })
}

/// The files as they are, some by hand.
fn present() -> impl Strategy<Value = Node> {
    let defined = "[ALIASES]\n\nlan 10.0.0.0/24\nunused 10.1.0.0/16\n\n[IPSET admins]\n\nlan\n\n";
    let groups =
        "[group ways]\n\nIN ACCEPT -source +admins -p tcp -dport 22,8006\n\n[group web]\n\n";
    let cluster = (any::<bool>(), select(vec![0, 1, 1, 1]), present_rules());
    let cluster = cluster.prop_map(move |(full, enable, rules)| {
        let (defined, groups) = if full { (defined, groups) } else { ("", "") };
        format!("[OPTIONS]\n\nenable: {enable}\n\n{defined}# mine\n[RULES]\n\n{rules}\n{groups}")
    });
    let other = || {
        proptest::option::of(
            present_rules().prop_map(|r| format!("[OPTIONS]\n\nenable: 1\n\n[RULES]\n\n{r}")),
        )
    };
    (proptest::option::of(cluster), other(), other(), other()).prop_map(
        |(cluster, host, one, two)| {
            let files = [(CLUSTER, cluster), (HOST, host), (GUEST, one), (VM, two)];
            let mut node = Node::with(&[]);
            node.files
                .extend(files.into_iter().filter_map(|(at, text)| Some((at.to_owned(), text?))));
            node
        },
    )
}

fn opens(node: &Node, port: u16) -> bool {
    let network = "10.0.0.0/24".parse::<IpNet>().unwrap();
    host_opens(&node.cluster(), node.host().as_ref(), network, "tcp", port).is_open()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_state_on_the_way_is_safe(
        (cluster, container, vm) in (cluster(), guest(), guest()),
        before in present(),
    ) {
        let Some(desired) = loaded(&cluster, &container, &vm).desired else { return Ok(()) };
        let Ok(plan) = before.plan(&desired) else { return Ok(()) };
        let mut states = vec![before.clone()];
        for action in actions(&plan) {
            let mut next = states.last().unwrap().clone();
            next.perform(&action);
            states.push(next);
        }
        let after = states.last().unwrap();
        let ends = before.faults().union(&after.faults()).cloned().collect::<std::collections::BTreeSet<_>>();
        for (number, state) in states.iter().enumerate() {
            for port in [22, 8006] {
                let shut = opens(&before, port) && opens(after, port) && !opens(state, port);
                prop_assert!(!shut, "{port} is shut after {number} of {:?}", addresses(&plan));
            }
            let missing = state.faults().difference(&ends).cloned().collect::<Vec<_>>();
            prop_assert!(missing.is_empty(), "{missing:?} after {number} of {:?}", addresses(&plan));
        }
        let again = after.plan(&desired);
        let again = again.map(|plan| addresses(&plan));
        prop_assert_eq!(again, Ok(Vec::<String>::new()));
    }
}

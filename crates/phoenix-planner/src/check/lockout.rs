//! Whether the cluster's rules leave the operator a way to the node.

use std::collections::BTreeMap;

use ipnet::IpNet;
use phoenix_formats::firewall::{Decider, FwFile, Level, Passage, host_opens};

use crate::desired::{ClusterFirewall, Desired, Policy};
use crate::load::finding::{Finding, Findings};
use crate::source::Origin;

/// The ways to a node: ssh, and the web interface of Proxmox VE.
const WAYS: [(u16, &str); 2] = [(22, "ssh"), (8006, "the web interface")];

/// The lines of [`as_file`] before the first rule.
const LINES_BEFORE_RULES: usize = 4;

/// Notes rules that shut the node to its own network: both ways are an error, one is a warning.
///
/// Aliases, sets and groups are kept on the node, so rules that use them are left out here; what they
/// do is checked when a plan is made.
pub(super) fn lockout(desired: &Desired, findings: &mut Findings) {
    let (Some(firewall), Some(address)) = (&desired.firewall, &desired.network.address) else {
        return;
    };
    if firewall.enabled == Some(false) {
        return;
    }
    let network = IpNet::V4(address.value.trunc());
    let file = FwFile::parse(Level::Cluster, &as_file(firewall), None);
    let mut shut = BTreeMap::<Option<usize>, Vec<String>>::new();
    for (port, name) in WAYS {
        if let Passage::Closed(decider) = host_opens(&file, None, network, "tcp", port) {
            shut.entry(rule(&decider)).or_default().push(format!("{port} ({name})"));
        }
    }
    let no_way = shut.values().map(Vec::len).sum::<usize>() == WAYS.len();
    for (rule, ports) in shut {
        findings.push(finding(firewall, rule, &ports.join(" and "), network, no_way));
    }
}

fn as_file(firewall: &ClusterFirewall) -> String {
    let policy = firewall.policy_in.unwrap_or(Policy::Drop).as_str();
    let rules = firewall.rules.iter().flatten().map(|rule| format!("{}\n", rule.value));
    format!("[OPTIONS]\nenable: 1\npolicy_in: {policy}\n[RULES]\n{}", rules.collect::<String>())
}

/// Returns the number of the rule that decides, counted from 0.
fn rule(decider: &Decider) -> Option<usize> {
    match decider {
        Decider::Rule { line, .. } => line.checked_sub(LINES_BEFORE_RULES + 1),
        _ => None,
    }
}

fn finding(
    firewall: &ClusterFirewall,
    rule: Option<usize>,
    ports: &str,
    network: IpNet,
    no_way: bool,
) -> Finding {
    let rules = firewall.rules.as_ref();
    let rule = rule.and_then(|index| rules?.get(index));
    let origin = rule.map_or_else(|| firewall.origin.clone(), |rule| rule.origin.clone());
    let message = format!("the node's own network {network} would no longer reach port {ports}");
    let new: fn(Origin, String) -> Finding = if no_way {
        |at, text| Finding::error(at, text)
    } else {
        |at, text| Finding::warning(at, text)
    };
    new(origin, message).label("shuts it").help(format!(
        "Put a rule before it that accepts tcp 22,8006 from `{network}`, or narrow this one."
    ))
}

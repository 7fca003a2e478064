//! What depends on the node's address in a cluster: corosync's own file.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::location::Location;
use crate::observed::Observed;
use crate::refusal::Refusal;

/// The file of a node that belongs to a cluster.
pub(super) const CONF: &str = "/etc/pve/corosync.conf";

/// Refuses to take an address away by which the other nodes of the cluster know this one.
pub(super) fn conflict(observed: &Observed<'_>, old: &BTreeSet<Ipv4Addr>) -> Option<Refusal> {
    let at = Location::node(CONF);
    let text = observed.facts.text(&at)?;
    let name = observed.node_name();
    let mine = |value: &str| value.parse().is_ok_and(|ip| old.contains(&ip)) || Some(value) == name;
    let (line, value) = rings(text).find(|(_, value)| mine(value))?;
    let message = format!(
        "the cluster reaches this node by `{value}`, which the declared address would replace"
    );
    let help = "Give this node another link address in the cluster first (Proxmox VE's manual, Cluster Manager), then plan again.";
    Some(Refusal::file(&at, Some(line), message, help))
}

/// Returns the addresses of all rings of all nodes, with their lines.
fn rings(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines());
    lines.filter_map(|(number, line)| {
        let (key, value) = line.trim().split_once(':')?;
        let ring = key.strip_prefix("ring")?.strip_suffix("_addr")?;
        ring.bytes().all(|b| b.is_ascii_digit()).then(|| (number, value.trim()))
    })
}

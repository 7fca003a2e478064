//! Whether the guests that others need are there, and whether they need each other in a circle.

use std::collections::{BTreeMap, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graphmap::DiGraphMap;
use phoenix_formats::Vmid;

use crate::desired::{Desired, Located};
use crate::load::finding::{Finding, Findings};

type Needs<'a> = BTreeMap<Vmid, &'a [Located<Vmid>]>;

fn needs(desired: &Desired) -> Needs<'_> {
    let containers = desired.containers.values().map(|c| (c.vmid, c.dependencies.as_slice()));
    let vms = desired.vms.values().map(|vm| (vm.vmid, vm.dependencies.as_slice()));
    containers.chain(vms).collect()
}

/// Notes every needed guest that is not declared.
pub(super) fn missing(desired: &Desired, findings: &mut Findings) {
    let needs = needs(desired);
    for needed in needs.values().copied().flatten() {
        if !needs.contains_key(&needed.value) {
            findings.push(
                Finding::error(
                    needed.origin.clone(),
                    format!("no guest `{}` is declared", needed.value),
                )
                .label("needed here")
                .help("Declare it, correct the number, or remove it here."),
            );
        } else if let Some(finding) = wrong_kind(desired, needed) {
            findings.push(finding);
        }
    }
}

/// A container cannot be cloned from a virtual machine, nor the other way.
fn wrong_kind(desired: &Desired, needed: &Located<Vmid>) -> Option<Finding> {
    let (is_container, is_vm) =
        (desired.containers.contains_key(&needed.value), desired.vms.contains_key(&needed.value));
    let (kind, wanted) = match needed.origin.pointer.rsplit('/').next()? {
        "clone_from_ctid" if !is_container => ("virtual machine", "container"),
        "clone_from_vmid" if !is_vm => ("container", "virtual machine"),
        _ => return None,
    };
    let message = format!("`{}` is a {kind}, which no {wanted} can be cloned from", needed.value);
    let finding = Finding::error(needed.origin.clone(), message).label("of the other kind");
    Some(finding.help(format!("Write the number of a {wanted}.")))
}

/// Notes every circle of guests that need each other, once.
pub(super) fn cycles(desired: &Desired, findings: &mut Findings) {
    let needs = needs(desired);
    let edges = needs.iter().flat_map(|(from, needed)| needed.iter().map(|to| (*from, to.value)));
    let graph = edges.collect::<DiGraphMap<Vmid, ()>>();
    let mut groups = kosaraju_scc(&graph);
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort();
    for group in groups {
        let Some(first) = group.first().copied() else {
            continue;
        };
        if group.len() > 1 || graph.contains_edge(first, first) {
            let way = shortest_cycle(&graph, first);
            findings.extend(cycle(&way, &needs));
        }
    }
}

/// Finds the shortest way from a guest back to itself.
fn shortest_cycle(graph: &DiGraphMap<Vmid, ()>, start: Vmid) -> Vec<Vmid> {
    let mut came_from = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        let mut next = graph.neighbors(at).collect::<Vec<_>>();
        next.sort_unstable();
        for to in next {
            if came_from.contains_key(&to) {
                continue;
            }
            came_from.insert(to, at);
            if to == start {
                return walk_back(&came_from, start);
            }
            queue.push_back(to);
        }
    }
    Vec::new()
}

fn walk_back(came_from: &BTreeMap<Vmid, Vmid>, start: Vmid) -> Vec<Vmid> {
    let mut way = vec![start];
    let mut at = came_from[&start];
    while at != start {
        way.push(at);
        at = came_from[&at];
    }
    way.push(start);
    way.reverse();
    way
}

fn cycle(way: &[Vmid], needs: &Needs<'_>) -> Option<Finding> {
    let shown = way.iter().map(Vmid::to_string).collect::<Vec<_>>().join(" → ");
    let links = way.windows(2).filter_map(|pair| {
        let needed = needs.get(&pair[0])?.iter().find(|needed| needed.value == pair[1])?;
        Some((needed.origin.clone(), format!("{} needs {}", pair[0], pair[1])))
    });
    let mut links = links.collect::<Vec<_>>().into_iter();
    let (origin, label) = links.next()?;
    let finding = Finding::error(origin, format!("guests need each other in a circle: {shown}"));
    let finding = finding.label(label).help("Remove one of these dependencies.");
    Some(links.fold(finding, |finding, (origin, label)| finding.with(origin, label)))
}

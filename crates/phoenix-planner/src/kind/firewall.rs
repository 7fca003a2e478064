//! Proxmox VE's firewall: `cluster.fw`, `host.fw` of the node, and the file of every declared guest.
//!
//! Declared options and, when rules are declared, all of `[RULES]` are owned; of aliases, sets and groups
//! the declared ones. Everything else stays, with own-line comments. pve-firewall reads its files every
//! ten seconds, so the order of writing is one in which every half-way state is safe: what rules name is
//! there before the first rule that names it, and goes after the last; what turns everything on or
//! refuses comes last; and a way to the node that is open before and after is open all the time. What
//! is declared is checked in [`crate::check`]. That the nftables backend decides about packets to the
//! node as the iptables one does is taken for granted.

mod cluster;
mod file;
mod guest;
mod lockout;
mod names;
mod node;
mod order;
mod reason;
mod set;
mod vm;

use phoenix_formats::Vmid;

pub(super) use self::guest::opened_publicly;
use self::order::Last;
use self::set::Set;
pub(super) use self::vm::{plan_made, planned_text};
use crate::desired::{Desired, PublicInterface};
use crate::location::Location;
use crate::observed::Observed;
use crate::plan::{Draft, Edge};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

fn cluster_path() -> Location {
    Location::node("/etc/pve/firewall/cluster.fw")
}

fn host_path() -> Location {
    Location::node("/etc/pve/local/host.fw")
}

pub(super) fn guest_path(vmid: Vmid) -> Location {
    Location::node(&format!("/etc/pve/firewall/{vmid}.fw"))
}

/// Returns the name by which Proxmox VE's rules know the public interface.
fn public_name() -> String {
    format!("net{}", PublicInterface::INDEX)
}

/// Returns the texts of a guest's file and of the cluster's as the plan leaves them. Where a guest has no
/// file, the rules of its public interface are all there is.
pub(super) fn planned_texts(
    observed: &Observed<'_>,
    vmid: Vmid,
    draft: &Draft,
) -> (String, String) {
    let planned = |at: &Location| {
        let written = draft.written(at).map(|(_, text)| text.to_owned());
        written.or_else(|| observed.facts.text(at).map(str::to_owned))
    };
    let guest = planned(&guest_path(vmid)).unwrap_or_else(guest::public_rules_alone);
    (guest, planned(&cluster_path()).unwrap_or_default())
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let containers = desired.containers.keys();
    let vms = desired.vms.values().filter(|vm| vm.firewall.is_some()).map(|vm| &vm.vmid);
    let guests = containers.chain(vms).map(|vmid| Probe::File(guest_path(*vmid)));
    let own = [cluster_path(), host_path()].map(Probe::File);
    let session = desired.firewall.iter().map(|_| lockout::session_probe());
    guests.chain(own).chain(session).chain(names::probes(desired, facts)).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let set = Set::read(observed)?;
    let order = order::choose(observed, &set)?;
    set.notes(observed).into_iter().for_each(|note| draft.note(note));
    let defined = set.cluster.defined.as_ref();
    let defined = defined.map(|change| draft.add(change.action.clone(), &[]));
    let mut earlier = Vec::new();
    let steps = set.guests.iter().map(|guest| (None, guest));
    let last = order.files.into_iter().filter_map(|last| Some((Some(last), set.last(last)?)));
    for (last, change) in steps.chain(last) {
        let needs = last == Some(Last::Cluster) || change.needs_names_of(&set.cluster);
        let edge = if needs { Edge::Needs } else { Edge::After };
        let mut after = defined.map(|id| (id, edge)).into_iter().collect::<Vec<_>>();
        if last.is_some() {
            after.extend(earlier.iter().copied());
        }
        let id = draft.add(change.action.clone(), &after);
        // Where a file could not be changed, the names that it still uses must not go.
        let stays = change.used_names_gone_from(&set.cluster);
        let edge = if last.is_some() { order.edge } else { Edge::After };
        earlier.push((id, if stays { Edge::Needs } else { edge }));
    }
    Ok(())
}

//! What the node is called, and in which time zone it lives.
//!
//! The name is written to `/etc/hostname` and in force after the next boot: Proxmox VE's cluster file
//! system and daemons take the name when they start, and a name that changes below them would split the
//! node into two. A node with guests, or in a cluster, is not renamed: its folder `/etc/pve/nodes/NAME`,
//! with everything in it, would stay behind. The zone is in force at once.
//!
//! Deliberately not done: the names in postfix's configuration and in certificates.

use phoenix_formats::Vmid;

use super::hosts;
use crate::address::Address;
use crate::desired::{Desired, Located};
use crate::location::{Location, Place};
use crate::observed::Observed;
use crate::operation::{Operation, Run, Write};
use crate::plan::{Action, Attribute, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

const HOSTNAME: &str = "/etc/hostname";
const LOCALTIME: &str = "/etc/localtime";
const ZONES: &str = "/usr/share/zoneinfo";

/// The file that a node has as soon as it belongs to a cluster.
const CLUSTER: &str = "/etc/pve/corosync.conf";

/// Permission bits of a new `/etc/hostname`: every program reads it.
const FILE_MODE: u32 = 0o644;

/// Asks where `/etc/localtime` leads, which names the zone.
pub(crate) fn zone_argv() -> Argv {
    argv(["readlink", "--", LOCALTIME])
}

/// Asks whether the node has a zone: it fails when there is no such file.
fn exists_argv(zone: &str) -> Argv {
    argv(["readlink", "--canonicalize-existing", "--", &format!("{ZONES}/{zone}")])
}

fn set_argv(zone: &str) -> Argv {
    argv(["timedatectl", "set-timezone", zone])
}

pub(super) fn probes(desired: &Desired, _: &Facts) -> Vec<Probe> {
    let run = |argv| Probe::Run { place: Place::Node, argv };
    let mut probes = Vec::new();
    if desired.identity.hostname.is_some() {
        probes.extend([HOSTNAME, CLUSTER].map(|path| Probe::File(Location::node(path))));
    }
    if let Some(zone) = &desired.identity.timezone {
        probes.extend([run(zone_argv()), run(exists_argv(&zone.value))]);
    }
    probes
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let identity = &observed.desired.identity;
    let name = identity.hostname.as_ref().map_or(Ok(()), |name| hostname(observed, name, draft));
    let zone = identity.timezone.as_ref().map_or(Ok(()), |zone| timezone(observed, zone, draft));
    let refusals = [name.err(), zone.err()].into_iter().flatten().collect::<Vec<_>>();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn hostname(
    observed: &Observed<'_>,
    wanted: &Located<String>,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    // Proxmox VE takes the part before the first dot.
    let running = observed.node_name().and_then(|name| name.split('.').next());
    let renames = running.is_some_and(|running| running != wanted.value);
    if let Some(refusal) =
        running.filter(|_| renames).and_then(|old| stranded(observed, wanted, old))
    {
        return Err(refusal);
    }
    let at = Location::node(HOSTNAME);
    let before = observed.facts.text(&at);
    let after = renamed(before.unwrap_or_default(), &wanted.value);
    let address = Address::new("identity", "hostname");
    if before == Some(after.as_str()) {
        if let Some(old) = running.filter(|_| renames) {
            let why = format!(
                "{HOSTNAME} has the new name, and the node is `{old}` until it boots: make no guests before"
            );
            draft.defer(address, why);
        }
        return Ok(());
    }
    let write = Write::new(at, before.map(str::to_owned), after, FILE_MODE);
    // A node that boots under a name that does not resolve to its address has no /etc/pve.
    let needs = draft.find(&hosts::resource()).map(|id| (id, Edge::Needs));
    let needs = needs.into_iter().collect::<Vec<_>>();
    draft.add(rename(address, wanted, running.filter(|_| renames), write), &needs);
    Ok(())
}

/// Returns whether the node has a name from its next boot on.
pub(crate) fn boots_as(observed: &Observed<'_>, name: &str) -> bool {
    let text = observed.facts.text(&Location::node(HOSTNAME));
    text.is_some_and(|text| renamed(text, name) == text)
}

fn rename(address: Address, wanted: &Located<String>, old: Option<&str>, write: Write) -> Action {
    let note = |old: &str| {
        format!(
            "in force after the next boot, until then the node is `{old}`: boot it before guests are made"
        )
    };
    Action {
        address,
        verb: if write.before.is_some() { Verb::Change } else { Verb::Add },
        reason: match old {
            Some(old) => format!("{old} → {}", wanted.value),
            None => format!("boots as {}", wanted.value),
        },
        disruption: if old.is_some() { Disruption::Pending } else { Disruption::None },
        guest: None,
        origin: Some(wanted.origin.clone()),
        attributes: Vec::new(),
        notes: old.map(note).into_iter().collect(),
        operations: vec![Operation::Write(write)],
    }
}

/// Says what a new name would leave behind.
fn stranded(observed: &Observed<'_>, wanted: &Located<String>, old: &str) -> Option<Refusal> {
    let refusal = |why: String| {
        let message = format!("this node is `{old}` and cannot become `{}`: {why}", wanted.value);
        let help = format!("Write `{old}` as `network.hostname`, or leave it out.");
        Refusal::declared(&wanted.origin, message, help)
    };
    if observed.facts.text(&Location::node(CLUSTER)).is_some() {
        let why = "it belongs to a cluster, which knows it by its name";
        return Some(refusal(why.to_owned()));
    }
    let guests = observed.guests();
    (!guests.is_empty()).then(|| {
        let ids = guests.iter().map(Vmid::to_string).collect::<Vec<_>>().join(", ");
        refusal(format!("/etc/pve/nodes/{old} holds its guests {ids}, which would stay behind"))
    })
}

/// Returns the file with another name in it: comments and empty lines stay (hostname(5)), and all of it
/// where its first name is the wanted one.
fn renamed(text: &str, name: &str) -> String {
    let mut words = text.lines().map(str::trim);
    if words.find(|word| !word.is_empty() && !word.starts_with('#')) == Some(name) {
        return text.to_owned();
    }
    let mut after = String::with_capacity(text.len() + name.len() + 1);
    let mut written = false;
    for line in text.split_inclusive('\n') {
        let word = line.trim();
        if word.is_empty() || word.starts_with('#') {
            after.push_str(line);
        } else if !written {
            written = true;
            after.push_str(name);
            after.push('\n');
        }
    }
    if !written {
        if !after.is_empty() && !after.ends_with('\n') {
            after.push('\n');
        }
        after.push_str(name);
        after.push('\n');
    }
    after
}

fn timezone(
    observed: &Observed<'_>,
    wanted: &Located<String>,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let present = observed.facts.ran(Place::Node, &zone_argv()).filter(|output| output.success());
    let present = present.and_then(|output| zone_of(output.stdout.trim()));
    if present == Some(wanted.value.as_str()) {
        return Ok(());
    }
    let exists = observed.facts.ran(Place::Node, &exists_argv(&wanted.value));
    if !exists.is_some_and(|output| output.success()) {
        let message = format!("this node has no time zone `{}`", wanted.value);
        let help = "Write a name that `timedatectl list-timezones` shows, such as `Europe/Berlin`.";
        return Err(Refusal::declared(&wanted.origin, message, help));
    }
    draft.add(set_zone(wanted, present), &[]);
    Ok(())
}

/// Returns the zone that a link's target names: it is relative or absolute.
fn zone_of(target: &str) -> Option<&str> {
    let (_, zone) = target.split_once("/zoneinfo/")?;
    Some(zone).filter(|zone| !zone.is_empty())
}

fn set_zone(wanted: &Located<String>, present: Option<&str>) -> Action {
    let undo = present.map(set_argv);
    let attribute = Attribute {
        verb: if present.is_some() { Verb::Change } else { Verb::Add },
        name: "zone".to_owned(),
        before: present.map(str::to_owned),
        after: Some(wanted.value.clone()),
        class: None,
        notes: Vec::new(),
    };
    Action {
        address: Address::new("identity", "timezone"),
        verb: Verb::Change,
        reason: wanted.value.clone(),
        disruption: Disruption::Live,
        guest: None,
        origin: Some(wanted.origin.clone()),
        attributes: vec![attribute],
        notes: vec![
            "services that run keep the old zone until they start again, cron among them"
                .to_owned(),
        ],
        operations: vec![Operation::Run(Run { undo, ..Run::on_node(set_argv(&wanted.value)) })],
    }
}

#[cfg(test)]
mod tests {
    use super::{renamed, zone_of};

    #[test]
    fn only_the_name_changes() {
        let cases = [
            ("", "new\n"),
            ("old\n", "new\n"),
            ("old", "new\n"),
            ("new\n", "new\n"),
            ("new", "new"),
            ("new\r\n", "new\r\n"),
            ("# kept\n\nold\n# too\n", "# kept\n\nnew\n# too\n"),
            ("old\nolder\n", "new\n"),
            ("old\r\n", "new\n"),
            ("# only", "# only\nnew\n"),
        ];
        for (before, after) in cases {
            assert_eq!(renamed(before, "new"), after, "{before:?}");
            assert_eq!(renamed(after, "new"), after, "{before:?}");
        }
    }

    #[test]
    fn a_link_names_its_zone() {
        let cases = [
            ("/usr/share/zoneinfo/Europe/Berlin", Some("Europe/Berlin")),
            ("../usr/share/zoneinfo/UTC", Some("UTC")),
            ("/usr/share/zoneinfo/", None),
            ("/etc/zone", None),
        ];
        for (target, zone) in cases {
            assert_eq!(zone_of(target), zone, "{target}");
        }
    }
}

//! The node's own bridge in interfaces(5): its fixed address, its gateway, and that it comes up at boot.
//!
//! Owned are single lines of the one stanza that configures IPv4 on the declared bridge, in whichever
//! file it stands; ports, VLANs, commands, comments and other stanzas stay. Where the file or the bridge
//! is not as declared, ifupdown2 loads the files again, after it has checked them; when the bridge does
//! not show its address then, the old file comes back and is loaded again.
//!
//! Deliberately not done: a bridge is not made, since its ports are not declared; a `dns-nameservers`
//! line is kept up where there is one and never added; and without ifupdown2 nothing is done that takes
//! the bridge, and with it every guest's port, down.

mod cluster;
mod edit;
mod files;
mod refuse;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use phoenix_formats::BridgeName;
use phoenix_formats::interfaces::{Command, Phase, Stanza, StanzaKind};
use phoenix_formats::iproute::Link;

use self::edit::{Auto, Edited, Wanted};
use self::files::{File, Files};
pub(super) use self::files::{are_missing, file_probes, main_file, reads, stanza_elsewhere};
use super::{package, resolv_conf};
use crate::address::Address;
use crate::desired::{Desired, Located};
use crate::location::{Location, Place};
use crate::observed::{Observed, links_argv};
use crate::operation::{Check, Operation, Run, Want, Write};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;
use crate::source::Origin;

/// Where Proxmox VE's web interface keeps changes that are not applied yet; at boot they take the place
/// of the main file.
const STAGED: &str = "/etc/network/interfaces.new";

/// Permission bits, should a file have to be made again.
const FILE_MODE: u32 = 0o644;

/// How long the bridge may take to show its address: attempts and seconds between them. `ifreload` ends
/// when it is there; a little is left for duplicate address detection and slow machines.
const SETTLE: (u32, u32) = (10, 1);

/// What the versions of Proxmox VE's own packages hold.
const OF_PROXMOX: &str = "pmx";

/// What a shell, and phoenix itself, say of a program that is not there.
const NOT_FOUND: i32 = 127;

/// Asks whether ifupdown2 is there: ifupdown has no `ifreload`.
fn version_argv() -> Argv {
    argv(["ifreload", "--version"])
}

fn reload_argv() -> Argv {
    argv(["ifreload", "-a"])
}

/// ifupdown2 reads the files and checks their values, and changes nothing.
fn check_argv() -> Argv {
    argv(["ifreload", "-a", "-s"])
}

/// Returns the address of the bridge's own configuration.
pub(super) fn resource(bridge: &BridgeName) -> Address {
    Address::new("interfaces", bridge)
}

/// Returns the declared bridge, if anything of it is declared that can differ.
fn declared(desired: &Desired) -> Option<&Located<BridgeName>> {
    let network = &desired.network;
    let any = network.address.is_some() || network.gateway.is_some();
    network.bridge.as_ref().filter(|_| any)
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    if declared(desired).is_none() {
        return Vec::new();
    }
    let missing = facts.ran(Place::Node, &version_argv()).filter(|out| out.exit == NOT_FOUND);
    let way_out = missing.map(|_| package::way_out_probe(desired));
    let run = Probe::Run { place: Place::Node, argv: version_argv() };
    let others = [STAGED, cluster::CONF].map(|path| Probe::File(Location::node(path)));
    Files::probes(facts).into_iter().chain(others).chain([run]).chain(way_out).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let Some(bridge) = declared(observed.desired) else { return Ok(()) };
    let files = Files::of(observed.facts);
    if files.all.is_empty() {
        // Every real node has the file; a folder that was captured for something else may not.
        draft.defer(resource(&bridge.value), format!("there is no {} here", files::MAIN));
        return Ok(());
    }
    let (file, stanza) =
        refuse::stanza(observed, bridge, &files).map_err(|refusal| vec![refusal])?;
    let own = Own::of(observed, &bridge.value, &files, (file, stanza));
    let wanted = wanted(observed, &bridge.value, &files);
    let edited = edit::edit(&file.parsed, stanza.line, &wanted)
        .map_err(|fault| vec![refuse::faulty(file, stanza, fault)])?;
    let refusals = [
        refuse::lost_gateway(observed, &own, stanza),
        refuse::second_gateway(observed, &files, stanza),
        refuse::staged(observed, &edited),
        refuse::template(file, &edited),
        own.moves.then(|| cluster::conflict(observed, &own.old)).flatten(),
    ];
    let refusals = refusals.into_iter().flatten().collect::<Vec<_>>();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    change(observed, &own, edited, draft).map_err(|refusal| vec![refusal])
}

/// The bridge as it is and as it shall be.
struct Own<'a> {
    bridge: &'a BridgeName,
    file: &'a File,
    address: Option<&'a Located<Ipv4Net>>,
    /// The addresses that it has now, live and in the file, other than the declared one.
    old: BTreeSet<Ipv4Addr>,
    /// Whether the node is reached at another address afterwards.
    moves: bool,
    /// Whether the bridge has the declared address now, or none is declared.
    in_force: bool,
}

impl<'a> Own<'a> {
    fn of(
        observed: &'a Observed<'_>,
        bridge: &'a BridgeName,
        files: &Files,
        (file, stanza): (&'a File, &Stanza),
    ) -> Self {
        let address = observed.desired.network.address.as_ref();
        let link = observed.links.iter().find(|link| link.name == bridge.as_str());
        let live = link.map(addresses).unwrap_or_default();
        let wanted = address.map(|address| address.value);
        let own = edit::addresses(stanza);
        let others =
            files.stanzas(bridge.as_str()).into_iter().filter(|(_, other)| *other != stanza);
        let stays = others.flat_map(|(_, other)| edit::addresses(other)).collect::<BTreeSet<_>>();
        let leaves = |net: &Ipv4Net| {
            !stays.contains(net) && wanted.is_some_and(|wanted| wanted.addr() != net.addr())
        };
        let old = live.iter().copied().chain(own).filter(leaves).map(|net| net.addr()).collect();
        // A node that could not say what links it has says nothing against what its files say.
        let unknown = observed.links.is_empty();
        let has = |wanted: Ipv4Net| live.iter().any(|net| net.addr() == wanted.addr());
        Self {
            bridge,
            file,
            address,
            old,
            moves: wanted.is_some_and(|wanted| !has(wanted)),
            in_force: wanted.is_none_or(|wanted| unknown || live.contains(&wanted)),
        }
    }
}

fn addresses(link: &Link) -> Vec<Ipv4Net> {
    let v4 = link.addresses.iter().filter_map(|address| match address.net {
        IpNet::V4(net) => Some(net),
        IpNet::V6(_) => None,
    });
    v4.collect()
}

fn wanted<'a>(observed: &Observed<'_>, bridge: &'a BridgeName, files: &Files) -> Wanted<'a> {
    let network = &observed.desired.network;
    let servers = resolv_conf::servers(observed.desired);
    Wanted {
        bridge: bridge.as_str(),
        auto: auto(files, bridge),
        address: network.address.as_ref().map(|address| address.value),
        gateway: network.gateway.as_ref().map(|gateway| gateway.value),
        nameservers: servers.map(|servers| resolv_conf::words(&servers)),
    }
}

/// Says whether some line brings the bridge up at boot; a pattern may mean any name.
fn auto(files: &Files, bridge: &BridgeName) -> Auto {
    let network = files.network();
    let named = network.get(bridge.as_str()).is_some_and(|interface| interface.auto);
    let stanzas = files.all.iter().flat_map(|file| file.parsed.stanzas());
    let pattern = stanzas.filter_map(|stanza| match &stanza.kind {
        StanzaKind::Names { keyword, names } if keyword == "auto" => Some(names),
        _ => None,
    });
    let pattern = pattern.flatten().any(|name| name.contains(['*', '?', '[', '/']));
    if named || pattern { Auto::Present } else { Auto::Missing }
}

fn change(
    observed: &Observed<'_>,
    own: &Own<'_>,
    edited: Edited,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let reloads = edited.reloads || !own.in_force;
    if edited.changes.is_empty() && !reloads {
        return Ok(());
    }
    let mut needs = Vec::new();
    if reloads && !has_ifupdown2(observed) {
        if edited.changes.is_empty() {
            draft.defer(resource(own.bridge), AT_BOOT);
            return Ok(());
        }
        let reason = "changes the bridge in place, without taking it down";
        match package::add(package::IFUPDOWN2, reason, origin(own).as_ref(), observed, draft) {
            Some(id) => needs.push((id, Edge::Needs)),
            None => return Err(without_ifupdown2(observed, own, &edited)),
        }
    }
    let mut action = action(own, edited, reloads);
    let others = (!needs.is_empty()).then(|| NOT_OURS.to_owned());
    action.notes.extend(unplugs(observed).or(others).filter(|_| reloads));
    draft.add(action, &needs);
    Ok(())
}

/// Why a file that is right is not loaded.
const AT_BOOT: &str =
    "its file is right and not in force before the node boots: there is no `ifreload`";

/// What to know about an ifupdown2 that is not there yet.
const NOT_OURS: &str = "where apt has no source of Proxmox VE, the ifupdown2 of Debian comes, which takes guests out of the bridge";

fn has_ifupdown2(observed: &Observed<'_>) -> bool {
    let output = observed.facts.ran(Place::Node, &version_argv());
    output.is_some_and(|output| output.exit != NOT_FOUND)
}

/// Proxmox VE's own ifupdown2 leaves the ports of guests in a bridge; Debian's takes out what the files
/// do not name (measured on 3.0.0).
fn unplugs(observed: &Observed<'_>) -> Option<String> {
    let version =
        observed.facts.ran(Place::Node, &version_argv()).filter(|output| output.success())?;
    (!version.stdout.contains(OF_PROXMOX)).then(|| {
        "this ifupdown2 is Debian's and takes guests out of the bridge: install Proxmox VE's own first".to_owned()
    })
}

/// ifupdown can only take the bridge down and up again, and does not plug the guests in again: where
/// ifupdown2 cannot be fetched either, nothing is done.
fn without_ifupdown2(observed: &Observed<'_>, own: &Own<'_>, edited: &Edited) -> Refusal {
    let name = own.bridge;
    let uplinks = observed.uplinks(name);
    let ports = observed.links.iter().filter(|link| link.master.as_deref() == Some(name.as_str()));
    let ports = ports.filter(|link| !uplinks.contains(&link.name));
    let ports = ports.map(|link| format!(" {}", link.name)).collect::<Vec<_>>().join(",");
    let message = format!(
        "without ifupdown2 this change of `{name}` ({}) takes the bridge down, and what is plugged into it stays cut off:{}",
        edited.changes.join(", "),
        if ports.is_empty() { " every guest that runs" } else { &ports },
    );
    let help = "The node has no way to the outside by which ifupdown2 could come, which changes a bridge in place. Install it by hand, or change the file by hand and boot.";
    let origin = own.address.map(|address| &address.origin);
    let origin =
        origin.or(observed.desired.network.gateway.as_ref().map(|gateway| &gateway.origin));
    match origin {
        Some(origin) => Refusal::declared(origin, message, help),
        None => Refusal::file(&own.file.at, None, message, help),
    }
}

fn action(own: &Own<'_>, edited: Edited, reloads: bool) -> Action {
    let (verb, reason) = match edited.changes.is_empty() {
        true => (Verb::Do, "its file is right and not in force".to_owned()),
        false => (Verb::Change, edited.changes.join(", ")),
    };
    let disruption = match () {
        () if own.moves && reloads => Disruption::Reconnect,
        () if reloads => Disruption::Reload,
        () => Disruption::None,
    };
    let notes = if reloads { notes(own) } else { Vec::new() };
    let mut operations = Vec::new();
    if !edited.changes.is_empty() {
        let before = own.file.parsed.text().to_owned();
        let write = Write::new(own.file.at.clone(), Some(before), edited.text, FILE_MODE);
        operations.push(Operation::Write(write));
    }
    if reloads {
        operations.extend(reload(own));
    }
    Action {
        address: resource(own.bridge),
        verb,
        reason,
        disruption,
        guest: None,
        origin: origin(own),
        attributes: Vec::new(),
        notes,
        operations,
    }
}

fn origin(own: &Own<'_>) -> Option<Origin> {
    own.address.map(|address| address.origin.clone())
}

/// Checks the files, loads them, and looks at the bridge. A failed check finds the old file put back;
/// after a failed load, or a bridge without its address, the old file is loaded again.
fn reload(own: &Own<'_>) -> Vec<Operation> {
    let probe = Probe::Run { place: Place::Node, argv: check_argv() };
    let check = Check { probe, want: Want::Success, attempts: 1, pause: 0 };
    let run = Run { undo: Some(reload_argv()), ..Run::on_node(reload_argv()) };
    let mut operations = vec![Operation::Check(check), Operation::Run(run)];
    if let Some(address) = own.address {
        let probe = Probe::Run { place: Place::Node, argv: links_argv() };
        let name = own.bridge.to_string();
        let want = Want::Interface { name, ip: address.value.addr(), mac: None };
        let (attempts, pause) = SETTLE;
        operations.push(Operation::Check(Check { probe, want, attempts, pause }));
    }
    operations
}

fn notes(own: &Own<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if let (Some(address), true, false) = (own.address, own.moves, own.old.is_empty()) {
        let old = own.old.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "the node leaves {old} and is reached at {} from then on: run this at its console, or in `tmux`, which outlives the session",
            address.value.addr()
        ));
        notes.push("if the bridge does not show the new address, the old file comes back and is loaded again".to_owned());
    }
    notes.extend(again(own));
    notes
}

fn goes_up(command: &Command) -> bool {
    matches!(command.phase, Phase::PreUp | Phase::PostUp)
}

/// ifreload(8) runs the commands of every interface again, changed or not (measured).
fn again(own: &Own<'_>) -> Option<String> {
    let file = &own.file.parsed;
    let commands = file.commands();
    let rules = commands.iter().filter(|command| command.runs_iptables());
    let up = rules.filter(|command| goes_up(command));
    let lines = up.map(|command| command.line.to_string()).collect::<Vec<_>>();
    (!lines.is_empty()).then(|| {
        let word = if lines.len() == 1 { "line" } else { "lines" };
        format!(
            "`ifreload` runs the commands of {} again, so a rule that {word} {} adds is there twice until it is deleted once",
            own.file.at,
            lines.join(", ")
        )
    })
}

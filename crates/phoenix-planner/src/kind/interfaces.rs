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

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use phoenix_formats::BridgeName;
use phoenix_formats::interfaces::{Command, Phase, Stanza, StanzaKind};
use phoenix_formats::iproute::Link;

use self::edit::{Auto, Edited, Fault, Wanted};
use self::files::{File, Files};
use super::resolv_conf;
use crate::address::Address;
use crate::desired::{Desired, Located};
use crate::location::{Location, Place};
use crate::observed::{Observed, links_argv};
use crate::operation::{Check, Operation, Run, Want, Write};
use crate::plan::{Action, Disruption, Draft, Verb};
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
    let run = Probe::Run { place: Place::Node, argv: version_argv() };
    let others = [STAGED, cluster::CONF].map(|path| Probe::File(Location::node(path)));
    Files::probes(facts).into_iter().chain(others).chain([run]).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let Some(bridge) = declared(observed.desired) else { return Ok(()) };
    let files = Files::of(observed.facts);
    let (file, stanza) = stanza(observed, bridge, &files).map_err(|refusal| vec![refusal])?;
    let own = Own::of(observed, &bridge.value, &files, (file, stanza));
    let wanted = wanted(observed, &bridge.value, &files);
    let edited = edit::edit(&file.parsed, stanza.line, &wanted).map_err(|fault| vec![faulty(file, stanza, fault)])?;
    let refusals = [
        lost_gateway(observed, &own, stanza),
        second_gateway(observed, &files, stanza),
        staged(observed, &edited),
        template(file, &edited),
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
        let others = files.stanzas(bridge.as_str()).into_iter().filter(|(_, other)| *other != stanza);
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

/// Returns the stanza that configures the node's own address. Another one may stand beside it where all
/// that it brings is an address in another subnet, as interfaces(5) allows.
fn stanza<'a>(
    observed: &Observed<'_>,
    bridge: &'a Located<BridgeName>,
    files: &'a Files,
) -> Result<(&'a File, &'a Stanza), Refusal> {
    let all = files.stanzas(bridge.value.as_str());
    let wanted = observed.desired.network.address.as_ref().map(|address| address.value);
    let mut main = all.iter().filter(|(_, stanza)| edit::is_main(stanza));
    let main = match (main.next(), main.next(), all.as_slice()) {
        (_, _, []) => return Err(missing(observed, bridge, files)),
        (_, _, [one]) => return Ok(*one),
        (Some(main), None, _) => *main,
        (_, _, [first, .., last]) => return Err(twice(&bridge.value, *first, *last)),
    };
    let clash = |(_, stanza): &&(&File, &Stanza)| {
        *stanza != main.1
            && edit::addresses(stanza).iter().any(|net| wanted.is_some_and(|w| same_subnet(*net, w)))
    };
    match all.iter().find(clash) {
        Some(other) => Err(twice(&bridge.value, main, *other)),
        None => Ok(main),
    }
}

fn same_subnet(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b.addr()) || b.contains(&a.addr())
}

/// Refuses two stanzas of which each could be meant; the later one is pointed at.
fn twice(name: &BridgeName, one: (&File, &Stanza), other: (&File, &Stanza)) -> Refusal {
    let (file, stanza) = other;
    let (first, line) = (&one.0.at, one.1.line);
    let message = format!("a second stanza configures `{name}`: the other one is {first}:{line}");
    let help = format!("Keep one `iface {name} inet` with all lines that are needed, and remove the other.");
    Refusal::file(&file.at, Some(stanza.line), message, help)
}

fn missing(observed: &Observed<'_>, bridge: &Located<BridgeName>, files: &Files) -> Refusal {
    let name = &bridge.value;
    if let Some((at, line, word)) = files.not_followed.first() {
        let message = format!("no stanza for `{name}` is found, and phoenix cannot follow `{word}`");
        let help = format!("Move the stanza of `{name}` to {}, or name its file in full.", files::MAIN);
        return Refusal::file(at, Some(*line), message, help);
    }
    let network = &observed.desired.network;
    let address = network.address.as_ref().map(|address| format!(" / address {}", address.value));
    let gateway = network.gateway.as_ref().map(|gateway| format!(" / gateway {}", gateway.value));
    let text = format!(
        "auto {name} / iface {name} inet static{}{} / bridge-ports NIC / bridge-stp off / bridge-fd 0",
        address.unwrap_or_default(),
        gateway.unwrap_or_default(),
    );
    let message = format!("{} has no stanza that configures IPv4 on `{name}`", files::MAIN);
    let help = format!("Which NIC is its port is not declared, so make it by hand, then plan again: {text}.");
    Refusal::declared(&bridge.origin, message, help)
}

fn faulty(file: &File, stanza: &Stanza, fault: Fault) -> Refusal {
    match fault {
        Fault::Several { option, lines } => {
            let last = lines.last().copied();
            let lines = lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("lines {lines} each give `{option}`, and none is as declared");
            let help = format!("Remove all but the `{option}` that the node is reached by.");
            Refusal::file(&file.at, last, message, help)
        }
        Fault::Method(method) => {
            let message = format!("the method is `{method}`, which has no fixed address");
            let help = "Write `static` there, or take `address` out of `network.interfaces`.";
            Refusal::file(&file.at, Some(stanza.line), message, help)
        }
        Fault::Form(error) => {
            let message = format!("the stanza cannot be edited: {error}");
            let help = "Write its head and options on one line each, without `\\` at the end.";
            Refusal::file(&file.at, Some(stanza.line), message, help)
        }
    }
}

/// Refuses to leave a gateway behind that the node could not reach any more.
fn lost_gateway(observed: &Observed<'_>, own: &Own<'_>, stanza: &Stanza) -> Option<Refusal> {
    let address = own.address?;
    if observed.desired.network.gateway.is_some() {
        return None;
    }
    let gateways = edit::gateways(stanza);
    let (_, gateway) = gateways.iter().find(|(_, ip)| !address.value.contains(ip))?;
    let was_inside = edit::addresses(stanza).iter().any(|net| net.contains(gateway));
    was_inside.then(|| {
        let message = format!("the node's gateway {gateway} is outside {}", address.value.trunc());
        let help = "Declare `network.interfaces.gateway` too.";
        Refusal::declared(&address.origin, message, help)
    })
}

/// Refuses a second default gateway: which one counts would depend on the order of coming up.
fn second_gateway(observed: &Observed<'_>, files: &Files, stanza: &Stanza) -> Option<Refusal> {
    let gateway = observed.desired.network.gateway.as_ref()?;
    if !edit::gateways(stanza).is_empty() {
        return None;
    }
    let (place, other) = files::other_gateways(files, stanza).into_iter().next()?;
    let message = format!("the node has a default gateway already: {other} at {place}");
    let help = "Remove that line, or take `gateway` out of `network.interfaces`.";
    Some(Refusal::declared(&gateway.origin, message, help))
}

/// Refuses to write beside changes that somebody has staged: theirs would undo these at the next boot.
fn staged(observed: &Observed<'_>, edited: &Edited) -> Option<Refusal> {
    let at = Location::node(STAGED);
    observed.facts.text(&at).filter(|_| !edited.changes.is_empty())?;
    let message = "changes wait here that were made in the web interface and not applied";
    let help = "Apply or revert them there (the node, System, Network), then plan again.";
    Some(Refusal::file(&at, None, message, help))
}

fn template(file: &File, edited: &Edited) -> Option<Refusal> {
    (files::is_template(&file.parsed) && !edited.changes.is_empty()).then(|| {
        let message = "the file is a template of ifupdown2, which phoenix does not work out";
        let help = "Move the bridge's stanza to a file of its own without `%` lines, or edit it by hand.";
        Refusal::file(&file.at, None, message, help)
    })
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
    if reloads && !has_ifupdown2(observed) {
        return without_ifupdown2(observed, own, &edited, draft);
    }
    draft.add(action(own, edited, reloads), &[]);
    Ok(())
}

fn has_ifupdown2(observed: &Observed<'_>) -> bool {
    let output = observed.facts.ran(Place::Node, &version_argv());
    output.is_some_and(|output| output.exit != NOT_FOUND)
}

/// ifupdown can only take the bridge down and up again, and does not plug the guests in again.
fn without_ifupdown2(
    observed: &Observed<'_>,
    own: &Own<'_>,
    edited: &Edited,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let name = own.bridge;
    if edited.changes.is_empty() {
        let why = "its file is right and not in force before the node boots: there is no `ifreload`";
        draft.defer(resource(name), why);
        return Ok(());
    }
    let uplinks = observed.uplinks(name);
    let ports = observed.links.iter().filter(|link| link.master.as_deref() == Some(name.as_str()));
    let ports = ports.filter(|link| !uplinks.contains(&link.name));
    let ports = ports.map(|link| format!(" {}", link.name)).collect::<Vec<_>>().join(",");
    let message = format!(
        "without ifupdown2 this change of `{name}` ({}) takes the bridge down, and what is plugged into it stays cut off:{}",
        edited.changes.join(", "),
        if ports.is_empty() { " every guest that runs" } else { &ports },
    );
    let help = "Install ifupdown2, which changes a bridge in place: `apt install ifupdown2`. Or change the file by hand and boot.";
    let origin = own.address.map(|address| &address.origin);
    let origin = origin.or(observed.desired.network.gateway.as_ref().map(|gateway| &gateway.origin));
    Err(match origin {
        Some(origin) => Refusal::declared(origin, message, help),
        None => Refusal::file(&own.file.at, None, message, help),
    })
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

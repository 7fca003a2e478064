//! What is done to make the shim, to mend it, and to take it away.

use std::net::Ipv4Addr;

use phoenix_formats::MacAddr;

use super::reading::{Reading, fdb_argv};
use super::wanted::{
    Old, Wanted, add_argv, delete_argv, fdb_change_argv, link_argv, nat_argv, settings_argv,
};
use super::{Effect, LINK, file};
use crate::location::Place;
use crate::observed::links_argv;
use crate::operation::{Check, OnFailure, Operation, Run, Shown, Want, Write};
use crate::probe::{Argv, Probe, argv};

/// Permission bits of the file.
const MODE: u32 = 0o644;

/// How long the link may take: it is there at once.
const SETTLE: (u32, u32) = (5, 1);

/// Runs a program of which the second takes the effect back.
fn run(argv: Argv, undo: Argv) -> Operation {
    Operation::Run(Run { undo: Some(undo), ..Run::on_node(argv) })
}

/// Runs a program that may find its work done.
fn tidy(argv: Argv) -> Operation {
    Operation::Run(Run { on_failure: OnFailure::Continue, ..Run::on_node(argv) })
}

fn no_route_argv(to: &str) -> Argv {
    argv(["ip", "route", "delete", to, "dev", LINK])
}

/// Returns everything that leads from what is there to what is wanted; nothing when it is so.
pub(super) fn ensure(wanted: &Wanted<'_>, reading: &Reading, lags: &[String]) -> Vec<Operation> {
    let text = wanted.render();
    let mut operations = Vec::new();
    if reading.text.as_ref() != Some(&text) {
        let write = Write::new(file(), reading.text.clone(), text, MODE);
        operations.push(Operation::Write(write));
    }
    let old = reading.old.bridge().unwrap_or(wanted.bridge.as_str()).to_owned();
    let surplus = reading.surplus_macs(wanted).into_iter();
    operations.extend(surplus.map(|mac| tidy(fdb_change_argv("del", mac, &old))));
    if lags.is_empty() {
        return operations;
    }
    let remakes = reading.link.is_none() || reading.wrong(wanted).is_some();
    operations.extend(if remakes { make(wanted, reading) } else { mend(wanted, reading) });
    let missing = wanted.ways.keys().filter(|ip| remakes || !reading.has_route(**ip, wanted));
    operations
        .extend(missing.map(|ip| run(wanted.route_argv(*ip), no_route_argv(&format!("{ip}/32")))));
    let bridge = wanted.bridge.as_str();
    let flooded = wanted.macs().filter(|mac| !reading.fdb.contains(mac));
    operations.extend(flooded.map(|mac| {
        run(fdb_change_argv("replace", mac, bridge), fdb_change_argv("del", mac, bridge))
    }));
    operations.extend((!reading.has_rule).then(|| run(nat_argv("-A"), nat_argv("-D"))));
    operations.extend(shows(wanted));
    operations
}

/// A link that is wrong goes with its routes; nobody else has any by it.
fn make(wanted: &Wanted<'_>, reading: &Reading) -> Vec<Operation> {
    let wrong = reading.link.as_ref().map(|_| tidy(delete_argv()));
    let link = [
        run(add_argv(wanted.bridge.as_str()), delete_argv()),
        run(settings_argv("1"), settings_argv("0")),
        run(wanted.address_argv("add"), wanted.address_argv("delete")),
        run(link_argv("up"), link_argv("down")),
    ];
    wrong.into_iter().chain(link).collect()
}

fn mend(wanted: &Wanted<'_>, reading: &Reading) -> Vec<Operation> {
    let lacks = reading.lacks_settings();
    let settings = lacks.then(|| run(settings_argv("1"), settings_argv("0")));
    let is_up = reading.link.as_ref().is_some_and(phoenix_formats::iproute::Link::is_up);
    let up = (!is_up).then(|| run(link_argv("up"), link_argv("down")));
    let surplus = reading.surplus_routes(wanted).into_iter();
    let surplus = surplus.map(|net| tidy(no_route_argv(&net.to_string())));
    settings.into_iter().chain(up).chain(surplus).collect()
}

/// Returns the checks that it is in force.
fn shows(wanted: &Wanted<'_>) -> impl Iterator<Item = Operation> {
    effects(wanted).into_iter().map(|Effect { argv, want, .. }| {
        let probe = Probe::Run { place: Place::Node, argv };
        Operation::Check(Check { probe, want, attempts: SETTLE.0, pause: SETTLE.1 })
    })
}

/// Returns what the node must show of it.
pub(super) fn effects(wanted: &Wanted<'_>) -> Vec<Effect> {
    let (bridge, own) = (wanted.bridge.as_str(), wanted.address.value);
    let link = Effect {
        part: None,
        title: format!("{LINK} is up with {own}"),
        argv: links_argv(),
        want: Want::Interface { name: LINK.to_owned(), ip: own, mac: None },
    };
    let way = |ip: &Ipv4Addr| Effect {
        part: Some(ip.to_string()),
        title: format!("the node reaches {ip} by {LINK}"),
        argv: argv(["ip", "-json", "route", "get", &ip.to_string()]),
        want: Want::RouteBy { device: LINK.to_owned() },
    };
    let kept = |mac: MacAddr| Effect {
        part: Some("fdb".to_owned()),
        title: format!("{bridge} floods no frames for {mac}"),
        argv: fdb_argv(bridge),
        want: Want::KeptBy { bridge: bridge.to_owned(), mac: mac.to_string() },
    };
    let ways = wanted.ways.keys().map(way);
    std::iter::once(link).chain(ways).chain(wanted.macs().map(kept)).collect()
}

/// Returns what takes everything away that is there: routes go with their link.
pub(super) fn remove(reading: &Reading, bridge: &str) -> Vec<Operation> {
    let mut operations = Vec::new();
    operations.extend(reading.link.as_ref().map(|_| tidy(delete_argv())));
    let macs = reading.old.macs().filter(|mac| reading.fdb.contains(mac));
    operations.extend(macs.map(|mac| tidy(fdb_change_argv("del", mac, bridge))));
    operations.extend(reading.has_rule.then(|| tidy(nat_argv("-D"))));
    if let (Old::Own { .. }, Some(before)) = (&reading.old, &reading.text) {
        let before = before.clone();
        operations.push(Operation::Remove { at: file(), before, shown: Shown::NameOnly });
    }
    operations
}

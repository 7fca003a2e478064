//! `/etc/hosts` of the node: its own line, which gives its name its real address.
//!
//! Proxmox VE takes the node's address from its name: a name that resolves to the loopback, as Debian
//! writes it, or to an address of another day, keeps `/etc/pve` from coming up. Owned is the node's name,
//! with and without the declared domain, wherever it stands; other lines, names, comments and the order
//! stay. Lines of IPv6 addresses that are not the loopback stay too.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::hosts::{Entry, Hosts};

use super::interfaces;
use crate::address::Address;
use crate::desired::Desired;
use crate::location::Location;
use crate::observed::Observed;
use crate::operation::{Operation, Write};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

const FILE: &str = "/etc/hosts";

/// Permission bits of a new file: every program on the node reads it.
const FILE_MODE: u32 = 0o644;

/// What a new file begins with: names that programs take for granted.
const BEGIN: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";

/// What cloud-init leaves in a file that it writes at every boot.
const TEMPLATE: &str = "/etc/cloud/templates/";

/// Returns the address of the node's own line.
pub(super) fn resource() -> Address {
    Address::new("hosts", "node")
}

pub(super) fn probes(desired: &Desired, _: &Facts) -> Vec<Probe> {
    match declared(desired) {
        Some(_) => vec![Probe::File(Location::node(FILE))],
        None => Vec::new(),
    }
}

/// Returns what the line needs: the node's address and its domain.
fn declared(desired: &Desired) -> Option<(Ipv4Addr, &str)> {
    let address = desired.network.address.as_ref()?.value.addr();
    Some((address, desired.identity.domain.as_ref()?.value.as_str()))
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let Some((address, domain)) = declared(observed.desired) else { return Ok(()) };
    let Some(own) = Own::of(observed, address, domain) else { return Ok(()) };
    let at = Location::node(FILE);
    let before = observed.facts.text(&at);
    let present = before.unwrap_or(BEGIN);
    let refusals = own.shared(&Hosts::parse(present), &at);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let after = own.edited(present);
    if before == Some(after.as_str()) {
        return Ok(());
    }
    let write = Write::new(at, before.map(str::to_owned), after, FILE_MODE);
    let action = action(observed, &own, write);
    let bridge = observed.desired.network.bridge.as_ref();
    let moved = bridge.and_then(|bridge| draft.find(&interfaces::resource(&bridge.value)));
    draft.add(action, &moved.map(|id| (id, Edge::Needs)).into_iter().collect::<Vec<_>>());
    Ok(())
}

fn action(observed: &Observed<'_>, own: &Own, write: Write) -> Action {
    let text = write.before.as_deref().unwrap_or_default();
    let cloud = text.contains(TEMPLATE).then(|| {
        format!(
            "{FILE} names {TEMPLATE}: with `manage_etc_hosts` cloud-init writes it again at boot"
        )
    });
    Action {
        address: resource(),
        verb: if write.before.is_some() { Verb::Change } else { Verb::Add },
        reason: format!("{} is {}", own.name, own.address),
        disruption: Disruption::Live,
        guest: None,
        origin: observed.desired.network.address.as_ref().map(|address| address.origin.clone()),
        attributes: Vec::new(),
        notes: cloud.into_iter().collect(),
        operations: vec![Operation::Write(write)],
    }
}

/// What the node's own line shall say.
struct Own {
    address: IpAddr,
    /// The node's name with its domain.
    full: String,
    /// The node's name.
    name: String,
    /// The name under which it runs until its next boot, when that is another one.
    running: Option<String>,
}

impl Own {
    fn of(observed: &Observed<'_>, address: Ipv4Addr, domain: &str) -> Option<Self> {
        let declared = observed.desired.identity.hostname.as_ref().map(|name| name.value.as_str());
        let running = observed.node_name().map(short);
        let name = declared.or(running)?.to_owned();
        let full = format!("{name}.{domain}");
        let running = running.filter(|running| *running != name).map(str::to_owned);
        Some(Self { address: address.into(), full, name, running })
    }

    /// Returns whether a name is the node's, in whichever domain: where it stands beside one that
    /// certainly is.
    fn is_own(&self, name: &str) -> bool {
        let own = [Some(&self.name), self.running.as_ref()];
        own.into_iter().flatten().any(|own| own.eq_ignore_ascii_case(short(name)))
    }

    /// Returns whether an entry has the node's name, alone or in the declared domain.
    fn is_of_node(&self, entry: &Entry) -> bool {
        entry.has(&self.full)
            || entry.has(&self.name)
            || self.running.as_deref().is_some_and(|own| entry.has(own))
    }

    /// Returns whether an entry gives the node's name another address than its own.
    fn misleads(&self, entry: &Entry) -> bool {
        let elsewhere = match entry.address {
            IpAddr::V4(_) => entry.address != self.address,
            IpAddr::V6(address) => address.is_loopback(),
        };
        elsewhere && self.is_of_node(entry)
    }

    /// Refuses lines that give another machine's address the node's name: whose it is cannot be told.
    fn shared(&self, hosts: &Hosts, at: &Location) -> Vec<Refusal> {
        let misleading = hosts.entries().iter().filter(|entry| self.misleads(entry));
        let foreign = |entry: &&Entry| {
            !entry.address.is_loopback() && !entry.names.iter().all(|name| self.is_own(name))
        };
        let refusal = |entry: &Entry| {
            let Entry { line, address, names, .. } = entry;
            let own = names.iter().find(|name| self.is_own(name)).unwrap_or(&self.name);
            let message = format!(
                "`{own}` is this node, at {}, and stands here with other names of {address}",
                self.address
            );
            let help = format!("Take `{own}` out of the line, or correct its address.");
            Refusal::file(at, Some(*line), message, help)
        };
        misleading.filter(foreign).map(refusal).collect()
    }

    /// Returns the file with the node's own line; whatever else gives its name another address is not
    /// asked any more.
    fn edited(&self, text: &str) -> String {
        let hosts = Hosts::parse(text);
        let place = self.place(&hosts);
        let mut edit = Edit::default();
        for entry in hosts.entries().iter().filter(|entry| self.misleads(entry)) {
            let kept = entry.names.iter().filter(|name| !self.is_own(name)).cloned();
            edit.lines.insert(entry.line, (entry.clone(), entry.address, kept.collect()));
        }
        match place {
            Place::Line(entry) => {
                let names = self.names(&entry);
                drop(edit.lines.insert(entry.line, (entry, self.address, names)));
            }
            Place::Behind(line) => edit.new = Some((line, self.line())),
        }
        edit.of(text)
    }

    /// Returns where the line stands: that of the address with the name, else one that has nothing but
    /// the name, else a new one.
    fn place(&self, hosts: &Hosts) -> Place {
        let has_name = |entry: &&Entry| entry.names.iter().any(|name| self.is_own(name));
        let here = |entry: &&Entry| entry.address == self.address;
        let only_own = |entry: &&Entry| {
            let all = entry.names.iter().all(|name| self.is_own(name));
            all && entry.address.is_ipv4() && self.is_of_node(entry)
        };
        let entries = hosts.entries().iter();
        let found = entries.clone().filter(here).find(has_name);
        if let Some(entry) = found.or_else(|| entries.clone().find(only_own)) {
            return Place::Line(entry.clone());
        }
        let mut v4 = entries.filter(|entry| entry.address.is_ipv4() && entry.address.is_loopback());
        let last = hosts.entries().last().map_or(0, |entry| entry.line);
        Place::Behind(v4.next_back().map_or(last, |entry| entry.line))
    }

    /// Returns the names of the node's line, in order; others that stand there stay behind them.
    fn names(&self, entry: &Entry) -> Vec<String> {
        let mut names = vec![self.full.clone(), self.name.clone()];
        // The first name was the node's full one, in a domain of another day.
        let stale = |at: usize, name: &str| {
            at == 0 && name.contains('.') && short(name).eq_ignore_ascii_case(&self.name)
        };
        let others = entry.names.iter().enumerate().filter(|(at, name)| !stale(*at, name));
        for (_, name) in others {
            if !names.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                names.push(name.clone());
            }
        }
        let running = self.running.iter().filter(|running| !names.contains(running)).cloned();
        let running = running.collect::<Vec<_>>();
        names.into_iter().chain(running).collect()
    }

    fn line(&self) -> String {
        let running = self.running.iter().map(|running| format!(" {running}")).collect::<String>();
        format!("{} {} {}{running}", self.address, self.full, self.name)
    }
}

/// Where the node's line stands.
enum Place {
    Line(Entry),
    Behind(usize),
}

fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// What changes in the file, by line: all of it is written in one pass.
#[derive(Default)]
struct Edit {
    /// The address and the names that a line has then; without names it goes.
    lines: BTreeMap<usize, (Entry, IpAddr, Vec<String>)>,
    /// A new line, and the one that it stands behind; 0 is the top.
    new: Option<(usize, String)>,
}

impl Edit {
    fn of(&self, text: &str) -> String {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut after = String::with_capacity(text.len() + 64);
        self.push_new(0, &mut after, end);
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            match self.lines.get(&number) {
                None => after.push_str(line),
                Some((_, _, names)) if names.is_empty() => {}
                Some((entry, address, names)) => {
                    after.push_str(&line_with(line, entry, *address, names));
                }
            }
            self.push_new(number, &mut after, end);
        }
        after
    }

    fn push_new(&self, behind: usize, after: &mut String, end: &str) {
        let Some((_, new)) = self.new.as_ref().filter(|(number, _)| *number == behind) else {
            return;
        };
        if !after.is_empty() && !after.ends_with('\n') {
            after.push_str(end);
        }
        after.push_str(new);
        after.push_str(end);
    }
}

fn line_with(line: &str, entry: &Entry, address: IpAddr, names: &[String]) -> String {
    if entry.address == address && entry.names.iter().eq(names) {
        return line.to_owned();
    }
    let fields = line.split('#').next().unwrap_or_default();
    let start = fields.len() - fields.trim_start().len();
    let word = fields[start..].split_whitespace().next().unwrap_or_default();
    let rest = &fields[start + word.len()..];
    let gap = &rest[..rest.len() - rest.trim_start().len()];
    let tail = &line[fields.trim_end().len()..];
    let shown = if entry.address == address { word.to_owned() } else { address.to_string() };
    format!("{}{shown}{gap}{}{tail}", &fields[..start], names.join(" "))
}

#[cfg(test)]
mod tests;

//! `/etc/resolv.conf` of the node: whom it asks for names, and the domain behind a short name.
//!
//! Owned are the servers, whole, and the first domain of the search list; its other domains, options and
//! comments stay. The node's own dnsmasq comes first, and the file only after it runs. glibc asks the
//! next server only when the one before gives no answer at all, and no more than three.
//!
//! Deliberately not done: a link, or a file that another program writes, is reported and left.

use std::net::IpAddr;

use phoenix_formats::resolv_conf::{EditError, MOST_NAMESERVERS, Nameserver, ResolvConf};

use super::interfaces;
use crate::address::Address;
use crate::desired::Desired;
use crate::location::{Location, Place};
use crate::observed::Observed;
use crate::operation::{Operation, Write};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;
use crate::words::listed;

pub(crate) const FILE: &str = "/etc/resolv.conf";

/// Permission bits of a new file: every program on the node reads it.
const FILE_MODE: u32 = 0o644;

/// Asks whether the file is a link, and where to: it fails when it is none.
fn link_argv() -> Argv {
    argv(["readlink", "--", FILE])
}

fn resource() -> Address {
    Address::new("resolv-conf", "node")
}

/// Returns the servers that the node shall ask, in order, each once and however many; `None` when none
/// are declared.
pub(crate) fn servers(desired: &Desired) -> Option<Vec<IpAddr>> {
    let dns = desired.dns.as_ref().filter(|dns| dns.enabled);
    let declared = desired.network.nameservers.as_ref();
    let upstream = match (declared, dns) {
        (Some(declared), _) => declared.iter().map(|server| server.value).collect::<Vec<_>>(),
        (None, Some(dns)) => dns.upstream.clone(),
        (None, None) => return None,
    };
    let mut servers = Vec::new();
    for server in own(desired).into_iter().chain(upstream) {
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    Some(servers)
}

/// Returns the address of the node's own dnsmasq.
fn own(desired: &Desired) -> Option<IpAddr> {
    let dns = desired.dns.as_ref().filter(|dns| dns.enabled);
    dns.and(desired.network.address.as_ref()).map(|address| IpAddr::V4(address.value.addr()))
}

/// Returns the servers that count, as one line.
pub(crate) fn words(servers: &[IpAddr]) -> String {
    let counted = servers.iter().take(MOST_NAMESERVERS).map(IpAddr::to_string);
    counted.collect::<Vec<_>>().join(" ")
}

pub(super) fn probes(desired: &Desired, _: &Facts) -> Vec<Probe> {
    if servers(desired).is_none() {
        return Vec::new();
    }
    let link = Probe::Run { place: Place::Node, argv: link_argv() };
    vec![Probe::File(Location::node(FILE)), link]
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let Some(servers) = servers(observed.desired) else { return Ok(()) };
    let at = Location::node(FILE);
    let before = observed.facts.text(&at);
    let present = ResolvConf::parse(before.unwrap_or_default());
    let domain = observed.desired.identity.domain.as_ref().map(|domain| domain.value.as_str());
    let after = edited(&present, &servers, domain).map_err(|error| {
        let help = "Mend the file by hand; its servers or its search list cannot be edited.";
        vec![Refusal::file(&at, None, error.to_string(), help)]
    })?;
    if before == Some(after.as_str()) {
        return Ok(());
    }
    if let Some(why) = other_owner(observed, &present) {
        draft.defer(resource(), why);
        return Ok(());
    }
    if own(observed.desired).is_some() && draft.is_deferred(&Address::new("dnsmasq", "records")) {
        draft.defer(resource(), "it is to name the node's dnsmasq, which must run first");
        return Ok(());
    }
    let write = Write::new(at, before.map(str::to_owned), after, FILE_MODE);
    let notes = notes(observed.desired, &servers);
    let needs = needs(observed.desired, draft);
    draft.add(action(observed.desired, write, notes), &needs);
    Ok(())
}

/// The file names the node's dnsmasq at the node's address: both must be there first.
fn needs(desired: &Desired, draft: &Draft) -> Vec<(ActionId, Edge)> {
    let bridge = desired.network.bridge.as_ref();
    let interface = bridge.map(|bridge| interfaces::resource(&bridge.value));
    let earlier = interface.into_iter().chain([Address::new("service", "dnsmasq")]);
    earlier.filter_map(|address| Some((draft.find(&address)?, Edge::Needs))).collect()
}

fn action(desired: &Desired, write: Write, notes: Vec<String>) -> Action {
    let declared = desired.network.nameservers.as_ref().and_then(|servers| servers.first());
    let dns = desired.dns.as_ref().map(|dns| dns.origin.clone());
    Action {
        address: resource(),
        verb: if write.before.is_some() { Verb::Change } else { Verb::Add },
        reason: "whom the node asks for names".to_owned(),
        disruption: Disruption::Live,
        guest: None,
        origin: declared.map(|server| server.origin.clone()).or(dns),
        attributes: Vec::new(),
        notes,
        operations: vec![Operation::Write(write)],
    }
}

fn edited(
    present: &ResolvConf,
    servers: &[IpAddr],
    domain: Option<&str>,
) -> Result<String, EditError> {
    // In a file with CRLF the last domain of a line ends in a carriage return, which no name has.
    let present_search = present.search();
    let others = present_search.iter().map(|other| other.trim_end_matches('\r'));
    let is_declared = |other: &&str| {
        domain.is_some_and(|domain| other.trim_end_matches('.').eq_ignore_ascii_case(domain))
    };
    let others = others.filter(|other| !other.is_empty() && !is_declared(other));
    let search = domain.into_iter().chain(others).collect::<Vec<_>>();
    let text = match domain {
        // It may be said by an older line too, which is not used.
        Some(_) if search != present_search => present.set_search(&search)?,
        _ => present.text().to_owned(),
    };
    let counted = servers.iter().take(MOST_NAMESERVERS).map(|server| Nameserver::from(*server));
    ResolvConf::parse(&text).set_nameservers(&counted.collect::<Vec<_>>())
}

/// Says who else writes the file: what is written into it would be gone soon.
fn other_owner(observed: &Observed<'_>, present: &ResolvConf) -> Option<String> {
    let link = observed.facts.ran(Place::Node, &link_argv()).filter(|output| output.success());
    if let Some(link) = link {
        let target = link.stdout.trim();
        let whose = present.manager().map(|manager| format!(", written by {}", manager.as_str()));
        let whose = whose.unwrap_or_default();
        return Some(format!(
            "{FILE} is a link to {target}{whose}: put a file in its place to have phoenix keep it"
        ));
    }
    let manager = present.manager()?.as_str();
    Some(format!(
        "{FILE} is written by {manager}, as its comment says: set the servers there, or disable it and remove the comment"
    ))
}

fn notes(desired: &Desired, servers: &[IpAddr]) -> Vec<String> {
    let counted = &servers[..servers.len().min(MOST_NAMESERVERS)];
    let rest = &servers[counted.len()..];
    let others = counted.get(1..).unwrap_or_default();
    let later = own(desired).filter(|_| !others.is_empty()).map(|own| {
        let are = if others.len() == 1 { "is" } else { "are" };
        format!("{} {are} asked only while {own} gives no answer at all", listed(others))
    });
    let left_out = (!rest.is_empty()).then(|| {
        let are = if rest.len() == 1 { "is" } else { "are" };
        format!("only {MOST_NAMESERVERS} servers are ever asked: {} {are} left out", listed(rest))
    });
    later.into_iter().chain(left_out).collect()
}

#[cfg(test)]
mod tests;

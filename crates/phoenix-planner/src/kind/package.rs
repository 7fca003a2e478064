//! Packages of Debian that declared things need: one row of [`PACKAGES`] each.
//!
//! A package that is there is left alone, whatever its version. One that is not is installed, unless
//! the node has no way to the outside: then it is listed as not done yet, and so is what needs it.
//!
//! dnsmasq is two packages. The program comes first, so that it can judge the files before they are
//! read by anything; the service comes after the files, since Debian starts a service as it installs
//! it, and dnsmasq without files of its own answers on every address of the node.

use std::net::{IpAddr, Ipv4Addr};

use super::dnsmasq;
use crate::address::Address;
use crate::desired::{Desired, DnsServer};
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{OnFailure, Operation, Run};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;
use crate::source::Origin;

/// The service of dnsmasq.
pub(super) const DNSMASQ: &str = "dnsmasq";
/// The program of dnsmasq.
pub(super) const DNSMASQ_PROGRAM: &str = "dnsmasq-base";

/// What loads interfaces(5) again without taking a bridge down.
pub(super) const IFUPDOWN2: &str = "ifupdown2";

/// When a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before everything: it brings programs that the rest of the plan runs.
    First,
    /// After the files of its service, which starts as it is installed.
    AfterItsFiles,
}

/// A package that something declared needs.
struct Package {
    name: &'static str,
    when: When,
    reason: &'static str,
    /// Returns where it is declared what needs it; `None` when nothing does.
    needed_by: fn(&Desired) -> Option<&Origin>,
}

const PACKAGES: [Package; 2] = [
    Package {
        name: DNSMASQ_PROGRAM,
        when: When::First,
        reason: "the program that checks the files",
        needed_by: dns_server,
    },
    Package {
        name: DNSMASQ,
        when: When::AfterItsFiles,
        reason: "the service, which starts with these files",
        needed_by: dns_server,
    },
];

fn dns_server(desired: &Desired) -> Option<&Origin> {
    dnsmasq::declared(desired).map(|dns| &dns.origin)
}

/// Asks for the state of a package; dpkg-query(1).
pub(super) fn state_argv(name: &str) -> Argv {
    argv(["dpkg-query", "--show", "--showformat=${db:Status-Status}", name])
}

/// Asks for the way to the outside, by which packages come.
fn way_out_argv(desired: &Desired) -> Argv {
    let server = desired.dns.as_ref().and_then(|dns| dns.upstream.first().copied());
    let to = server.unwrap_or(DnsServer::GOOGLE[0]);
    let to = if to.is_ipv4() { to } else { IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)) };
    argv(["ip", "-json", "route", "get", &to.to_string()])
}

fn needed(desired: &Desired) -> impl Iterator<Item = (&'static Package, &Origin)> {
    PACKAGES.iter().filter_map(|package| Some((package, (package.needed_by)(desired)?)))
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let run = |argv: Argv| Probe::Run { place: Place::Node, argv };
    let mut probes =
        needed(desired).map(|(package, _)| run(state_argv(package.name))).collect::<Vec<_>>();
    if needed(desired).any(|(package, _)| is_missing(facts, package.name)) {
        probes.push(way_out_probe(desired));
    }
    probes
}

/// Asks for what decides whether a package can be fetched.
pub(super) fn way_out_probe(desired: &Desired) -> Probe {
    Probe::Run { place: Place::Node, argv: way_out_argv(desired) }
}

/// Adds a package that only a change which is due needs; `None` when the node has no way to the outside.
pub(super) fn add(
    name: &str,
    reason: &str,
    origin: Option<&Origin>,
    observed: &Observed<'_>,
    draft: &mut Draft,
) -> Option<ActionId> {
    if is_offline(observed) {
        return None;
    }
    let earlier = draft.find_all(|address| address.as_str().starts_with("package/"));
    let operations = operations(Place::Node, &[name], Lists::of(&earlier));
    let earlier = earlier.into_iter().map(|id| (id, Edge::After)).collect::<Vec<_>>();
    Some(draft.add(action(name, reason, origin.cloned(), operations), &earlier))
}

/// Returns whether a package is known not to be installed.
pub(super) fn is_missing(facts: &Facts, name: &str) -> bool {
    let state = facts.ran(Place::Node, &state_argv(name));
    state.is_some_and(|output| !output.success() || output.stdout.trim() != "installed")
}

/// Returns whether the node cannot reach what is outside.
fn is_offline(observed: &Observed<'_>) -> bool {
    let way = observed.facts.ran(Place::Node, &way_out_argv(observed.desired));
    way.is_some_and(|output| !output.success())
}

/// Returns the address of a package.
pub(super) fn address(name: &str) -> Address {
    Address::new("package", name)
}

/// Returns the installation of a package that is planned, for what needs it.
pub(super) fn planned(name: &str, draft: &Draft) -> Option<(ActionId, Edge)> {
    draft.find(&address(name)).map(|id| (id, Edge::Needs))
}

/// Returns whether a package is missing and its installation is not planned.
pub(super) fn is_out_of_reach(observed: &Observed<'_>, name: &str, draft: &Draft) -> bool {
    is_missing(observed.facts, name) && planned(name, draft).is_none()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    plan_those(When::First, &[], observed, draft);
    Ok(())
}

/// Adds the packages whose service starts as they are installed.
pub(super) fn plan_services(
    observed: &Observed<'_>,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    let files = draft.find_all(|address| address.as_str().starts_with("dnsmasq/"));
    let after = files.into_iter().map(|id| (id, Edge::Needs)).collect::<Vec<_>>();
    plan_those(When::AfterItsFiles, &after, observed, draft);
    Ok(())
}

fn plan_those(when: When, after: &[(ActionId, Edge)], observed: &Observed<'_>, draft: &mut Draft) {
    for (package, origin) in needed(observed.desired).filter(|(package, _)| package.when == when) {
        if !is_missing(observed.facts, package.name) {
            continue;
        }
        if is_offline(observed) {
            draft.defer(
                address(package.name),
                "not installed, and the node has no way to the outside",
            );
            continue;
        }
        let earlier = draft.find_all(|address| address.as_str().starts_with("package/"));
        let operations = operations(Place::Node, &[package.name], Lists::of(&earlier));
        let earlier = earlier.into_iter().map(|id| (id, Edge::Needs));
        let after = earlier.chain(after.iter().copied()).collect::<Vec<_>>();
        draft.add(action(package.name, package.reason, Some(origin.clone()), operations), &after);
    }
}

fn action(name: &str, reason: &str, origin: Option<Origin>, operations: Vec<Operation>) -> Action {
    Action {
        address: address(name),
        verb: Verb::Add,
        reason: reason.to_owned(),
        disruption: Disruption::None,
        guest: None,
        origin,
        attributes: Vec::new(),
        notes: Vec::new(),
        operations,
    }
}

/// Whether apt's lists of packages are fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    /// An earlier action of the plan has fetched them.
    Fresh,
    /// They may be old, or missing as on a new node.
    Old,
}

impl Lists {
    fn of(earlier: &[ActionId]) -> Self {
        if earlier.is_empty() { Self::Old } else { Self::Fresh }
    }
}

/// Returns what installs a package somewhere.
pub(super) fn installs(place: Place, name: &str) -> Vec<Operation> {
    installs_all(place, &[name])
}

/// Returns what installs packages somewhere.
pub(super) fn installs_all(place: Place, names: &[&str]) -> Vec<Operation> {
    operations(place, names, Lists::Old)
}

fn operations(place: Place, names: &[&str], lists: Lists) -> Vec<Operation> {
    let mut operations = Vec::new();
    if lists == Lists::Old {
        let update = argv(["apt-get", "--quiet", "update"]);
        // Without a subscription Proxmox VE's own list fails, and Debian's is fetched all the same.
        let update = Run { on_failure: OnFailure::Continue, ..Run::at(place, update) };
        operations.push(Operation::Run(update));
    }
    operations.push(Operation::Run(Run::at(place, install_argv(names))));
    operations
}

/// Installs packages without a question: a file of its own that is there already stays as it is, and
/// another program that installs something is waited for.
fn install_argv(names: &[&str]) -> Argv {
    let words = argv([
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "--quiet",
        "--option=DPkg::Lock::Timeout=120",
        "--option=Dpkg::Options::=--force-confold",
        "install",
        "--yes",
        "--no-install-recommends",
    ]);
    words.into_iter().chain(names.iter().map(|name| (*name).to_owned())).collect()
}

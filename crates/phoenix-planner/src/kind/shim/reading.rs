//! What is there of the shim, and what of it is in force.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use phoenix_formats::MacAddr;
use phoenix_formats::iproute::{DeviceRoute, Link, read_device_routes, read_fdb, read_links};
use phoenix_formats::iptables::SavedRules;

use super::wanted::{Old, RULE, Wanted};
use super::{LINK, file};
use crate::location::Place;
use crate::observed::{Observed, links_argv};
use crate::probe::{Argv, Facts, Probe, argv};

fn routes_argv() -> Argv {
    argv(["ip", "-json", "route", "show", "dev", LINK])
}

/// Asks for a bridge's table, as far as it is about the bridge itself.
pub(super) fn fdb_argv(bridge: &str) -> Argv {
    argv(["bridge", "-json", "fdb", "show", "dev", bridge])
}

fn rules_argv() -> Argv {
    argv(["iptables-save"])
}

/// Asked by a program: `/proc/sys/net` shows the network of who reads it.
fn setting_argv() -> Argv {
    argv(["sysctl", "--values", &format!("net.ipv4.conf.{LINK}.arp_filter")])
}

fn has_link(facts: &Facts) -> bool {
    let output = facts.ran(Place::Node, &links_argv());
    let links = output.and_then(|output| read_links(&output.stdout).ok());
    links.is_some_and(|links| links.iter().any(|link| link.name == LINK))
}

/// Returns what is asked of a node that has the shim, or shall have it.
pub(super) fn probes(wanted: Option<&Wanted<'_>>, facts: &Facts) -> Vec<Probe> {
    let old = Old::of(facts.text(&file()));
    let present = has_link(facts);
    let bridge = wanted.map(|wanted| wanted.bridge.as_str()).or(old.bridge());
    let mut asked = Vec::new();
    if wanted.is_some() || present || matches!(old, Old::Own { .. }) {
        asked.push(rules_argv());
        asked.extend(bridge.map(fdb_argv));
    }
    if present {
        asked.extend([routes_argv(), setting_argv()]);
    }
    asked.into_iter().map(|argv| Probe::Run { place: Place::Node, argv }).collect()
}

/// What the node shows.
pub(super) struct Reading {
    pub(super) text: Option<String>,
    pub(super) old: Old,
    pub(super) link: Option<Link>,
    pub(super) routes: Vec<DeviceRoute>,
    /// What the bridge does not flood, since it is the node's own.
    pub(super) fdb: BTreeSet<MacAddr>,
    pub(super) has_rule: bool,
    answers_few: bool,
}

impl Reading {
    pub(super) fn of(observed: &Observed<'_>, bridge: &str) -> Self {
        let facts = observed.facts;
        let ran = |argv: Argv| {
            let output = facts.ran(Place::Node, &argv).filter(|output| output.success());
            output.map(|output| output.stdout.as_str()).unwrap_or_default()
        };
        let text = facts.text(&file()).map(str::to_owned);
        let entries = read_fdb(ran(fdb_argv(bridge))).unwrap_or_default().into_iter();
        let kept = entries.filter(|entry| entry.permanent && entry.bridge == bridge);
        let rules = SavedRules::parse(ran(rules_argv()));
        let is_ours = |rule: &phoenix_formats::iptables::Rule| {
            rule.table == "nat" && rule.chain == "POSTROUTING" && rule.words == RULE
        };
        Self {
            old: Old::of(text.as_deref()),
            text,
            link: observed.links.iter().find(|link| link.name == LINK).cloned(),
            routes: read_device_routes(ran(routes_argv())).unwrap_or_default(),
            fdb: kept.map(|entry| entry.mac).collect(),
            has_rule: rules.rules().iter().any(is_ours),
            answers_few: ran(setting_argv()).trim() == "1",
        }
    }

    /// Says why the link cannot stay, and must be made again; nothing when it is right or missing.
    pub(super) fn wrong(&self, wanted: &Wanted<'_>) -> Option<String> {
        let link = self.link.as_ref()?;
        let kind = link.kind.as_deref().unwrap_or("hardware");
        let lower = link.lower.as_deref().unwrap_or("nothing");
        if kind != "macvlan" {
            return Some(format!("{LINK} is {kind}, not macvlan"));
        }
        if lower != wanted.bridge.as_str() {
            return Some(format!("{LINK} is on {lower}, not on {}", wanted.bridge));
        }
        let own = addresses(link);
        if own == [Ipv4Net::from(wanted.address.value)] {
            return None;
        }
        let shown = own.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let shown = if shown.is_empty() { "no address".to_owned() } else { shown };
        Some(format!("{LINK} has {shown}, not {}/32", wanted.address.value))
    }

    /// Returns whether a route is there as it should be.
    pub(super) fn has_route(&self, ip: Ipv4Addr, wanted: &Wanted<'_>) -> bool {
        let source = Some(wanted.address.value);
        self.routes.contains(&DeviceRoute { destination: Ipv4Net::from(ip), source })
    }

    /// Returns where routes lead that are not wanted.
    pub(super) fn surplus_routes(&self, wanted: &Wanted<'_>) -> Vec<Ipv4Net> {
        let is_wanted =
            |net: &Ipv4Net| net.prefix_len() == 32 && wanted.ways.contains_key(&net.addr());
        self.routes.iter().map(|route| route.destination).filter(|net| !is_wanted(net)).collect()
    }

    /// Returns the MACs of the file whose entries nobody needs any more.
    pub(super) fn surplus_macs(&self, wanted: &Wanted<'_>) -> Vec<MacAddr> {
        let moved = self.old.bridge() != Some(wanted.bridge.as_str());
        let keeps = wanted.macs().collect::<BTreeSet<_>>();
        let old = self.old.macs();
        old.filter(|mac| moved || self.fdb.contains(mac) && !keeps.contains(mac)).collect()
    }

    pub(super) fn lacks_settings(&self) -> bool {
        !self.answers_few
    }

    /// Says what is not in force, in the order in which it is mended.
    pub(super) fn lags(&self, wanted: &Wanted<'_>) -> Vec<String> {
        let mut lags = Vec::new();
        match (&self.link, self.wrong(wanted)) {
            (None, _) => lags.push(format!("{LINK} is missing")),
            (_, Some(wrong)) => lags.push(wrong),
            (Some(link), None) => {
                lags.extend((!link.is_up()).then(|| format!("{LINK} is down")));
                lags.extend(
                    self.lacks_settings().then(|| format!("{LINK} answers ARP for the whole LAN")),
                );
                let missing = wanted.ways.keys().filter(|ip| !self.has_route(**ip, wanted));
                lags.extend(
                    missing.map(|ip| format!("no route to {ip} from {}", wanted.address.value)),
                );
                let surplus = self.surplus_routes(wanted).into_iter();
                lags.extend(surplus.map(|net| format!("a route to {net}, which is nobody's")));
            }
        }
        let flooded = wanted.macs().filter(|mac| !self.fdb.contains(mac));
        lags.extend(flooded.map(|mac| format!("frames for {mac} are flooded")));
        lags.extend(
            (!self.has_rule)
                .then(|| "what is routed through the node keeps its address".to_owned()),
        );
        lags
    }
}

fn addresses(link: &Link) -> Vec<Ipv4Net> {
    let v4 = link.addresses.iter().filter_map(|address| match address.net {
        IpNet::V4(net) => Some(net),
        IpNet::V6(_) => None,
    });
    v4.collect()
}

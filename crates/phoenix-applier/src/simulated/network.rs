//! interfaces(5) of the node as ifupdown2 takes it: what is written is in force after `ifreload -a`.
//!
//! `live/links.json` and `live/gateways` hold what is in force while the files say something else. Without
//! them it is what the files say, or what was captured. Commands of interfaces are not run, and what the
//! program says is not its own words.

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_formats::interfaces::{Interfaces, Network, StanzaKind};
use phoenix_formats::iproute::{Gateway, Link, links_json, links_of, read_links};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::Output;

use super::links::Routing;
use super::{NOT_FOUND, SimulatedNode, done, fail};
use crate::node::NodeError;

/// What is in force, while the files say something else.
const LINKS: &str = "/live/links.json";
const GATEWAYS: &str = "/live/gateways";

/// The folder of all files of interfaces(5).
const FOLDER: &str = "/etc/network";

/// What asks for the version of ifupdown2.
const VERSION: [&str; 2] = ["ifreload", "--version"];

impl SimulatedNode {
    /// Returns what is in force though the files say something else.
    pub(super) fn noted_routing(&self) -> Option<Routing> {
        let links = read_links(&self.state(LINKS)?).ok()?;
        let gateways = self.state(GATEWAYS).unwrap_or_default();
        let gateway = |line: &str| {
            let (device, address) = line.split_once(' ')?;
            Some(Gateway { address: address.parse().ok()?, device: device.to_owned() })
        };
        Some(Routing { links, gateways: gateways.lines().filter_map(gateway).collect() })
    }

    /// Changes a file of the node; what it has brought up stays as it is, whatever its files say then.
    pub(super) fn keeping_network(
        &self,
        at: &Location,
        change: impl FnOnce(&Self) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        // Links that were captured stay by themselves.
        if !at.path.is_below(FOLDER) || self.captured_links().is_some() {
            return change(self);
        }
        let live = self.host_routing();
        change(self)?;
        self.note_routing(&live)
    }

    /// Notes what is in force, unless the files say the same.
    pub(super) fn note_routing(&self, live: &Routing) -> Result<(), NodeError> {
        let files = self.filed_routing();
        let same = files.links == live.links && files.gateways == live.gateways;
        if same && self.captured_links().is_none() {
            self.put_state(LINKS, None)?;
            return self.put_state(GATEWAYS, None);
        }
        let gateway = |own: &Gateway| format!("{} {}\n", own.device, own.address);
        let gateways = live.gateways.iter().map(gateway).collect::<String>();
        self.put_state(LINKS, Some(&(links_json(&live.links) + "\n")))?;
        self.put_state(GATEWAYS, Some(&gateways))
    }

    /// Returns what the files alone say.
    fn filed_routing(&self) -> Routing {
        let network = self.network();
        Routing { links: links_of(&network), gateways: Gateway::of(&network) }
    }

    /// Answers `ifreload --version`.
    pub(super) fn ifreload_version(&self) -> Output {
        done("ifupdown2:3.3.0-1+pmx11\n")
    }

    /// Answers `ifreload -a -s`, which reads the files and looks at their values.
    pub(super) fn ifreload_check(&self) -> Output {
        let mut faults = Vec::new();
        for (at, file) in self.interfaces_files() {
            faults.extend(faults_of(&file).map(|(line, what)| format!("{at}:{line}: {what}")));
        }
        if faults.is_empty() { done("") } else { fail(1, faults.join("\n")) }
    }

    /// Runs `ifreload -a`: what is `auto` is as the files say, also when some of them have a fault.
    pub(super) fn ifreload(&self) -> Result<Option<Output>, NodeError> {
        let version = self.answers.find(Place::Node, &VERSION.map(str::to_owned));
        let missing = version.is_some_and(|output| output.exit == NOT_FOUND);
        if missing && !self.has_package("ifupdown2") {
            return Ok(None);
        }
        let (network, live, files) = (self.network(), self.host_routing(), self.filed_routing());
        let is_auto = |name: &str| network.get(name).is_some_and(|interface| interface.auto);
        let mut routing = files;
        if self.captured_links().is_some() {
            routing.links = taken_over(&live.links, &routing.links, is_auto);
        } else {
            let stays = |name: &str| network.get(name).is_some() && !is_auto(name);
            routing.links = taken_over(&routing.links, &live.links, stays);
        }
        keep_macvlans(&mut routing.links, live.links);
        self.note_routing(&routing)?;
        Ok(Some(self.ifreload_check()))
    }

    fn network(&self) -> Network {
        let files = self.interfaces_files();
        Network::of(&files.iter().map(|(_, file)| file).collect::<Vec<_>>())
    }
}

/// Commands of interfaces(5) make them, and find them made.
fn keep_macvlans(links: &mut Vec<Link>, live: Vec<Link>) {
    for own in live.into_iter().filter(|link| link.kind.as_deref() == Some("macvlan")) {
        links.retain(|link| link.name != own.name);
        links.push(own);
    }
}

/// Returns links, some of them with the addresses that another list gives them; those of the link itself
/// stay.
fn taken_over(links: &[Link], from: &[Link], which: impl Fn(&str) -> bool) -> Vec<Link> {
    let is_local = |net: &IpNet| match net.addr() {
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
        IpAddr::V4(_) => false,
    };
    let mut links = links.to_vec();
    for link in links.iter_mut().filter(|link| which(&link.name)) {
        let Some(other) = from.iter().find(|other| other.name == link.name) else { continue };
        let local = link.addresses.iter().filter(|own| is_local(&own.net)).cloned();
        let local = local.collect::<Vec<_>>();
        let taken = other.addresses.iter().filter(|own| !is_local(&own.net)).cloned();
        link.addresses = taken.chain(local).collect();
    }
    links
}

/// Returns what ifupdown2 calls an error, by line (measured on 3.0.0).
fn faults_of(file: &Interfaces) -> impl Iterator<Item = (usize, String)> {
    let warnings = file.warnings().iter().map(|warning| (warning.line, warning.message.clone()));
    let folders = file.stanzas().iter().filter_map(|stanza| match &stanza.kind {
        StanzaKind::Source(source) if source.keyword == "source-directory" => {
            Some((stanza.line, "`source-directory` is not known".to_owned()))
        }
        _ => None,
    });
    let options = file.stanzas().iter().flat_map(|stanza| &stanza.options);
    let addresses = options.filter(|option| option.is("address") || option.is("gateway"));
    let wrong = addresses.filter(|option| !is_address(&option.value));
    let wrong = wrong.map(|option| (option.line, format!("invalid value `{}`", option.value)));
    warnings.chain(folders).chain(wrong)
}

fn is_address(value: &str) -> bool {
    let word = value.split_whitespace().next().unwrap_or_default();
    word.parse::<IpAddr>().is_ok() || word.parse::<IpNet>().is_ok()
}

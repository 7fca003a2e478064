//! The links and routes of the node and of a running guest.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_formats::Vmid;
use phoenix_formats::interfaces::{Interfaces, Network};
use phoenix_formats::iproute::{
    Gateway, Link, LinkAddress, Scope, links_of, read_links, route_get,
};
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::nginx::include_matches;
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output};

use super::live::note_path;
use super::nets::{Nic, Nics, Plug, chosen_mac};
use super::{SimulatedNode, fail};
use crate::node::NodeError;

/// What asks for all links and their addresses.
pub(super) const SHOW: [&str; 5] = ["ip", "-json", "-details", "address", "show"];

/// The main file of interfaces(5).
const INTERFACES: &str = "/etc/network/interfaces";

/// How many files the node's network may be spread over; those that include each other end here.
const MAX_FILES: usize = 100;

/// The MTU that Ethernet has when nobody says otherwise.
const ETHERNET_MTU: u32 = 1500;

/// Links and default routes.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    pub(crate) links: Vec<Link>,
    pub(crate) gateways: Vec<Gateway>,
}

impl Routing {
    /// Answers `ip -json route get`.
    pub(super) fn route(&self, to: IpAddr) -> Output {
        let answer = route_get(&self.links, &self.gateways, to);
        Output { exit: answer.exit, stdout: answer.stdout, stderr: answer.stderr }
    }

    /// Answers `ip -json route get … from …`; without routing rules the source decides nothing.
    pub(super) fn route_from(&self, to: IpAddr, from: IpAddr) -> Output {
        if !self.addresses().any(|own| own == from) {
            return fail(2, format!("`{from}` is no address of this machine"));
        }
        let mut output = self.route(to);
        let asked = format!("\"dst\":\"{to}\"");
        let said = format!("{asked},\"from\":\"{from}\"");
        output.stdout = without_source(&output.stdout.replacen(&asked, &said, 1));
        output
    }

    /// Returns all addresses.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.links.iter().flat_map(|link| &link.addresses).map(|own| own.net.addr())
    }
}

impl SimulatedNode {
    /// Returns the node's own links and routes: those that are in force, else those of its interfaces(5).
    pub(crate) fn host_routing(&self) -> Routing {
        if let Some(noted) = self.noted_routing() {
            return noted;
        }
        let files = self.interfaces_files();
        let network = Network::of(&files.iter().map(|(_, file)| file).collect::<Vec<_>>());
        let links = self.captured_links().unwrap_or_else(|| links_of(&network));
        Routing { links, gateways: Gateway::of(&network) }
    }

    /// Returns the node's links as they were when it was captured, if the folder has that answer.
    pub(super) fn captured_links(&self) -> Option<Vec<Link>> {
        let argv = SHOW.map(str::to_owned);
        read_links(&self.answers.find(Place::Node, &argv)?.stdout).ok()
    }

    /// Reads interfaces(5) and all files that it includes, in order, with their paths.
    pub(super) fn interfaces_files(&self) -> Vec<(String, Interfaces)> {
        let mut files = Vec::new();
        let mut open = vec![INTERFACES.to_owned()];
        while let Some(path) = open.pop() {
            let Some(text) = self.text(&path).filter(|_| files.len() < MAX_FILES) else { continue };
            let file = Interfaces::parse(&text);
            let mut more: Vec<String> = file
                .sources()
                .flat_map(|source| {
                    let words = source.pattern.split_whitespace();
                    words.flat_map(|word| self.sourced(&beside(&path, word), &source.keyword))
                })
                .collect();
            more.reverse();
            open.append(&mut more);
            files.push((path, file));
        }
        files
    }

    /// Returns the files that a word of a `source` or `source-directory` line means.
    fn sourced(&self, pattern: &str, keyword: &str) -> Vec<String> {
        let whole = keyword == "source-directory";
        let pattern = pattern.trim_end_matches('/');
        let folder =
            if whole { pattern } else { pattern.rsplit_once('/').map_or("", |(folder, _)| folder) };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let is_meant = |path: &String| {
            let name = path.rsplit('/').next().unwrap_or_default();
            if whole { name.chars().all(plain) } else { include_matches(pattern, path) }
        };
        let Ok(at) = folder.parse().map(|path| Location { path, ..Location::node("/etc") }) else {
            return Vec::new();
        };
        match self.names(&at) {
            Answer::Names(names) => {
                names.iter().map(|name| format!("{folder}/{name}")).filter(is_meant).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the interfaces that a running guest has in force; none when it does not run.
    pub(crate) fn live_nics(&self, vmid: Vmid) -> Nics {
        let conf = self.live_conf(vmid).unwrap_or_default();
        Nics::of(&LxcConf::parse(&conf), &self.settings.net_types)
    }

    /// Returns the interfaces that a guest's configuration gives it, running or not.
    pub(crate) fn nics_of(&self, vmid: Vmid) -> Nics {
        let conf = self.conf_text(vmid).unwrap_or_default();
        Nics::of(&LxcConf::parse(&conf), &self.settings.net_types)
    }

    /// Returns the links and routes inside a running guest.
    pub(super) fn guest_routing(&self, vmid: Vmid) -> Routing {
        let down = self.set_down(vmid);
        let nics = self.live_nics(vmid);
        let mut routing = Routing { links: vec![loopback()], gateways: Vec::new() };
        for (number, name, nic) in nics.named() {
            let plug = if down.contains(&name) { Plug::Down } else { nic.state };
            let mut link = link(vmid, number, &name, nic, plug);
            link.index = u32::try_from(routing.links.len()).unwrap_or(u32::MAX).saturating_add(1);
            routing.links.push(link);
        }
        routing.gateways = gateways(&nics);
        self.follow_default(vmid, &nics, &mut routing.gateways);
        routing
    }

    /// Puts the default route where the last `pct set` in a running guest has put it.
    fn follow_default(&self, vmid: Vmid, nics: &Nics, gateways: &mut Vec<Gateway>) {
        let Some(note) = self.state(&note_path(vmid, "default")) else { return };
        let mut named = nics.named();
        let device = named.find(|(number, ..)| format!("net{number}") == note.trim());
        let device = device.map(|(_, name, _)| name);
        gateways.retain(|gateway| {
            gateway.address.is_ipv6() || Some(&gateway.device) == device.as_ref()
        });
    }

    /// Notes what a `pct set` did to the IPv4 default route of a running guest: a gateway that is new replaces it,
    /// whichever interface had it, and one that goes takes it along.
    pub(super) fn move_default(&self, vmid: Vmid, old: &Nics, new: &Nics) -> Result<(), NodeError> {
        let gateway = |nics: &Nics, number: u32| {
            let nic = nics.by_number.get(&number)?;
            nic.gateways.iter().copied().find(IpAddr::is_ipv4)
        };
        for &number in old.by_number.keys().chain(new.by_number.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (gateway(old, number), gateway(new, number));
            let note = if after.is_some() { format!("net{number}\n") } else { "none\n".to_owned() };
            if before != after {
                self.put_state(&note_path(vmid, "default"), Some(&note))?;
            }
        }
        Ok(())
    }

    /// Returns the interfaces that were set down in a guest since it started.
    pub(super) fn set_down(&self, vmid: Vmid) -> BTreeSet<String> {
        let note = self.state(&note_path(vmid, "down")).unwrap_or_default();
        note.lines().map(str::to_owned).collect()
    }
}

/// Returns a path that is relative to the folder of the file in which it stands.
fn beside(file: &str, path: &str) -> String {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") }
}

/// Takes the source that the kernel would choose out of an answer: it is given.
fn without_source(json: &str) -> String {
    let Some((before, rest)) = json.split_once(",\"prefsrc\":\"") else { return json.to_owned() };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

/// Returns the default routes in the order in which they win: LXC sets its own before the guest starts.
fn gateways(nics: &Nics) -> Vec<Gateway> {
    let pairs = |list: fn(&Nic) -> &Vec<IpAddr>| {
        nics.named().flat_map(move |(_, device, nic)| {
            list(nic).iter().map(move |&address| Gateway { address, device: device.clone() })
        })
    };
    pairs(|nic| &nic.early_gateways).chain(pairs(|nic| &nic.gateways)).collect()
}

fn loopback() -> Link {
    let host = |net: &str, label: Option<&str>| LinkAddress {
        net: net.parse().expect("an address with its prefix"),
        label: label.map(str::to_owned),
        scope: Scope::Host,
        secondary: false,
    };
    Link {
        index: 1,
        name: "lo".to_owned(),
        kind: None,
        lower: None,
        master: None,
        mac: "00:00:00:00:00:00".parse().ok(),
        link_type: "loopback".to_owned(),
        mtu: 65536,
        flags: words(&["LOOPBACK", "UP", "LOWER_UP"]),
        state: "UNKNOWN".to_owned(),
        vlan_filtering: false,
        addresses: vec![host("127.0.0.1/8", Some("lo")), host("::1/128", None)],
    }
}

fn link(vmid: Vmid, number: u32, name: &str, nic: &Nic, plug: Plug) -> Link {
    let mac = nic.mac.clone().unwrap_or_else(|| chosen_mac(vmid, number));
    let (flags, state): (&[&str], _) = match plug {
        Plug::Up => (&["BROADCAST", "MULTICAST", "UP", "LOWER_UP"], "UP"),
        Plug::Unplugged => (&["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"], "DOWN"),
        Plug::Down => (&["BROADCAST", "MULTICAST"], "DOWN"),
    };
    Link {
        index: 0,
        name: name.to_owned(),
        kind: nic.kind.clone().filter(|kind| kind != "phys"),
        lower: None,
        master: None,
        mac: mac.parse().ok(),
        link_type: "ether".to_owned(),
        mtu: nic.mtu.unwrap_or(ETHERNET_MTU),
        flags: words(flags),
        state: state.to_owned(),
        vlan_filtering: false,
        addresses: addresses(name, &nic.addresses),
    }
}

fn addresses(name: &str, nets: &[IpNet]) -> Vec<LinkAddress> {
    let mut subnets = BTreeSet::new();
    let mut address = |net: &IpNet| LinkAddress {
        net: *net,
        label: net.addr().is_ipv4().then(|| name.to_owned()),
        scope: Scope::Global,
        secondary: net.addr().is_ipv4() && !subnets.insert(net.trunc()),
    };
    nets.iter().map(&mut address).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

//! What phoenix does to the node's own network beside its interfaces(5): a macvlan on a bridge, routes by
//! it, entries of the bridge's table, a rule for what leaves by it.
//!
//! Notes in `live/`: `links.json` holds the link itself, `routes` a line `DEVICE NET SOURCE` for each route,
//! `fdb` a line `BRIDGE MAC` for each entry, `sysctl` a line `KEY=VALUE` for each setting. What goes with
//! a link goes with it here.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use phoenix_formats::MacAddr;
use phoenix_formats::iproute::{
    DeviceRoute, FdbEntry, Link, LinkAddress, Scope, device_routes_json, fdb_json,
};
use phoenix_planner::probe::Output;

use super::links::Routing;
use super::{SimulatedNode, done, fail};
use crate::node::NodeError;

const ROUTES: &str = "/live/routes";
const FDB: &str = "/live/fdb";
const SETTINGS: &str = "/live/sysctl";

/// What ip(8) ends with when the kernel refuses, and when it does not find a device.
const REFUSED: i32 = 2;
const NO_DEVICE: i32 = 1;

/// What bridge(8) ends with when the kernel refuses.
const BRIDGE_REFUSED: i32 = 255;

/// The longest name that the kernel gives a link.
const LONGEST_NAME: usize = 15;

/// The kernel takes one at random.
const MAC: &str = "26:7c:79:e3:38:b0";

/// Settings of a link that are known here.
const KEYS: [(&str, &str); 2] =
    [("net.ipv4.conf.", "arp_filter"), ("net.ipv6.conf.", "disable_ipv6")];

impl SimulatedNode {
    /// Runs a program that only answers.
    pub(super) fn shim_question(&self, words: &[&str]) -> Option<Output> {
        Some(match words {
            ["ip", "-json", "route", "show", "dev", device] => match self.macvlan(device) {
                Some(_) => done(device_routes_json(&self.routes_by(device)) + "\n"),
                None => no_device(device),
            },
            ["bridge", "-json", "fdb", "show", "dev", bridge] => self.show_fdb(bridge),
            ["sysctl", "--values", key] => {
                let name = setting_of(key)?;
                if !self.has_link(name) {
                    return Some(fail(BRIDGE_REFUSED, format!("sysctl: cannot stat {key}")));
                }
                done(self.setting(key) + "\n")
            }
            _ => return None,
        })
    }

    /// Runs a program that changes something.
    pub(super) fn shim_change(&self, words: &[&str]) -> Result<Option<Output>, NodeError> {
        Ok(Some(match words {
            [
                "ip",
                "link",
                "add",
                "link",
                lower,
                "name",
                name,
                "type",
                "macvlan",
                "mode",
                "bridge",
            ] => self.add_macvlan(lower, name)?,
            ["ip", "link", "delete", "dev", name] => self.delete_macvlan(name)?,
            ["ip", "link", "set", "dev", name, state @ ("up" | "down")] => {
                self.set_link(name, state)?
            }
            ["ip", "address", word @ ("add" | "delete"), net, "dev", name] => {
                self.change_address(word, net, name)?
            }
            ["ip", "route", "replace", net, "dev", name, "src", source] => {
                self.put_route(net, name, source)?
            }
            ["ip", "route", "delete", net, "dev", name] => self.delete_route(net, name)?,
            ["bridge", "fdb", word @ ("replace" | "del"), mac, "dev", bridge, "self", "local"] => {
                self.change_fdb(word, mac, bridge)?
            }
            ["sysctl", "--ignore", "--quiet", "--write", settings @ ..] => {
                self.put_settings(settings)?
            }
            _ => return Ok(None),
        }))
    }

    /// Returns the device of a route that stands before all others.
    pub(super) fn route_by_shim(&self, to: IpAddr) -> Option<Output> {
        let IpAddr::V4(to) = to else { return None };
        let links = self.host_routing().links;
        let up =
            links.iter().filter(|link| link.kind.as_deref() == Some("macvlan") && link.is_up());
        let mut routes = up.flat_map(|link| {
            let routes = self.routes_by(&link.name).into_iter();
            routes.map(|route| (link.name.clone(), route))
        });
        let (device, route) = routes.find(|(_, route)| route.destination.contains(&to))?;
        let source =
            route.source.map(|source| format!("\"prefsrc\":\"{source}\",")).unwrap_or_default();
        Some(done(format!(
            "[{{\"dst\":\"{to}\",\"dev\":\"{device}\",{source}\"flags\":[],\"uid\":0,\"cache\":[]}}]\n"
        )))
    }

    fn link(&self, name: &str) -> Option<Link> {
        self.host_routing().links.into_iter().find(|link| link.name == name)
    }

    fn has_link(&self, name: &str) -> bool {
        self.link(name).is_some()
    }

    fn macvlan(&self, name: &str) -> Option<Link> {
        self.link(name).filter(|link| link.kind.as_deref() == Some("macvlan"))
    }

    fn add_macvlan(&self, lower: &str, name: &str) -> Result<Output, NodeError> {
        let Some(parent) = self.link(lower) else { return Ok(no_device(lower)) };
        if self.has_link(name) {
            return Ok(refused("File exists"));
        }
        if name.len() > LONGEST_NAME {
            return Ok(fail(NO_DEVICE, format!("`{name}` is no name of a link")));
        }
        if parent.master.is_some() {
            return Ok(refused("Device or resource busy"));
        }
        let link = Link {
            index: 0,
            name: name.to_owned(),
            kind: Some("macvlan".to_owned()),
            lower: Some(lower.to_owned()),
            master: None,
            mac: MAC.parse().ok(),
            flags: words(&["BROADCAST", "MULTICAST"]),
            state: "DOWN".to_owned(),
            vlan_filtering: false,
            addresses: Vec::new(),
            ..parent
        };
        self.change_links(|links| {
            let last = links.iter().map(|link| link.index).max().unwrap_or(0);
            links.push(Link { index: last.saturating_add(1), ..link });
        })
    }

    fn delete_macvlan(&self, name: &str) -> Result<Output, NodeError> {
        if self.macvlan(name).is_none() {
            return Ok(no_device(name));
        }
        self.forget(ROUTES, |line| line.split(' ').next() == Some(name))?;
        self.forget(SETTINGS, |line| line.split('=').next().and_then(setting_of) == Some(name))?;
        self.change_links(|links| links.retain(|link| link.name != name))
    }

    fn set_link(&self, name: &str, state: &str) -> Result<Output, NodeError> {
        if self.macvlan(name).is_none() {
            return Ok(no_device(name));
        }
        if state == "down" {
            self.forget(ROUTES, |line| line.split(' ').next() == Some(name))?;
        }
        let flags: &[&str] = match state {
            "up" => &["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
            _ => &["BROADCAST", "MULTICAST"],
        };
        self.change_links(|links| {
            for link in links.iter_mut().filter(|link| link.name == name) {
                link.flags = words(flags);
                link.state = state.to_ascii_uppercase();
            }
        })
    }

    fn change_address(&self, word: &str, net: &str, name: &str) -> Result<Output, NodeError> {
        let Some(link) = self.macvlan(name) else { return Ok(no_device(name)) };
        let Ok(net) = net.parse::<IpNet>() else { return Ok(super::host::not_an_address(net)) };
        let present = link.addresses.iter().any(|own| own.net == net);
        match (word, present) {
            ("add", true) => return Ok(refused("File exists")),
            ("delete", false) => return Ok(refused("Cannot assign requested address")),
            _ => {}
        }
        // Routes that name an address as their source go with it.
        let source = format!(" {}", net.addr());
        if word == "delete" {
            self.forget(ROUTES, |line| line.ends_with(&source))?;
        }
        let (label, scope) = (Some(name.to_owned()), Scope::Global);
        let own = LinkAddress { net, label, scope, secondary: false };
        self.change_links(|links| {
            for link in links.iter_mut().filter(|link| link.name == name) {
                link.addresses.retain(|other| other.net != net);
                link.addresses.extend((word == "add").then(|| own.clone()));
            }
        })
    }

    fn change_links(&self, change: impl FnOnce(&mut Vec<Link>)) -> Result<Output, NodeError> {
        let Routing { mut links, gateways } = self.host_routing();
        change(&mut links);
        self.note_routing(&Routing { links, gateways })?;
        Ok(done(""))
    }

    fn routes_by(&self, device: &str) -> Vec<DeviceRoute> {
        let route = |line: &str| {
            let [name, net, source] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
            let route = DeviceRoute { destination: net.parse().ok()?, source: source.parse().ok() };
            (name == device).then_some(route)
        };
        self.state(ROUTES).unwrap_or_default().lines().filter_map(route).collect()
    }

    fn put_route(&self, net: &str, name: &str, source: &str) -> Result<Output, NodeError> {
        let Some(link) = self.macvlan(name) else { return Ok(no_device(name)) };
        let (Ok(net), Ok(source)) = (net.parse::<Ipv4Net>(), source.parse::<Ipv4Addr>()) else {
            return Ok(super::host::not_an_address(net));
        };
        if !link.is_up() {
            return Ok(refused("Network is down"));
        }
        if !self.host_routing().addresses().any(|own| own == IpAddr::V4(source)) {
            return Ok(refused("Invalid argument"));
        }
        self.forget(ROUTES, |line| line.split(' ').nth(1) == Some(&net.to_string()))?;
        self.note_line(ROUTES, &format!("{name} {net} {source}"))
    }

    fn delete_route(&self, net: &str, name: &str) -> Result<Output, NodeError> {
        if self.macvlan(name).is_none() {
            return Ok(no_device(name));
        }
        let start = format!("{name} {net} ");
        let there = self.state(ROUTES).unwrap_or_default();
        if !there.lines().any(|line| line.starts_with(&start)) {
            return Ok(refused("No such process"));
        }
        self.forget(ROUTES, |line| line.starts_with(&start))?;
        Ok(done(""))
    }

    fn show_fdb(&self, name: &str) -> Output {
        let Some(link) = self.link(name).filter(Link::is_bridge) else { return no_device(name) };
        let note = self.state(FDB).unwrap_or_default();
        let macs = note.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        let entry =
            |mac: MacAddr| FdbEntry { mac, bridge: name.to_owned(), permanent: true, vlan: None };
        let entries = macs.chain(link.mac).map(entry).collect::<Vec<_>>();
        done(fdb_json(&entries) + "\n")
    }

    fn change_fdb(&self, word: &str, mac: &str, bridge: &str) -> Result<Output, NodeError> {
        if !self.link(bridge).is_some_and(|link| link.is_bridge()) {
            return Ok(fail(BRIDGE_REFUSED, format!("Cannot find bridge device `{bridge}`")));
        }
        let Ok(mac) = mac.parse::<MacAddr>() else {
            return Ok(fail(BRIDGE_REFUSED, format!("`{mac}` is no Ethernet address")));
        };
        let line = format!("{bridge} {mac}");
        let there = self.state(FDB).unwrap_or_default().lines().any(|other| other == line);
        if word == "del" && !there {
            return Ok(fail(BRIDGE_REFUSED, "RTNETLINK answers: No such file or directory"));
        }
        self.forget(FDB, |other| other == line)?;
        if word == "del" { Ok(done("")) } else { self.note_line(FDB, &line) }
    }

    fn setting(&self, key: &str) -> String {
        let note = self.state(SETTINGS).unwrap_or_default();
        let mut values = note.lines().filter_map(|line| line.split_once('='));
        values.find(|(other, _)| *other == key).map_or("0", |(_, value)| value).to_owned()
    }

    fn put_settings(&self, settings: &[&str]) -> Result<Output, NodeError> {
        for setting in settings {
            let Some((key, value)) = setting.split_once('=') else {
                return Ok(fail(BRIDGE_REFUSED, format!("sysctl: `{setting}` sets nothing")));
            };
            // A key that is not there is passed over.
            if setting_of(key).is_some_and(|name| self.has_link(name)) {
                self.forget(SETTINGS, |line| line.split('=').next() == Some(key))?;
                if value != "0" {
                    self.note_line(SETTINGS, setting)?;
                }
            }
        }
        Ok(done(""))
    }

    /// Takes lines out of a note.
    fn forget(&self, path: &str, which: impl Fn(&str) -> bool) -> Result<(), NodeError> {
        let note = self.state(path).unwrap_or_default();
        let kept = note.lines().filter(|line| !which(line)).map(|line| format!("{line}\n"));
        let kept = kept.collect::<String>();
        self.put_state(path, (!kept.is_empty()).then_some(kept.as_str()))
    }

    /// Adds a line to a note.
    fn note_line(&self, path: &str, line: &str) -> Result<Output, NodeError> {
        let note = self.state(path).unwrap_or_default();
        let mut lines =
            note.lines().map(str::to_owned).chain([line.to_owned()]).collect::<Vec<_>>();
        lines.sort();
        let text = lines.into_iter().map(|line| line + "\n").collect::<String>();
        self.put_state(path, Some(&text))?;
        Ok(done(""))
    }
}

/// Returns the link that a setting is about.
fn setting_of(key: &str) -> Option<&str> {
    let of = |(prefix, name): &(&str, &str)| {
        key.strip_prefix(prefix)?.strip_suffix(name)?.strip_suffix('.')
    };
    KEYS.iter().find_map(of)
}

fn no_device(name: &str) -> Output {
    fail(NO_DEVICE, format!("Cannot find device \"{name}\""))
}

fn refused(why: &str) -> Output {
    fail(REFUSED, format!("RTNETLINK answers: {why}"))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

//! What the shim shall be, and the file that says it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use phoenix_formats::public_interface::{HEADER, is_own};
use phoenix_formats::{BridgeName, MacAddr};

use super::{LINK, served};
use crate::desired::{Desired, Located};
use crate::preview::command_line;
use crate::probe::{Argv, argv};

/// The shim as it is declared.
pub(super) struct Wanted<'a> {
    pub(super) bridge: &'a BridgeName,
    pub(super) address: &'a Located<Ipv4Addr>,
    /// The public addresses that it leads to, each with its declared MAC.
    pub(super) ways: BTreeMap<Ipv4Addr, Option<MacAddr>>,
}

impl<'a> Wanted<'a> {
    /// Returns nothing where no shim is declared, or it has nobody to lead to.
    pub(super) fn of(desired: &'a Desired) -> Option<Self> {
        let address = desired.network.shim.as_ref()?;
        let ways = served(desired).map(|(_, public)| (public.ip.addr(), public.mac));
        let (_, first) = served(desired).next()?;
        Some(Self { bridge: &first.bridge, address, ways: ways.collect() })
    }

    pub(super) fn macs(&self) -> impl Iterator<Item = MacAddr> {
        self.ways.values().copied().flatten()
    }

    /// Returns what an expert would say of it, once.
    pub(super) fn notes(&self) -> Vec<String> {
        let (bridge, own) = (self.bridge, self.address.value);
        let mut notes = vec![
            format!(
                "what is routed through the node arrives there as {own}, so that answers come back the same way"
            ),
            format!(
                "it answers ARP only to those that it leads to: the LAN goes on reaching the node by {bridge}"
            ),
        ];
        let bare = self.ways.iter().filter(|(_, mac)| mac.is_none());
        notes.extend(bare.map(|(ip, _)| {
            format!(
                "{ip} has no `mac_address`: frames for it are flooded to every port of {bridge}"
            )
        }));
        notes
    }

    /// Returns the file's text.
    ///
    /// ifupdown2 runs the commands at every load, so that each may find its work done. The address is made
    /// by one too: ifupdown fails over an address of its own that is there already (measured), and then runs
    /// nothing of the rest.
    pub(super) fn render(&self) -> String {
        let bridge = self.bridge.as_str();
        let line = |key: &str, argv: &Argv| format!("\t{key} {}\n", command_line(argv));
        let both = |key: &str, test: &Argv, argv: &Argv| {
            format!("\t{key} {} >/dev/null 2>&1 || {}\n", command_line(test), command_line(argv))
        };
        let gone = |key: &str, argv: &Argv| format!("\t{key} {} || true\n", command_line(argv));
        let mut text = format!("{HEADER}\nauto {LINK}\niface {LINK} inet manual\n");
        text += &both("pre-up", &argv(["ip", "link", "show", "dev", LINK]), &add_argv(bridge));
        text += &line("pre-up", &settings_argv("1"));
        text += &line("up", &self.address_argv("replace"));
        text += &line("up", &link_argv("up"));
        for ip in self.ways.keys() {
            text += &line("up", &self.route_argv(*ip));
        }
        for mac in self.macs() {
            text += &line("up", &fdb_change_argv("replace", mac, bridge));
        }
        text += &both("up", &nat_argv("-C"), &nat_argv("-A"));
        text += &gone("down", &nat_argv("-D"));
        for mac in self.macs() {
            text += &gone("down", &fdb_change_argv("del", mac, bridge));
        }
        text + &gone("post-down", &delete_argv())
    }

    pub(super) fn route_argv(&self, ip: Ipv4Addr) -> Argv {
        let (ip, own) = (format!("{ip}/32"), self.address.value.to_string());
        argv(["ip", "route", "replace", &ip, "dev", LINK, "src", &own])
    }

    pub(super) fn address_argv(&self, word: &str) -> Argv {
        argv(["ip", "address", word, &format!("{}/32", self.address.value), "dev", LINK])
    }
}

pub(super) fn add_argv(bridge: &str) -> Argv {
    argv(["ip", "link", "add", "link", bridge, "name", LINK, "type", "macvlan", "mode", "bridge"])
}

pub(super) fn delete_argv() -> Argv {
    argv(["ip", "link", "delete", "dev", LINK])
}

pub(super) fn link_argv(state: &str) -> Argv {
    argv(["ip", "link", "set", "dev", LINK, state])
}

/// With `arp_filter` the link answers only those to whom it leads: without, it answers the whole LAN for
/// every address of the node, with its own MAC (measured). Without IPv6 it takes no address and no default
/// route from a router of the LAN. A kernel without IPv6 has no such key.
pub(super) fn settings_argv(value: &str) -> Argv {
    let keys =
        [format!("net.ipv4.conf.{LINK}.arp_filter"), format!("net.ipv6.conf.{LINK}.disable_ipv6")];
    let set = keys.map(|key| format!("{key}={value}"));
    argv(["sysctl", "--ignore", "--quiet", "--write"]).into_iter().chain(set).collect()
}

/// Adds or deletes an entry by which the bridge does not flood frames for a child of its own.
pub(super) fn fdb_change_argv(word: &str, mac: MacAddr, bridge: &str) -> Argv {
    let mac = mac.to_string().to_ascii_lowercase();
    argv(["bridge", "fdb", word, &mac, "dev", bridge, "self", "local"])
}

/// A rule that gives what is routed through the node the shim's address: the container would answer others
/// by its public gateway, which does not know the node's internal networks.
pub(super) fn nat_argv(word: &str) -> Argv {
    argv(["iptables", "-t", "nat", word, "POSTROUTING", "-o", LINK, "-j", "MASQUERADE"])
}

/// The words of the rule, as iptables-save(8) has them.
pub(super) const RULE: [&str; 4] = ["-o", LINK, "-j", "MASQUERADE"];

/// What is at the file's place.
pub(super) enum Old {
    None,
    /// Somebody else has written it.
    Foreign,
    Own {
        bridge: Option<String>,
        macs: BTreeSet<MacAddr>,
    },
}

impl Old {
    pub(super) fn of(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::None };
        if !is_own(text) {
            return Self::Foreign;
        }
        let (mut bridge, mut macs) = (None, BTreeSet::new());
        for line in text.lines() {
            let words = line.split_whitespace().collect::<Vec<_>>();
            if let ["up", "bridge", "fdb", "replace", mac, ..] = words.as_slice() {
                macs.extend(mac.parse::<MacAddr>());
            }
            let mut after_link = words.iter().skip_while(|word| **word != "add").skip(1);
            if words.first() == Some(&"pre-up") && after_link.next() == Some(&"link") {
                bridge = after_link.next().map(|name| (*name).to_owned());
            }
        }
        Self::Own { bridge, macs }
    }

    /// Returns the bridge that the file names.
    pub(super) fn bridge(&self) -> Option<&str> {
        match self {
            Self::Own { bridge, .. } => bridge.as_deref(),
            Self::None | Self::Foreign => None,
        }
    }

    /// Returns the MACs for which the file adds entries to the bridge's table.
    pub(super) fn macs(&self) -> impl Iterator<Item = MacAddr> {
        let macs = match self {
            Self::Own { macs, .. } => Some(macs),
            Self::None | Self::Foreign => None,
        };
        macs.into_iter().flatten().copied()
    }
}

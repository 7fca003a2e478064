//! `pct set` on a guest of the folder.
//!
//! What the command does is the business of [`phoenix_formats::pct`]. Here stands what the node knows, what of it
//! gets into force in a running guest, and how a node takes interfaces of types that stock ones refuse: such a
//! value is judged as the stock interface that it would be without its type, and stored as it was given.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::Vmid;
use phoenix_formats::iproute::Link;
use phoenix_formats::lxc_conf::{Edit, LxcConf};
use phoenix_formats::net::NetText;
use phoenix_formats::pct::{self, Bridge, Class, Live, NodeView, Outcome, State, Storage};
use phoenix_planner::probe::Output;

use super::nets::{Nics, chosen_mac};
use super::{SimulatedNode, fail};
use crate::node::NodeError;

/// What `pct set` ends with when it fails; only zero or not zero means anything.
const FAILED: i32 = 255;

/// The modes of a macvlan, see ip-link(8).
const MODES: [&str; 4] = ["bridge", "passthru", "private", "vepa"];

/// Values of `netN` keys that stock nodes do not take, by key.
type Foreign = BTreeMap<String, String>;

impl SimulatedNode {
    /// Runs `pct set`; `args` begins with the guest's number.
    pub(super) fn pct_set(&mut self, vmid: Vmid, args: &[&str]) -> Result<Output, NodeError> {
        let Some(before) = self.conf_text(vmid) else { return Ok(super::pct::no_conf(vmid)) };
        if let Err(why) = self.check_quorum() {
            return Ok(fail(FAILED, why));
        }
        let live = self.live_conf(vmid);
        let outcome = match self.outcome(vmid, &before, live.is_some(), args) {
            Ok(outcome) => outcome,
            Err(why) => return Ok(fail(FAILED, why)),
        };
        if outcome.after != before {
            self.put_conf(vmid, &outcome.after)?;
        }
        if let Some(live) = live {
            let now = in_force(&live, &before, &outcome);
            let nics = |text: &str| Nics::of(&LxcConf::parse(text), &self.settings.net_types);
            self.move_default(vmid, &nics(&live), &nics(&now))?;
            self.settle_live(vmid, &now)?;
        }
        let said: String = outcome.messages.iter().map(|message| format!("{message}\n")).collect();
        let exit = if outcome.succeeded { 0 } else { FAILED };
        Ok(Output { exit, stdout: String::new(), stderr: said })
    }

    fn outcome(
        &self,
        vmid: Vmid,
        before: &str,
        is_running: bool,
        args: &[&str],
    ) -> Result<Outcome, String> {
        let mut foreign = self.foreign_settings(before);
        let mut args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let text = with_values(before, &foreign, |value| stock_form(value).unwrap_or_default());
        self.give_stock_form(&mut args, &mut foreign)?;
        give_digest(&mut args, before, &text);
        args.insert(0, "set".to_owned());
        let live = Live { interfaces: is_running.then(|| self.interfaces_of(vmid)) };
        let state = if is_running { State::Running(&live) } else { State::Stopped };
        let outcome = pct::set(&text, &args, &self.node_view(), state);
        let after = with_values(&with_macs(vmid, &outcome.after), &foreign, str::to_owned);
        Ok(Outcome { changed: after != before, after, ..outcome })
    }

    /// Returns the present values of interfaces that only this node takes.
    fn foreign_settings(&self, text: &str) -> Foreign {
        let conf = LxcConf::parse(text);
        let nets = conf.entries().filter(|(key, value)| is_net(key) && self.is_foreign(value));
        nets.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn is_foreign(&self, value: &str) -> bool {
        NetText::parse(value).get("type").is_some_and(|kind| self.settings.takes(kind))
    }

    /// Puts the stock form of such interfaces into the arguments, and notes what was given.
    fn give_stock_form(&self, args: &mut [String], foreign: &mut Foreign) -> Result<(), String> {
        for at in 1..args.len() {
            let option = args[at].trim_start_matches('-').to_owned();
            let (key, value) = match option.split_once('=') {
                Some((key, value)) if is_net(key) => (key.to_owned(), Some(value.to_owned())),
                _ if is_net(&option) && args[at].starts_with('-') => (option.clone(), None),
                _ => continue,
            };
            let inline = value.is_some();
            let Some(given) = value.or_else(|| args.get(at + 1).cloned()) else { continue };
            foreign.remove(&key);
            if !self.is_foreign(&given) {
                continue;
            }
            let stock = stock_form(&given).map_err(|why| format!("`{key}`: {why}"))?;
            match inline {
                true => args[at] = format!("--{key}={stock}"),
                false => args[at + 1] = stock,
            }
            foreign.insert(key, given);
        }
        Ok(())
    }

    /// Returns what `pct` would look up on the node.
    pub(super) fn node_view(&self) -> NodeView {
        let links = self.host_routing().links;
        let has_uplink = |name: &str| links.iter().any(|link| link.master.as_deref() == Some(name));
        let bridges = links.iter().filter(|link| link.is_bridge());
        let bridges = bridges.map(|link| {
            let uplink = has_uplink(&link.name);
            (
                link.name.clone(),
                Bridge { mtu: link.mtu, vlan_aware: link.vlan_filtering, has_uplink: uplink },
            )
        });
        let mut view = NodeView::with_bridges(bridges.collect());
        let storages = self.storages();
        let holding =
            storages.iter().filter(|(_, entry)| entry.is_enabled() && entry.holds("rootdir"));
        view.storages.extend(holding.map(|(name, entry)| {
            let folder = entry.kind != "zfspool" && entry.get("path").is_some();
            (name.to_owned(), if folder { Storage::Directory } else { Storage::Block })
        }));
        view
    }

    /// Returns the interfaces of a running guest with their addresses.
    fn interfaces_of(&self, vmid: Vmid) -> BTreeMap<String, BTreeSet<String>> {
        let links = self.guest_routing(vmid).links.into_iter();
        let addresses =
            |link: &Link| link.addresses.iter().map(|own| own.net.to_string()).collect();
        links.map(|link| (link.name.clone(), addresses(&link))).collect()
    }
}

fn is_net(key: &str) -> bool {
    key.strip_prefix("net").is_some_and(|number| number.parse::<u8>().is_ok())
}

/// Returns the stock interface that a foreign one would be without its type.
fn stock_form(value: &str) -> Result<String, String> {
    let text = NetText::parse(value);
    if let Some(mode) = text.get("mode").filter(|mode| !MODES.contains(mode)) {
        return Err(format!("there is no mode `{mode}`"));
    }
    let bare = text.without("type").without("mode").without("macaddr");
    Ok(match text.get("macaddr") {
        Some(mac) => bare.with("hwaddr", mac).to_string(),
        None => bare.to_string(),
    })
}

/// Makes a digest of what was read the digest of what is judged.
fn give_digest(args: &mut [String], before: &str, judged: &str) {
    let (old, new) = (LxcConf::parse(before).digest(), LxcConf::parse(judged).digest());
    for arg in args.iter_mut().filter(|arg| arg.ends_with(&old)) {
        *arg = arg.replace(&old, &new);
    }
}

/// Returns the text with other values of some keys, outside snapshots.
fn with_values(text: &str, values: &Foreign, form: impl Fn(&str) -> String) -> String {
    let mut in_snapshot = false;
    let line = |line: &str| {
        if line.starts_with('[') {
            in_snapshot = !line.starts_with("[pve:pending]");
        }
        let value = line
            .split_once(": ")
            .filter(|_| !in_snapshot)
            .and_then(|(key, _)| Some((key, values.get(key)?)));
        value.map_or_else(|| line.to_owned(), |(key, value)| format!("{key}: {}\n", form(value)))
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Puts an address of its own where `pct` would have chosen one at random.
pub(super) fn with_macs(vmid: Vmid, text: &str) -> String {
    let line = |line: &str| {
        let number = line.strip_prefix("net").and_then(|rest| rest.split_once(':')?.0.parse().ok());
        number.map_or_else(
            || line.to_owned(),
            |number| line.replace(NodeView::RANDOM_MAC, &chosen_mac(vmid, number)),
        )
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Returns what a guest that runs with `live` has in force after a command.
fn in_force(live: &str, before: &str, outcome: &Outcome) -> String {
    let (before, after) = (LxcConf::parse(before), LxcConf::parse(&outcome.after));
    let now = LxcConf::parse(live);
    let keys = before.entries().chain(after.entries()).map(|(key, _)| key).collect::<BTreeSet<_>>();
    let changed = keys.into_iter().filter(|key| before.get(key) != after.get(key));
    // A command that failed half-way says nothing about classes: what it wrote is what it did.
    let at_once = |key: &&str| match outcome.classes.get(*key) {
        Some(class) => matches!(class, Class::Live | Class::Reconnect),
        None => !outcome.succeeded,
    };
    let edits = changed.filter(at_once).map(|key| match after.get(key) {
        Some(value) => {
            let value = without_silent(key, value, now.get(key), &outcome.silent);
            Edit::Set { key: key.to_owned(), value }
        }
        None => Edit::Remove { key: key.to_owned() },
    });
    // What PVE wrote as a setting can be written as one.
    now.edit(&edits.collect::<Vec<_>>()).unwrap_or_else(|_| outcome.after.clone())
}

/// Returns a value with those properties as they were that only a restart brings into force.
fn without_silent(key: &str, value: &str, old: Option<&str>, silent: &BTreeSet<String>) -> String {
    let old = NetText::parse(old.unwrap_or_default());
    let waiting = silent.iter().filter_map(|name| name.strip_prefix(key)?.strip_prefix('.'));
    let value = waiting.fold(NetText::parse(value), |text, property| match old.get(property) {
        Some(present) => text.with(property, present),
        None => text.without(property),
    });
    value.to_string()
}

//! `public_interface`: the container's `net1`, by whichever way this node takes it.
//!
//! The declared form is always the spec's string. Stock Proxmox VE refuses it, so it is *lowered*:
//! to the string itself where the node's `pct` takes it, else to raw `lxc.net.1.*` keys. Which one is
//! decided by what the node says of itself, never by trial.

mod checks;
mod lowering;
mod notes;

use ipnet::Ipv4Net;
use phoenix_formats::MacAddr;
use phoenix_formats::lxc_conf::{Edit, LxcConf};
use phoenix_formats::net::{LxcNet, NetText};

pub(super) use self::checks::route_probe;
pub(super) use self::lowering::capability_probe;
use self::lowering::{Lowering, differences, raw_form, same_raw, spec_form, veth_form};
use self::notes::Subject;
use super::attribute;
use super::keys::{KeyChange, present};
use crate::desired::{Container, Ipv4Config, PublicInterface, PublicKind};
use crate::observed::Observed;
use crate::plan::{Attribute, Disruption, Verb};
use crate::refusal::Refusal;

/// The key of Proxmox VE.
const KEY: &str = "net1";
/// What raw keys of the interface begin with.
const PREFIX: &str = "lxc.net.1.";
/// Says that phoenix has put the interface there, so that it may take it away again when the
/// declaration is gone. A raw key, since it must travel with the container's configuration.
const MARK: (&str, &str) = ("lxc.environment", "PHOENIX_PUBLIC_INTERFACE=eth1");

/// What changes about the public interface.
pub(super) struct Change {
    shown: Attribute,
    raw: Vec<Edit>,
    pct: Option<(String, Option<String>)>,
    hot_plugs: bool,
    class: Disruption,
}

impl Change {
    pub(super) fn attribute(&self) -> Attribute {
        self.shown.clone()
    }

    pub(super) fn reason(&self) -> String {
        match self.shown.verb {
            Verb::Add => "net1 declared".to_owned(),
            Verb::Remove => "net1 not declared any more".to_owned(),
            Verb::Change | Verb::Do => "net1 differs".to_owned(),
        }
    }

    pub(super) fn edits(&self) -> Vec<Edit> {
        self.raw.clone()
    }

    /// Returns the key for `pct set`, with its value or to be deleted.
    pub(super) fn pct(&self) -> Option<(String, Option<String>)> {
        self.pct.clone()
    }

    /// Returns what the change does to a running container before it is restarted.
    pub(super) fn class(&self) -> Disruption {
        if self.hot_plugs { self.class } else { self.class.max(Disruption::Pending) }
    }

    /// Returns whether a running container must be stopped and started for it.
    pub(super) fn needs_restart(&self) -> bool {
        !self.hot_plugs
    }
}

/// Returns what changes about the public interface, or why it cannot be as declared on this node.
pub(super) fn change(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
) -> Result<Option<Change>, Vec<Refusal>> {
    match &container.public {
        Some(wanted) if wanted.enabled => {
            checks::check(observed, wanted)?;
            let lowering = Lowering::choose(observed, wanted)?;
            Ok(ensure(observed, container, wanted, conf, lowering))
        }
        wanted => Ok(remove(observed, wanted.as_ref(), conf)),
    }
}

fn ensure(
    observed: &Observed<'_>,
    container: &Container,
    wanted: &PublicInterface,
    conf: &LxcConf,
    lowering: Lowering,
) -> Option<Change> {
    let before = Present::of(observed, conf);
    let host_only = shares_subnet(container, conf, wanted);
    let mac = before.mac_for(wanted);
    let (mac, now) = (mac.as_deref(), before.net.as_ref());
    let (raw, net) = match lowering {
        Lowering::Raw => (raw_form(wanted, mac, host_only, &before.raw), None),
        Lowering::Pct => (Vec::new(), Some(spec_form(wanted, mac, host_only, now))),
        Lowering::Veth => (Vec::new(), Some(veth_form(container, wanted, mac, host_only, now))),
    };
    if before.is_same(&raw, net.as_ref()) {
        return None;
    }
    let raw = in_present_order(raw, &before.raw);
    let subject = Subject { observed, container, wanted, lowering, shares_subnet: host_only };
    let shown = subject.shown(&before, &raw, conf);
    let mut edits = before.unparsable_line(conf);
    edits.push(Edit::RawUnder { prefix: PREFIX.to_owned(), pairs: raw });
    edits.push(Edit::AddRaw { key: MARK.0.to_owned(), value: MARK.1.to_owned() });
    // What runs as raw keys still has the name in the guest: plugging a second interface of that
    // name fails and leaves half of it behind, so that the next start fails too (measured).
    let name_is_taken = observed.is_running(container.vmid) && !before.raw.is_empty();
    let pct = match net {
        Some(net) if name_is_taken => {
            edits.push(Edit::Set { key: KEY.to_owned(), value: net.to_string() });
            None
        }
        Some(net) => Some((KEY.to_owned(), Some(net.to_string()))),
        None => before.deletable(conf).then(|| (KEY.to_owned(), None)),
    };
    let hot_plugs = lowering == Lowering::Veth && before.raw.is_empty();
    Some(Change { shown, raw: edits, class: class(conf, pct.as_ref()), pct, hot_plugs })
}

impl Subject<'_> {
    /// Returns the interface as an attribute of the action, with what is to be known of it.
    fn shown(&self, before: &Present, raw: &[(String, String)], conf: &LxcConf) -> Attribute {
        let mut shown = attribute(KEY, before.shown(), Some(self.wanted.spec_string()));
        // In raw form what is there reads like nothing else: what differs says more than the whole of it.
        let differences = differences(&before.raw, raw);
        if !differences.is_empty() {
            shown.before = None;
        }
        shown.notes = differences;
        if self.lowering == Lowering::Pct
            && let Some(gateway) = before.net.as_ref().and_then(|net| net.get("gw"))
        {
            shown.notes.push(format!("gw {gateway} goes out of the container's configuration"));
        }
        shown.notes.extend(self.notes());
        if !is_marked(conf.text()) {
            shown.notes.push(format!("`{}: {}` marks it as phoenix's own", MARK.0, MARK.1));
        }
        shown
    }
}

/// Returns raw keys in the order in which they stand, where that is an order that liblxc takes and the
/// same keys stand there: then only the lines that differ change.
fn in_present_order(
    raw: Vec<(String, String)>,
    present: &[(String, String)],
) -> Vec<(String, String)> {
    let type_first = present.first().map(|(key, _)| key) == raw.first().map(|(key, _)| key);
    let value = |key: &String| raw.iter().find(|(name, _)| name == key).cloned();
    let ordered = present.iter().map(|(key, _)| value(key)).collect::<Option<Vec<_>>>();
    match ordered {
        Some(ordered) if type_first && ordered.len() == raw.len() => ordered,
        _ => raw,
    }
}

/// Returns what `pct set` does to a running container by this.
fn class(conf: &LxcConf, pct: Option<&(String, Option<String>)>) -> Disruption {
    pct.map_or(Disruption::None, |(key, value)| KeyChange::new(conf, key, value.clone()).class)
}

/// Takes the interface away if it carries the declared MAC, or phoenix has put it there.
fn remove(
    observed: &Observed<'_>,
    wanted: Option<&PublicInterface>,
    conf: &LxcConf,
) -> Option<Change> {
    let before = Present::of(observed, conf);
    let marked = is_marked(conf.text());
    let declared = wanted.and_then(|wanted| wanted.mac);
    let ours = marked || declared.is_some() && declared == before.mac();
    if !ours || before.is_absent() {
        return None;
    }
    let mut shown = attribute(KEY, before.shown(), None);
    shown.notes.push("listen lines of nginx stay, and NAT is not made again".to_owned());
    let mut edits = before.unparsable_line(conf);
    edits.push(Edit::RawUnder { prefix: PREFIX.to_owned(), pairs: Vec::new() });
    edits.push(Edit::RemoveRaw { key: MARK.0.to_owned(), value: MARK.1.to_owned() });
    let pct = before.deletable(conf).then(|| (KEY.to_owned(), None));
    let class = class(conf, pct.as_ref());
    Some(Change { shown, raw: edits, pct, hot_plugs: before.is_port, class })
}

/// The interface as the configuration has it, in either form.
struct Present {
    net: Option<NetText>,
    raw: Vec<(String, String)>,
    /// Whether `pct` can read its line, and thus delete it.
    is_readable: bool,
    /// Whether it is a plain port of a bridge, which `pct` plugs and unplugs while the guest runs.
    is_port: bool,
}

impl Present {
    fn of(observed: &Observed<'_>, conf: &LxcConf) -> Self {
        let raw = raw_of(conf);
        let line = conf.get(KEY);
        let is_port = raw.is_empty() && line.is_none_or(|line| LxcNet::parse(line).is_ok());
        let kind = line.map(NetText::parse).and_then(|net| net.get("type").map(str::to_owned));
        let taken = kind.is_some_and(|kind| kind != "veth" && lowering::pct_takes(observed, &kind));
        let is_readable = taken || line.is_none_or(|line| LxcNet::parse(line).is_ok());
        Self { net: present(conf, KEY).map(NetText::parse), raw, is_readable, is_port }
    }

    fn is_absent(&self) -> bool {
        self.net.is_none() && self.raw.is_empty()
    }

    /// Returns the Ethernet address as it is written.
    fn mac_text(&self) -> Option<&str> {
        let raw = self.raw.iter().rev().find(|(key, _)| key.ends_with(".hwaddr"));
        match (raw, &self.net) {
            (Some((_, value)), _) => Some(value),
            (None, Some(net)) => net.get("hwaddr").or_else(|| net.get("macaddr")),
            (None, None) => None,
        }
    }

    fn mac(&self) -> Option<MacAddr> {
        self.mac_text()?.parse().ok()
    }

    /// Returns the address that the interface shall have: the present one unless another is declared,
    /// in its spelling, as Proxmox VE takes another spelling for another interface.
    fn mac_for(&self, wanted: &PublicInterface) -> Option<String> {
        let present = self.mac_text().filter(|_| wanted.kind != PublicKind::Ipvlan);
        match wanted.mac {
            Some(mac) if self.mac() != Some(mac) => Some(mac.to_string()),
            _ => present.map(str::to_owned),
        }
    }

    /// Returns whether the interface is already as these raw keys or this value have it.
    fn is_same(&self, raw: &[(String, String)], net: Option<&NetText>) -> bool {
        let same_net = match (&self.net, net) {
            (None, None) => true,
            (Some(now), Some(net)) => now.differences(net).is_empty(),
            _ => false,
        };
        same_net && same_raw(&self.raw, raw)
    }

    fn shown(&self) -> Option<String> {
        let raw = self
            .raw
            .iter()
            .map(|(key, value)| format!("{}={value}", key.strip_prefix(PREFIX).unwrap_or(key)));
        let raw = raw.collect::<Vec<_>>().join(",");
        match (&self.net, raw.is_empty()) {
            (None, true) => None,
            (Some(net), true) => Some(net.to_string()),
            (_, false) => Some(raw),
        }
    }

    /// Returns whether `pct set --delete net1` takes the present line away: it refuses to touch one
    /// that it cannot read. One that only waits for a start is taken back before.
    fn deletable(&self, conf: &LxcConf) -> bool {
        let waits = conf.pending().get(KEY).is_some();
        waits || conf.get(KEY).is_some() && self.unparsable_line(conf).is_empty()
    }

    /// Returns the edit that removes a line that `pct` cannot read, and therefore cannot delete.
    fn unparsable_line(&self, conf: &LxcConf) -> Vec<Edit> {
        let unreadable = conf.get(KEY).is_some() && !self.is_readable;
        let remove = unreadable.then(|| Edit::Remove { key: KEY.to_owned() });
        remove.into_iter().collect()
    }
}

/// Returns whether another interface of the container is in the public address's subnet: a second
/// connected route to it would take the internal traffic away from the internal interface.
pub(crate) fn shares_subnet(
    container: &Container,
    conf: &LxcConf,
    wanted: &PublicInterface,
) -> bool {
    let declared = container.net0.as_ref().and_then(|net0| net0.ip);
    let nets = conf.entries().filter(|(key, _)| *key != KEY && key.starts_with("net"));
    // The present address of net0 counts only while it stays.
    let others = nets.filter(|(key, _)| declared.is_none() || *key != "net0");
    let declared = match declared {
        Some(Ipv4Config::Static(ip)) => Some(ip),
        _ => None,
    };
    let others = others.filter_map(|(_, value)| NetText::parse(value).get("ip")?.parse().ok());
    let overlaps =
        |net: Ipv4Net| net.contains(&wanted.ip.addr()) || wanted.ip.contains(&net.addr());
    others.chain(declared).any(overlaps)
}

/// Returns whether phoenix has put the public interface into a configuration.
pub(in super::super) fn is_marked(text: &str) -> bool {
    // Most configurations do not even hold the words: they need not be read for it.
    let (key, value) = MARK;
    let is_mark = |pair: &(String, String)| (pair.0.as_str(), pair.1.as_str()) == MARK;
    text.contains(key) && text.contains(value) && LxcConf::parse(text).raw().iter().any(is_mark)
}

fn raw_of(conf: &LxcConf) -> Vec<(String, String)> {
    conf.raw().iter().filter(|(key, _)| key.starts_with(PREFIX)).cloned().collect()
}

/// Returns whether an interface of this kind has a macvlan's fixed MAC, which a dying network
/// namespace can hold on to.
pub(super) fn holds_mac(conf: &LxcConf) -> bool {
    let raw =
        |name: &str| conf.raw().iter().find(|(key, _)| key.strip_prefix(PREFIX) == Some(name));
    let macvlan = raw("type").is_some_and(|(_, value)| value == "macvlan");
    macvlan && raw("hwaddr").is_some()
}

/// Returns whether the kind of interface is built by the kernel on the bridge device itself, where
/// neither Proxmox VE's firewall nor the node sees it.
pub(crate) fn bypasses_node(wanted: &PublicInterface) -> bool {
    !matches!(wanted.kind, PublicKind::Veth)
}

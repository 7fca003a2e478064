//! `phoenix inspect`: what phoenix understands of a file of the node.

mod firewall;
mod guest;
mod names;
mod network;
mod nginx;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use phoenix_formats::dnsmasq::DnsmasqConf;
use phoenix_formats::firewall::{FwFile, Level};
use phoenix_formats::hosts::Hosts;
use phoenix_formats::interfaces::Interfaces;
use phoenix_formats::iptables::SavedRules;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::net::NetView;
use phoenix_formats::nginx::NginxInspection;
use phoenix_formats::pct::{self, Bridge, Live, NodeView, Outcome, State};
use phoenix_formats::qm;
use phoenix_formats::resolv_conf::ResolvConf;
use serde::Serialize;

use crate::args::{FirewallLevel, Inspect, InspectKind, Places};
use crate::config::{self, ConfigError};
use crate::exit::Exit;
use crate::{complain, out};

pub(crate) fn run(places: &Places, args: &Inspect) -> Exit {
    match inspect(places, args) {
        Ok(text) => {
            out::result(&text);
            Exit::Done
        }
        Err(InspectError::Config(error)) => {
            complain::about(&error);
            Exit::Error
        }
        Err(InspectError::Use(message)) => {
            out::say(&message);
            Exit::Error
        }
    }
}

enum InspectError {
    Config(ConfigError),
    Use(String),
}

impl From<ConfigError> for InspectError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

fn inspect(places: &Places, args: &Inspect) -> Result<String, InspectError> {
    if args.kind == InspectKind::PctSet {
        return pct_set(places, args);
    }
    let text = input(args)?;
    Ok(match args.kind {
        InspectKind::PctSet | InspectKind::Net => nets(&text, args, NetView::of),
        InspectKind::QmNet => nets(&text, args, qm::net_view),
        InspectKind::QmIpconfig => nets(&text, args, qm::ipconfig_view),
        InspectKind::LxcConf => {
            let conf = LxcConf::parse(&text);
            shown(args, &conf.inspect(), || guest::lxc_conf(&conf))
        }
        InspectKind::Firewall => firewall(args, &text)?,
        InspectKind::Nginx => {
            let view = NginxInspection::of(&text);
            shown(args, &view, || nginx::nginx(&view, &text))
        }
        InspectKind::Interfaces => {
            let file = Interfaces::parse(&text);
            shown(args, &file, || network::interfaces(&file))
        }
        InspectKind::Iptables => {
            let rules = SavedRules::parse(&text);
            shown(args, &rules, || network::iptables(&rules))
        }
        InspectKind::Hosts => {
            let file = Hosts::parse(&text);
            shown(args, &file, || names::hosts(&file))
        }
        InspectKind::ResolvConf => {
            let file = ResolvConf::parse(&text);
            shown(args, &file, || names::resolv_conf(&file))
        }
        InspectKind::Dnsmasq => {
            let file = DnsmasqConf::parse(&text);
            shown(args, &file, || names::dnsmasq(&file))
        }
    })
}

fn firewall(args: &Inspect, text: &str) -> Result<String, ConfigError> {
    let cluster = args.with_cluster.as_deref().map(config::read_lossy).transpose()?;
    let cluster = cluster.map(|text| FwFile::parse(Level::Cluster, &text, None));
    let file = FwFile::parse(level(args.level), text, cluster.as_ref());
    Ok(shown(args, &file, || firewall::firewall(&file)))
}

fn level(level: FirewallLevel) -> Level {
    match level {
        FirewallLevel::Cluster => Level::Cluster,
        FirewallLevel::Host => Level::Host,
        FirewallLevel::Guest => Level::Guest,
    }
}

/// Reads what is looked at: it may be broken in any way, and is never written back.
fn input(args: &Inspect) -> Result<String, ConfigError> {
    match args.file.as_deref() {
        Some(path) if path != Path::new("-") => config::read_lossy(path),
        _ => config::read_lossy(Path::new("/dev/stdin")),
    }
}

/// Returns the JSON form, or that for a person.
fn shown(args: &Inspect, view: &impl Serialize, text: impl FnOnce() -> String) -> String {
    if args.json { json(view) } else { text() }
}

fn json(view: &impl Serialize) -> String {
    serde_json::to_string(view).expect("what was read from text can be printed as JSON") + "\n"
}

/// Every line is an input: lines end at `\n` only, and an empty line is an input too.
fn nets(text: &str, args: &Inspect, view: fn(&str) -> NetView) -> String {
    if !args.json {
        return guest::nets(text, view);
    }
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    lines.map(|line| json(&view(line))).collect()
}

fn pct_set(places: &Places, args: &Inspect) -> Result<String, InspectError> {
    let Some(path) = &places.config else {
        return Err(InspectError::Use(
            "say --config FILE: the container's configuration".to_owned(),
        ));
    };
    let text = config::read_text(path)?;
    let node = node(&args.bridge).map_err(InspectError::Use)?;
    let live = Live::default();
    let state = if args.running { State::Running(&live) } else { State::Stopped };
    let outcome = pct::set(&text, &args.args, &node, state);
    Ok(match (args.json, args.running) {
        (true, true) => json(&outcome.inspect_running()),
        (true, false) => json(&outcome.inspect()),
        (false, _) => told(&outcome),
    })
}

/// Says what a `pct set` does, and shows the configuration that it leaves.
fn told(outcome: &Outcome) -> String {
    let mut lines: Vec<String> =
        outcome.messages.iter().map(|message| format!("! {message}")).collect();
    for (key, class) in &outcome.classes {
        lines.push(format!("{key}: {}", class.as_str()));
    }
    lines.push(match (outcome.succeeded, outcome.changed) {
        (true, true) => "done, and this is the configuration then:".to_owned(),
        (true, false) => "done, and nothing changed:".to_owned(),
        (false, true) => "refused, and yet the configuration is another one then:".to_owned(),
        (false, false) => "refused, and nothing changed:".to_owned(),
    });
    format!("{}\n\n{}", lines.join("\n"), explained(&outcome.after))
}

/// What stands for an address that Proxmox VE chooses.
const RANDOM_MAC: &str = "<RANDOM-MAC>";

/// Explains a configuration in which an address may not be chosen yet.
fn explained(text: &str) -> String {
    // Another address is put in for it, as it is none itself; one that the text does not have comes out again alone.
    let unused = (0..=u8::MAX).map(|last| format!("02:00:00:00:00:{last:02X}"));
    let free = unused.into_iter().find(|mac| text.contains(RANDOM_MAC) && !text.contains(mac));
    match free {
        Some(mac) => guest::lxc_conf(&LxcConf::parse(&text.replace(RANDOM_MAC, &mac)))
            .replace(&mac, RANDOM_MAC),
        None => guest::lxc_conf(&LxcConf::parse(text)),
    }
}

/// Reads `NAME[:MTU]` of every bridge; 1500 bytes when no MTU is said. The first one has the node's
/// physical uplink, which VLAN tags need.
fn node(bridges: &[String]) -> Result<NodeView, String> {
    const ETHERNET_MTU: u32 = 1500;
    let mut known = BTreeMap::new();
    for bridge in bridges {
        let (name, mtu) = match bridge.split_once(':') {
            Some((name, mtu)) => (name, mtu.parse().map_err(|_| format!("`{mtu}` is not an MTU"))?),
            None => (bridge.as_str(), ETHERNET_MTU),
        };
        let has_uplink = known.is_empty();
        known.insert(name.to_owned(), Bridge { has_uplink, ..Bridge::new(mtu) });
    }
    Ok(NodeView::with_bridges(known))
}

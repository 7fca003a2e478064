//! `phoenix inspect`: what phoenix understands of a file of the node.

use std::collections::BTreeMap;
use std::path::Path;

use phoenix_formats::Warning;
use phoenix_formats::firewall::{FwFile, Level};
use phoenix_formats::interfaces::Interfaces;
use phoenix_formats::iptables::SavedRules;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::net::NetView;
use phoenix_formats::nginx::NginxInspection;
use phoenix_formats::pct::{self, Bridge, Live, NodeView, Outcome, State};
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
    match args.kind {
        InspectKind::PctSet => pct_set(places, args),
        InspectKind::Net => Ok(nets(&input(args)?, args.json)),
        InspectKind::LxcConf => {
            let conf = LxcConf::parse(&input(args)?);
            let lost = conf.lost().into_iter();
            let lost =
                lost.map(|l| Warning::new(l.line, "Proxmox VE drops this line at its next write"));
            let warnings = conf.warnings().iter().cloned().chain(lost).collect::<Vec<_>>();
            Ok(shown(args, &conf.inspect(), conf.text(), &warnings))
        }
        InspectKind::Firewall => {
            let cluster = match &args.with_cluster {
                Some(path) => Some(FwFile::parse(Level::Cluster, &config::read_lossy(path)?, None)),
                None => None,
            };
            let file = FwFile::parse(level(args.level), &input(args)?, cluster.as_ref());
            Ok(shown(args, &file, file.text(), &firewall_warnings(&file)))
        }
        InspectKind::Nginx => {
            let text = input(args)?;
            let view = NginxInspection::of(&text);
            let warnings = [view.problems.clone(), view.listen_problems.clone()].concat();
            Ok(shown(args, &view, &text, &warnings))
        }
        InspectKind::Interfaces => {
            let file = Interfaces::parse(&input(args)?);
            Ok(shown(args, &file, file.text(), file.warnings()))
        }
        InspectKind::Iptables => {
            let rules = SavedRules::parse(&input(args)?);
            Ok(shown(args, &rules, rules.text(), rules.warnings()))
        }
    }
}

fn level(level: FirewallLevel) -> Level {
    match level {
        FirewallLevel::Cluster => Level::Cluster,
        FirewallLevel::Host => Level::Host,
        FirewallLevel::Guest => Level::Guest,
    }
}

/// Returns what a file's reader warns about, and the rules that it keeps and never applies.
fn firewall_warnings(file: &FwFile) -> Vec<Warning> {
    let never = file.rules().iter().filter(|rule| !rule.is_applied() && rule.rule.enabled);
    let never = never.map(|rule| Warning::new(rule.line, "kept, and never applied"));
    file.warnings().iter().cloned().chain(never).collect()
}

/// Reads what is looked at: it may be broken in any way, and is never written back.
fn input(args: &Inspect) -> Result<String, ConfigError> {
    match args.file.as_deref() {
        Some(path) if path != Path::new("-") => config::read_lossy(path),
        _ => config::read_lossy(Path::new("/dev/stdin")),
    }
}

/// Returns the JSON form, or the text with its warnings under the lines that they are about.
fn shown(args: &Inspect, view: &impl Serialize, text: &str, warnings: &[Warning]) -> String {
    if args.json { json(view) } else { annotated(text, warnings) }
}

fn json(view: &impl Serialize) -> String {
    serde_json::to_string(view).expect("what was read from text can be printed as JSON") + "\n"
}

fn annotated(text: &str, warnings: &[Warning]) -> String {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        lines.push(format!("{:>5}  {line}", index + 1));
        let here = warnings.iter().filter(|warning| warning.line == index + 1);
        lines.extend(here.map(|warning| format!("       ^ {}", warning.message)));
    }
    let count = warnings.len();
    let noun = if count == 1 { "warning" } else { "warnings" };
    lines.push(format!("\n{count} {noun}."));
    lines.join("\n") + "\n"
}

/// Every line is an input: lines end at `\n` only, and an empty line is an input too.
fn nets(text: &str, as_json: bool) -> String {
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n').map(NetView::of);
    if as_json {
        return lines.map(|view| json(&view)).collect();
    }
    let line = |view: NetView| match (view.canonical, view.error) {
        (Some(canonical), _) => format!("accepted  {canonical}\n"),
        (None, error) => format!("refused   {}: {}\n", view.input, error.unwrap_or_default()),
    };
    lines.map(line).collect()
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

fn told(outcome: &Outcome) -> String {
    let mut lines = outcome.messages.clone();
    for (key, class) in &outcome.classes {
        lines.push(format!("{key}: {}", class.as_str()));
    }
    lines.push(if outcome.succeeded { "done".to_owned() } else { "refused".to_owned() });
    lines.push(String::new());
    lines.join("\n") + &outcome.after
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

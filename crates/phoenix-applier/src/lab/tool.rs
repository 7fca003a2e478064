//! The programs of the node in a lab: real ones, run in the node's namespaces, and stand-ins for those
//! that only Proxmox VE has.

use std::io::Write as _;
use std::path::Path;

use phoenix_formats::Vmid;
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::error::LabError;
use super::folder::Folder;
use super::unit::{self, said};
use super::{init, place, power, shape};
use crate::node::{Effect, Node as _};
use crate::simulated::SimulatedNode;

/// The word by which phoenix is told to be a program of the node.
pub const TOOL: &str = "__lab-tool";

/// What `pct` ends with when it fails.
const FAILED: i32 = 255;

/// Programs that are this machine's own: those that phoenix runs on a node, and no shell.
const REAL: [&str; 19] = [
    "bridge",
    "cp",
    "date",
    "dnsmasq",
    "find",
    "getent",
    "hostname",
    "install",
    "ip",
    "iptables",
    "iptables-save",
    "mkdir",
    "mv",
    "printenv",
    "readlink",
    "rm",
    "sha256sum",
    "stat",
    "sysctl",
];

/// Programs that the simulated node plays on the lab's files.
const PLAYED: [&str; 7] =
    ["apt-get", "dpkg-query", "env", "ifreload", "pve-firewall", "qm", "timedatectl"];

/// Returns the names of all programs of the node.
pub(super) fn names() -> Vec<&'static str> {
    let own = ["lxc-info", "pct", "systemctl"];
    own.into_iter().chain(PLAYED).chain(REAL).collect()
}

/// Is one of the node's programs: the path of the stand-in, and its arguments. Returns what it ends
/// with.
pub fn run(args: &[String]) -> i32 {
    let Some((script, args)) = args.split_first() else { return FAILED };
    let script = Path::new(script);
    let name = script.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(folder) = Folder::around(script) else { return FAILED };
    match answer(&folder, name, args) {
        Ok(output) => leave(&output),
        Err(error) => leave(&said(FAILED, &error.to_string())),
    }
}

fn leave(output: &Output) -> i32 {
    // Whoever does not read it does not want it.
    std::io::stdout().write_all(output.stdout.as_bytes()).ok();
    std::io::stderr().write_all(output.stderr.as_bytes()).ok();
    output.exit
}

fn answer(folder: &Folder, name: &str, args: &[String]) -> Result<Output, LabError> {
    match name {
        "lxc-info" => Ok(lxc_info(folder, args)),
        "pct" => pct(folder, args),
        "systemctl" => systemctl(folder, args),
        "ip" if shows_links(args) => links(folder, args),
        _ if PLAYED.contains(&name) => play(folder, name, args),
        _ => Err(place::become_program(folder, super::NODE, &called(name, args))),
    }
}

fn called(name: &str, args: &[String]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(args.iter().cloned()).collect()
}

/// Lets the simulated node do its part with the lab's files.
fn play(folder: &Folder, name: &str, args: &[String]) -> Result<Output, LabError> {
    let mut node = SimulatedNode::open(&folder.twin())?;
    let argv = called(name, args);
    Ok(node.perform(Effect::Run { place: Place::Node, argv: &argv })?)
}

/// Answers `lxc-info --name ID --pid --no-humanize`, the only way in which phoenix asks.
fn lxc_info(folder: &Folder, args: &[String]) -> Output {
    let name = args.iter().skip_while(|arg| *arg != "--name").nth(1);
    let pid = name.and_then(|name| init::pid(folder, name));
    let stdout = pid.map(|pid| format!("{pid}\n")).unwrap_or_default();
    Output { exit: 0, stdout, stderr: String::new() }
}

fn systemctl(folder: &Folder, args: &[String]) -> Result<Output, LabError> {
    let is_real = args.last().and_then(|name| unit::Unit::named(name));
    let played = play(folder, "systemctl", args)?;
    match is_real {
        Some(_) if played.success() || args.first().is_some_and(|verb| verb.starts_with("is-")) => {
            unit::systemctl(folder, super::NODE, args)
        }
        _ => Ok(played),
    }
}

fn pct(folder: &Folder, args: &[String]) -> Result<Output, LabError> {
    let words = args.iter().map(String::as_str).collect::<Vec<_>>();
    let vmid = words.get(1).and_then(|word| word.parse::<Vmid>().ok());
    match (words.first().copied(), vmid) {
        (Some("exec"), Some(vmid)) => exec(folder, vmid, &args[2..]),
        (Some("start"), Some(vmid)) => started(folder, vmid, play(folder, "pct", args)?),
        (Some("stop" | "shutdown"), Some(vmid)) => {
            let played = play(folder, "pct", args)?;
            if played.success() {
                power::stop(folder, vmid)?;
            }
            Ok(played)
        }
        (Some("reboot"), Some(vmid)) => {
            let played = play(folder, "pct", args)?;
            if played.success() {
                power::stop(folder, vmid)?;
            }
            started(folder, vmid, played)
        }
        (Some("set"), Some(vmid)) => set(folder, vmid, args),
        _ => play(folder, "pct", args),
    }
}

/// Starts a guest whose configuration the simulated node finds good; what does not start is noted as
/// stopped again.
fn started(folder: &Folder, vmid: Vmid, mut played: Output) -> Result<Output, LabError> {
    if !played.success() {
        return Ok(played);
    }
    let node = SimulatedNode::open(&folder.twin())?;
    match power::start(folder, &node, vmid) {
        Ok(complaints) => {
            played.stderr.extend(complaints.iter().map(|complaint| format!("{complaint}\n")));
            Ok(played)
        }
        Err(error) => {
            play(folder, "pct", &["stop".to_owned(), vmid.to_string()])?;
            Err(error)
        }
    }
}

fn set(folder: &Folder, vmid: Vmid, args: &[String]) -> Result<Output, LabError> {
    let nics = || SimulatedNode::open(&folder.twin()).map(|node| node.live_nics(vmid));
    let before = nics()?;
    let played = play(folder, "pct", args)?;
    if init::pid(folder, &vmid.to_string()).is_some() {
        power::replug(folder, vmid, &before, &nics()?)?;
    }
    Ok(played)
}

/// Runs a program in a guest; its services are the lab's.
fn exec(folder: &Folder, vmid: Vmid, args: &[String]) -> Result<Output, LabError> {
    let argv = if args.first().is_some_and(|word| word == "--") { &args[1..] } else { args };
    let at = vmid.to_string();
    match argv.first().map(String::as_str) {
        _ if init::pid(folder, &at).is_none() => {
            Ok(said(FAILED, &format!("container {vmid} is not running")))
        }
        Some("systemctl") => unit::systemctl(folder, &at, &argv[1..]),
        Some(_) => Err(place::become_program(folder, &at, argv)),
        None => Ok(said(FAILED, "there is no program to run")),
    }
}

fn shows_links(args: &[String]) -> bool {
    let has = |names: &[&str]| args.iter().any(|arg| names.contains(&arg.as_str()));
    has(&["-json", "-j"]) && has(&["-details", "-d"]) && has(&["address", "addr", "link"])
}

/// Shows the node's links with the stand-ins of its hardware as hardware, which has no kind.
fn links(folder: &Folder, args: &[String]) -> Result<Output, LabError> {
    let mut output = place::output(folder, super::NODE, &called("ip", args))?;
    let node = SimulatedNode::open(&folder.twin())?;
    let shape = shape::Shape::of(&node, &shape::Hints::default());
    let Ok(mut links) = serde_json::from_str::<Vec<serde_json::Value>>(&output.stdout) else {
        return Ok(output);
    };
    for link in &mut links {
        let is_hardware =
            shape.hardware().any(|own| link.get("ifname").is_some_and(|name| *name == own.name));
        // What a plan makes by a name that the files have is what it is.
        if is_hardware && is_veth(link) {
            without_kind(link);
        }
    }
    output.stdout = serde_json::to_string(&links).unwrap_or_default() + "\n";
    Ok(output)
}

fn is_veth(link: &serde_json::Value) -> bool {
    link.pointer("/linkinfo/info_kind").is_some_and(|kind| kind == "veth")
}

fn without_kind(link: &mut serde_json::Value) {
    let Some(link) = link.as_object_mut() else { return };
    for key in ["link", "link_index", "link_netnsid"] {
        link.remove(key);
    }
    if let Some(info) = link.get_mut("linkinfo").and_then(serde_json::Value::as_object_mut) {
        info.remove("info_kind");
        info.remove("info_data");
    }
}

//! Starts and stops guests of a lab: a network namespace, the interfaces of the configuration, a first
//! process, the configuration's start hooks, and what the guest itself does when it starts.

use std::fs;
use std::time::Duration;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;

use super::error::LabError;
use super::folder::{Folder, Guests};
use super::links::Plugged;
use super::{furnish, init, lxc, place, process, run, unit};
use crate::simulated::{Nics, SimulatedNode};

/// How often the interfaces are made: the kernel takes a namespace down some time after its last
/// process is gone, and until then an Ethernet address in it is in use.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Starts a guest as its configuration says; returns which of its services did not start.
pub(super) fn start(
    folder: &Folder,
    node: &SimulatedNode,
    vmid: Vmid,
) -> Result<Vec<String>, LabError> {
    let started = bring_up(folder, node, vmid);
    if started.is_err() {
        // The first error is the one that tells why.
        stop(folder, vmid).ok();
    }
    started
}

fn bring_up(folder: &Folder, node: &SimulatedNode, vmid: Vmid) -> Result<Vec<String>, LabError> {
    let at = vmid.to_string();
    let text = node.conf_text(vmid).unwrap_or_default();
    let conf = LxcConf::parse(&text);
    let nics = node.nics_of(vmid);
    let netns = folder.name.netns(&at);
    folder.note("netns", &netns)?;
    let root = furnish::place(&folder.root_of(&at))?;
    furnish::certificates(folder, &root)?;
    let hostname = conf.get("hostname").map_or_else(|| format!("CT{vmid}"), str::to_owned);
    match folder.guests() {
        Guests::Lxc => lxc::start(folder, vmid, &conf, &hostname, &nics)?,
        Guests::Namespaces => {
            run::ip(None, &[format!("netns add {netns}")])?;
            connect(folder, vmid, &nics)?;
            init::start(folder, &at, &hostname)?;
            hooks(folder, &at, &conf)?;
        }
    }
    let own = plugged(vmid, &nics).into_iter().filter(Plugged::is_the_guests);
    run::ip(Some(&netns), &own.flat_map(|plugged| plugged.inside()).collect::<Vec<_>>())?;
    unit::boot(folder, &at)
}

pub(super) fn plugged(vmid: Vmid, nics: &Nics) -> Vec<Plugged<'_>> {
    nics.named().map(|(number, name, nic)| Plugged { vmid, number, name, nic }).collect()
}

/// Makes all interfaces; those that are LXC's own get their addresses at once.
fn connect(folder: &Folder, vmid: Vmid, nics: &Nics) -> Result<(), LabError> {
    let netns = folder.name.netns(&vmid.to_string());
    run::ip(Some(&netns), &["link set lo up".to_owned()])?;
    plugged(vmid, nics).iter().try_for_each(|plugged| {
        make(folder, plugged)?;
        let early = if plugged.is_the_guests() { Vec::new() } else { plugged.inside() };
        patiently(|| run::ip(Some(&netns), &early))
    })
}

fn make(folder: &Folder, plugged: &Plugged<'_>) -> Result<(), LabError> {
    let node = folder.name.netns(super::NODE);
    patiently(|| run::ip(Some(&node), &plugged.outside(&folder.name)))
}

/// Tries again while something of the last run of a guest is still in use.
pub(super) fn patiently(mut action: impl FnMut() -> Result<(), LabError>) -> Result<(), LabError> {
    let mut done = action();
    for _ in 1..TRIES {
        match &done {
            Err(LabError::Program { why, .. }) if why.contains("in use") => {}
            _ => break,
        }
        std::thread::sleep(PAUSE);
        done = action();
    }
    done
}

/// Runs the `lxc.hook.start` programs inside, before the guest's own network, as LXC does.
fn hooks(folder: &Folder, at: &str, conf: &LxcConf) -> Result<(), LabError> {
    let hooks = conf.raw().iter().filter(|(key, _)| key == "lxc.hook.start");
    for (_, value) in hooks {
        let mut argv = value.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        argv.extend([at, "lxc", "start"].map(str::to_owned));
        let output = place::output(folder, at, &argv)?;
        if !output.success() {
            let why = format!("`lxc.hook.start: {value}`: {}", output.stderr.trim());
            return Err(LabError::Init { place: at.to_owned(), why });
        }
    }
    Ok(())
}

/// Stops a guest: its processes, its ports on the node, its namespace.
pub(super) fn stop(folder: &Folder, vmid: Vmid) -> Result<(), LabError> {
    let at = vmid.to_string();
    let netns = folder.name.netns(&at);
    if folder.guests() == Guests::Lxc {
        lxc::stop(folder, &at);
    }
    process::kill_in_netns(std::slice::from_ref(&netns));
    // Gone when it never ran.
    fs::remove_file(folder.path().join("places").join(&at)).ok();
    for port in ports(folder, vmid)? {
        let gone = run::ip(Some(&folder.name.netns(super::NODE)), &[format!("link del {port}")]);
        // The kernel takes it too, with the namespace at its other end.
        if ports(folder, vmid)?.contains(&port) {
            gone?;
        }
    }
    if super::has_netns(&netns) {
        run::ip(None, &[format!("netns del {netns}")])?;
    }
    Ok(())
}

/// Returns the node's ends of a guest's veths.
fn ports(folder: &Folder, vmid: Vmid) -> Result<Vec<String>, LabError> {
    let node = folder.name.netns(super::NODE);
    let shown = run::run(&run::words(["ip", "-netns", &node, "-json", "link", "show"]), "")?;
    let links = serde_json::from_str::<Vec<serde_json::Value>>(&shown).unwrap_or_default();
    let names = links.iter().filter_map(|link| link.get("ifname")?.as_str().map(str::to_owned));
    let prefix = format!("veth{vmid}i");
    Ok(names.filter(|name| name.starts_with(&prefix)).collect())
}

/// Brings what a `pct set` has changed of a running guest's interfaces into force.
pub(super) fn replug(
    folder: &Folder,
    vmid: Vmid,
    before: &Nics,
    after: &Nics,
) -> Result<(), LabError> {
    let netns = folder.name.netns(&vmid.to_string());
    for old in plugged(vmid, before) {
        if after.by_number.get(&old.number) != Some(old.nic) {
            // Somebody in the guest may have taken it away.
            run::ip(Some(&netns), &[format!("link del {}", old.name)]).ok();
        }
    }
    for new in plugged(vmid, after) {
        if before.by_number.get(&new.number) != Some(new.nic) {
            make(folder, &new)?;
            run::ip(Some(&netns), &new.inside())?;
        }
    }
    Ok(())
}

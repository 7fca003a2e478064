//! What runs in a lab.

use serde::Serialize;

use super::error::LabError;
use super::folder::Folder;
use super::{down, init, run, unit};

/// What runs in a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabStatus {
    /// The lab's name.
    pub name: String,
    /// `up`, or `broken` when its making or its end was interrupted.
    pub state: &'static str,
    /// What makes its guests: `namespaces` or `lxc`.
    pub guests: &'static str,
    /// Its places, sorted by name.
    pub places: Vec<PlaceStatus>,
}

/// What runs in a place of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceStatus {
    /// What `phoenix lab exec` calls it.
    pub name: String,
    /// The network namespace, for `ip netns exec`.
    pub netns: String,
    /// The number of its first process, where it has one.
    pub pid: Option<u32>,
    /// `eth0 10.0.0.153/24`, in the order of the links.
    pub addresses: Vec<String>,
    /// The services that run.
    pub services: Vec<String>,
}

pub(super) fn status(folder: &Folder) -> Result<LabStatus, LabError> {
    let prefix = folder.name.prefix();
    let places = down::namespaces(folder).into_iter().map(|netns| {
        let name = netns.strip_prefix(&prefix).unwrap_or(&netns).to_owned();
        Ok(PlaceStatus {
            pid: init::pid(folder, &name),
            addresses: addresses(&netns)?,
            services: unit::running(folder, &name),
            name,
            netns,
        })
    });
    let places = places.collect::<Result<Vec<_>, LabError>>()?;
    let whole = folder.is_ready()
        && places.iter().any(|place| place.name == super::NODE && place.pid.is_some());
    let state = if whole { "up" } else { "broken" };
    let guests = folder.guests().word();
    Ok(LabStatus { name: folder.name.to_string(), state, guests, places })
}

fn addresses(netns: &str) -> Result<Vec<String>, LabError> {
    let shown = run::run(&run::words(["ip", "-netns", netns, "-json", "-4", "address"]), "")?;
    let links = serde_json::from_str::<Vec<Shown>>(&shown).unwrap_or_default();
    let of = |link: Shown| {
        let name = link.ifname;
        let own = link.addr_info.into_iter();
        own.map(move |own| format!("{name} {}/{}", own.local, own.prefixlen))
    };
    Ok(links.into_iter().filter(|link| link.ifname != "lo").flat_map(of).collect())
}

#[derive(serde::Deserialize)]
struct Shown {
    ifname: String,
    addr_info: Vec<Address>,
}

#[derive(serde::Deserialize)]
struct Address {
    local: String,
    prefixlen: u8,
}

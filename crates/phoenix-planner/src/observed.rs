//! What a node is like, read from its answers once for all kinds.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::iproute::{Link, read_links};
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::storage_cfg::StorageCfg;
use phoenix_formats::{BridgeName, Vmid};

use crate::desired::{Container, Desired, Located, Vm};
use crate::kind;
use crate::location::{Location, Place};
use crate::probe::{Answer, Argv, Facts, Probe, argv};
use crate::refusal::Refusal;
use crate::source::Origin;

/// Where containers' configurations are on a node.
const LXC_FOLDER: &str = "/etc/pve/lxc";
/// Where virtual machines' configurations are on a node.
const QEMU_FOLDER: &str = "/etc/pve/qemu-server";

/// Where the cluster's storages are declared to Proxmox VE.
const STORAGES: &str = "/etc/pve/storage.cfg";

/// Returns the place of the cluster's storages.
pub(crate) fn storages_path() -> Location {
    Location::node(STORAGES)
}

/// A declared guest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Guest<'a> {
    Container(&'a Container),
    Vm(&'a Vm),
}

impl<'a> Guest<'a> {
    pub(crate) fn vmid(self) -> Vmid {
        match self {
            Self::Container(container) => container.vmid,
            Self::Vm(vm) => vm.vmid,
        }
    }

    /// Returns what the guest needs: what it depends on, and what it is cloned from.
    fn needs(self) -> &'a [Located<Vmid>] {
        match self {
            Self::Container(container) => &container.dependencies,
            Self::Vm(vm) => &vm.dependencies,
        }
    }

    fn boot_order(self) -> Option<u32> {
        match self {
            Self::Container(container) => container.startup.as_ref()?.value.order,
            Self::Vm(vm) => vm.startup.as_ref()?.value.order,
        }
    }
}

/// Returns what a declared guest needs: what it depends on, and what it is cloned from.
pub(crate) fn needs(desired: &Desired, vmid: Vmid) -> &[Located<Vmid>] {
    let container = desired.containers.get(&vmid).map(|one| one.dependencies.as_slice());
    let vm = || desired.vms.get(&vmid).map(|one| one.dependencies.as_slice());
    container.or_else(vm).unwrap_or_default()
}

/// Returns the place of a container's configuration.
pub(crate) fn config_path(vmid: Vmid) -> Location {
    Location::node(&format!("{LXC_FOLDER}/{vmid}.conf"))
}

pub(crate) fn links_argv() -> Argv {
    argv(["ip", "-json", "-details", "address", "show"])
}

pub(crate) fn list_argv() -> Argv {
    argv(["pct", "list"])
}

/// Asks for the node's name, which a captured node keeps.
fn name_argv() -> Argv {
    argv(["hostname"])
}

fn quorum_argv() -> Argv {
    argv(["stat", "--format=%a", "/etc/pve/local"])
}

/// Returns the probes that no single kind owns: the node's links, who runs, and every guest's
/// configuration, since a MAC or a name can be taken by a guest that is not declared.
pub(crate) fn probes(facts: &Facts) -> Vec<Probe> {
    let folders = [LXC_FOLDER, QEMU_FOLDER];
    let lists = folders.map(|folder| Probe::List(Location::node(folder)));
    let runs = [links_argv(), list_argv(), name_argv(), quorum_argv()];
    let runs = runs.map(|argv| Probe::Run { place: Place::Node, argv });
    let files = folders.into_iter().flat_map(|folder| guests_in(folder, facts));
    let files = files.map(|(_, at)| Probe::File(at));
    lists.into_iter().chain(runs).chain(files).collect()
}

fn guests_in(folder: &str, facts: &Facts) -> Vec<(Vmid, Location)> {
    let names = facts.names(&Location::node(folder)).iter();
    let guest = |name: &String| name.strip_suffix(".conf")?.parse::<Vmid>().ok();
    names.filter_map(|n| Some((guest(n)?, Location::node(&format!("{folder}/{n}"))))).collect()
}

/// A node as its answers show it, beside what is desired.
pub(crate) struct Observed<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) facts: &'a Facts,
    /// The node's own network links.
    pub(crate) links: Vec<Link>,
    /// The configurations of all containers on the node, declared or not.
    configs: BTreeMap<Vmid, LxcConf>,
    running: BTreeSet<Vmid>,
    /// The cluster's storages.
    pub(crate) storages: StorageCfg,
    /// The containers that are to run.
    to_run: BTreeSet<Vmid>,
}

impl<'a> Observed<'a> {
    /// Reads the answers; fails with every file that is there and cannot be used.
    pub(crate) fn new(desired: &'a Desired, facts: &'a Facts) -> Result<Self, Vec<Refusal>> {
        let mut refusals = facts.iter().filter_map(unusable).collect::<Vec<_>>();
        let mut configs = BTreeMap::new();
        let guests = guests_in(LXC_FOLDER, facts).into_iter().chain(declared_guests(desired));
        for (vmid, at) in guests.collect::<BTreeMap<_, _>>() {
            let Some(text) = facts.text(&at) else { continue };
            let conf = LxcConf::parse(text);
            refusals.extend(no_configuration(&conf, &at));
            configs.insert(vmid, conf);
        }
        let links = links(facts).map_err(|refusal| refusals.push(refusal)).unwrap_or_default();
        let storages = StorageCfg::parse(facts.text(&storages_path()).unwrap_or_default());
        let running = running(facts);
        let to_run = BTreeSet::new();
        let mut observed = Self { desired, facts, links, configs, running, storages, to_run };
        observed.to_run = observed.find_to_run();
        if refusals.is_empty() { Ok(observed) } else { Err(refusals) }
    }

    /// Returns the configuration of a container that is on the node.
    pub(crate) fn config(&self, vmid: Vmid) -> Option<&LxcConf> {
        self.configs.get(&vmid)
    }

    /// Returns the configuration of a container that is on the node, unless something such as a backup
    /// holds it locked: then nothing that concerns the container is planned.
    pub(crate) fn unlocked(&self, vmid: Vmid) -> Option<&LxcConf> {
        self.config(vmid).filter(|conf| conf.lock().is_none())
    }

    /// Returns the node's own name, if it could say it.
    pub(crate) fn node_name(&self) -> Option<&str> {
        let output = self.facts.ran(Place::Node, &name_argv())?;
        Some(output.stdout.trim()).filter(|name| output.success() && !name.is_empty())
    }

    /// Returns whether a container runs.
    pub(crate) fn is_running(&self, vmid: Vmid) -> bool {
        self.running.contains(&vmid)
    }

    /// Returns every guest that has a configuration on the node.
    pub(crate) fn guests(&self) -> BTreeSet<Vmid> {
        let folders = [LXC_FOLDER, QEMU_FOLDER].into_iter();
        folders.flat_map(|folder| guests_in(folder, self.facts)).map(|(vmid, _)| vmid).collect()
    }

    /// Returns whether a container is to run: it is declared to start at boot, or something that is to run,
    /// or is still to be made, depends on it.
    pub(crate) fn is_to_run(&self, vmid: Vmid) -> bool {
        self.to_run.contains(&vmid)
    }

    fn find_to_run(&self) -> BTreeSet<Vmid> {
        let mut to_run = BTreeSet::new();
        // From the last to the first: those that depend on a guest come after it.
        for guest in self.guests_in_order().into_iter().rev() {
            let vmid = guest.vmid();
            let (starts, source) = match guest {
                // What belongs into a template is set up before it is one.
                Guest::Container(c) if c.making.is_template => {
                    (self.desired.trust.sets_up(vmid), c.making.source.as_ref())
                }
                Guest::Container(c) => {
                    (c.onboot.as_ref().is_some_and(|onboot| onboot.value), c.making.source.as_ref())
                }
                Guest::Vm(_) => (false, None),
            };
            if starts {
                to_run.insert(vmid);
            }
            let is_missing = matches!(guest, Guest::Container(_)) && self.config(vmid).is_none();
            if to_run.contains(&vmid) || is_missing || matches!(guest, Guest::Vm(_)) {
                let needed = guest.needs().iter().map(|needed| needed.value);
                to_run.extend(needed.filter(|needed| source.is_none_or(|s| s.value != *needed)));
            }
        }
        let never_runs = |vmid: &Vmid| {
            let container = self.desired.containers.get(vmid);
            container.is_some_and(|container| container.making.is_template)
                && !self.desired.trust.sets_up(*vmid)
        };
        to_run.retain(|vmid| !never_runs(vmid));
        to_run
    }

    /// Returns the declared containers, each after those that it depends on.
    pub(crate) fn in_order(&self) -> Vec<&'a Container> {
        let containers = self.guests_in_order().into_iter().filter_map(|guest| match guest {
            Guest::Container(container) => Some(container),
            Guest::Vm(_) => None,
        });
        containers.collect()
    }

    /// Returns the declared guests, each after those that it depends on and is cloned from, else by their
    /// boot order and number.
    pub(crate) fn guests_in_order(&self) -> Vec<Guest<'a>> {
        let desired = self.desired;
        let containers = desired.containers.values().map(Guest::Container);
        let all = containers.chain(desired.vms.values().map(Guest::Vm));
        let mut all = all.map(|guest| (guest.vmid(), guest)).collect::<BTreeMap<_, _>>();
        let mut first = all.values().copied().collect::<Vec<_>>();
        first.sort_by_key(|guest| (guest.boot_order().unwrap_or(u32::MAX), guest.vmid()));
        let mut order = Vec::new();
        for guest in first {
            visit(guest.vmid(), &mut all, &mut order);
        }
        order
    }

    /// Returns the physical interfaces among a bridge's ports, sorted.
    pub(crate) fn uplinks(&self, bridge: &BridgeName) -> Vec<String> {
        let of_bridge =
            self.links.iter().filter(|link| link.master.as_deref() == Some(bridge.as_str()));
        let mut names =
            of_bridge.filter(|l| is_uplink(l)).map(|l| l.name.clone()).collect::<Vec<_>>();
        names.sort();
        names
    }

    /// Fails when the node has no such bridge.
    pub(crate) fn require_bridge(
        &self,
        bridge: &BridgeName,
        origin: &Origin,
    ) -> Result<(), Refusal> {
        let link = self.links.iter().find(|link| link.name == bridge.as_str());
        if let Some(master) = link.and_then(|link| link.master.as_ref()) {
            return Err(Refusal::declared(
                origin,
                format!("`{bridge}` is a port of bridge `{master}`: nothing else can attach to it"),
                format!("Name the bridge itself: `{master}`."),
            ));
        }
        let bridges =
            self.links.iter().filter(|link| link.is_bridge()).map(|link| link.name.as_str());
        let bridges = bridges.collect::<Vec<_>>();
        if bridges.contains(&bridge.as_str()) {
            return Ok(());
        }
        let help = match bridges.as_slice() {
            [] => "This node has no bridge at all; make one first.".to_owned(),
            some => format!("Name one that this node has: {}.", some.join(", ")),
        };
        Err(Refusal::declared(origin, format!("this node has no bridge `{bridge}`"), help))
    }

    /// Returns every guest of the node that is not declared, with its configuration's text.
    pub(crate) fn undeclared(&self) -> impl Iterator<Item = (Vmid, Location, &'a str)> {
        let guests =
            [LXC_FOLDER, QEMU_FOLDER].into_iter().flat_map(|folder| guests_in(folder, self.facts));
        let desired = self.desired;
        let declared = move |vmid: &Vmid| {
            desired.containers.contains_key(vmid) || desired.vms.contains_key(vmid)
        };
        let facts = self.facts;
        guests
            .filter(move |(vmid, _)| !declared(vmid))
            .filter_map(move |(vmid, at)| Some((vmid, at.clone(), facts.text(&at)?)))
    }

    /// Fails when the cluster file system takes no changes: then nothing below `/etc/pve` can be
    /// written, whatever the permissions look like to root.
    pub(crate) fn require_quorum(&self) -> Result<(), Refusal> {
        let mode = self.facts.ran(Place::Node, &quorum_argv()).map(|output| output.stdout.trim());
        let mode = mode.and_then(|text| u32::from_str_radix(text, 8).ok());
        const OWNER_WRITE: u32 = 0o200;
        match mode {
            Some(mode) if mode & OWNER_WRITE == 0 => Err(Refusal::node(
                "no quorum: /etc/pve cannot be written on this node",
                "Bring the other nodes of the cluster back, and look at `pvecm status`.",
            )),
            _ => Ok(()),
        }
    }
}

/// Takes a guest out of those that are left, after what it needs.
fn visit<'a>(vmid: Vmid, left: &mut BTreeMap<Vmid, Guest<'a>>, order: &mut Vec<Guest<'a>>) {
    let Some(guest) = left.remove(&vmid) else { return };
    for needed in guest.needs() {
        visit(needed.value, left, order);
    }
    order.push(guest);
}

/// A port by which a bridge reaches the outside: hardware, or what bundles or tags it.
fn is_uplink(link: &Link) -> bool {
    link.is_physical() || matches!(link.kind.as_deref(), Some("bond" | "vlan" | "team"))
}

fn declared_guests(desired: &Desired) -> impl Iterator<Item = (Vmid, Location)> {
    desired.containers.keys().map(|vmid| (*vmid, config_path(*vmid)))
}

fn unusable((probe, answer): (&Probe, &Answer)) -> Option<Refusal> {
    match (probe, answer) {
        (Probe::File(at) | Probe::List(at), Answer::Unreadable(why))
            if !kind::only_looks_at(at) =>
        {
            let help = "Mend or remove the file; nothing is planned before it can be read.";
            Some(Refusal::file(at, None, why.clone(), help))
        }
        _ => None,
    }
}

/// A file in which not one line is a setting is no configuration: it is not touched.
fn no_configuration(conf: &LxcConf, at: &Location) -> Option<Refusal> {
    let empty = conf.entries().next().is_none();
    let line = conf.warnings().first()?.line;
    empty.then(|| {
        let help = "Look at the file: not one line of it is a setting of a container.";
        Refusal::file(at, Some(line), "not a container's configuration", help)
    })
}

fn links(facts: &Facts) -> Result<Vec<Link>, Refusal> {
    let Some(output) = facts.ran(Place::Node, &links_argv()) else { return Ok(Vec::new()) };
    read_links(&output.stdout).map_err(|error| {
        let help = "Run `ip -json -details address show` on the node and look at what it says.";
        Refusal::node(format!("cannot read the node's network links: {error}"), help)
    })
}

fn running(facts: &Facts) -> BTreeSet<Vmid> {
    let table = facts.ran(Place::Node, &list_argv()).map_or("", |output| output.stdout.as_str());
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let vmid = words.next()?.parse().ok()?;
        (words.next() == Some("running")).then_some(vmid)
    };
    table.lines().filter_map(row).collect()
}

//! A lab: a twin of a node in network namespaces of this machine.
//!
//! The twin is made from a captured node: its bridges, its addresses, its live rules, its guests with
//! their files. A router, a client on the LAN and one in the internet stand around it. What carries
//! traffic is real: bridges, veths, macvlans, iptables, nftables, nginx, dnsmasq. The node is driven by
//! [`LocalNode`] as a local one is; of its programs only those that Proxmox VE brings, and systemd, are
//! stand-ins, which act on the namespaces.
//!
//! Everything of a lab called `x` is below `/run/phoenix-lab/x`, in network namespaces called
//! `phx-x-…`, or a process in one of these. So it can be taken down whatever was killed before.
//!
//! A user who is not root has the same below a `/run` of their own, in a user namespace. The guests are
//! namespaces that phoenix makes, or containers of LXC.
//!
//! Deliberately not made: VLANs and bonds of the node (they are left out and said), virtual machines,
//! DHCP, the chains of Proxmox VE's firewall, limits of memory and processors, and user namespaces:
//! root in a guest of a lab is root. It is a place for trying plans, not a wall.

mod down;
mod error;
mod folder;
mod furnish;
mod init;
mod links;
mod lxc;
mod name;
mod place;
mod power;
mod process;
mod run;
mod shape;
mod status;
mod tool;
mod unit;
mod user;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

pub use self::error::LabError;
use self::folder::Folder;
pub use self::folder::Guests;
pub use self::init::{INIT, run as run_init};
pub use self::name::{InvalidLabName, LabName};
pub use self::shape::Hints;
use self::shape::{INTERNET, Shape};
pub use self::status::{LabStatus, PlaceStatus};
pub use self::tool::{TOOL, run as run_tool};
pub use self::user::{Errand, ROOM, run_room, visit};
use crate::local::LocalNode;
use crate::simulated::SimulatedNode;

/// The place that is the node.
const NODE: &str = "node";

/// The places around the node, which use this machine's files.
const OUTSIDE: [&str; 3] = ["internet", "lan", "router"];

/// The places that are always there.
const ALWAYS: [&str; 4] = ["router", "lan", "internet", NODE];

/// Programs without which there is no lab.
const NEEDED: [&str; 4] = ["ip", "nsenter", "unshare", "iptables-restore"];

/// A lab that is up.
#[derive(Debug)]
pub struct Lab {
    folder: Folder,
    /// What is not as in the captured node: links that were left out, services that did not start.
    complaints: Vec<String>,
}

impl Lab {
    /// Makes a lab of a captured node. What a killed one of the same name has left is removed first.
    ///
    /// `program` is phoenix itself, which the lab runs as first processes and stand-ins.
    ///
    /// # Errors
    ///
    /// When the caller is not root, a program is missing, there is such a lab, the folder is no captured
    /// node, or a step fails; then nothing stays.
    pub fn up(
        name: &LabName,
        node: &Path,
        hints: &Hints,
        program: &Path,
        guests: Guests,
    ) -> Result<Self, LabError> {
        possible(guests)?;
        // Nothing of the folder is looked at by root's programs before it is known to be one.
        drop(SimulatedNode::open(node)?);
        let _claim = folder::claim()?;
        let folder = Folder::of(name);
        if folder.is_ready() && init::pid(&folder, NODE).is_some() {
            return Err(LabError::IsUp(name.clone()));
        }
        down::clear(&folder)?;
        let made = folder.make(guests).and_then(|()| make(&folder, node, hints, program));
        if made.is_err() {
            // The first error is the one that tells why.
            down::clear(&folder).ok();
            down::leave();
        }
        made.map(|complaints| Self { folder, complaints })
    }

    /// Finds a lab that is up.
    pub fn find(name: &LabName) -> Result<Self, LabError> {
        let folder = Folder::of(name);
        if folder.is_ready() && init::pid(&folder, NODE).is_some() {
            Ok(Self { folder, complaints: Vec::new() })
        } else {
            Err(LabError::NotUp(name.clone()))
        }
    }

    /// Returns the names of all labs, those that are broken included.
    pub fn all() -> Vec<LabName> {
        folder::all()
    }

    /// Returns what is not as in the captured node.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// Returns the node in the lab.
    pub fn node(&self) -> Result<LocalNode, LabError> {
        let root = self.folder.root_of(NODE);
        LocalNode::with_root(&root).map_err(LabError::at(&root))
    }

    /// Runs a program in a place with the caller's own streams, and returns what it ended with.
    /// `systemctl` is the lab's own.
    pub fn exec(&self, place: &str, argv: &[String]) -> Result<i32, LabError> {
        let stand_in = match (place, argv.first().map(String::as_str)) {
            (NODE, Some(program)) => self.folder.root_of(NODE).join("bin").join(program),
            (place, Some("systemctl")) if !OUTSIDE.contains(&place) => {
                let inside = ["exec", place, "--"].map(str::to_owned).into_iter();
                let pct = self.folder.root_of(NODE).join("bin/pct").display().to_string();
                let args = std::iter::once(pct).chain(inside).chain(argv.iter().cloned());
                return Ok(tool::run(&args.collect::<Vec<_>>()));
            }
            _ => return place::attached(&self.folder, place, argv),
        };
        if !stand_in.is_file() {
            return place::attached(&self.folder, place, argv);
        }
        let whole = std::iter::once(stand_in.display().to_string());
        Ok(tool::run(&whole.chain(argv.iter().skip(1).cloned()).collect::<Vec<_>>()))
    }

    /// Takes a lab down; returns whether there was anything of it.
    pub fn down(name: &LabName) -> Result<bool, LabError> {
        let folder = Folder::of(name);
        if !folder.path().exists() && down::namespaces(&folder).is_empty() {
            return Ok(false);
        }
        possible(Guests::Namespaces)?;
        let _claim = folder::claim()?;
        let was_there = folder.path().exists() || !down::namespaces(&folder).is_empty();
        down::clear(&folder)?;
        down::leave();
        Ok(was_there)
    }

    /// Returns what runs in a lab, or is left of it.
    pub fn status(name: &LabName) -> Result<LabStatus, LabError> {
        let folder = Folder::of(name);
        if !folder.path().exists() {
            return Err(LabError::NotUp(name.clone()));
        }
        status::status(&folder)
    }
}

/// Says why there can be no lab on this machine, or for this user.
fn possible(guests: Guests) -> Result<(), LabError> {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || (guests == Guests::Lxc && user::is_alone()) {
        return Err(LabError::NotRoot);
    }
    let more = if guests == Guests::Lxc { lxc::NEEDED.as_slice() } else { &[] };
    let mut needed = NEEDED.iter().chain(more);
    let missing = needed.find(|name| run::find(name).is_none());
    missing.map_or(Ok(()), |name| Err(LabError::NoProgram(name)))
}

fn make(
    folder: &Folder,
    captured: &Path,
    hints: &Hints,
    program: &Path,
) -> Result<Vec<String>, LabError> {
    symlink(program, folder.program()).map_err(LabError::at(&folder.program()))?;
    furnish::copy(folder, captured)?;
    let node = SimulatedNode::open(&folder.twin())?;
    furnish::node(&folder.root_of(NODE), node.name())?;
    furnish::tools(folder, &tool::names())?;
    let shape = Shape::of(&node, hints);
    wire(folder, &shape)?;
    init::start(folder, NODE, node.name().as_str())?;
    show_processes(folder)?;
    rules(folder)?;
    let left_out = shape.left_out.iter();
    let mut complaints = left_out
        .map(|link| format!("`{link}` is no bridge and no hardware: a lab leaves it out"))
        .collect::<Vec<_>>();
    complaints.extend(unit::boot(folder, NODE)?);
    for vmid in &shape.running {
        complaints.extend(power::start(folder, &node, *vmid)?);
    }
    folder.write(&folder.path().join("ready"), "")?;
    Ok(complaints)
}

/// Makes the namespaces that are always there, with their links and addresses.
fn wire(folder: &Folder, shape: &Shape) -> Result<(), LabError> {
    let name = &folder.name;
    for place in ALWAYS {
        folder.note("netns", &name.netns(place))?;
    }
    run::ip(None, &links::namespaces(name))?;
    run::ip(Some(&name.netns("router")), &links::router(name, shape))?;
    let [gateway, address] = INTERNET;
    let gateway = gateway.split('/').next().unwrap_or(gateway);
    run::ip(Some(&name.netns("internet")), &links::client(address, gateway))?;
    if let Some((address, gateway)) = &shape.client {
        let lines = links::client(&address.to_string(), &gateway.to_string());
        run::ip(Some(&name.netns("lan")), &lines)?;
    }
    run::ip(Some(&name.netns(NODE)), &links::node(shape))?;
    let forward = run::words([&folder.program().display().to_string(), ROUTER]);
    run::run(&run::in_netns(&name.netns("router"), &forward), "").map(drop)
}

/// The word by which phoenix is told to make the namespace that it is in forward packets.
pub const ROUTER: &str = "__lab-router";

/// Makes the namespace of the caller forward packets, whatever way answers take.
pub fn run_router() -> i32 {
    let keys = [("ip_forward", "1"), ("conf/all/rp_filter", "0"), ("conf/default/rp_filter", "0")];
    let set = |(key, value): (&str, &str)| fs::write(format!("/proc/sys/net/ipv4/{key}"), value);
    i32::from(keys.into_iter().any(|pair| set(pair).is_err()))
}

/// Shows the machine's processes below the node's root folder, where [`LocalNode`] looks for guests.
fn show_processes(folder: &Folder) -> Result<(), LabError> {
    let path = folder.root_of(NODE).join("proc");
    folder.make_folder(&path)?;
    folder.note("mount", &path.display().to_string())?;
    let flags = rustix::mount::MountFlags::NOSUID
        | rustix::mount::MountFlags::NODEV
        | rustix::mount::MountFlags::NOEXEC;
    rustix::mount::mount("proc", &path, "proc", flags, None)
        .map_err(|error| LabError::at(&path)(error.into()))
}

/// Loads the live rules of the captured node.
fn rules(folder: &Folder) -> Result<(), LabError> {
    let path = folder.twin().join("live/iptables.save");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let argv = run::words(["iptables-restore"]);
    let output = place::fed(folder, NODE, &argv, &text)?;
    if output.success() {
        return Ok(());
    }
    let why = format!("{}: {}", path.display(), output.stderr.trim());
    Err(LabError::Program { argv: "iptables-restore".to_owned(), why })
}

/// Returns whether there is a network namespace of this name.
fn has_netns(name: &str) -> bool {
    Path::new("/run/netns").join(name).exists()
}

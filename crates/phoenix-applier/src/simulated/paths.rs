//! Where files really stand, and which folders are made for new ones.
//!
//! A captured folder holds what was asked for when it was captured, so that a folder of the node may be
//! missing here only because nothing in it was asked for. Those that every node or guest has are made
//! when a file is written into them; a file in any other missing folder is an error.

use phoenix_formats::{NodeName, Vmid};
use phoenix_planner::location::{Location, Place};

use super::tree::Tree;
use crate::local::root::Missing;

/// Folders that Debian, or a package that is named in the path, brings.
const FOLDERS: [&str; 23] = [
    "/etc",
    "/etc/apt/keyrings",
    "/etc/apt/sources.list.d",
    "/etc/default",
    "/etc/dnsmasq.d",
    "/etc/iptables",
    "/etc/modules-load.d",
    "/etc/network",
    "/etc/network/if-down.d",
    "/etc/network/if-post-down.d",
    "/etc/network/if-pre-up.d",
    "/etc/network/if-up.d",
    "/etc/network/interfaces.d",
    "/etc/ssl/certs",
    "/etc/ssl/private",
    "/etc/sysctl.d",
    "/etc/systemd/network",
    "/etc/systemd/networkd.conf.d",
    "/etc/systemd/system",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/share/ca-certificates",
    "/var/lib",
];

/// Folders in which any other one may be made: a package's, phoenix's own, root's, and where volumes are mounted.
const TREES: [&str; 6] =
    ["/etc/nginx", "/etc/phoenix", "/etc/traefik", "/mnt/pve", "/root", "/var/lib/phoenix"];

/// The folders that the cluster file system has on every node; those of the node itself come on top.
const CLUSTER: [&str; 5] =
    ["/etc/pve", "/etc/pve/firewall", "/etc/pve/lxc", "/etc/pve/priv", "/etc/pve/qemu-server"];

/// The folders that the cluster file system has for a node.
const NODE: [&str; 4] = ["", "/lxc", "/priv", "/qemu-server"];

/// Says whether the folder of a new file is made when it is missing.
pub(super) fn missing(at: &Location, name: &NodeName) -> Missing {
    let path = at.path.as_str();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let in_cluster = at.place == Place::Node
        && (CLUSTER.contains(&folder)
            || NODE
                .iter()
                .any(|part| folder == own(name) + part || folder == LOCAL.to_owned() + part));
    let in_tree = TREES.iter().any(|tree| at.path.is_below(tree) && folder.starts_with(tree));
    if in_cluster || in_tree || folder.is_empty() || FOLDERS.contains(&folder) {
        Missing::Make
    } else {
        Missing::Fail
    }
}

/// The link that the cluster file system makes to the folder of the node it runs on.
const LOCAL: &str = "/etc/pve/local";

/// The two names of the folder with the node's containers.
const CONTAINERS: &str = "/etc/pve/lxc";

/// Where the folders stand to which the cluster file system makes links by itself, and a captured folder
/// need not have them: `local`, and `lxc` for the containers of the node.
#[derive(Debug)]
pub(super) struct Layout {
    local: String,
    /// The name by which the containers' folder does not stand here, and the one by which it does.
    containers: Option<(String, String)>,
}

impl Layout {
    /// Looks how a captured folder is laid out.
    pub(super) fn of(files: &Tree, name: &NodeName) -> Self {
        let own = own(name);
        let (short, long) = (CONTAINERS.to_owned(), format!("{own}/lxc"));
        let (from, to) = if files.has(&short) { (long, short) } else { (short, long) };
        let moved = files.has(&to) && !files.has(&from);
        Self {
            local: files.real_folder(LOCAL).unwrap_or(own),
            containers: moved.then_some((from, to)),
        }
    }

    /// Returns where a file of the node stands.
    pub(super) fn standing(&self, at: &Location) -> Location {
        let path = replaced(at.path.as_str(), LOCAL, &self.local);
        let path = path.unwrap_or_else(|| at.path.as_str().to_owned());
        let moved = self.containers.as_ref().and_then(|(from, to)| replaced(&path, from, to));
        Location::node(&moved.unwrap_or(path))
    }
}

/// Returns the guest whose configuration stands at a path, and the other node that has it.
pub(super) fn guest_of<'a>(at: &'a Location, name: &NodeName) -> Option<(Vmid, Option<&'a str>)> {
    let below = at.path.as_str().strip_prefix("/etc/pve/")?;
    let (node, file) = match below.split('/').collect::<Vec<_>>().as_slice() {
        ["lxc", file] => (None, *file),
        ["nodes", node, "lxc", file] => (Some(*node), *file),
        _ => return None,
    };
    let vmid = file.strip_suffix(".conf")?.parse().ok()?;
    (at.place == Place::Node).then_some((vmid, node.filter(|node| *node != name.as_str())))
}

fn own(name: &NodeName) -> String {
    format!("/etc/pve/nodes/{name}")
}

/// Returns a path with the folder at its front exchanged.
fn replaced(path: &str, from: &str, to: &str) -> Option<String> {
    let rest = path.strip_prefix(from)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
}

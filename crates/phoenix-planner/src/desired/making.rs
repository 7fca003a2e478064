//! What guests are made from, and what they mount.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::id_map::{IDS, SHIFT};

use super::Located;
use crate::location::AbsolutePath;
use crate::source::Origin;

/// What a container is made from, as it stands in `template`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// A file of the node.
    Path(AbsolutePath),
    /// A file on a storage, such as `local:vztmpl/x.tar.zst`.
    Volume {
        /// The storage.
        storage: String,
        /// The name of the file.
        file: String,
    },
}

/// How a container comes to be.
#[derive(Debug, Clone, Default)]
pub struct Making {
    /// `template`.
    pub template: Option<Located<Template>>,
    /// `template_file`: a prebuilt template that counts where a storage has it.
    pub prebuilt: Option<Located<String>>,
    /// `clone_from_ctid`.
    pub source: Option<Located<Vmid>>,
    /// `template_snapshot_name`.
    pub snapshot: Option<Located<String>>,
    /// `storage_pool`.
    pub storage: Option<Located<String>>,
    /// `storage_size_gb` in GiB.
    pub size: Option<Located<u64>>,
    /// `unprivileged`; `None` is that of the source, else true.
    pub unprivileged: Option<Located<bool>>,
    /// `is_template`.
    pub is_template: bool,
    /// `enable_lifecycle_snapshots`.
    pub lifecycle: bool,
    /// `id_maps`.
    pub id_maps: IdMaps,
}

/// The user and group ids that an unprivileged container has on the node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdMaps {
    /// Of users, by the first id in the container.
    pub users: BTreeMap<u32, Span>,
    /// Of groups, by the first id in the container.
    pub groups: BTreeMap<u32, Span>,
}

/// Ids that are the node's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first one on the node.
    pub host: u32,
    /// How many.
    pub size: u32,
}

impl IdMaps {
    /// Returns whether no id is the node's own.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// Returns the values of all `lxc.idmap` lines: where one is given, LXC takes none for granted.
    pub fn lines(&self) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        [('u', &self.users), ('g', &self.groups)]
            .into_iter()
            .flat_map(|(letter, spans)| lines(letter, spans))
            .collect()
    }
}

fn lines(letter: char, spans: &BTreeMap<u32, Span>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut next = 0;
    for (&first, span) in spans {
        if first > next {
            lines.push(format!("{letter} {next} {} {}", next + SHIFT, first - next));
        }
        lines.push(format!("{letter} {first} {} {}", span.host, span.size));
        next = first + span.size;
    }
    if next < IDS {
        lines.push(format!("{letter} {next} {} {}", next + SHIFT, IDS - next));
    }
    lines
}

/// What a container mounts at a path of its own.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The path in the container.
    pub path: AbsolutePath,
    /// What is there.
    pub source: MountSource,
    /// Where it stands.
    pub origin: Origin,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A folder of the node.
    Folder {
        /// The folder.
        path: AbsolutePath,
        /// The user in the container that owns it.
        user: Option<u32>,
        /// The group in the container that owns it.
        group: Option<u32>,
    },
    /// A volume that is made for the container.
    Volume {
        /// The storage.
        storage: String,
        /// The size in GiB.
        size: u64,
    },
}

/// How it is found out whether a guest serves those that depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The program on the node.
    pub argv: Vec<String>,
    /// Whether it is the operator's own line for a shell.
    pub is_shell: bool,
    /// How often it is asked in all.
    pub attempts: u32,
    /// Seconds between two tries.
    pub pause: u32,
    /// Where it stands.
    pub origin: Origin,
}

/// What is declared of the node's ZFS.
#[derive(Debug, Clone, Default)]
pub struct Datasets {
    /// `mount_point_base`.
    pub base: Option<AbsolutePath>,
    /// The declared datasets by name, such as `tank/data`, with their properties.
    pub declared: BTreeMap<String, Located<Vec<String>>>,
}

//! The operator's files as texts, and places in them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// The four files that an operator keeps, by the name they have in the configuration folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// `phoenix_hypervisor_config.json`: the node and what is global.
    Hypervisor,
    /// `phoenix_lxc_configs.json`: the containers.
    Containers,
    /// `phoenix_vm_configs.json`: the virtual machines. Optional.
    Vms,
    /// `certificate-manifest.json`: the certificates. Optional.
    Certificates,
}

impl FileKind {
    /// All four, in the order they are read.
    pub const ALL: [Self; 4] = [Self::Hypervisor, Self::Containers, Self::Vms, Self::Certificates];

    /// Returns the name of the file in the configuration folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Hypervisor => "phoenix_hypervisor_config.json",
            Self::Containers => "phoenix_lxc_configs.json",
            Self::Vms => "phoenix_vm_configs.json",
            Self::Certificates => "certificate-manifest.json",
        }
    }

    /// Returns whether phoenix cannot do without the file.
    pub fn is_required(self) -> bool {
        matches!(self, Self::Hypervisor | Self::Containers)
    }
}

/// The texts of the operator's files; a file that is not there is not in it.
#[derive(Debug, Clone, Default)]
pub struct Sources(pub BTreeMap<FileKind, Arc<str>>);

/// Room for one step of a pointer: the names of fields have up to twenty characters.
const ROOM_FOR_STEP: usize = 20;

/// Where a value stands in the operator's files: the file and a JSON pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Which file.
    pub file: FileKind,
    /// The JSON pointer, such as `/lxc_configs/101/public_interface/ip`; empty for the whole file.
    pub pointer: String,
}

impl Origin {
    /// Returns the place of the whole file.
    pub fn file(file: FileKind) -> Self {
        Self { file, pointer: String::new() }
    }

    /// Returns the place of the member or element `name` of this value.
    #[must_use = "the origin itself does not change"]
    pub fn at(&self, name: impl fmt::Display) -> Self {
        // Every declared value gets one: room for it at once saves most of what this costs.
        let mut pointer = String::with_capacity(self.pointer.len() + ROOM_FOR_STEP);
        pointer.push_str(&self.pointer);
        pointer.push('/');
        let start = pointer.len();
        write!(pointer, "{name}").expect("a text takes everything");
        if pointer[start..].contains(['~', '/']) {
            let escaped = pointer[start..].replace('~', "~0").replace('/', "~1");
            pointer.replace_range(start.., &escaped);
        }
        Self { file: self.file, pointer }
    }
}

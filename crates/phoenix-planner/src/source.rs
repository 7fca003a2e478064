//! The operator's files as texts, and places in them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;
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

/// The operator's texts.
///
/// They are read in two steps: the four files first, then the files that [`crate::load::named_files`] finds in them.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The four files; one that is not there is not in it.
    pub files: BTreeMap<FileKind, Arc<str>>,
    /// The files that they name, each with its text, or a lower-case fragment that says why it cannot be read.
    pub named: BTreeMap<NamedPath, Result<Arc<str>, String>>,
}

impl<const N: usize> From<[(FileKind, Arc<str>); N]> for Sources {
    fn from(files: [(FileKind, Arc<str>); N]) -> Self {
        Self { files: files.into(), named: BTreeMap::new() }
    }
}

/// The path of a file below the configuration folder that one of the four files names.
///
/// Relative, without `.`, `..` or empty parts, so that it never leads out of the folder by its words alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedPath(String);

impl NamedPath {
    /// Returns the path as the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for NamedPath {
    type Err = ParseNamedPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain =
            |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
        if text.split('/').all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseNamedPathError { input: text.to_owned() })
        }
    }
}

/// Says that a text is not a path below the configuration folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` is not the path of a file below the configuration folder")]
pub struct ParseNamedPathError {
    input: String,
}

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

//! Where a file is: on the node, or inside one of its guests.

use std::fmt;
use std::str::FromStr;

use phoenix_formats::Vmid;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place that holds files and runs programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The Proxmox VE node itself.
    Node,
    /// Inside a container of the node.
    Guest(Vmid),
    /// Inside a virtual machine of the node.
    Vm(Vmid),
}

impl Place {
    /// Returns the number of the guest whose inside it is.
    ///
    /// The numbers of containers and virtual machines are never the same, so that the number alone names a place.
    pub fn vmid(self) -> Option<Vmid> {
        match self {
            Self::Node => None,
            Self::Guest(vmid) | Self::Vm(vmid) => Some(vmid),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node => f.write_str("node"),
            Self::Guest(vmid) | Self::Vm(vmid) => write!(f, "{vmid}"),
        }
    }
}

/// Reads `node` or the number of a guest, which counts as a container's: compare [`Place::vmid`].
impl FromStr for Place {
    type Err = phoenix_formats::ParseVmidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "node" { Ok(Self::Node) } else { text.parse().map(Self::Guest) }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An absolute path without `.`, `..` or empty parts, so that two equal paths are equal texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AbsolutePath(String);

impl AbsolutePath {
    /// Returns the path as text, beginning with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path without its leading `/`, as it stands below a root folder.
    pub fn relative(&self) -> &str {
        &self.0[1..]
    }

    /// Returns whether this path is `folder` or lies below it.
    pub fn is_below(&self, folder: &str) -> bool {
        self.0.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the last part of the path.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AbsolutePath {
    type Err = ParsePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        match text.strip_prefix('/') {
            Some(rest) if rest.split('/').all(plain) => Ok(Self(text.to_owned())),
            _ => Err(ParsePathError { input: text.to_owned() }),
        }
    }
}

/// Says that a text is not an absolute, normal path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` is not an absolute path without `.`, `..` or doubled `/`")]
pub struct ParsePathError {
    input: String,
}

/// One file or folder on a node or in a guest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// Whose file system it is.
    pub place: Place,
    /// The path there.
    pub path: AbsolutePath,
}

impl Location {
    /// Returns the location of a file of the node.
    ///
    /// # Panics
    /// When `path` is not absolute and normal: for paths that stand in the code.
    pub fn node(path: &str) -> Self {
        Self {
            place: Place::Node,
            path: path.parse().expect("a path written in the code is absolute"),
        }
    }

    /// Returns the location of a file inside a container.
    pub fn guest(vmid: Vmid, path: AbsolutePath) -> Self {
        Self { place: Place::Guest(vmid), path }
    }

    /// Returns the location of a file inside a virtual machine.
    pub fn vm(vmid: Vmid, path: AbsolutePath) -> Self {
        Self { place: Place::Vm(vmid), path }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Node => self.path.fmt(f),
            Place::Guest(vmid) => write!(f, "lxc/{vmid}:{}", self.path),
            Place::Vm(vmid) => write!(f, "vm/{vmid}:{}", self.path),
        }
    }
}

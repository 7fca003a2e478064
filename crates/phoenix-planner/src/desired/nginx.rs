//! What is wanted of the web server in a container.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::location::AbsolutePath;
use crate::source::{NamedPath, Origin};

/// The web server of a container.
#[derive(Debug, Clone)]
pub struct Nginx {
    /// Where it stands: the object, else the feature `nginx`.
    pub origin: Origin,
    /// `packages`: at least one.
    pub packages: BTreeSet<String>,
    /// `files`, by their paths in the container.
    pub files: BTreeMap<AbsolutePath, OwnFile>,
    /// `enabled_sites`.
    pub enabled: BTreeSet<String>,
    /// `removed_sites`, without those that are enabled.
    pub removed: BTreeSet<String>,
}

impl Nginx {
    /// Returns whether more than packages and the service is declared.
    pub fn has_files(&self) -> bool {
        let Self { origin: _, packages: _, files, enabled, removed } = self;
        !(files.is_empty() && enabled.is_empty() && removed.is_empty())
    }
}

/// A file whose text the operator keeps beside the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFile {
    /// Where it is named.
    pub origin: Origin,
    /// Its path below the configuration folder.
    pub from: NamedPath,
    /// Its text.
    pub text: Arc<str>,
}

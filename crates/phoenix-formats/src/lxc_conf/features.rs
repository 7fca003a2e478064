//! The setting `features`: what a container may do beyond the usual.

use std::str::FromStr;

use crate::property::{Kind, Property, PropertyError, Schema, check};

static PROPERTIES: [Property; 6] = [
    Property::optional("force_rw_sys", Kind::Boolean),
    Property::optional("fuse", Kind::Boolean),
    Property::optional("keyctl", Kind::Boolean),
    Property::optional("mknod", Kind::Boolean),
    Property::optional("mount", Kind::Text(check::mount_types)),
    Property::optional("nesting", Kind::Boolean),
];

pub(super) static SCHEMA: Schema = Schema { bare: None, properties: &PROPERTIES };

/// Says what a container may do beyond the usual (pct.conf(5), `features`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Features {
    /// May mount `/sys` writable.
    pub force_rw_sys: bool,
    /// May use FUSE file systems.
    pub fuse: bool,
    /// May use the key retention service.
    pub keyctl: bool,
    /// May make some device nodes.
    pub mknod: bool,
    /// Types of file systems that it may mount.
    pub mount: Vec<String>,
    /// May run containers of its own.
    pub nesting: bool,
}

impl FromStr for Features {
    type Err = PropertyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let values = SCHEMA.parse(text)?;
        let is_on = |key| values.get(key).is_some_and(|value| value == "1");
        let mount = values.get("mount").map_or("", String::as_str);
        Ok(Self {
            force_rw_sys: is_on("force_rw_sys"),
            fuse: is_on("fuse"),
            keyctl: is_on("keyctl"),
            mknod: is_on("mknod"),
            mount: check::split_list(mount).map(str::to_owned).collect(),
            nesting: is_on("nesting"),
        })
    }
}

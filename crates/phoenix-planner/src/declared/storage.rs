//! What a container is made of, and what of the node it mounts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{ClusterFirewall, List};

/// A folder of the node that a container mounts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct MountPoint {
    /// The folder on the node. It is made when it is missing. Needed.
    #[schemars(regex(pattern = r"^/"), example = &"/tank/shared/ssl")]
    pub host_path: Option<String>,
    /// The path inside the container, by which the mount is known. Needed.
    #[schemars(regex(pattern = r"^/"), example = &"/etc/ssl/shared")]
    pub container_path: Option<String>,
    /// The user inside the container that owns the folder. Default: root, when the folder is made.
    #[schemars(range(max = 4_294_967_294_u64))]
    pub owner_uid: Option<u64>,
    /// The group inside the container that owns the folder. Default: root, when the folder is made.
    #[schemars(range(max = 4_294_967_294_u64))]
    pub owner_gid: Option<u64>,
}

/// A volume of a storage that a container mounts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Volume {
    /// What it is for. Not used.
    pub name: Option<String>,
    /// The storage that it is made on. Needed.
    pub pool: Option<String>,
    /// The same as `pool`.
    pub storage: Option<String>,
    /// Its size in GiB; it grows and never shrinks. Needed.
    #[schemars(range(min = 1))]
    pub size_gb: Option<u64>,
    /// The path inside the container, by which the mount is known. Needed.
    #[schemars(regex(pattern = r"^/"), example = &"/models")]
    pub mount_point: Option<String>,
}

/// Whether an id map is about users or groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdKind {
    /// Users.
    Uid,
    /// Groups.
    Gid,
}

/// Users or groups of an unprivileged container that are the node's own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct IdMap {
    /// Whether users or groups. Needed.
    #[serde(rename = "type")]
    pub kind: Option<IdKind>,
    /// The first id on the node. Needed.
    #[schemars(range(max = 4_294_967_294_u64))]
    pub host_id: Option<u64>,
    /// The first id inside the container. Needed.
    #[schemars(range(max = 65_535))]
    pub container_id: Option<u64>,
    /// How many. Default: 1.
    #[schemars(range(min = 1, max = 65_536))]
    pub size: Option<u64>,
}

/// How it is found out whether a guest serves those that depend on it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct HealthCheck {
    /// The program on the node and its arguments, as a list; or a line, which a shell runs only when it needs
    /// one. Needed.
    pub command: Option<CommandLine>,
    /// How often it is asked in all. Default: 5.
    #[schemars(range(min = 1, max = 1000))]
    pub retries: Option<u64>,
    /// Seconds between two tries. Default: 5.
    #[schemars(range(max = 3600))]
    pub interval: Option<u64>,
}

/// A program with its arguments, or a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// One text.
    Line(String),
    /// The program and its arguments.
    Argv(Vec<String>),
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CommandVisitor)
    }
}

struct CommandVisitor;

impl<'de> Visitor<'de> for CommandVisitor {
    type Value = CommandLine;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<CommandLine, E> {
        Ok(CommandLine::Line(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<CommandLine, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = elements.next_element()? {
            words.push(word);
        }
        Ok(CommandLine::Argv(words))
    }
}

impl JsonSchema for CommandLine {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CommandLine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

/// A folder of the node that several containers mount.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct SharedVolume {
    /// The folder on the node. It is made when it is missing. Needed.
    #[schemars(regex(pattern = r"^/"), example = &"/tank/shared/ssl")]
    pub host_path: Option<String>,
    /// The path inside each container, by the container's number. Numbers of guests that are not declared are
    /// left alone.
    pub mounts: Option<BTreeMap<String, Option<String>>>,
}

/// Folders of the node that guests share, by name.
#[derive(Debug, Clone, Default)]
pub struct SharedVolumes {
    /// The older place of the cluster's firewall: move it to the top level of the file.
    pub firewall: Option<ClusterFirewall>,
    /// The folders.
    pub volumes: BTreeMap<String, Option<SharedVolume>>,
}

impl<'de> Deserialize<'de> for SharedVolumes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SharedVisitor)
    }
}

struct SharedVisitor;

impl<'de> Visitor<'de> for SharedVisitor {
    type Value = SharedVolumes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<SharedVolumes, A::Error> {
        let mut shared = SharedVolumes::default();
        while let Some(name) = members.next_key::<String>()? {
            if name == "firewall" {
                shared.firewall = members.next_value()?;
            } else {
                let volume = members.next_value()?;
                shared.volumes.insert(name, volume);
            }
        }
        Ok(shared)
    }
}

impl JsonSchema for SharedVolumes {
    fn schema_name() -> Cow<'static, str> {
        "SharedVolumes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut firewall = generator.subschema_for::<Option<ClusterFirewall>>();
        firewall.insert("deprecated".to_owned(), true.into());
        let description =
            "The older place of the cluster's firewall: move it to the top level of the file.";
        firewall.insert("description".to_owned(), description.into());
        json_schema!({
            "description": "Folders of the node that guests share, by name.",
            "type": ["object", "null"],
            "properties": { "firewall": firewall },
            "additionalProperties": generator.subschema_for::<Option<SharedVolume>>(),
        })
    }
}

/// What is declared of the node's ZFS. Pools and disks are never touched.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Zfs {
    /// The datasets that are made when something that is declared needs them.
    pub datasets: Option<List<Dataset>>,
}

/// A ZFS dataset.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Dataset {
    /// Its name below the pool. Needed.
    pub name: Option<String>,
    /// The pool that it is in. Needed.
    pub pool: Option<String>,
    /// Its properties for its making, as `name=value` with commas between.
    pub properties: Option<String>,
}

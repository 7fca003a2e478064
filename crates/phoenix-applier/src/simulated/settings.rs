//! `node.json` and `answers.json`: what the files of a node cannot say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use phoenix_formats::{NodeName, Vmid};
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The node's name when nobody says it; Proxmox VE's installer suggests it.
const DEFAULT_NAME: &str = "pve";

/// The interface type that every Proxmox VE takes, and stock ones take alone.
pub(super) const STOCK_TYPE: &str = "veth";

/// What `node.json` says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    #[serde(default = "default_name", deserialize_with = "name")]
    pub(super) name: NodeName,
    #[serde(default)]
    pub(super) pve_version: Option<String>,
    #[serde(default = "default_types")]
    pub(super) net_types: BTreeSet<String>,
    #[serde(default, deserialize_with = "vmids")]
    pub(super) running: BTreeSet<Vmid>,
    #[serde(default, deserialize_with = "vmids")]
    pub(super) busy: BTreeSet<Vmid>,
    #[serde(default)]
    pub(super) packages: BTreeSet<String>,
    #[serde(default, deserialize_with = "vmids")]
    pub(super) without_nftables: BTreeSet<Vmid>,
    /// Virtual machines in which no guest agent is installed.
    #[serde(default, deserialize_with = "vmids")]
    pub(super) without_agent: BTreeSet<Vmid>,
    #[serde(default)]
    pub(super) datasets: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) templates: BTreeSet<String>,
    /// What can be fetched, by its address.
    #[serde(default)]
    pub(super) downloads: BTreeMap<String, String>,
    /// Seconds since 1970.
    #[serde(default = "default_now")]
    pub(super) now: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: default_name(),
            pve_version: None,
            net_types: default_types(),
            running: BTreeSet::new(),
            busy: BTreeSet::new(),
            packages: BTreeSet::new(),
            without_nftables: BTreeSet::new(),
            without_agent: BTreeSet::new(),
            datasets: BTreeMap::new(),
            templates: BTreeSet::new(),
            downloads: BTreeMap::new(),
            now: default_now(),
        }
    }
}

impl Settings {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Returns whether `pct` takes a type of interface beside the stock one.
    pub(super) fn takes(&self, net_type: &str) -> bool {
        net_type != STOCK_TYPE && self.net_types.contains(net_type)
    }
}

/// One entry of `answers.json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CannedAnswer {
    place: Place,
    argv: Vec<String>,
    #[serde(default)]
    exit: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
}

/// What `answers.json` says: the answers that stand instead of those that files give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answers(Vec<CannedAnswer>);

impl Answers {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// Returns what a program says, if the file has it; of several entries the last. A guest's number is its
    /// place, whether it is a container or a virtual machine.
    pub(super) fn find(&self, place: Place, argv: &[String]) -> Option<Output> {
        let same =
            |canned: &&CannedAnswer| canned.place.vmid() == place.vmid() && canned.argv == argv;
        let CannedAnswer { exit, stdout, stderr, .. } = self.0.iter().rev().find(same)?;
        Some(Output { exit: *exit, stdout: stdout.clone(), stderr: stderr.clone() })
    }
}

fn default_name() -> NodeName {
    DEFAULT_NAME.parse().expect("three letters are a name")
}

/// The first of January 2026.
fn default_now() -> u64 {
    1_767_225_600
}

fn default_types() -> BTreeSet<String> {
    BTreeSet::from([STOCK_TYPE.to_owned()])
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NodeName, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn vmids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Vmid>, D::Error> {
    let numbers = Vec::<GuestNumber>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|number| number.0).collect())
}

/// The number of a guest, written as a number or as a text.
struct GuestNumber(Vmid);

impl<'de> Deserialize<'de> for GuestNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GuestNumberVisitor).map(Self)
    }
}

struct GuestNumberVisitor;

impl Visitor<'_> for GuestNumberVisitor {
    type Value = Vmid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of a guest")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Vmid, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vmid, E> {
        text.parse().map_err(E::custom)
    }
}

//! `zfs/POOL/DATASET`: the dataset that a folder of the node lies on. Pools and disks are never touched.
//!
//! A folder that is named like one of a dataset, below the pool's own mount point or `mount_point_base`, must
//! not be made on another file system: what is written there would be hidden, or fill the node's root.

use super::directory;
use super::guests::After;
use crate::address::Address;
use crate::desired::{Datasets, Desired};
use crate::location::{AbsolutePath, Place};
use crate::observed::Observed;
use crate::operation::{Operation, Run};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;
use crate::source::Origin;

fn list_argv() -> Argv {
    argv(["zfs", "list", "-H", "-o", "name,mountpoint"])
}

/// The datasets are asked for when a folder is missing.
pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let missing = directory::folders(desired).any(|path| directory::is_missing(facts, path));
    let probe = missing.then(|| Probe::Run { place: Place::Node, argv: list_argv() });
    probe.into_iter().collect()
}

/// Where a folder that is missing would be made.
pub(super) enum Ground {
    /// Where it is said, after these.
    Here(After),
    /// Nowhere yet: why.
    Nowhere(String),
}

/// The present datasets with their mount points.
fn present<'a>(observed: &'a Observed<'a>) -> Vec<(&'a str, &'a str)> {
    let listed = observed.facts.ran(Place::Node, &list_argv()).filter(|output| output.success());
    let lines = listed.map_or("", |output| &output.stdout).lines();
    lines.filter_map(|line| line.split_once('\t')).map(|(a, b)| (a, b.trim())).collect()
}

/// Returns the dataset that a path is named like, with the folder of its own.
fn named<'a>(path: &'a str, datasets: &Datasets) -> Option<(String, &'a str, bool)> {
    let base = datasets.base.as_ref().map(AbsolutePath::as_str);
    let below = base.and_then(|base| path.strip_prefix(base)?.strip_prefix('/'));
    let (rest, is_based) = match below {
        Some(rest) => (rest, true),
        None => (path.strip_prefix('/')?, false),
    };
    let mut parts = rest.splitn(3, '/');
    let (pool, name) = (parts.next()?, parts.next()?);
    let length = path.len() - rest.len() + pool.len() + 1 + name.len();
    Some((format!("{pool}/{name}"), &path[..length], is_based))
}

/// Finds where a missing folder is made, and makes the dataset that it needs.
pub(super) fn ensure(
    observed: &Observed<'_>,
    path: &AbsolutePath,
    origin: &Origin,
    draft: &mut Draft,
) -> Result<Ground, Refusal> {
    let present = present(observed);
    let is_on = |(_, mounted): &(&str, &str)| *mounted != "/" && path.is_below(mounted);
    let datasets = &observed.desired.datasets;
    let Some((dataset, folder, is_based)) = named(path.as_str(), datasets) else {
        return Ok(Ground::Here(After::new()));
    };
    let pool = dataset.split('/').next().unwrap_or_default();
    let has_pool = present.iter().any(|(name, _)| *name == pool);
    let declared = datasets.declared.get(&dataset);
    let mounted = present.iter().find(|(name, _)| *name == dataset).map(|(_, mounted)| *mounted);
    match (declared, mounted) {
        (_, Some(mounted)) if mounted == folder => Ok(Ground::Here(After::new())),
        // Another dataset is mounted there, such as one inside it.
        _ if present.iter().any(|one| is_on(one) && one.0 != pool) => {
            Ok(Ground::Here(After::new()))
        }
        (_, Some(mounted)) => Err(elsewhere(&dataset, mounted, folder, origin)),
        (Some(_), None) if !has_pool => Ok(Ground::Nowhere(format!(
            "this node has no ZFS pool `{pool}`, and phoenix makes none"
        ))),
        (Some(declared), None) => {
            let mountpoint = is_based.then_some(folder);
            let action = create(&dataset, &declared.value, mountpoint, &declared.origin);
            let present = draft.find(&action.address);
            let id = present.unwrap_or_else(|| draft.add(action, &[]));
            Ok(Ground::Here(vec![(id, Edge::Needs)]))
        }
        (None, None) if has_pool => {
            Err(undeclared(path, &dataset, is_based.then_some(folder), origin))
        }
        (None, None) => Ok(Ground::Here(After::new())),
    }
}

fn elsewhere(dataset: &str, mounted: &str, folder: &str, origin: &Origin) -> Refusal {
    let message = format!("dataset `{dataset}` is mounted at `{mounted}`, not at `{folder}`");
    let help =
        format!("Name a folder below `{mounted}`, or run `zfs set mountpoint={folder} {dataset}`.");
    Refusal::declared(origin, message, help)
}

fn undeclared(
    path: &AbsolutePath,
    dataset: &str,
    mountpoint: Option<&str>,
    origin: &Origin,
) -> Refusal {
    let message = format!("`{path}` would lie on dataset `{dataset}`, which is not there");
    let command = create_argv(dataset, &[], mountpoint).join(" ");
    let help = format!("Run `{command}`, or declare it in `zfs.datasets`.");
    Refusal::declared(origin, message, help)
}

fn create_argv(dataset: &str, properties: &[String], mountpoint: Option<&str>) -> Argv {
    let mountpoint = mountpoint.map(|folder| format!("mountpoint={folder}"));
    let all = properties.iter().cloned().chain(mountpoint);
    let options = all.flat_map(|property| ["-o".to_owned(), property]);
    let words = ["zfs", "create"].map(str::to_owned).into_iter();
    words.chain(options).chain([dataset.to_owned()]).collect()
}

fn create(dataset: &str, properties: &[String], mounted: Option<&str>, origin: &Origin) -> Action {
    Action {
        address: Address::new("zfs", dataset),
        verb: Verb::Add,
        reason: "folders of containers lie on it".to_owned(),
        disruption: Disruption::None,
        guest: None,
        origin: Some(origin.clone()),
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: vec![Operation::Run(Run::on_node(create_argv(dataset, properties, mounted)))],
    }
}

//! `mpN`: what a container mounts, known by its path in the container, never by its number.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::property::PropertyText;

use super::super::directory::{self, Folder};
use super::super::guests::After;
use super::keys::{KeyChange, present};
use super::{attribute, ids};
use crate::desired::{Container, Mount, MountSource};
use crate::location::AbsolutePath;
use crate::observed::Observed;
use crate::plan::{Attribute, Draft};
use crate::refusal::Refusal;

/// How many mount points a container can have.
const MOST: u32 = 256;

/// What is mounted, and the sizes that grow.
#[derive(Default)]
pub(super) struct Mounts {
    pub(super) keys: Vec<KeyChange>,
    /// Volumes that grow: key, present and wanted size in GiB.
    pub(super) grown: Vec<(String, String, u64)>,
    /// What cannot be done: about which key, and why.
    pub(super) waiting: Vec<String>,
}

/// The folders that a container mounts.
#[derive(Default)]
pub(super) struct Folders {
    /// What comes before the container.
    pub(super) after: After,
    /// Those that cannot be made yet, each with why.
    pub(super) missing: BTreeMap<AbsolutePath, String>,
}

/// Makes the folders that a container mounts.
pub(super) fn folders(
    observed: &Observed<'_>,
    container: &Container,
    draft: &mut Draft,
) -> Result<Folders, Vec<Refusal>> {
    let map = ids::planned(observed, container.vmid);
    let (mut folders, mut refusals) = (Folders::default(), Vec::new());
    for mount in &container.mounts {
        let MountSource::Folder { path, .. } = &mount.source else { continue };
        match directory::ensure(observed, container, mount, &map, draft) {
            Ok(Folder::There(edges)) => folders.after.extend(edges),
            Ok(Folder::Missing(why)) => drop(folders.missing.insert(path.clone(), why)),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Ok(folders) } else { Err(refusals) }
}

/// Returns the declared mounts as they are given to a container that is made.
pub(super) fn of_new(container: &Container) -> Vec<(String, String)> {
    let mounts = container.mounts.iter().zip(0..MOST);
    mounts.map(|(mount, number)| (key_of(number), value(mount))).collect()
}

fn value(mount: &Mount) -> String {
    let path = &mount.path;
    match &mount.source {
        MountSource::Folder { path: folder, .. } => format!("{folder},mp={path}"),
        MountSource::Volume { storage, size } => format!("{storage}:{size},mp={path}"),
    }
}

/// Returns the mounts that differ; those that are not declared stay.
pub(super) fn changes(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
    folders: &Folders,
) -> Result<Mounts, Vec<Refusal>> {
    let mut mounts = Mounts::default();
    let mut refusals = Vec::new();
    let mut taken = taken(conf);
    for mount in &container.mounts {
        if let Some(key) =
            taken.iter().copied().map(key_of).find(|key| is_at(conf, key, &mount.path))
        {
            refusals.extend(mounts.compare(container.vmid, conf, &key, mount).err());
            continue;
        }
        let Some(free) = (0..MOST).find(|number| !taken.contains(number)) else {
            mounts.waiting.push(format!("`{}`: no mount point is free", mount.path));
            continue;
        };
        taken.insert(free);
        match missing_storage(observed, mount).or_else(|| folders.lacks(mount)) {
            Some(why) => mounts.waiting.push(why),
            None => mounts.add(conf, &key_of(free), mount),
        }
    }
    if refusals.is_empty() { Ok(mounts) } else { Err(refusals) }
}

fn key_of(number: u32) -> String {
    format!("mp{number}")
}

/// Returns the numbers of the mount points that are there, or will be after the next start.
fn taken(conf: &LxcConf) -> BTreeSet<u32> {
    let keys = conf.entries().chain(conf.pending().entries()).map(|(key, _)| key);
    let numbers = keys.filter_map(|key| key.strip_prefix("mp")?.parse::<u32>().ok());
    numbers.filter(|number| *number < MOST).collect()
}

fn is_at(conf: &LxcConf, key: &str, path: &AbsolutePath) -> bool {
    let text = present(conf, key).unwrap_or_default();
    PropertyText::parse(text).get("mp") == Some(path.as_str())
}

impl Folders {
    fn lacks(&self, mount: &Mount) -> Option<String> {
        let MountSource::Folder { path, .. } = &mount.source else { return None };
        self.missing.get(path).map(|why| format!("`{path}` is not mounted: {why}"))
    }
}

/// Returns why a volume cannot be made, if its storage is not there.
pub(super) fn missing_storage(observed: &Observed<'_>, mount: &Mount) -> Option<String> {
    let MountSource::Volume { storage, .. } = &mount.source else { return None };
    super::create::missing_storage(observed, storage)
}

impl Mounts {
    fn add(&mut self, conf: &LxcConf, key: &str, mount: &Mount) {
        self.keys.push(KeyChange::new(conf, key, Some(value(mount))));
    }

    fn compare(
        &mut self,
        vmid: Vmid,
        conf: &LxcConf,
        key: &str,
        mount: &Mount,
    ) -> Result<(), Refusal> {
        let text = PropertyText::parse(present(conf, key).unwrap_or_default());
        let volume = text.bare().or(text.get("volume")).unwrap_or_default();
        match &mount.source {
            MountSource::Folder { path, .. } if volume == path.as_str() => {}
            MountSource::Folder { path, .. } => {
                let whole = text.to_string();
                let after = whole.replacen(volume, path.as_str(), 1);
                self.keys.push(KeyChange::new(conf, key, Some(after)));
            }
            MountSource::Volume { storage, .. } if storage_of(volume) != Some(storage) => {
                self.waiting.push(format!(
                    "`{}` is on `{volume}`: move it with `pct move-volume {vmid} {key} {storage}`",
                    mount.path
                ));
            }
            MountSource::Volume { size, .. } => {
                self.grow(key, &text, *size, &mount.origin.at("size_gb"))?;
            }
        }
        Ok(())
    }

    pub(super) fn attributes(&self) -> Vec<Attribute> {
        let shown = |(key, before, after): &(String, String, u64)| {
            attribute(&format!("{key}.size"), Some(before.clone()), Some(format!("{after}G")))
        };
        self.grown.iter().map(shown).collect()
    }

    pub(super) fn reasons(&self) -> Vec<String> {
        self.grown.iter().map(|(key, before, after)| format!("{key} {before} → {after}G")).collect()
    }

    /// Compares a size; a volume grows, and never shrinks.
    pub(super) fn grow(
        &mut self,
        key: &str,
        text: &PropertyText,
        wanted: u64,
        origin: &crate::source::Origin,
    ) -> Result<(), Refusal> {
        let Some(present) = text.get("size") else { return Ok(()) };
        let Some(bytes) = bytes(present) else { return Ok(()) };
        let wanted_bytes = u128::from(wanted) << 30;
        if wanted_bytes < bytes {
            let message = format!("`{key}` is {present} already, and a volume does not shrink");
            let gib = bytes.div_ceil(1 << 30);
            let help =
                format!("Write `{gib}`; for a smaller one, back the container up and restore it.");
            return Err(Refusal::declared(origin, message, help));
        }
        if wanted_bytes > bytes {
            self.grown.push((key.to_owned(), present.to_owned(), wanted));
        }
        Ok(())
    }
}

/// Returns the storage of a volume.
pub(super) fn storage_of(volume: &str) -> Option<&str> {
    volume.split_once(':').map(|(storage, _)| storage)
}

/// Returns a size such as `8G` in bytes, rounded down.
pub(super) fn bytes(text: &str) -> Option<u128> {
    let unit = |letter| match letter {
        'K' => Some(10),
        'M' => Some(20),
        'G' => Some(30),
        'T' => Some(40),
        _ => None,
    };
    let shift = text.chars().next_back().and_then(unit);
    let digits = if shift.is_some() { &text[..text.len() - 1] } else { text };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    // More digits than that mean less than a byte.
    const DIGITS: u32 = 12;
    let part = part.get(..part.len().min(DIGITS as usize))?;
    let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let number = whole.parse::<u64>().ok().map(u128::from)?;
    let number = (number * scale).checked_add(part.parse().ok()?)?;
    Some((number << shift.unwrap_or(0)) / scale)
}

//! Lowering of what containers mount, and of the node's datasets.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;

use super::finding::Finding;
use super::part::Lowering;
use super::typo;
use crate::declared::{self, HypervisorFile, MountPoint, SharedVolumes, Volume};
use crate::desired::{Container, Datasets, Located, Mount, MountSource};
use crate::location::AbsolutePath;
use crate::source::{FileKind, Origin};

/// The largest volume in GiB: beyond it, it is a slip of the pen.
const LARGEST: u64 = 1 << 20;

/// The largest id that a user or group has (user_namespaces(7)).
const LARGEST_ID: u64 = (u32::MAX - 1) as u64;

impl Lowering {
    /// Lowers what a container mounts, but for what guests share.
    pub(super) fn mounts(&mut self, declared: &declared::Container, at: &Origin) -> Vec<Mount> {
        let mut mounts = Vec::new();
        if let Some(list) = &declared.mount_points {
            for (origin, point) in self.each(list, &at.at("mount_points")) {
                let mount = self.mount_point(point, origin);
                self.add_mount(&mut mounts, mount);
            }
        }
        let volumes = [("volumes", &declared.volumes), ("zfs_volumes", &declared.zfs_volumes)];
        for (name, list) in volumes {
            let Some(list) = list else { continue };
            for (origin, volume) in self.each(list, &at.at(name)) {
                let mount = self.volume(volume, origin);
                self.add_mount(&mut mounts, mount);
            }
        }
        mounts
    }

    fn add_mount(&mut self, mounts: &mut Vec<Mount>, mount: Option<Mount>) {
        let Some(mount) = mount else { return };
        match mounts.iter().find(|other| other.path == mount.path) {
            // The same folder at the same path is said twice, and meant once.
            Some(other) if same_folder(&other.source, &mount.source) => {}
            Some(other) => {
                let message = format!("two things are mounted at `{}`", mount.path);
                let finding = Finding::error(mount.origin.clone(), message)
                    .label("this")
                    .with(other.origin.clone(), "and this");
                self.push(finding.help("Give one of them another path."));
            }
            None => mounts.push(mount),
        }
    }

    fn mount_point(&mut self, point: &MountPoint, origin: Origin) -> Option<Mount> {
        let host = self.path(point.host_path.as_deref(), origin.at("host_path"));
        let inner = self.path(point.container_path.as_deref(), origin.at("container_path"));
        let user = self.number(point.owner_uid, origin.at("owner_uid"), 0..=LARGEST_ID);
        let group = self.number(point.owner_gid, origin.at("owner_gid"), 0..=LARGEST_ID);
        if point.host_path.is_none() || point.container_path.is_none() {
            self.needs(&origin, "a mount point", "`host_path` and `container_path`");
        }
        let (user, group) = (user.map(|user| user.value), group.map(|group| group.value));
        let source = MountSource::Folder { path: host?, user, group };
        Some(Mount { path: inner?, source, origin })
    }

    fn volume(&mut self, volume: &Volume, origin: Origin) -> Option<Mount> {
        let name = if volume.pool.is_some() { "pool" } else { "storage" };
        let storage = volume.pool.as_deref().or(volume.storage.as_deref());
        let storage = self.storage(storage, origin.at(name));
        let size = self.number(volume.size_gb, origin.at("size_gb"), 1..=LARGEST);
        let path = self.path(volume.mount_point.as_deref(), origin.at("mount_point"));
        let named = volume.pool.is_some() || volume.storage.is_some();
        if !named || volume.size_gb.is_none() || volume.mount_point.is_none() {
            self.needs(&origin, "a volume", "`pool`, `size_gb` and `mount_point`");
        }
        let source = MountSource::Volume { storage: storage?.value, size: size?.value };
        Some(Mount { path: path?, source, origin })
    }

    /// Reads a path without anything that would mean something in a property string.
    fn path(&mut self, text: Option<&str>, origin: Origin) -> Option<AbsolutePath> {
        let text = text?;
        let plain = text.strip_suffix('/').filter(|plain| !plain.is_empty()).unwrap_or(text);
        let path = plain.parse::<AbsolutePath>().ok();
        let path =
            path.filter(|path| !path.as_str().contains([',', '\n', '\r']) && plain.len() > 1);
        if path.is_none() {
            let message = format!("`{text}` is not a path that can be mounted");
            let finding = Finding::error(origin, message).label("not valid");
            let help = "Write an absolute path without `.`, `..`, doubled `/` and commas.";
            self.push(finding.help(help));
        }
        path
    }

    /// Adds to containers the folders that they share.
    pub(super) fn shared_volumes(
        &mut self,
        shared: Option<&SharedVolumes>,
        containers: &mut BTreeMap<Vmid, Container>,
    ) {
        let root = Origin::file(FileKind::Hypervisor).at("shared_volumes");
        let volumes = shared.map(|shared| &shared.volumes).into_iter().flatten();
        for (name, volume) in volumes {
            let Some(volume) = volume else { continue };
            let at = root.at(name);
            if volume.mounts.is_none() && typo::nearest(name, &["firewall"]).is_some() {
                let message = format!("phoenix does not know `{name}` here");
                let finding = Finding::warning(at, message).at_name().label("left alone");
                self.push(finding.help("Did you mean `firewall`?"));
                continue;
            }
            if volume.host_path.is_none() && !self.findings.touches(&at.at("host_path")) {
                self.needs(&at, "a shared volume", "`host_path`");
            }
            let host = self.path(volume.host_path.as_deref(), at.at("host_path"));
            for (number, path) in volume.mounts.iter().flatten() {
                let origin = at.at("mounts").at(number);
                let inner = self.path(path.as_deref(), origin.clone());
                let (Some(host), Some(inner)) = (host.clone(), inner) else { continue };
                let Some(container) =
                    number.parse().ok().and_then(|vmid: Vmid| containers.get_mut(&vmid))
                else {
                    continue;
                };
                let source = MountSource::Folder { path: host, user: None, group: None };
                let mount = Mount { path: inner, source, origin };
                self.add_mount(&mut container.mounts, Some(mount));
            }
        }
    }

    /// Lowers what is declared of the node's ZFS.
    pub(super) fn datasets(&mut self, file: &HypervisorFile) -> Datasets {
        let root = Origin::file(FileKind::Hypervisor);
        let base = self.path(file.mount_point_base.as_deref(), root.at("mount_point_base"));
        let mut declared = BTreeMap::new();
        let at = root.at("zfs").at("datasets");
        let list = file.zfs.as_ref().and_then(|zfs| zfs.datasets.as_ref());
        for (origin, dataset) in list.map(|list| self.each(list, &at)).unwrap_or_default() {
            if let Some((name, properties)) = self.dataset(dataset, &origin) {
                declared.insert(name, Located { value: properties, origin });
            }
        }
        Datasets { base, declared }
    }

    fn dataset(
        &mut self,
        dataset: &declared::Dataset,
        origin: &Origin,
    ) -> Option<(String, Vec<String>)> {
        let (Some(pool), Some(name)) = (&dataset.pool, &dataset.name) else {
            self.needs(origin, "a dataset", "`pool` and `name`");
            return None;
        };
        let whole = format!("{pool}/{name}");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(plain)
        };
        if !whole.split('/').all(part) {
            let finding = Finding::error(origin.clone(), format!("`{whole}` cannot be a dataset"));
            self.push(finding.label("not valid").help("Write names such as `tank` and `data`."));
            return None;
        }
        let properties = dataset.properties.as_deref().unwrap_or_default();
        let parts = properties.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parts = parts.map(str::to_owned).collect::<Vec<_>>();
        if let Some(wrong) = parts.iter().find(|part| !is_property(part)) {
            let message = format!("`{wrong}` is not a property with a value");
            let finding = Finding::error(origin.at("properties"), message).label("not valid");
            self.push(finding.help("Write `name=value` with commas between."));
            return None;
        }
        Some((whole, parts))
    }
}

/// Returns whether a text is `name=value` as `zfs create -o` takes it.
fn is_property(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ":_.-".contains(c);
    text.split_once('=').is_some_and(|(name, value)| {
        let named = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain);
        named && !value.is_empty() && !value.contains(char::is_whitespace)
    })
}

fn same_folder(a: &MountSource, b: &MountSource) -> bool {
    match (a, b) {
        (MountSource::Folder { path: a, .. }, MountSource::Folder { path: b, .. }) => a == b,
        _ => false,
    }
}

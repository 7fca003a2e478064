//! Lowering of the folders that virtual machines mount from NFS servers.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{List, VmFile, VmVolume};
use crate::desired::Volume;
use crate::location::AbsolutePath;
use crate::source::{FileKind, Origin};

/// The type of volume that is mounted.
const NFS: &str = "nfs";

impl Lowering {
    /// Lowers the volumes of all virtual machines that declare any list of them.
    pub(super) fn machine_volumes(
        &mut self,
        file: &VmFile,
    ) -> BTreeMap<Vmid, BTreeMap<AbsolutePath, Volume>> {
        let root = Origin::file(FileKind::Vms).at("vms");
        let mut all = BTreeMap::new();
        for (index, vm) in file.vms.iter().flat_map(List::iter) {
            let declared = vm.and_then(|vm| Some((vm, vm.volumes.as_ref()?)));
            let Some((vm, list)) = declared else { continue };
            let Some(Ok(vmid)) = vm.vmid.as_ref().map(|vmid| vmid.as_str().parse::<Vmid>()) else {
                continue;
            };
            let mut volumes = BTreeMap::new();
            for (origin, volume) in self.each(list, &root.at(index).at("volumes")) {
                if let Some((path, volume)) = self.machine_volume(volume, origin) {
                    self.add_volume(path, volume, &mut volumes);
                }
            }
            all.insert(vmid, volumes);
        }
        all
    }

    fn add_volume(
        &mut self,
        path: AbsolutePath,
        volume: Volume,
        volumes: &mut BTreeMap<AbsolutePath, Volume>,
    ) {
        let Some(other) = volumes.get(&path) else {
            volumes.insert(path, volume);
            return;
        };
        let finding = Finding::error(volume.origin, format!("two volumes are mounted at `{path}`"))
            .label("this")
            .with(other.origin.clone(), "and this");
        self.push(finding.help("Give one of them another path."));
    }

    fn machine_volume(
        &mut self,
        volume: &VmVolume,
        origin: Origin,
    ) -> Option<(AbsolutePath, Volume)> {
        if volume.kind.as_deref() != Some(NFS) {
            let kind = volume.kind.as_deref().unwrap_or("none");
            let message = format!("a volume of type `{kind}`, which phoenix does not mount");
            let finding = Finding::warning(origin, message).label("left alone");
            self.push(finding.help("Write `\"type\": \"nfs\"`, or remove it."));
            return None;
        }
        let parts = (&volume.server, &volume.path, &volume.mount_point);
        let (Some(server), Some(path), Some(mount_point)) = parts else {
            let finding = Finding::error(origin, "a volume that is not whole");
            let help = "Write `server`, `path` and `mount_point`.";
            self.push(finding.label("something is missing").help(help));
            return None;
        };
        let server = self.server(server, origin.at("server"));
        let path = self.plain_folder(path, origin.at("path"));
        let target = self.plain_folder(mount_point, origin.at("mount_point"));
        let source = format!("{}:{}", server?, path?);
        Some((target?, Volume { source, origin }))
    }

    /// Reads a path that programs print as it is.
    fn plain_folder(&mut self, text: &str, origin: Origin) -> Option<AbsolutePath> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            let finding = Finding::error(origin, format!("`{text}` has blanks or backslashes"));
            self.push(finding.label("cannot be mounted").help("Write a path such as `/mnt/data`."));
            return None;
        }
        self.folder(Some(text), origin)
    }

    fn server(&mut self, name: &str, origin: Origin) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && name.chars().all(plain)
        {
            return Some(name.to_owned());
        }
        let finding = Finding::error(origin, format!("`{name}` cannot be an NFS server"));
        self.push(finding.label("not valid").help("Write a name, or an address; IPv6 in `[…]`."));
        None
    }
}

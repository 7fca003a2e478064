//! Mount points as they are stored, with the volumes that `pct set` makes for new ones.

use std::collections::BTreeSet;

use super::node::{NodeView, Storage};
use crate::Vmid;
use crate::lxc_conf::{Section, Sections, volume};

/// What is needed to know the volume that a storage makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) node: &'a NodeView,
    pub(super) vmid: Option<Vmid>,
}

impl Maker<'_> {
    /// Returns a mount point as it is stored; a size in place of a volume becomes a new volume.
    pub(super) fn mount(self, sections: &Sections, value: &str) -> Result<String, String> {
        let mut values = volume::MOUNT_SCHEMA.parse(value).map_err(|error| error.to_string())?;
        let source = values.get("volume").cloned().unwrap_or_default();
        if volume::is_new(&source) {
            let (made, size) = self
                .make(sections, &source)
                .ok_or_else(|| format!("which volume `{source}` would become is not known here"))?;
            values.insert("volume", made);
            values.insert("size", size);
        } else if let Some(size) = values.get_mut("size") {
            *size = volume::size_text(volume::size(size).unwrap_or_default());
        }
        Ok(volume::MOUNT_SCHEMA.canonical(&values))
    }

    /// Returns the new volume and its size.
    fn make(self, sections: &Sections, source: &str) -> Option<(String, String)> {
        let vmid = self.vmid?;
        let (storage, gib) = source.split_once(':')?;
        // Sizes are cut to whole MiB.
        let mib = volume::size(&format!("{gib}G"))? / (1 << 20);
        let (before, after) = match self.node.storages.get(storage)? {
            Storage::Directory => (format!("{storage}:{vmid}/vm-{vmid}-disk-"), ".raw"),
            Storage::Block => (format!("{storage}:vm-{vmid}-disk-"), ""),
        };
        let taken = volumes(sections);
        let free = (0..)
            .map(|number| format!("{before}{number}{after}"))
            .find(|name| !taken.contains(name))?;
        (mib > 0).then(|| (free, volume::size_text(mib << 20)))
    }
}

/// The volumes that the configuration names anywhere.
fn volumes(sections: &Sections) -> BTreeSet<String> {
    let sections =
        [&sections.main, &sections.pending].into_iter().chain(sections.snapshots.values());
    sections.flat_map(volumes_of).collect()
}

fn volumes_of(section: &Section) -> impl Iterator<Item = String> {
    section.entries().filter_map(|(key, value)| {
        let unused = key.starts_with("unused").then(|| value.to_owned());
        unused.or_else(|| volume::volume(key, value))
    })
}

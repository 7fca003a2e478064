//! The cluster's storages, `/etc/pve/storage.cfg` (pvesm(1)).
//!
//! Owns which storages there are, of which type, and what they are set to. Deliberately not understood: what
//! the plug-ins of the types make of their settings, and editing, which is `pvesm`'s business.

use std::collections::BTreeMap;

/// The storage that Proxmox VE has whether the file names it or not.
const LOCAL: &str = "local";

/// Where the storage `local` is.
const LOCAL_PATH: &str = "/var/lib/vz";

/// What the storage `local` holds when the file does not say it.
const LOCAL_CONTENT: &str = "backup,iso,vztmpl";

/// One storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageEntry {
    /// The type, such as `dir` or `zfspool`.
    pub kind: String,
    /// The settings by name; one that needs no value has an empty one.
    pub settings: BTreeMap<String, String>,
}

impl StorageEntry {
    /// Returns a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Returns whether the storage may hold a kind of content, such as `vztmpl` or `rootdir`.
    ///
    /// A storage without the setting holds what its type holds by default, which is not known here: then it may.
    pub fn holds(&self, content: &str) -> bool {
        self.get("content").is_none_or(|all| all.split(',').any(|one| one.trim() == content))
    }

    /// Returns whether the storage is in use.
    pub fn is_enabled(&self) -> bool {
        self.get("disable").is_none()
    }

    /// Returns whether volumes of containers on it can be part of a snapshot: raw images in folders and
    /// plain LVM volumes cannot.
    pub fn has_snapshots(&self) -> bool {
        matches!(self.kind.as_str(), "zfspool" | "lvmthin" | "rbd" | "btrfs")
    }

    /// Returns the folder with the templates of a storage that is a folder.
    pub fn templates(&self) -> Option<String> {
        let folder = self.get("path")?;
        Some(format!("{}/template/cache", folder.trim_end_matches('/')))
    }
}

/// The storages of a cluster by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageCfg(BTreeMap<String, StorageEntry>);

impl StorageCfg {
    /// Reads the file; lines that are no setting of a storage are passed over, as Proxmox VE does after a
    /// warning. The storage `local` is always there.
    pub fn parse(text: &str) -> Self {
        let mut entries: BTreeMap<String, StorageEntry> = BTreeMap::new();
        let mut current = None;
        for line in text.lines() {
            if let Some((kind, name)) = head(line) {
                let entry = StorageEntry { kind: kind.to_owned(), settings: BTreeMap::new() };
                entries.insert(name.to_owned(), entry);
                current = Some(name);
            } else if line.trim().is_empty() {
                current = None;
            } else if let Some(entry) = current.and_then(|name| entries.get_mut(name)) {
                entry.settings.extend(setting(line));
            }
        }
        entries.entry(LOCAL.to_owned()).or_insert_with(local);
        Self(entries)
    }

    /// Returns a storage.
    pub fn get(&self, name: &str) -> Option<&StorageEntry> {
        self.0.get(name)
    }

    /// Returns all storages with their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &StorageEntry)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// Returns the volume that a template's path is on a storage, as `storage:vztmpl/FILE`.
    pub fn template_volume(&self, path: &str) -> Option<String> {
        let (folder, file) = path.rsplit_once('/')?;
        let holds = |entry: &StorageEntry| entry.is_enabled() && entry.holds("vztmpl");
        let mut storages = self.iter().filter(|(_, entry)| holds(entry));
        let (name, _) = storages.find(|(_, entry)| entry.templates().as_deref() == Some(folder))?;
        Some(format!("{name}:vztmpl/{file}"))
    }
}

fn local() -> StorageEntry {
    let settings = [("path", LOCAL_PATH), ("content", LOCAL_CONTENT)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    StorageEntry { kind: "dir".to_owned(), settings: settings.into() }
}

/// Reads `dir: local`, which begins at the first column.
fn head(line: &str) -> Option<(&str, &str)> {
    let (kind, name) = line.split_once(':')?;
    let name = name.trim();
    let plain = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    (plain(kind) && plain(name)).then_some((kind, name))
}

/// Reads an indented `name value`.
fn setting(line: &str) -> Option<(String, String)> {
    let inner = line.trim();
    if !line.starts_with([' ', '\t']) || inner.is_empty() || inner.starts_with('#') {
        return None;
    }
    let (name, value) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    Some((name.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl\n\nzfspool: tank-ct\n\tpool tank/ct\n\tcontent rootdir,images\n\tsparse\n\ndir: shared-iso\n\tpath /tank/iso/\n\tcontent iso,vztmpl\n\ndir: old\n\tpath /old\n\tcontent vztmpl\n\tdisable\n";

    #[test]
    fn storages_are_read_with_their_settings() {
        let storages = StorageCfg::parse(TEXT);
        let pool = storages.get("tank-ct").unwrap();
        assert_eq!((pool.kind.as_str(), pool.get("pool")), ("zfspool", Some("tank/ct")));
        assert_eq!(pool.get("sparse"), Some(""));
        assert!(pool.holds("rootdir") && !pool.holds("vztmpl") && pool.has_snapshots());
        assert!(!storages.get("local").unwrap().has_snapshots());
        assert!(!storages.get("old").unwrap().is_enabled());
    }

    #[test]
    fn a_path_is_a_template_of_the_storage_that_has_its_folder() {
        let storages = StorageCfg::parse(TEXT);
        let of = |path| storages.template_volume(path);
        let found = of("/tank/iso/template/cache/a.tar.zst");
        assert_eq!(found.as_deref(), Some("shared-iso:vztmpl/a.tar.zst"));
        assert_eq!(of("/old/template/cache/a.tar.zst"), None);
        assert_eq!(of("/elsewhere/a.tar.zst"), None);
    }

    #[test]
    fn local_is_there_without_a_file() {
        let storages = StorageCfg::parse("");
        let path = "/var/lib/vz/template/cache/a.tar.gz";
        assert_eq!(storages.template_volume(path).as_deref(), Some("local:vztmpl/a.tar.gz"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in any::<String>()) {
            prop_assert!(StorageCfg::parse(&text).get("local").is_some());
        }
    }
}

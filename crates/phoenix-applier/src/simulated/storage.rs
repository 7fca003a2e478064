//! Storages, templates, ZFS and folders of the node.
//!
//! `datasets` of `node.json` has the ZFS datasets with their mount points, `live/zfs` those that were made since.
//! `templates` are those that `pveam` can download, `live/templates` those that it has: a storage that is a
//! folder also has the files in it. `live/owners` says who owns folders of the node: those that nobody changed
//! belong to root. What takes place on disks is not simulated.

use std::collections::BTreeMap;
use std::io;

use phoenix_formats::Vmid;
use phoenix_formats::storage_cfg::StorageCfg;
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output};

use super::{SimulatedNode, done, fail};
use crate::node::NodeError;

const STORAGES: &str = "/etc/pve/storage.cfg";
const ZFS: &str = "/live/zfs";
const TEMPLATES: &str = "/live/templates";
const OWNERS: &str = "/live/owners";

/// What `pveam` and `pvesm` end with when they fail.
const FAILED: i32 = 255;

/// Asks for all datasets.
const ZFS_LIST: [&str; 5] = ["zfs", "list", "-H", "-o", "name,mountpoint"];

impl SimulatedNode {
    pub(super) fn storages(&self) -> StorageCfg {
        StorageCfg::parse(&self.text(STORAGES).unwrap_or_default())
    }

    /// Answers what has changed since the node was captured, whatever its captured answer was.
    pub(super) fn changed_answer(&self, words: &[&str]) -> Option<Output> {
        match words {
            ["stat", "--format=%u:%g", "--", path] => {
                self.owners().contains_key(*path).then(|| self.owner(path))
            }
            _ if words == ZFS_LIST && self.state(ZFS).is_some() => Some(self.zfs_list()),
            ["pveam", "list", storage] if self.state(TEMPLATES).is_some() => {
                Some(self.pveam_list(storage))
            }
            _ => None,
        }
    }

    /// Runs a program about storage that only answers.
    pub(super) fn storage_question(&self, words: &[&str]) -> Option<Output> {
        Some(match words {
            ["stat", "--format=%u:%g", "--", path] => self.owner(path),
            ["pveam", "list", storage] => self.pveam_list(storage),
            ["pveam", "available"] => {
                let lines = self.settings.templates.iter();
                done(lines.map(|name| format!("system          {name}\n")).collect::<String>())
            }
            ["pvesm", "status"] => self.pvesm_status(),
            ["pvesm", "path", volume] => match self.template_path(volume) {
                Some(path) => done(path + "\n"),
                None => fail(FAILED, format!("`{volume}` is no volume here")),
            },
            _ if words == ZFS_LIST => self.zfs_list(),
            _ => return None,
        })
    }

    /// Runs a program about storage that changes something.
    pub(super) fn storage_change(&mut self, words: &[&str]) -> Result<Option<Output>, NodeError> {
        match words {
            ["mkdir", "--parents", "--", path] => self.make_owned_folder(path).map(Some),
            ["chown", "--", owner, path] => self.give(owner, path).map(Some),
            ["zfs", "create", options @ .., dataset] => self.zfs_create(options, dataset).map(Some),
            ["pveam", "update"] => Ok(Some(done("update successful\n"))),
            ["pveam", "download", storage, file] => self.download(storage, file).map(Some),
            _ => Ok(None),
        }
    }

    fn owners(&self) -> BTreeMap<String, String> {
        let note = self.state(OWNERS).unwrap_or_default();
        let lines = note.lines().filter_map(|line| line.split_once(' '));
        lines.map(|(owner, path)| (path.to_owned(), owner.to_owned())).collect()
    }

    fn owner(&self, path: &str) -> Output {
        let owner = self.owners().remove(path);
        match owner.is_some() || self.files.has(path) {
            true => done(owner.unwrap_or_else(|| "0:0".to_owned()) + "\n"),
            false => fail(1, format!("stat: there is no `{path}`")),
        }
    }

    fn note_owner(&self, owner: &str, path: &str) -> Result<(), NodeError> {
        let mut owners = self.owners();
        owners.insert(path.to_owned(), owner.to_owned());
        let note = owners.iter().map(|(path, owner)| format!("{owner} {path}\n"));
        self.put_state(OWNERS, Some(&note.collect::<String>()))
    }

    fn make_owned_folder(&self, path: &str) -> Result<Output, NodeError> {
        let made = self.make_folder(Place::Node, path)?;
        if made.success() && self.owner(path).exit != 0 {
            self.note_owner("0:0", path)?;
        }
        Ok(made)
    }

    fn give(&self, owner: &str, path: &str) -> Result<Output, NodeError> {
        let numbers = owner.split(':').all(|id| id.parse::<u32>().is_ok());
        if !numbers || owner.split(':').count() != 2 || self.owner(path).exit != 0 {
            return Ok(fail(1, format!("chown: `{owner}` cannot have `{path}`")));
        }
        self.note_owner(owner, path)?;
        Ok(done(""))
    }

    fn zfs_list(&self) -> Output {
        let canned = self.answers.find(Place::Node, &ZFS_LIST.map(str::to_owned));
        let of_settings = || {
            let all = self.settings.datasets.iter();
            all.map(|(name, mounted)| format!("{name}\t{mounted}\n")).collect::<String>()
        };
        let captured = canned.map_or_else(of_settings, |output| output.stdout);
        done(captured + &self.state(ZFS).unwrap_or_default())
    }

    fn zfs_create(&self, options: &[&str], dataset: &str) -> Result<Output, NodeError> {
        let listed = self.zfs_list().stdout;
        let present = listed.lines().filter_map(|line| line.split_once('\t')).collect::<Vec<_>>();
        let Some((parent, name)) = dataset.rsplit_once('/') else {
            return Ok(fail(2, "a pool is not made by `zfs create`"));
        };
        let Some((_, above)) = present.iter().find(|(there, _)| *there == parent) else {
            return Ok(fail(1, format!("cannot create `{dataset}`: there is no `{parent}`")));
        };
        if present.iter().any(|(there, _)| *there == dataset) {
            return Ok(fail(1, format!("cannot create `{dataset}`: it is there already")));
        }
        let mut mounted = format!("{above}/{name}");
        for pair in options.chunks(2) {
            match pair {
                ["-o", property] if property.contains('=') => {
                    if let Some(folder) = property.strip_prefix("mountpoint=") {
                        folder.clone_into(&mut mounted);
                    }
                }
                _ => {
                    return Ok(fail(
                        2,
                        format!("`{}` is no option of `zfs create`", pair.join(" ")),
                    ));
                }
            }
        }
        let note = self.state(ZFS).unwrap_or_default();
        self.put_state(ZFS, Some(&format!("{note}{dataset}\t{mounted}\n")))?;
        Ok(done(""))
    }

    fn noted_templates(&self) -> Vec<String> {
        let note = self.state(TEMPLATES).unwrap_or_default();
        note.lines().map(str::to_owned).collect()
    }

    fn pveam_list(&self, storage: &str) -> Output {
        let storages = self.storages();
        let Some(entry) = storages.get(storage).filter(|entry| entry.holds("vztmpl")) else {
            return fail(FAILED, format!("storage `{storage}` has no templates"));
        };
        let argv = ["pveam", "list", storage].map(str::to_owned);
        let canned = self.answers.find(Place::Node, &argv);
        let folder = entry.templates().and_then(|path| path.parse().ok());
        let files = folder.map(|path| self.files.names(&Location { place: Place::Node, path }));
        let files = match files {
            Some(Answer::Names(names)) if canned.is_none() => names,
            _ => Vec::new(),
        };
        let head = format!("{storage}:vztmpl/");
        let noted = self.noted_templates().into_iter().filter(|volume| volume.starts_with(&head));
        let files = files.into_iter().map(|file| format!("{head}{file}")).chain(noted);
        let lines = files.map(|volume| format!("{volume}  120.00MB\n")).collect::<String>();
        done(canned.map_or_else(|| "NAME  SIZE\n".to_owned(), |output| output.stdout) + &lines)
    }

    fn download(&self, storage: &str, file: &str) -> Result<Output, NodeError> {
        let listed = self.pveam_list(storage);
        if listed.exit != 0 {
            return Ok(listed);
        }
        let available = self.answers.find(Place::Node, &["pveam", "available"].map(str::to_owned));
        let known = available.is_some_and(|output| output.stdout.contains(file));
        if !known && !self.settings.templates.contains(file) {
            return Ok(fail(FAILED, format!("there is no template `{file}` to download")));
        }
        let note = self.state(TEMPLATES).unwrap_or_default();
        self.put_state(TEMPLATES, Some(&format!("{note}{storage}:vztmpl/{file}\n")))?;
        Ok(done(""))
    }

    fn template_path(&self, volume: &str) -> Option<String> {
        let (storage, file) = volume.split_once(":vztmpl/")?;
        let folder = self.storages().get(storage)?.templates()?;
        Some(format!("{folder}/{file}"))
    }

    /// Returns whether a template is there, by its volume or its path.
    pub(super) fn has_template(&self, template: &str) -> bool {
        if template.starts_with('/') {
            return self.files.has(template);
        }
        let Some((storage, _)) = template.split_once(":vztmpl/") else { return false };
        let listed = self.pveam_list(storage);
        listed.stdout.lines().any(|line| line.split_whitespace().next() == Some(template))
    }

    fn pvesm_status(&self) -> Output {
        let storages = self.storages();
        let lines = storages.iter().map(|(name, entry)| {
            let state = if entry.is_enabled() { "active" } else { "disabled" };
            format!("{name} {} {state} 0 0 0 0.00%\n", entry.kind)
        });
        done("Name Type Status Total Used Available %\n".to_owned() + &lines.collect::<String>())
    }

    /// Copies what is inside a guest to another one.
    pub(super) fn copy_guest(&self, from: Vmid, to: Vmid) -> io::Result<()> {
        match self.guest_files(from) {
            Some(files) => files.copy_to(&self.make_guest_files(to)?),
            None => self.make_guest_files(to).map(drop),
        }
    }

    /// Removes what is inside a guest that is no more, and what was noted of it.
    pub(super) fn forget_guest(&self, vmid: Vmid) -> io::Result<()> {
        for path in [format!("/guests/{vmid}"), format!("/live/guests/{vmid}")] {
            self.folder.remove_tree(&path)?;
        }
        Ok(())
    }
}

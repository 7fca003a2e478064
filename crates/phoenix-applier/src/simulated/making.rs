//! Makes, converts and destroys containers.
//!
//! A new container gets what Proxmox VE writes without being told, and a root file system with little more than
//! its folders. Volumes are names: what is in one is `guests/ID/fs`, whatever its size.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::{Edit, LxcConf};
use phoenix_formats::pct;
use phoenix_formats::property::PropertyText;
use phoenix_formats::storage_cfg::StorageEntry;
use phoenix_planner::location::Location;
use phoenix_planner::probe::Output;

use super::tree::Write;
use super::{SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::{Expect, NodeError};

/// What `pct` ends with when a task of it fails.
const FAILED: i32 = 255;

/// The size of a root file system that nobody chose, in GiB.
const DEFAULT_SIZE: &str = "4";

/// What makes the root file system of a container look like one.
const ROOT_FILES: [(&str, &str); 3] = [
    ("/etc/hostname", "localhost\n"),
    ("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
];

/// The systems that a template can hold, by the beginning of its name.
const SYSTEMS: [&str; 9] =
    ["debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo"];

/// Says why a command fails.
pub(super) type Refused = String;

/// The options of a command by name, each with its value.
pub(super) type Options = BTreeMap<String, String>;

pub(super) fn options(words: &[&str]) -> Result<Options, Refused> {
    let mut options = Options::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let name = word.strip_prefix("--").ok_or_else(|| format!("`{word}` is no option"))?;
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => {
                let value = rest.next().ok_or_else(|| format!("`--{name}` needs a value"))?;
                (name, (*value).to_owned())
            }
        };
        if options.insert(name.to_owned(), value).is_some() {
            return Err(format!("`--{name}` stands twice"));
        }
    }
    Ok(options)
}

/// Fails for an option that the command does not have.
pub(super) fn only(options: &Options, known: &[&str]) -> Result<(), Refused> {
    match options.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("there is no option `--{name}`")),
        None => Ok(()),
    }
}

pub(super) fn is_on(value: &str) -> bool {
    ["1", "on", "yes", "true"].iter().any(|on| value.eq_ignore_ascii_case(on))
}

impl SimulatedNode {
    /// Runs the commands of `pct` that make or end containers, or change their volumes; `None` for others.
    pub(super) fn pct_making(
        &mut self,
        word: &str,
        vmid: Vmid,
        rest: &[&str],
    ) -> Option<Result<Output, NodeError>> {
        let result = match (word, rest) {
            ("create", [template, rest @ ..]) => self.create(vmid, template, rest),
            ("clone", [newid, rest @ ..]) => self.clone_guest(vmid, newid, rest),
            ("template", []) => self.make_template(vmid),
            ("snapshot", [name, rest @ ..]) => self.snapshot(vmid, name, rest),
            ("resize", [key, size]) => self.resize(vmid, key, size),
            ("destroy", rest) => self.destroy(vmid, rest),
            _ => return None,
        };
        Some(match result {
            Ok(Ok(())) => Ok(done("")),
            Ok(Err(why)) => Ok(fail(FAILED, why)),
            Err(error) => Err(error),
        })
    }

    pub(super) fn guest(&self, vmid: Vmid) -> Result<String, Refused> {
        let text = self.conf_text(vmid).ok_or_else(|| format!("there is no container {vmid}"))?;
        match LxcConf::parse(&text).lock() {
            Some(job) => Err(format!("container {vmid} is locked by `{job}`")),
            None => self.check_quorum().map(|()| text),
        }
    }

    pub(super) fn check_free(&self, vmid: Vmid) -> Result<(), Refused> {
        self.check_quorum()?;
        let machine = format!("/etc/pve/qemu-server/{vmid}.conf");
        match self.conf_text(vmid).is_some() || self.text(&machine).is_some() {
            true => Err(format!("there is a guest {vmid} already")),
            false => Ok(()),
        }
    }

    fn container_storage(&self, name: &str) -> Result<StorageEntry, Refused> {
        let storages = self.storages();
        let entry = storages.get(name).ok_or_else(|| format!("storage `{name}` does not exist"))?;
        match entry.is_enabled() && entry.holds("rootdir") {
            true => Ok(entry.clone()),
            false => Err(format!("storage `{name}` does not hold containers")),
        }
    }

    /// Returns the name of a new root volume.
    pub(super) fn root_volume(&self, vmid: Vmid, storage: &str) -> Result<String, Refused> {
        let entry = self.container_storage(storage)?;
        Ok(match (entry.kind.as_str(), entry.get("path")) {
            ("zfspool", _) => format!("{storage}:subvol-{vmid}-disk-0"),
            (_, Some(_)) => format!("{storage}:{vmid}/vm-{vmid}-disk-0.raw"),
            _ => format!("{storage}:vm-{vmid}-disk-0"),
        })
    }

    fn create(
        &mut self,
        vmid: Vmid,
        template: &str,
        rest: &[&str],
    ) -> Result<Result<(), Refused>, NodeError> {
        let text = match self.created(vmid, template, rest) {
            Ok(text) => text,
            Err(why) => return Ok(Err(why)),
        };
        self.put_new_conf(vmid, &text)?;
        let files = self.make_guest_files(vmid);
        let files =
            files.map_err(|source| NodeError::File { at: self.conf_location(vmid), source })?;
        for (path, text) in ROOT_FILES {
            let (at, expect, missing) = (Location::node(path), Expect::Anything, Missing::Make);
            files.write(Write { at: &at, expect, text, mode: 0o644, missing })?;
        }
        Ok(Ok(()))
    }

    fn created(&self, vmid: Vmid, template: &str, rest: &[&str]) -> Result<String, Refused> {
        self.check_free(vmid)?;
        if !self.has_template(template) {
            return Err(format!("there is no template `{template}`"));
        }
        let mut given = options(rest)?;
        let storage = given.remove("storage");
        let root = given.remove("rootfs").unwrap_or_default();
        let (of_root, size) = root.split_once(':').unwrap_or(("", DEFAULT_SIZE));
        if root.contains([',', '=']) || size.parse::<u32>().is_err() {
            return Err(format!("`rootfs`: `{root}` is no storage with a size in GiB"));
        }
        let named = Some(of_root).filter(|name| !name.is_empty());
        let storage = named.or(storage.as_deref()).unwrap_or("local");
        let volume = self.root_volume(vmid, storage)?;
        let unprivileged = given.remove("unprivileged").is_none_or(|value| is_on(&value));
        let system = template.rsplit('/').next().unwrap_or(template);
        let system = SYSTEMS.iter().find(|known| system.starts_with(**known)).unwrap_or(&"debian");
        let mut text = format!("arch: amd64\nostype: {system}\nrootfs: {volume},size={size}G\n");
        if unprivileged {
            text += "unprivileged: 1\n";
        }
        let defaults =
            [("hostname", format!("CT{vmid}")), ("memory", "512".into()), ("swap", "512".into())];
        for (key, value) in defaults {
            given.entry(key.to_owned()).or_insert(value);
        }
        self.set_all(vmid, &text, given)
    }

    /// Returns a configuration with settings as `pct set` takes them.
    fn set_all(&self, vmid: Vmid, text: &str, given: Options) -> Result<String, Refused> {
        let words = given.into_iter().flat_map(|(key, value)| [format!("--{key}"), value]);
        let args = ["set".to_owned(), vmid.to_string()].into_iter().chain(words);
        let args = args.collect::<Vec<_>>();
        let outcome = pct::set(text, &args, &self.node_view(), pct::State::Stopped);
        match outcome.succeeded {
            true => Ok(super::pct_set::with_macs(vmid, &outcome.after)),
            false => Err(outcome.messages.join("; ")),
        }
    }

    pub(super) fn put_new_conf(&self, vmid: Vmid, text: &str) -> Result<(), NodeError> {
        let at = self.conf_location(vmid);
        let (expect, missing) = (Expect::Absent, Missing::Make);
        self.files.write(Write { at: &at, expect, text, mode: 0o640, missing })
    }

    fn make_template(&mut self, vmid: Vmid) -> Result<Result<(), Refused>, NodeError> {
        let text = match self.guest(vmid) {
            Ok(text) => text,
            Err(why) => return Ok(Err(why)),
        };
        let conf = LxcConf::parse(&text);
        let why = match () {
            () if self.is_running(vmid) => "it is running",
            () if !conf.snapshots().is_empty() => "it has snapshots",
            () if conf.get("template").is_some_and(is_on) => "it is one already",
            () => "",
        };
        if !why.is_empty() {
            return Ok(Err(format!("container {vmid} cannot become a template: {why}")));
        }
        let root = conf.get("rootfs").unwrap_or_default();
        let root = root
            .replace(":subvol-", ":basevol-")
            .replace("/vm-", "/base-")
            .replace(":vm-", ":base-");
        let set =
            |key: &str, value: &str| Edit::Set { key: key.to_owned(), value: value.to_owned() };
        let edits = [set("rootfs", &root), set("template", "1")];
        match conf.edit(&edits) {
            Ok(after) => self.put_conf(vmid, &after).map(Ok),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    fn snapshot(
        &mut self,
        vmid: Vmid,
        name: &str,
        rest: &[&str],
    ) -> Result<Result<(), Refused>, NodeError> {
        match self.with_snapshot(vmid, name, rest) {
            Ok(text) => self.put_conf(vmid, &text).map(Ok),
            Err(why) => Ok(Err(why)),
        }
    }

    fn with_snapshot(&self, vmid: Vmid, name: &str, rest: &[&str]) -> Result<String, Refused> {
        let text = self.guest(vmid)?;
        only(&options(rest)?, &["description"])?;
        let conf = LxcConf::parse(&text);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.len() < 2 || name.len() > 40 || !name.chars().all(plain) || name == "current" {
            return Err(format!("`{name}` cannot be the name of a snapshot"));
        }
        if conf.snapshots().contains_key(name) {
            return Err(format!("there is a snapshot `{name}` already"));
        }
        if conf.get("template").is_some_and(is_on) {
            return Err("a template has no snapshots".to_owned());
        }
        let storages = self.storages();
        for (key, value) in
            conf.entries().filter(|(key, _)| *key == "rootfs" || key.starts_with("mp"))
        {
            let volume = PropertyText::parse(value);
            let storage =
                volume.bare().and_then(|volume| volume.split_once(':')).map(|(name, _)| name);
            if !storage.and_then(|name| storages.get(name)).is_some_and(StorageEntry::has_snapshots)
            {
                return Err(format!("`{key}` can have no snapshot"));
            }
        }
        let of_main = conf.entries().map(|(key, value)| format!("{key}: {value}\n"));
        let raw = conf.raw().iter().map(|(key, value)| format!("{key}: {value}\n"));
        let section = of_main.chain(raw).collect::<String>();
        let parent = Edit::Set { key: "parent".to_owned(), value: name.to_owned() };
        let text = conf.edit(&[parent]).map_err(|error| error.to_string())?;
        Ok(format!(
            "{}\n[{name}]\n{section}snaptime: 0\n",
            text.trim_end_matches('\n').to_owned() + "\n"
        ))
    }

    fn resize(
        &mut self,
        vmid: Vmid,
        key: &str,
        size: &str,
    ) -> Result<Result<(), Refused>, NodeError> {
        let text = match self.guest(vmid) {
            Ok(text) => text,
            Err(why) => return Ok(Err(why)),
        };
        match pct::resize(&text, key, size) {
            Ok(after) => {
                let live = self.live_conf(vmid);
                self.put_conf(vmid, &after)?;
                if let Some(live) = live.and_then(|live| pct::resize(&live, key, size).ok()) {
                    self.settle_live(vmid, &live)?;
                }
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    fn destroy(&mut self, vmid: Vmid, rest: &[&str]) -> Result<Result<(), Refused>, NodeError> {
        let checked = self.guest(vmid).and_then(|text| {
            only(&options(rest)?, &["purge", "force", "destroy-unreferenced-disks"])?;
            let conf = LxcConf::parse(&text);
            match () {
                () if self.is_running(vmid) => Err(format!("container {vmid} is running")),
                () if conf.get("protection").is_some_and(is_on) => {
                    Err(format!("container {vmid} is protected"))
                }
                () => Ok(()),
            }
        });
        if let Err(why) = checked {
            return Ok(Err(why));
        }
        self.files.remove(&self.conf_location(vmid), Expect::Anything)?;
        let rules = Location::node(&format!("/etc/pve/firewall/{vmid}.fw"));
        if self.text(rules.path.as_str()).is_some() {
            self.files.remove(&rules, Expect::Anything)?;
        }
        self.forget_guest(vmid)
            .map_err(|source| NodeError::File { at: self.conf_location(vmid), source })?;
        Ok(Ok(()))
    }
}

//! `qm set`, `resize`, `snapshot` and `template`.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::Edit;
use phoenix_formats::property::PropertyText;
use phoenix_formats::qm::{VmConf, VmNet};
use phoenix_planner::location::Location;
use phoenix_planner::probe::Answer;

use super::options::{NewDrive, Options, SETTINGS, is_id};
use super::{Refused, Writes};
use crate::simulated::{SimulatedNode, chosen_mac};

/// How large an image is whose file the captured node does not have.
const IMAGE_SIZE: &str = "3584M";

/// Settings of a running machine that wait for its next start.
const WAITING: [&str; 3] = ["agent", "cores", "memory"];

impl SimulatedNode {
    pub(super) fn qm_set(&self, vmid: &str, words: &[&str]) -> Result<Writes, Refused> {
        let known = SETTINGS.iter().copied().chain(["digest", "skiplock"]).collect::<Vec<_>>();
        let options = Options::read(words, &known)?;
        let (vmid, conf) = self.unlocked(vmid)?;
        if options.get("digest").is_some_and(|digest| digest != conf.digest()) {
            return Err("the configuration was changed by somebody else".to_owned());
        }
        if options.settings().next().is_none() {
            return Err("nothing to set".to_owned());
        }
        let running = self.machine_runs(vmid);
        let (later, now): (Vec<_>, Vec<_>) =
            options.settings().partition(|(key, _)| running && WAITING.contains(key));
        let text = self.with_settings(vmid, &conf, &now)?;
        Ok(vec![(vmid, Some(with_pending(&text, &later)))])
    }

    /// Returns a configuration with settings as they are kept.
    pub(super) fn with_settings(
        &self,
        vmid: Vmid,
        conf: &VmConf,
        settings: &[(&str, &str)],
    ) -> Result<String, Refused> {
        let mut edits = Vec::new();
        for (key, value) in settings {
            let value = match *key {
                "net0" => with_mac(vmid, value),
                "scsi0" | "ide2" => self.drive(vmid, key, value)?,
                _ => (*value).to_owned(),
            };
            edits.push(Edit::Set { key: (*key).to_owned(), value });
        }
        conf.edit(&edits).map_err(|error| error.to_string())
    }

    /// Returns a drive as it is kept: a new one gets its volume.
    fn drive(&self, vmid: Vmid, key: &str, value: &str) -> Result<String, Refused> {
        match NewDrive::of(value) {
            NewDrive::CloudInit(storage) => {
                Ok(format!("{storage}:vm-{vmid}-cloudinit,media=cdrom"))
            }
            NewDrive::Import { storage, image } => {
                self.check_image(&image)?;
                let number = key.trim_start_matches(|c: char| !c.is_ascii_digit());
                Ok(format!("{storage}:vm-{vmid}-disk-{number},size={IMAGE_SIZE}"))
            }
            NewDrive::Present => Ok(value.to_owned()),
        }
    }

    /// Fails when the folder of an image was captured, and has no such file.
    fn check_image(&self, image: &str) -> Result<(), Refused> {
        let Some((folder, name)) = image.rsplit_once('/').filter(|_| image.starts_with('/')) else {
            return Ok(());
        };
        let folder = folder.parse().map_err(|_| format!("`{image}` is no path"))?;
        let at = Location { place: phoenix_planner::location::Place::Node, path: folder };
        match self.files.names(&at) {
            Answer::Names(names) if !names.iter().any(|found| found == name) => {
                Err(format!("there is no file `{image}`"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn qm_resize(
        &self,
        vmid: &str,
        disk: &str,
        size: &str,
        words: &[&str],
    ) -> Result<Writes, Refused> {
        let options = Options::read(words, &["digest", "skiplock"])?;
        let (vmid, conf) = self.unlocked(vmid)?;
        if options.get("digest").is_some_and(|digest| digest != conf.digest()) {
            return Err("the configuration was changed by somebody else".to_owned());
        }
        let drive = conf.get(disk).ok_or_else(|| format!("there is no disk `{disk}`"))?;
        let present = conf.disk_size(disk).ok_or_else(|| format!("`{disk}` has no size"))?;
        let gib = size.strip_suffix('G').and_then(|number| number.parse::<u64>().ok());
        let wanted = gib.ok_or_else(|| format!("`{size}` is no size in GiB"))? << 30;
        if wanted < present {
            return Err("disks do not shrink".to_owned());
        }
        let value = PropertyText::parse(drive).with("size", size).to_string();
        let edits = [Edit::Set { key: disk.to_owned(), value }];
        let text = conf.edit(&edits).map_err(|error| error.to_string())?;
        Ok(vec![(vmid, Some(text))])
    }

    pub(super) fn qm_snapshot(
        &self,
        vmid: &str,
        name: &str,
        words: &[&str],
    ) -> Result<Writes, Refused> {
        Options::read(words, &["description", "vmstate"])?;
        let (vmid, conf) = self.unlocked(vmid)?;
        if !is_id(name) {
            return Err(format!("`{name}` cannot be the name of a snapshot"));
        }
        if conf.is_on("template") {
            return Err("a template has no snapshots".to_owned());
        }
        if conf.snapshots().contains_key(name) {
            return Err(format!("there is a snapshot `{name}` already"));
        }
        let kept = conf.main().entries().filter(|(key, _)| *key != "description");
        let kept = kept.map(|(key, value)| format!("{key}: {value}\n")).collect::<String>();
        let edits = [Edit::Set { key: "parent".to_owned(), value: name.to_owned() }];
        let text = conf.edit(&edits).map_err(|error| error.to_string())?;
        // Of a real one the time is now; here nothing waits, and no time passes.
        let text = format!("{}\n\n[{name}]\n{kept}snaptime: 0\n", text.trim_end());
        Ok(vec![(vmid, Some(text))])
    }

    pub(super) fn qm_template(&self, vmid: &str, words: &[&str]) -> Result<Writes, Refused> {
        Options::read(words, &[])?;
        let (vmid, conf) = self.unlocked(vmid)?;
        let refused = match () {
            () if conf.is_on("template") => "it is a template already",
            () if !conf.snapshots().is_empty() => "it has snapshots",
            () if self.machine_runs(vmid) => "it is running",
            () => {
                let (own, base) = (format!(":vm-{vmid}-disk-"), format!(":base-{vmid}-disk-"));
                let flag = Edit::Set { key: "template".to_owned(), value: "1".to_owned() };
                let text = conf.edit(&[flag]).map_err(|error| error.to_string())?;
                return Ok(vec![(vmid, Some(text.replace(&own, &base)))]);
            }
        };
        Err(format!("virtual machine {vmid} cannot become a template: {refused}"))
    }
}

/// Returns an interface with an Ethernet address.
fn with_mac(vmid: Vmid, value: &str) -> String {
    let has_mac = VmNet::parse(value).is_ok_and(|net| net.mac().is_some());
    let named = format!("{value},macaddr={}", chosen_mac(vmid, 0));
    let named = VmNet::parse(&named).map(|net| net.canonical());
    if has_mac { value.to_owned() } else { named.unwrap_or_else(|_| value.to_owned()) }
}

/// Returns a text with more settings that wait for the next start.
fn with_pending(text: &str, later: &[(&str, &str)]) -> String {
    if later.is_empty() {
        return text.to_owned();
    }
    let conf = VmConf::parse(text);
    let mut pending = conf.pending().entries().collect::<BTreeMap<_, _>>();
    pending.extend(later.iter().copied());
    pending.retain(|key, value| conf.get(key) != Some(*value));
    if pending.is_empty() {
        let (main, rest) = without_pending(text);
        return main + &rest;
    }
    let lines = pending.iter().map(|(key, value)| format!("{key}: {value}\n"));
    let section = format!("\n[PENDING]\n{}", lines.collect::<String>());
    let (main, rest) = without_pending(text);
    let rest = if rest.is_empty() { rest } else { format!("\n{rest}") };
    format!("{}\n{section}{rest}", main.trim_end())
}

/// Splits a text into its main section and what stands behind it, but for what is pending.
fn without_pending(text: &str) -> (String, String) {
    let mut parts = [String::new(), String::new()];
    let mut place = Some(0);
    for line in text.split_inclusive('\n') {
        let head = line.trim_end();
        if head.starts_with('[') {
            place = (!head.eq_ignore_ascii_case("[PENDING]")).then_some(1);
        }
        if let Some(part) = place.and_then(|place: usize| parts.get_mut(place)) {
            part.push_str(line);
        }
    }
    let [main, rest] = parts;
    (main, rest)
}

/// Returns a configuration in which what was pending is in force.
pub(super) fn applied(conf: &VmConf) -> Result<String, Refused> {
    let pending = conf.pending();
    let set = pending.entries().filter(|(key, _)| *key != "delete");
    let set = set.map(|(key, value)| Edit::Set { key: key.to_owned(), value: value.to_owned() });
    let gone = pending.deletions().into_iter().map(|gone| Edit::Remove { key: gone.key });
    let edits = set.chain(gone).collect::<Vec<_>>();
    if edits.is_empty() {
        return Ok(conf.text().to_owned());
    }
    let text = conf.edit(&edits).map_err(|error| error.to_string())?;
    let (main, rest) = without_pending(&text);
    Ok(if rest.is_empty() { format!("{}\n", main.trim_end()) } else { main + &rest })
}

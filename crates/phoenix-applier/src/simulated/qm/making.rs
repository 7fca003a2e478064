//! `qm create`, `clone` and `destroy`.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::Edit;
use phoenix_formats::property::PropertyText;
use phoenix_formats::qm::VmConf;

use super::options::{Options, SETTINGS};
use super::{Refused, Writes};
use crate::simulated::{SimulatedNode, chosen_mac};

/// Settings that belong to a machine and not to its clones.
const OWN: [&str; 4] = ["lock", "parent", "snaptime", "template"];

impl SimulatedNode {
    pub(super) fn qm_create(&self, vmid: &str, words: &[&str]) -> Result<Writes, Refused> {
        let options = Options::read(words, &SETTINGS)?;
        let vmid = self.free_number(vmid)?;
        let empty = VmConf::parse("");
        let settings = options.settings().collect::<Vec<_>>();
        let mut text = self.with_settings(vmid, &empty, &settings)?;
        if options.get("boot").is_none() && options.get("net0").is_some() {
            let boot = Edit::Set { key: "boot".to_owned(), value: "order=net0".to_owned() };
            text = VmConf::parse(&text).edit(&[boot]).map_err(|error| error.to_string())?;
        }
        Ok(vec![(vmid, Some(text))])
    }

    pub(super) fn qm_clone(
        &self,
        source: &str,
        new: &str,
        words: &[&str],
    ) -> Result<Writes, Refused> {
        let known = ["name", "full", "snapname", "storage", "description"];
        let options = Options::read(words, &known)?;
        let (source, conf) = self.unlocked(source)?;
        let vmid = self.free_number(new)?;
        let full = options.is_on("full") || !conf.is_on("template");
        if options.get("storage").is_some() && !full {
            return Err("`--storage` is for full clones only".to_owned());
        }
        let section = match options.get("snapname") {
            Some(name) => conf.snapshots().get(name),
            None => Some(conf.main()),
        };
        let section = section.ok_or_else(|| "there is no such snapshot".to_owned())?;
        let named = format!("Copy-of-VM-{}", conf.get("name").unwrap_or(&source.to_string()));
        let name = options.get("name").unwrap_or(&named);
        let kept = section.entries().filter(|(key, _)| !OWN.contains(key) && *key != "name");
        let edits = kept.map(|(key, value)| Edit::Set {
            key: key.to_owned(),
            value: cloned(key, value, (source, vmid), options.get("storage")),
        });
        let name = Edit::Set { key: "name".to_owned(), value: name.to_owned() };
        let edits = edits.chain([name]).collect::<Vec<_>>();
        let text = VmConf::parse("").edit(&edits).map_err(|error| error.to_string())?;
        Ok(vec![(vmid, Some(text))])
    }

    pub(super) fn qm_destroy(&self, vmid: &str, words: &[&str]) -> Result<Writes, Refused> {
        Options::read(words, &["purge", "skiplock"])?;
        let (vmid, conf) = self.unlocked(vmid)?;
        if self.machine_runs(vmid) {
            return Err(format!("virtual machine {vmid} is running"));
        }
        if conf.is_on("protection") {
            return Err(format!("virtual machine {vmid} is protected"));
        }
        Ok(vec![(vmid, None)])
    }

    /// Returns a number that no guest has.
    fn free_number(&self, vmid: &str) -> Result<Vmid, Refused> {
        let number = vmid.parse().map_err(|_| format!("`{vmid}` is not the number of a guest"))?;
        let taken = self.exists(number) || self.machine(vmid).is_ok();
        if taken { Err(format!("guest {number} exists already")) } else { Ok(number) }
    }
}

/// Returns a setting of a clone: with volumes and an Ethernet address of its own.
fn cloned(key: &str, value: &str, (from, to): (Vmid, Vmid), storage: Option<&str>) -> String {
    if key.starts_with("net") {
        let number = key.trim_start_matches("net").parse().unwrap_or_default();
        let text = PropertyText::parse(value);
        let model = text.pairs().next().map(|(model, _)| model.to_owned());
        let mac = chosen_mac(to, number);
        return model.map_or_else(|| value.to_owned(), |model| text.with(&model, &mac).to_string());
    }
    let is_own = |volume: &str| {
        [format!("vm-{from}-"), format!("base-{from}-")].iter().any(|own| volume.contains(own))
    };
    match value.split_once(':') {
        Some((present, volume)) if is_own(volume) => {
            let volume = volume.replace(&format!("base-{from}-"), &format!("vm-{to}-"));
            let volume = volume.replace(&format!("vm-{from}-"), &format!("vm-{to}-"));
            format!("{}:{volume}", storage.unwrap_or(present))
        }
        _ => value.to_owned(),
    }
}

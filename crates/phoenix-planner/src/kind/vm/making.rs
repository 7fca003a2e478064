//! A machine that is not on the node: a clone of another one, or made of an image.

use phoenix_formats::Vmid;
use phoenix_formats::qm::VmConf;

use super::super::firewall::{plan_made, planned_text};
use super::super::guests::After;
use super::change::shrinking;
use super::keys::{KeyChange, agent_note};
use super::{DISK, Machine, attribute, image, read, source};
use crate::desired::{Located, VmSource};
use crate::operation::Operation;
use crate::plan::{Draft, Verb};
use crate::probe::argv;
use crate::refusal::Refusal;

/// The settings of a machine made of an image for clouds that nobody declares: Linux, a fast disk, and the
/// drive by which cloud-init gets its settings.
const HARDWARE: [(&str, &str); 2] = [("ostype", "l26"), ("scsihw", "virtio-scsi-pci")];
const CLOUD_INIT_DRIVE: &str = "ide2";

impl Machine<'_> {
    pub(super) fn plan_making(&self, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
        let needs = match self.gate(draft) {
            Ok(needs) => needs,
            Err(why) => {
                self.defer(draft, format!("not made yet: {why}"));
                return Ok(());
            }
        };
        match &self.vm.source {
            None => {
                let what = "not on the node, and neither `clone_from_vmid` nor `template_image` says what to make it of";
                self.defer(draft, what);
                Ok(())
            }
            Some(VmSource::Clone(source)) => self.plan_clone(source, needs, draft),
            Some(VmSource::Image(_)) => self.plan_image(needs, draft),
        }
    }

    fn plan_clone(
        &self,
        source: &Located<Vmid>,
        needs: After,
        draft: &mut Draft,
    ) -> Result<(), Vec<Refusal>> {
        let vmid = source.value;
        let conf = read(self.observed, vmid);
        let planned = draft.find(&super::address(vmid)).is_some();
        let why = match conf.as_ref().map(VmConf::lock) {
            Some(Some(lock)) => Some(format!("is locked ({lock})")),
            None if !planned => Some("is not there".to_owned()),
            _ => None,
        };
        if let Some(why) = why {
            self.defer(draft, format!("not made yet: {vmid}, of which it is a clone, {why}"));
            return Ok(());
        }
        let snapshot = self.snapshot_of(vmid, conf.as_ref(), draft);
        let mut operations = vec![self.clone_of(vmid, snapshot)];
        let keys = self.keys();
        let mut refusals = self.check_bridge(&keys).err().unwrap_or_default();
        refusals.extend(self.too_small(vmid, conf.as_ref()));
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let named = |change: &&KeyChange| change.key != "name";
        let words = keys.iter().filter(named).map(|k| (k.key.to_owned(), k.after.clone()));
        let words = words.collect::<Vec<_>>();
        operations.extend((!words.is_empty()).then(|| self.qm_set(words, None)));
        let clonable = source::clonable(vmid, snapshot, draft);
        let before = clonable.into_iter().chain(needs).collect();
        let from = match snapshot {
            Some(name) => format!("clone of {vmid} as it was in `{name}`"),
            None => format!("clone of {vmid}"),
        };
        self.add(from, operations, &keys, before, draft)
    }

    /// Returns the snapshot of which clones are made, if the source has it or gets it.
    fn snapshot_of(&self, source: Vmid, conf: Option<&VmConf>, draft: &Draft) -> Option<&str> {
        let name = self.observed.desired.vms.get(&source)?.snapshot.as_ref()?.value.as_str();
        let there = conf.is_some_and(|conf| conf.snapshots().contains_key(name));
        let planned = draft.find(&super::address(source).part("snapshot").part(name)).is_some();
        (there || planned).then_some(name)
    }

    /// Returns the refusal of a clone whose disk would have to be smaller than that of its source.
    fn too_small(&self, source: Vmid, conf: Option<&VmConf>) -> Option<Refusal> {
        let (wanted, size) = (self.vm.making.disk.as_ref()?, conf?.disk_size(DISK)?);
        let whose = format!("virtual machine {source}, of which {} is a clone,", self.vm.vmid);
        (size > wanted.value << 30).then(|| shrinking(wanted, size, &whose))
    }

    fn clone_of(&self, source: Vmid, snapshot: Option<&str>) -> Operation {
        let mut call = argv(["qm", "clone", &source.to_string(), &self.vm.vmid.to_string()]);
        let name = self.vm.name.iter().flat_map(|name| ["--name", &name.value]);
        let storage = self.vm.making.storage.iter().flat_map(|storage| ["--storage", storage]);
        let snapshot = snapshot.into_iter().flat_map(|name| ["--snapname", name]);
        let words = name.chain(["--full", "1"]).chain(snapshot).chain(storage);
        call.extend(words.map(str::to_owned));
        self.run(call)
    }

    fn plan_image(&self, needs: After, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
        if let Some(why) = image::lacking(self.vm, self.observed.facts) {
            self.defer(draft, why);
            return Ok(());
        }
        let keys = self.keys();
        self.check_bridge(&keys)?;
        let (cloud, plain): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.is_for_cloud_init());
        let pair = |change: &&KeyChange| (change.key.to_owned(), change.after.clone());
        let hardware = HARDWARE.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut words = plain.iter().map(pair).chain(hardware).collect::<Vec<_>>();
        words.sort();
        let mut create = self.qm("create");
        create.extend(words.into_iter().flat_map(|(key, value)| [format!("--{key}"), value]));
        let disk = self.image_settings().into_iter().flatten();
        let mut settings = disk.chain(cloud.iter().map(pair)).collect::<Vec<_>>();
        settings.sort();
        let operations = vec![self.run(create), self.qm_set(settings, None)];
        self.add("made of its image".to_owned(), operations, &keys, needs, draft)
    }

    /// Returns the settings of a disk that is made of the image, and of the drive for cloud-init.
    pub(super) fn image_settings(&self) -> Option<Vec<(String, String)>> {
        let Some(VmSource::Image(image)) = &self.vm.source else { return None };
        let storage = self.vm.making.storage.as_deref()?;
        let mut settings = vec![
            ("boot".to_owned(), format!("order={DISK}")),
            (DISK.to_owned(), format!("{storage}:0,import-from={}", image.value)),
        ];
        if self.present(CLOUD_INIT_DRIVE).is_none() {
            settings.insert(1, (CLOUD_INIT_DRIVE.to_owned(), format!("{storage}:cloudinit")));
        }
        Some(settings)
    }

    fn add(
        &self,
        reason: String,
        mut operations: Vec<Operation>,
        keys: &[KeyChange],
        before: After,
        draft: &mut Draft,
    ) -> Result<(), Vec<Refusal>> {
        let disk = self.vm.making.disk.as_ref();
        operations.extend(disk.map(|disk| self.resize(disk.value)));
        let mut action = self.action(self.address(), Verb::Add, reason);
        action.attributes = keys.iter().flat_map(|key| key.attributes(false)).collect();
        let size = disk.map(|disk| format!("{}G", disk.value));
        let size = size.map(|size| attribute(&format!("{DISK}.size"), None, Some(size)));
        action.attributes.extend(size);
        action.notes = image::note(self.vm, self.observed.facts).into_iter().collect();
        action.notes.extend(self.inherited_rules(draft));
        action.notes.extend(agent_note(keys));
        if matches!(self.vm.source, Some(VmSource::Image(_))) && self.vm.user.is_some() {
            action.notes.push(format!(
                "nobody can log in before cloud-init is given a key: `qm set {} --sshkeys FILE`",
                self.vm.vmid
            ));
        }
        action.operations = operations;
        let made = draft.add(action, &before);
        plan_made(self.observed, self.vm, made, draft)
    }

    /// Says whose rules a clone has that declares none of its own.
    fn inherited_rules(&self, draft: &Draft) -> Option<String> {
        let Some(VmSource::Clone(source)) = &self.vm.source else { return None };
        let vmid = source.value;
        planned_text(self.observed, vmid, draft).filter(|_| self.vm.firewall.is_none())?;
        Some(format!(
            "Proxmox VE gives it the firewall's rules of {vmid}: none are declared for it"
        ))
    }
}

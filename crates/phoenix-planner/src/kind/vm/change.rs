//! The change of a machine that is on the node.

use phoenix_formats::property::PropertyText;
use phoenix_formats::qm::VmConf;

use super::keys::{KeyChange, agent_note, is_for_cloud_init};
use super::{DISK, Machine, attribute, config_path, image};
use crate::desired::{Located, VmSource};
use crate::operation::{Operation, Run};
use crate::plan::{Action, Attribute, Disruption, Draft, Verb};
use crate::probe::Argv;
use crate::refusal::Refusal;

/// Bytes in a GiB.
const GIB: u64 = 1 << 30;

/// What differs for one machine.
struct Differences {
    keys: Vec<KeyChange>,
    /// The settings of a disk that is still to be made.
    disk: Vec<(String, String)>,
    /// The size in GiB to which the disk grows.
    grown: Option<u64>,
}

impl Machine<'_> {
    pub(super) fn plan_change(&self, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
        let Some(conf) = &self.conf else { return Ok(()) };
        let differences = self.differences(conf, draft)?;
        self.report_waiting(&differences.keys, draft);
        let Differences { keys, disk, grown } = &differences;
        if !keys.is_empty() || !disk.is_empty() || grown.is_some() {
            let rules = self.rules(draft).into_iter().collect::<Vec<_>>();
            draft.add(self.change(conf, &differences), &rules);
        }
        Ok(())
    }

    fn differences(&self, conf: &VmConf, draft: &mut Draft) -> Result<Differences, Vec<Refusal>> {
        let mut keys = self.keys();
        keys.sort_by_key(|change| change.key);
        self.leave_cloud_init(conf, &mut keys, draft);
        let disk = self.missing_disk(draft).unwrap_or_default();
        let mut refusals = self.check_bridge(&keys).err().unwrap_or_default();
        let grown = self.growth(conf, !disk.is_empty()).unwrap_or_else(|refusal| {
            refusals.push(refusal);
            None
        });
        if refusals.is_empty() { Ok(Differences { keys, disk, grown }) } else { Err(refusals) }
    }

    fn change(&self, conf: &VmConf, differences: &Differences) -> Action {
        let Differences { keys, disk, grown } = differences;
        let mut action = self.action(self.address(), Verb::Change, differences.reason());
        action.attributes = keys.iter().flat_map(|key| key.attributes(self.running)).collect();
        let new = disk.iter().map(|(key, value)| attribute(key, None, Some(value.clone())));
        action.attributes.extend(new);
        action.attributes.extend(grown.iter().map(|gib| self.grown_attribute(conf, *gib)));
        let live = grown.map(|_| Disruption::Live);
        let class = keys.iter().map(|key| key.class).chain(live).max();
        action.disruption = class.filter(|_| self.running).unwrap_or(Disruption::None);
        action.notes = self.cloud_init_note(conf, keys).into_iter().collect();
        action.notes.extend(agent_note(keys));
        let words = keys.iter().map(|change| (change.key.to_owned(), change.after.clone()));
        let mut words = words.chain(disk.iter().cloned()).collect::<Vec<_>>();
        words.sort();
        let set = (!words.is_empty()).then(|| self.qm_set(words, Some(conf.digest())));
        action.operations.extend(set);
        action.operations.extend(grown.map(|gib| self.resize(gib)));
        action
    }

    /// Fails when the node has no bridge of the name that the first interface is to be moved to.
    pub(super) fn check_bridge(&self, keys: &[KeyChange]) -> Result<(), Vec<Refusal>> {
        let first = self.vm.making.bridge.as_ref().filter(|_| self.conf.is_none());
        let Some(bridge) = self.vm.bridge.as_ref().or(first) else { return Ok(()) };
        if keys.iter().any(|change| change.key == super::NET) {
            let found = self.observed.require_bridge(&bridge.value, &bridge.origin);
            return found.map_err(|refusal| vec![refusal]);
        }
        Ok(())
    }

    /// Returns the call that sets settings.
    pub(super) fn qm_set(&self, words: Vec<(String, String)>, digest: Option<String>) -> Operation {
        let mut argv = self.qm("set");
        argv.extend(words.into_iter().flat_map(|(key, value)| [format!("--{key}"), value]));
        argv.extend(digest.into_iter().flat_map(|digest| ["--digest".to_owned(), digest]));
        self.run(argv)
    }

    pub(super) fn resize(&self, gib: u64) -> Operation {
        let mut argv = self.qm("resize");
        argv.extend([DISK.to_owned(), format!("{gib}G")]);
        self.run(argv)
    }

    /// Returns the head of a call about this machine.
    pub(super) fn qm(&self, verb: &str) -> Argv {
        vec!["qm".to_owned(), verb.to_owned(), self.vm.vmid.to_string()]
    }

    /// Returns a run that may have changed the configuration even when it fails.
    pub(super) fn run(&self, argv: Argv) -> Operation {
        let touches = Some(config_path(self.vm.vmid));
        Operation::Run(Run { touches, ..Run::on_node(argv) })
    }

    /// Returns the settings of the disk that a machine made of an image still lacks: its making was cut short.
    fn missing_disk(&self, draft: &mut Draft) -> Option<Vec<(String, String)>> {
        let disk = matches!(self.vm.source, Some(VmSource::Image(_)));
        if !disk || self.present(DISK).is_some() || self.running {
            return None;
        }
        if let Some(why) = image::lacking(self.vm, self.observed.facts) {
            self.defer(draft, why);
            return None;
        }
        self.image_settings()
    }

    /// Returns the size in GiB to which the disk grows. A disk that is larger than declared is a refusal.
    fn growth(&self, conf: &VmConf, is_new: bool) -> Result<Option<u64>, Refusal> {
        let Some(wanted) = &self.vm.disk else { return Ok(None) };
        if is_new {
            return Ok(Some(wanted.value));
        }
        let Some(present) = conf.disk_size(DISK) else { return Ok(None) };
        if present > wanted.value * GIB {
            let whose = format!("virtual machine {}", self.vm.vmid);
            return Err(shrinking(wanted, present, &whose));
        }
        Ok((present < wanted.value * GIB).then_some(wanted.value))
    }

    fn grown_attribute(&self, conf: &VmConf, gib: u64) -> Attribute {
        let present = PropertyText::parse(conf.get(DISK).unwrap_or_default());
        let before = present.get("size").map(str::to_owned);
        let mut shown = attribute(&format!("{DISK}.size"), before, Some(format!("{gib}G")));
        shown.class = self.running.then_some(Disruption::Live);
        shown.notes.push("the machine grows its own partition and file system; images for clouds do so when they start".to_owned());
        shown
    }

    /// Leaves the settings of cloud-init out where nothing reads them: a machine without its drive, which never
    /// had any of them, was made by hand.
    fn leave_cloud_init(&self, conf: &VmConf, keys: &mut Vec<KeyChange>, draft: &mut Draft) {
        let reads =
            |(key, value): (&str, &str)| is_for_cloud_init(key) || value.contains("cloudinit");
        let made_here = matches!(self.vm.source, Some(VmSource::Image(_)));
        if made_here || conf.main().entries().any(reads) {
            return;
        }
        let left = keys.extract_if(.., |change| change.is_for_cloud_init());
        let left = left.map(|change| change.key).collect::<Vec<_>>();
        if !left.is_empty() {
            let what = format!(
                "{}: left alone, since the machine has no cloud-init drive that would read it",
                left.join(", ")
            );
            self.defer(draft, what);
        }
    }

    /// Says what has to be known of settings that only cloud-init reads.
    fn cloud_init_note(&self, conf: &VmConf, keys: &[KeyChange]) -> Option<String> {
        if !keys.iter().any(KeyChange::is_for_cloud_init) {
            return None;
        }
        if conf.wanted("cicustom").is_some() {
            return Some(
                "`cicustom` names files of its own, which win over what is set here".to_owned(),
            );
        }
        let what = "cloud-init reads address, name server and user when the machine starts again";
        self.running.then(|| what.to_owned())
    }

    /// Reports what is declared to the node already and waits for the machine's next start.
    fn report_waiting(&self, keys: &[KeyChange], draft: &mut Draft) {
        let Some(conf) = self.conf.as_ref().filter(|_| self.running) else { return };
        for (key, value) in conf.pending().entries() {
            if self.declares(key) && keys.iter().all(|change| change.key != key) {
                self.defer(draft, format!("{key} = {value}: waits for the machine's next start"));
            }
        }
    }
}

/// Returns the refusal to make a disk smaller.
pub(super) fn shrinking(wanted: &Located<u64>, present: u64, whose: &str) -> Refusal {
    let gib = present.div_ceil(GIB);
    Refusal::declared(
        &wanted.origin,
        format!("the disk of {whose} has {gib} GiB, and a disk does not shrink"),
        format!("Write {gib} or more; to make it smaller, make the machine anew."),
    )
}

impl Differences {
    fn reason(&self) -> String {
        let mut reasons = Vec::new();
        match (self.disk.is_empty(), self.grown) {
            (false, _) => reasons.push("its disk".to_owned()),
            (true, Some(_)) => reasons.push(format!("{DISK} grows")),
            (true, None) => {}
        }
        reasons.extend(self.keys.iter().map(KeyChange::reason));
        // Two say what it is about; the details stand below.
        const SHOWN: usize = 2;
        let more = reasons.len().saturating_sub(SHOWN);
        reasons.truncate(SHOWN);
        let more = if more > 0 { format!(", {more} more") } else { String::new() };
        reasons.join(", ") + &more
    }
}

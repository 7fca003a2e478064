//! `pct set` on a container that runs.

use std::collections::{BTreeMap, BTreeSet};

use super::class::{Class, is_fast, is_no_limit, is_pluggable, is_resource, is_unused};
use super::generated;
use super::live::Live;
use super::maker::Maker;
use super::net_change;
use super::node::NodeView;
use super::outcome::Outcome;
use super::pending;
use super::plug;
use super::request::PctSet;
use super::stage::{self, Stage};
use crate::lxc_conf::volume;

/// Returns what the command does to a running container.
///
/// When a change cannot be made while the container runs, the command fails and its file stays as
/// it was; what had taken effect by then, such as a memory limit, stays in effect all the same. Only
/// an interface that was deleted to be made anew is gone from the file too.
pub fn set_running(text: &str, request: &PctSet, node: &NodeView, live: &Live) -> Outcome {
    let stage = match stage::stage(text, request, node) {
        Ok(stage) => stage,
        Err(why) => return Outcome::refused(text, why),
    };
    let mut run = Run::of(stage, Maker { node, vmid: Some(request.vmid) }, live);
    run.set_fast();
    run.delete();
    run.change();
    run.finish(text)
}

/// A command on its way through a running container.
pub(super) struct Run<'a> {
    pub(super) stage: Stage,
    pub(super) node: &'a NodeView,
    maker: Maker<'a>,
    pub(super) live: &'a Live,
    pub(super) classes: BTreeMap<String, Class>,
    pub(super) silent: BTreeSet<String>,
    /// What the command has written on its way.
    pub(super) written: Option<String>,
    faults: Vec<String>,
}

impl<'a> Run<'a> {
    fn of(stage: Stage, maker: Maker<'a>, live: &'a Live) -> Self {
        let (classes, silent) = (BTreeMap::new(), BTreeSet::new());
        Self {
            stage,
            node: maker.node,
            maker,
            live,
            classes,
            silent,
            written: None,
            faults: Vec::new(),
        }
    }

    fn changes(&self) -> Vec<(String, String)> {
        let changes = pending::changes(&self.stage.sections.pending).into_iter();
        changes.filter(|(key, _)| self.stage.touched.contains(key)).collect()
    }

    fn set_fast(&mut self) {
        for (key, value) in self.changes().into_iter().filter(|(key, _)| is_fast(key)) {
            self.classify_fast(&key);
            self.accept(&key, value);
        }
    }

    fn classify_fast(&mut self, key: &str) {
        let silent = key == "hostname";
        if silent {
            self.silent.insert(key.to_owned());
        }
        self.classes
            .insert(key.to_owned(), if silent { Class::PendingSilent } else { Class::Live });
    }

    fn accept(&mut self, key: &str, value: String) {
        self.stage.sections.main.values.insert(key.to_owned(), value);
        self.stage.sections.pending.values.remove(key);
    }

    fn delete(&mut self) {
        let queued = pending::deletions(&self.stage.sections.pending).into_keys();
        for key in queued.filter(|key| self.stage.touched.contains(key)).collect::<Vec<_>>() {
            let class = if volume::index(&key, "net").is_some() {
                net_change::deletion(&key)
            } else if is_fast(&key) || is_unused(&key) || (is_resource(&key) && key != "memory") {
                Class::Live
            } else {
                Class::Pending
            };
            self.classes.insert(key.clone(), class);
            if class != Class::Pending {
                self.drop_setting(&key);
            }
        }
    }

    fn drop_setting(&mut self, key: &str) {
        if is_fast(key) {
            self.classify_fast(key);
        }
        self.stage.sections.main.values.remove(key);
        pending::forget_deletion(&mut self.stage.sections.pending, key);
    }

    fn change(&mut self) {
        for (key, value) in self.changes() {
            match self.plug(&key, &value) {
                Ok(Some(value)) => self.accept(&key, value),
                Ok(None) => drop(self.classes.insert(key, Class::Pending)),
                Err(why) => self
                    .faults
                    .push(format!("`{key}` cannot be changed while the container runs: {why}")),
            }
        }
    }

    /// Brings a change into force; returns the value to store, or `None` when it stays pending.
    fn plug(&mut self, key: &str, value: &str) -> Result<Option<String>, String> {
        let is_new = self.stage.sections.main.get(key).is_none();
        let stored = match key {
            "cpulimit" if is_no_limit(value) => {
                return Err(
                    "a limit of 0 is refused by the kernel: delete the limit instead".to_owned()
                );
            }
            _ if is_resource(key) => value.to_owned(),
            _ if volume::index(key, "net").is_some() => {
                return plug::plug_net(self, key, value).map(Some);
            }
            _ if volume::is_mount_point(key) && is_new => self.mounted(value)?,
            _ if is_pluggable(key) && is_new => value.to_owned(),
            _ => return Ok(None),
        };
        self.classes.insert(key.to_owned(), Class::Live);
        Ok(Some(stored))
    }

    fn mounted(&self, value: &str) -> Result<String, String> {
        let stored = self.maker.mount(&self.stage.sections, value)?;
        let path =
            volume::MOUNT_SCHEMA.parse(&stored).ok().and_then(|mut values| values.remove("volume"));
        match path.filter(|path| path.starts_with('/') && !self.node.directories.may_have(path)) {
            Some(path) => Err(format!("there is no directory `{path}`")),
            None => Ok(stored),
        }
    }

    fn finish(self, text: &str) -> Outcome {
        let messages = || self.stage.warnings.iter().chain(&self.faults).cloned().collect();
        if !self.faults.is_empty() {
            let after = self.written.clone().unwrap_or_else(|| text.to_owned());
            return Outcome::new(text, after, messages()).failed();
        }
        let mut outcome = Outcome::new(text, self.stage.sections.written(), messages());
        if let Err(why) = generated::check(&self.stage.sections.main, self.node) {
            outcome.messages.push(why);
            return outcome.failed();
        }
        let hardest = self.classes.values().max().copied();
        // A command that changes nothing, or only takes something back, takes effect at once.
        outcome.class = Some(hardest.filter(|_| outcome.changed).unwrap_or(Class::Live));
        Outcome { classes: self.classes, silent: self.silent, ..outcome }
    }
}

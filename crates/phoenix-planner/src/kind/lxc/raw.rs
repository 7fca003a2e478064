//! `lxc_options`: raw `lxc.*` lines, which only an edit of the file can set.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::{Edit, LostLine, LxcConf};

use super::{attribute, ids};
use crate::desired::Container;
use crate::plan::{Attribute, Disruption, Draft};

/// The keys of lxc.container.conf(5) that may stand several times, each line adding to the others.
const LISTS: [&str; 9] = [
    "lxc.cap.drop",
    "lxc.cap.keep",
    "lxc.cgroup.",
    "lxc.cgroup2.",
    "lxc.environment",
    "lxc.hook.",
    "lxc.idmap",
    "lxc.mount.auto",
    "lxc.mount.entry",
];

/// The raw lines that are declared and not there.
pub(super) struct Change {
    lines: Vec<Line>,
    /// Lines that Proxmox VE would drop at its next write, so that they are not written.
    impossible: Vec<LostLine>,
}

struct Line {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

/// Returns the declared raw lines that are not there; lines that are not declared stay.
pub(super) fn change(container: &Container, conf: &LxcConf) -> Change {
    let wanted = container.raw.iter().map(|located| &located.value);
    let missing = wanted.filter(|pair| !conf.raw().contains(pair));
    let impossible = missing.clone().filter_map(lost).collect();
    let lines = missing.filter(|pair| lost(pair).is_none()).map(|(key, value)| Line {
        key: key.clone(),
        before: replaced(conf, key).map(str::to_owned),
        after: Some(value.clone()),
    });
    Change { lines: stale_ids(container, conf).into_iter().chain(lines).collect(), impossible }
}

/// Returns the lines of an id map that another one replaces: two that overlap keep a container from starting.
fn stale_ids(container: &Container, conf: &LxcConf) -> Vec<Line> {
    if ids::own(container).is_none() {
        return Vec::new();
    }
    let is_stale = |pair: &&(String, String)| {
        pair.0 == ids::KEY && container.raw.iter().all(|located| located.value != **pair)
    };
    let stale = conf.raw().iter().filter(is_stale);
    let line = |(key, value): &(String, String)| Line {
        key: key.clone(),
        before: Some(value.clone()),
        after: None,
    };
    stale.map(line).collect()
}

/// Returns the line as Proxmox VE drops it, if it does.
fn lost((key, value): &(String, String)) -> Option<LostLine> {
    LxcConf::parse(&format!("{key}: {value}\n")).lost().pop()
}

/// Returns the value that a new one replaces: none for a key that may stand several times.
fn replaced<'a>(conf: &'a LxcConf, key: &str) -> Option<&'a str> {
    let mut present = conf.raw().iter().rev().filter(|(name, _)| name == key);
    if is_list(key) { None } else { present.next().map(|(_, value)| value.as_str()) }
}

fn is_list(key: &str) -> bool {
    LISTS.iter().any(|list| key == *list || list.ends_with('.') && key.starts_with(list))
}

/// Returns the edits that give a container its declared raw lines whatever it has, such as those of what it
/// was cloned from. Id maps are whole: two that overlap keep a container from starting.
pub(super) fn edits_of_new(container: &Container) -> Vec<Edit> {
    let wanted = container.raw.iter().map(|located| &located.value);
    let kept = wanted.filter(|pair| lost(pair).is_none()).collect::<Vec<_>>();
    let mut edits = Vec::new();
    for (key, value) in &kept {
        let pairs = kept.iter().filter(|(other, _)| other == key).map(|pair| (*pair).clone());
        let edit = if is_list(key) && key != "lxc.idmap" {
            Edit::AddRaw { key: key.clone(), value: value.clone() }
        } else {
            Edit::RawUnder { prefix: key.clone(), pairs: pairs.collect() }
        };
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    edits
}

impl Change {
    /// Reports the lines that cannot be written.
    pub(super) fn report(&self, vmid: Vmid, draft: &mut Draft) {
        for LostLine { text, reason, .. } in &self.impossible {
            let what = format!("`{text}` would be dropped by Proxmox VE: {reason}");
            draft.defer(super::address(vmid), what);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn attributes(&self, running: bool) -> Vec<Attribute> {
        let shown = |line: &Line| {
            let mut shown = attribute(&line.key, line.before.clone(), line.after.clone());
            shown.class = running.then_some(Disruption::Pending);
            shown
        };
        self.lines.iter().map(shown).collect()
    }

    pub(super) fn reason(&self) -> Option<String> {
        match self.lines.as_slice() {
            [] => None,
            [line] => Some(line.key.clone()),
            lines => Some(format!("{} raw lines", lines.len())),
        }
    }

    pub(super) fn edits(&self) -> Vec<Edit> {
        let remove = |line: &Line| {
            let (key, value) = (line.key.clone(), line.before.clone()?);
            Some(Edit::RemoveRaw { key, value })
        };
        let add = |line: &Line| {
            let (key, value) = (line.key.clone(), line.after.clone()?);
            Some(Edit::AddRaw { key, value })
        };
        self.lines.iter().flat_map(|line| remove(line).into_iter().chain(add(line))).collect()
    }
}

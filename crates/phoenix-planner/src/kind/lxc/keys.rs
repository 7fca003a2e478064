//! The plain keys of a container's configuration.

use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::pct;

use super::attribute;
use crate::desired::Container;
use crate::plan::{Attribute, Disruption};

/// One key that differs.
pub(super) struct KeyChange {
    pub(super) key: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    /// What the change does to a running container.
    pub(super) class: Disruption,
    /// The parts that differ, where the value has parts: name, before, after.
    pub(super) parts: Vec<(String, Option<String>, Option<String>)>,
    pub(super) notes: Vec<String>,
}

impl KeyChange {
    pub(super) fn new(conf: &LxcConf, key: &str, after: Option<String>) -> Self {
        let before = present(conf, key).map(str::to_owned);
        let class = pct::class_of(key, conf.get(key), after.as_deref());
        let (class, silent) = disruption(class);
        let mut notes = Vec::new();
        if silent {
            notes.push(
                "in force after the container's next start; Proxmox VE does not list it as pending"
                    .into(),
            );
        }
        Self { key: key.to_owned(), before, after, class, parts: Vec::new(), notes }
    }

    pub(super) fn reason(&self) -> String {
        let Self { key, before, after, parts, .. } = self;
        match (parts.as_slice(), before, after) {
            ([(part, Some(before), Some(after))], ..) => format!("{key} {part} {before} → {after}"),
            ([(part, ..)], ..) => format!("{key} {part}"),
            ([], Some(before), Some(after)) if before.len() + after.len() < 30 => {
                format!("{key} {before} → {after}")
            }
            (_, _, None) => format!("{key} removed"),
            _ => key.clone(),
        }
    }

    pub(super) fn attributes(&self, running: bool) -> Vec<Attribute> {
        let class = running.then_some(self.class);
        let mut attributes = if self.parts.is_empty() {
            vec![attribute(&self.key, self.before.clone(), self.after.clone())]
        } else {
            let part = |(name, before, after): &(String, Option<String>, Option<String>)| {
                attribute(&format!("{}.{name}", self.key), before.clone(), after.clone())
            };
            self.parts.iter().map(part).collect()
        };
        for attribute in &mut attributes {
            attribute.class = class;
        }
        if let (Some(last), true) = (attributes.last_mut(), running) {
            last.notes.clone_from(&self.notes);
        }
        attributes
    }
}

/// Returns what a class of Proxmox VE means to the users of a guest, and whether it is silent.
fn disruption(class: pct::Class) -> (Disruption, bool) {
    match class {
        pct::Class::Live => (Disruption::Live, false),
        pct::Class::Reconnect => (Disruption::Reconnect, false),
        pct::Class::Pending => (Disruption::Pending, false),
        pct::Class::PendingSilent => (Disruption::Pending, true),
        pct::Class::Refused => (Disruption::Pending, false),
    }
}

/// Returns the value that a key has, or will have after the container's next start.
pub(super) fn present<'a>(conf: &'a LxcConf, key: &str) -> Option<&'a str> {
    let pending = conf.pending();
    if let Some(value) = pending.get(key) {
        return Some(value);
    }
    let deleted = pending.deletions().iter().any(|deletion| deletion.key == key);
    if deleted { None } else { conf.get(key) }
}

/// Returns whether the operator declares a key of the configuration.
pub(super) fn declares(container: &Container, key: &str) -> bool {
    match key {
        "memory" => container.memory.is_some(),
        "swap" => container.swap.is_some(),
        "cores" => container.cores.is_some(),
        "onboot" => container.onboot.is_some(),
        "hostname" => container.hostname.is_some(),
        "nameserver" => container.nameservers.is_some(),
        "startup" => container.startup.is_some(),
        "features" => container.nesting.is_some() || !container.features.is_empty(),
        "net0" => container.net0.is_some(),
        "net1" => container.public.is_some(),
        _ => false,
    }
}

/// Returns whether a boolean is on, in any of the words that Proxmox VE takes for it.
pub(in super::super) fn is_on(word: &str) -> bool {
    ["1", "on", "yes", "true"].iter().any(|on| word.eq_ignore_ascii_case(on))
}

/// Returns the keys whose declared value means something else than the present one.
pub(super) fn changes(container: &Container, conf: &LxcConf) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    let mut number = |key: &str, wanted: Option<u64>, default: Option<u64>| {
        let present = present(conf, key).and_then(|text| text.parse().ok()).or(default);
        if wanted.is_some() && wanted != present {
            changes.push(KeyChange::new(conf, key, wanted.map(|number| number.to_string())));
        }
    };
    // The defaults are Proxmox VE's own (pct.conf(5)): a container that does not name the key has them.
    number("memory", container.memory.as_ref().map(|l| l.value), Some(512));
    number("swap", container.swap.as_ref().map(|l| l.value), Some(512));
    number("cores", container.cores.as_ref().map(|l| l.value.into()), None);
    let onboot = container.onboot.as_ref().map(|located| located.value);
    if onboot.is_some_and(|wanted| wanted != is_on(present(conf, "onboot").unwrap_or_default())) {
        let wanted = onboot.map(|on| u8::from(on).to_string());
        changes.push(KeyChange::new(conf, "onboot", wanted));
    }
    if let Some(name) = &container.hostname
        && present(conf, "hostname") != Some(name.value.as_str())
    {
        changes.push(KeyChange::new(conf, "hostname", Some(name.value.clone())));
    }
    changes.extend(nameserver(container, conf));
    changes
}

fn nameserver(container: &Container, conf: &LxcConf) -> Option<KeyChange> {
    let wanted = &container.nameservers.as_ref()?.value;
    let present = present(conf, "nameserver").unwrap_or_default();
    let separators = |c: char| c.is_whitespace() || c == ',' || c == ';';
    let words = present.split(separators).filter(|word| !word.is_empty());
    let same = words.clone().map(|word| word.parse().ok()).eq(wanted.iter().copied().map(Some));
    let text = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    (!same).then(|| KeyChange::new(conf, "nameserver", (!text.is_empty()).then_some(text)))
}

//! The section `[pve:pending]`: what is queued there, and what happens to it when the container stops.

use std::collections::{BTreeMap, BTreeSet};

use super::maker::Maker;
use super::node::NodeView;
use crate::lxc_conf::volume::{self, MOST_VOLUMES};
use crate::lxc_conf::{LxcConf, Section, Sections};
use crate::net::LxcNet;

/// Returns the configuration after the container has stopped: what was pending is in force.
///
/// A change that cannot be applied stays pending, as it does on a node.
pub fn apply_pending(text: &str, node: &NodeView) -> String {
    let conf = LxcConf::parse(text);
    if conf.pending().is_empty() {
        return text.to_owned();
    }
    let mut sections = conf.sections().clone();
    // What cannot be applied is still in the section: there is nobody to tell.
    let _ = apply(&mut sections, None, Maker { node, vmid: None });
    if !sections.pending.raw.is_empty() {
        sections.main.raw = std::mem::take(&mut sections.pending.raw);
    }
    sections.written()
}

/// Returns the settings that wait for their deletion, and whether it is forced.
pub(super) fn deletions(pending: &Section) -> BTreeMap<String, bool> {
    pending.deletions().into_iter().map(|deletion| (deletion.key, deletion.forced)).collect()
}

fn set_deletions(pending: &mut Section, deletions: &BTreeMap<String, bool>) {
    let entry =
        |(key, forced): (&String, &bool)| if *forced { format!("!{key}") } else { key.clone() };
    let list = deletions.iter().map(entry).collect::<Vec<_>>().join(",");
    if list.is_empty() {
        pending.values.remove("delete");
    } else {
        pending.values.insert("delete".to_owned(), list);
    }
}

pub(super) fn queue_deletion(pending: &mut Section, key: &str) {
    let mut queued = deletions(pending);
    queued.insert(key.to_owned(), false);
    set_deletions(pending, &queued);
}

pub(super) fn forget_deletion(pending: &mut Section, key: &str) {
    let mut queued = deletions(pending);
    if queued.remove(key).is_some() {
        set_deletions(pending, &queued);
    }
}

/// Returns the settings that wait for a new value.
pub(super) fn changes(pending: &Section) -> Vec<(String, String)> {
    let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    pending.entries().filter(|(key, _)| *key != "delete").map(own).collect()
}

/// Drops pending changes that change nothing, and deletions of what is not set.
pub(super) fn clean_up(sections: &mut Sections) {
    let Sections { main, pending, .. } = sections;
    pending.values.retain(|key, value| key == "delete" || main.get(key) != Some(value.as_str()));
    let mut queued = deletions(pending);
    queued.retain(|key, _| main.get(key).is_some());
    set_deletions(pending, &queued);
}

/// Applies what is pending to a stopped container, all of it or these keys; returns what failed.
pub(super) fn apply(
    sections: &mut Sections,
    only: Option<&BTreeSet<String>>,
    maker: Maker<'_>,
) -> Vec<String> {
    let is_chosen = |key: &str| only.is_none_or(|keys| keys.contains(key));
    let mut faults = Vec::new();
    let mut queued = deletions(&sections.pending);
    queued.retain(|key, _| match is_chosen(key).then(|| delete(&mut sections.main, key)) {
        Some(Ok(())) => false,
        Some(Err(why)) => {
            faults.push(format!("`{key}` cannot be deleted: {why}"));
            true
        }
        None => true,
    });
    set_deletions(&mut sections.pending, &queued);
    clean_up(sections);
    for (key, value) in changes(&sections.pending).into_iter().filter(|(key, _)| is_chosen(key)) {
        match change(sections, &key, &value, maker) {
            Ok(()) => drop(sections.pending.values.remove(&key)),
            Err(why) => faults.push(format!("`{key}` cannot be changed: {why}")),
        }
    }
    faults
}

fn delete(main: &mut Section, key: &str) -> Result<(), String> {
    let present = main.get(key).unwrap_or_default().to_owned();
    if volume::index(key, "net").is_some() && !present.is_empty() {
        LxcNet::parse(&present).map_err(|error| format!("its present value is broken: {error}"))?;
    } else if volume::is_mount_point(key) {
        volume::MOUNT_SCHEMA.parse(&present).map_err(|error| error.to_string())?;
        release(main, key, &present)?;
    }
    main.values.remove(key);
    Ok(())
}

fn change(sections: &mut Sections, key: &str, value: &str, maker: Maker<'_>) -> Result<(), String> {
    let present = sections.main.get(key).map(str::to_owned);
    let stored = if volume::index(key, "net").is_some() {
        let present = present.as_deref().map(LxcNet::parse).transpose();
        present.map_err(|error| format!("its present value is broken: {error}"))?;
        stored_net(value, &maker.node.random_mac)?
    } else if volume::is_mount_point(key) {
        let stored = maker.mount(sections, value)?;
        present.map_or(Ok(()), |present| release(&mut sections.main, key, &present))?;
        stored
    } else {
        value.to_owned()
    };
    sections.main.values.insert(key.to_owned(), stored);
    Ok(())
}

fn stored_net(value: &str, random_mac: &str) -> Result<String, String> {
    let net = LxcNet::parse(value).map_err(|error| error.to_string())?;
    Ok(net.completed(random_mac).canonical())
}

/// Keeps a volume that loses its mount point as an unused one; one in use is dropped when writing.
fn release(main: &mut Section, key: &str, value: &str) -> Result<(), String> {
    let Some(volume) = volume::volume(key, value) else { return Ok(()) };
    let unused = || (0..MOST_VOLUMES).map(|number| format!("unused{number}"));
    if unused().any(|key| main.get(&key) == Some(volume.as_str())) {
        return Ok(());
    }
    let free = unused().find(|key| main.get(key).is_none());
    let free = free.ok_or("there are too many unused volumes")?;
    main.values.insert(free, volume);
    Ok(())
}

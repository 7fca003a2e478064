//! The first half of every `pct set`: what it asks for goes into the pending section.

use std::collections::BTreeSet;

use super::class::is_pluggable;
use super::node::NodeView;
use super::pending;
use super::request::PctSet;
use crate::lxc_conf::setting::DEVICE_SCHEMA;
use crate::lxc_conf::{LxcConf, Section, Sections, volume};
use crate::net::LxcNet;
use crate::property::check;

/// A configuration whose pending section holds what the command asks for.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) sections: Sections,
    /// The settings that the command names and that are, or would be, set.
    pub(super) touched: BTreeSet<String>,
    pub(super) warnings: Vec<String>,
}

/// Stages a command, or says why it is refused before anything is changed.
pub(super) fn stage(text: &str, request: &PctSet, node: &NodeView) -> Result<Stage, String> {
    let conf = LxcConf::parse(text);
    check_entry(&conf, request)?;
    let sections = conf.sections().clone();
    let mut stage = Stage { sections, touched: BTreeSet::new(), warnings: Vec::new() };
    for key in &request.revert {
        stage.sections.pending.values.remove(key);
        pending::forget_deletion(&mut stage.sections.pending, key);
    }
    for key in &request.delete {
        stage.delete(key)?;
    }
    for (key, value) in &request.set {
        stage.set(key, value, node)?;
    }
    pending::clean_up(&mut stage.sections);
    Ok(stage)
}

fn check_entry(conf: &LxcConf, request: &PctSet) -> Result<(), String> {
    if let Some(lock) = conf.lock().filter(|lock| is_true(lock)) {
        return Err(format!("the container is locked: `{lock}`"));
    }
    match &request.digest {
        Some(digest) if *digest != conf.digest() => {
            Err("the configuration is not the one that the digest is of".to_owned())
        }
        _ => Ok(()),
    }
}

/// What counts as true in the language of Proxmox VE.
pub(super) fn is_true(value: &str) -> bool {
    !matches!(value, "" | "0")
}

fn check_protection(main: &Section, key: &str) -> Result<(), String> {
    if main.get("protection").is_some_and(is_true) {
        return Err(format!("the container is protected: `{key}` cannot be changed"));
    }
    Ok(())
}

impl Stage {
    fn delete(&mut self, key: &str) -> Result<(), String> {
        let Sections { main, pending, .. } = &mut self.sections;
        if main.get(key).is_none() && pending.get(key).is_none() {
            self.warnings.push(format!("`{key}` is not set: there is nothing to delete"));
            return Ok(());
        }
        match key {
            "memory" | "rootfs" | "ostype" => {
                return Err(format!("`{key}` must be set: it cannot be deleted"));
            }
            "unprivileged" => return Err("`unprivileged` cannot be changed".to_owned()),
            _ if volume::is_mount_point(key) || volume::index(key, "unused").is_some() => {
                check_protection(main, key)?;
            }
            _ => {}
        }
        self.touched.insert(key.to_owned());
        pending::queue_deletion(pending, key);
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str, node: &NodeView) -> Result<(), String> {
        if key != "description" && value.contains('\n') {
            return Err(format!("`{key}` cannot hold a line feed"));
        }
        let value = self.prepared(key, value, node)?;
        self.touched.insert(key.to_owned());
        self.sections.pending.values.insert(key.to_owned(), value);
        pending::forget_deletion(&mut self.sections.pending, key);
        Ok(())
    }

    /// Returns the value that goes into the pending section, if the node lets it.
    fn prepared(&self, key: &str, value: &str, node: &NodeView) -> Result<String, String> {
        match key {
            "unprivileged" => return Err("`unprivileged` cannot be changed".to_owned()),
            "nameserver" | "searchdomain" => {
                return Ok(check::split_list(value).collect::<Vec<_>>().join(" "));
            }
            "tags" => return Ok(unique_tags(value)),
            "rootfs" => check_protection(&self.sections.main, key)?,
            "hookscript" if !node.hookscripts.may_have(value) => {
                return Err(format!("there is no hook script `{value}`"));
            }
            _ if volume::is_mount_point(key) => check_protection(&self.sections.main, key)?,
            _ if is_pluggable(key) => check_device(key, value, node)?,
            _ if volume::index(key, "net").is_some() => check_net(key, value, node)?,
            _ => {}
        }
        Ok(value.to_owned())
    }
}

fn unique_tags(value: &str) -> String {
    let tags: BTreeSet<String> = check::split_list(value).map(str::to_ascii_lowercase).collect();
    tags.into_iter().collect::<Vec<_>>().join(";")
}

fn check_device(key: &str, value: &str, node: &NodeView) -> Result<(), String> {
    let values = DEVICE_SCHEMA.parse(value).map_err(|error| error.to_string())?;
    let path = values.get("path").ok_or_else(|| format!("`{key}` names no device"))?;
    if node.devices.may_have(path) { Ok(()) } else { Err(format!("there is no device `{path}`")) }
}

fn check_net(key: &str, value: &str, node: &NodeView) -> Result<(), String> {
    let net = LxcNet::parse(value).map_err(|error| error.to_string())?;
    if net.is_on("host-managed") && net.get("ip6") == Some("auto") && !net.is_on("link_down") {
        return Err(format!("`{key}`: an interface that the host manages cannot have `ip6=auto`"));
    }
    let Some(mtu) = net.get("mtu") else { return Ok(()) };
    let bridge = net.get("bridge").unwrap_or_default();
    let most =
        node.bridges.get(bridge).ok_or_else(|| format!("there is no bridge `{bridge}`"))?.mtu;
    check::in_range(mtu, (0.0, f64::from(most)))
        .map_err(|_| format!("`{key}`: an MTU of {mtu} is more than the {most} of `{bridge}`"))
}

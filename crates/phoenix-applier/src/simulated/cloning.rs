//! Clones containers: of a template, of a snapshot, or of one that is stopped.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::{Edit, LxcConf, Section};
use phoenix_formats::property::PropertyText;

use super::SimulatedNode;
use super::making::{Options, Refused, is_on, only, options};
use crate::node::NodeError;

impl SimulatedNode {
    pub(super) fn clone_guest(
        &mut self,
        vmid: Vmid,
        newid: &str,
        rest: &[&str],
    ) -> Result<Result<(), Refused>, NodeError> {
        let (new, text) = match self.cloned(vmid, newid, rest) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        self.put_new_conf(new, &text)?;
        self.copy_rules(&vmid.to_string(), &new.to_string())?;
        self.copy_guest(vmid, new)
            .map_err(|source| NodeError::File { at: self.conf_location(new), source })?;
        Ok(Ok(()))
    }

    fn cloned(&self, vmid: Vmid, newid: &str, rest: &[&str]) -> Result<(Vmid, String), Refused> {
        let new = newid.parse::<Vmid>().map_err(|error| error.to_string())?;
        let text = self.guest(vmid)?;
        self.check_free(new)?;
        let given = options(rest)?;
        only(&given, &["full", "hostname", "snapname", "storage", "description", "pool"])?;
        let conf = LxcConf::parse(&text);
        let section = section(&conf, &given)?;
        self.check_clonable(vmid, &conf, section, &given)?;
        let mut lines = Vec::new();
        for (key, value) in section.entries() {
            lines.extend(self.cloned_line(vmid, new, (key, value), given.get("storage"))?);
        }
        let name = given.get("hostname").cloned().unwrap_or_else(|| format!("CT{new}"));
        let edits = lines.into_iter().chain([("hostname".to_owned(), name)]);
        let edits = edits.map(|(key, value)| Edit::Set { key, value });
        let raw = section.raw().iter().cloned();
        let raw = raw.map(|(key, value)| Edit::AddRaw { key, value });
        let text = LxcConf::parse("").edit(&edits.chain(raw).collect::<Vec<_>>());
        Ok((new, text.map_err(|error| error.to_string())?))
    }

    fn check_clonable(
        &self,
        vmid: Vmid,
        conf: &LxcConf,
        section: &Section,
        given: &Options,
    ) -> Result<(), Refused> {
        let is_template = conf.get("template").is_some_and(is_on);
        let full = given.get("full").map_or(!is_template, |full| is_on(full));
        if self.is_running(vmid) && !given.contains_key("snapname") {
            return Err("a running container is cloned from a snapshot only".to_owned());
        }
        if !full && (!is_template || given.contains_key("storage")) {
            return Err("only a template can be cloned without a copy, and not to another storage"
                .to_owned());
        }
        let folder = |(key, value): &(&str, &str)| key.starts_with("mp") && value.starts_with('/');
        match section.entries().find(|entry| folder(entry)) {
            Some((key, _)) => {
                Err(format!("`{key}` is a folder of the node, which cannot be cloned"))
            }
            None => Ok(()),
        }
    }

    /// Returns what a line is in the clone; `None` when it is not in it.
    fn cloned_line(
        &self,
        vmid: Vmid,
        new: Vmid,
        (key, value): (&str, &str),
        storage: Option<&String>,
    ) -> Result<Option<(String, String)>, Refused> {
        let value = match key {
            "lock" | "parent" | "snaptime" | "snapstate" | "template" => return Ok(None),
            _ if key.starts_with("unused") => return Ok(None),
            "rootfs" => self.cloned_volume(new, value, storage)?,
            _ if key.starts_with("net") => {
                let number = key.trim_start_matches("net").parse().unwrap_or(0);
                let mac = super::chosen_mac(new, number);
                PropertyText::parse(value).with("hwaddr", &mac).to_string()
            }
            _ => value.replace(&format!("-{vmid}-"), &format!("-{new}-")),
        };
        Ok(Some((key.to_owned(), value)))
    }

    fn cloned_volume(
        &self,
        new: Vmid,
        value: &str,
        storage: Option<&String>,
    ) -> Result<String, Refused> {
        let text = PropertyText::parse(value);
        let old = text.bare().unwrap_or_default();
        let present = old.split_once(':').map_or("local", |(storage, _)| storage);
        let volume = self.root_volume(new, storage.map_or(present, String::as_str))?;
        Ok(value.replacen(old, &volume, 1))
    }
}

/// Returns the configuration that is cloned: the one of now, or of a snapshot.
fn section<'a>(conf: &'a LxcConf, given: &Options) -> Result<&'a Section, Refused> {
    match given.get("snapname") {
        Some(name) => {
            conf.snapshots().get(name).ok_or_else(|| format!("there is no snapshot `{name}`"))
        }
        None => Ok(conf.main()),
    }
}

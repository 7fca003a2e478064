//! `qm` on the virtual machines of the folder, `/etc/pve/qemu-server/<vmid>.conf`.
//!
//! It knows the subcommands and options that a plan may use, and takes of them what the real one takes. Two
//! things are made up where a real node measures them: the size of a disk that is made of an image, and
//! Ethernet addresses. What the real one notes about the making of a machine (`meta`, `smbios1`, `vmgenid`) is
//! left out, since it is another one each time. `qm guest exec` itself is never called by a plan, and not known.

mod agent;
mod changing;
mod making;
mod options;
mod power;

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::qm::VmConf;
use phoenix_planner::location::Location;
use phoenix_planner::probe::{Answer, Output};

use self::options::Options;
use super::tree::Write;
use super::{SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::{Expect, NodeError};

/// What `qm` ends with when it fails; only zero or not zero means anything.
const FAILED: i32 = 255;

/// Where virtual machines' configurations are.
const FOLDER: &str = "/etc/pve/qemu-server";

/// The mode of a configuration.
const MODE: u32 = 0o640;

/// Why a call fails.
type Refused = String;

impl SimulatedNode {
    /// Answers what changes nothing; `None` for any other call.
    pub(super) fn ask_qm(&self, words: &[&str]) -> Option<Output> {
        let answer = match words {
            ["list"] => Ok(self.qm_list()),
            ["status", vmid] => self.machine(vmid).map(|(vmid, _)| self.qm_status(vmid)),
            ["config", vmid, options @ ..] => self.qm_config(vmid, options),
            ["listsnapshot", vmid] => self.machine(vmid).map(|(_, conf)| snapshots(&conf)),
            ["agent", vmid, "ping"] | ["guest", "cmd", vmid, "ping"] => self.ping_agent(vmid),
            _ => return None,
        };
        Some(answer.map_or_else(|why| fail(FAILED, why), done))
    }

    /// Carries out what changes something; `None` for a call that is not known.
    pub(super) fn change_qm(&mut self, words: &[&str]) -> Result<Option<Output>, NodeError> {
        let [verb, vmid, rest @ ..] = words else { return Ok(None) };
        if let Err(why) = self.check_quorum() {
            return Ok(Some(fail(FAILED, why)));
        }
        let changed = match (*verb, rest) {
            ("create", options) => self.qm_create(vmid, options),
            ("clone", [new, options @ ..]) => {
                let made = self.qm_clone(vmid, new, options);
                if made.is_ok() {
                    self.copy_rules(vmid, new)?;
                }
                made
            }
            ("set", options) => self.qm_set(vmid, options),
            ("resize", [disk, size, options @ ..]) => self.qm_resize(vmid, disk, size, options),
            ("disk", [of, disk, size, options @ ..]) if *vmid == "resize" => {
                self.qm_resize(of, disk, size, options)
            }
            ("snapshot", [name, options @ ..]) => self.qm_snapshot(vmid, name, options),
            ("template", options) => self.qm_template(vmid, options),
            ("destroy", options) => self.qm_destroy(vmid, options),
            ("start" | "stop" | "shutdown", options) => self.qm_power(verb, vmid, options)?,
            _ => return Ok(None),
        };
        match changed {
            Err(why) => Ok(Some(fail(FAILED, why))),
            Ok(writes) => {
                for (vmid, text) in writes {
                    self.put_machine(vmid, text.as_deref())?;
                }
                Ok(Some(done("")))
            }
        }
    }

    fn qm_list(&self) -> String {
        let machines = self.machines();
        if machines.is_empty() {
            return String::new();
        }
        let head = row(["VMID", "NAME", "STATUS", "MEM(MB)", "BOOTDISK(GB)", "PID"]);
        let rows = machines.iter().map(|(vmid, conf)| {
            let number = vmid.to_string();
            let name = conf.get("name").map_or_else(|| format!("VM {vmid}"), str::to_owned);
            let size = conf.disk_size("scsi0").unwrap_or_default() / (1 << 20);
            let size = format!("{}.{:02}", size / 1024, size % 1024 * 100 / 1024);
            let (status, pid) = if self.machine_runs(*vmid) {
                ("running", number.as_str())
            } else {
                ("stopped", "0")
            };
            row([&number, &name, status, conf.get("memory").unwrap_or("512"), &size, pid])
        });
        head + &rows.collect::<String>()
    }

    fn qm_status(&self, vmid: Vmid) -> String {
        let status = if self.machine_runs(vmid) { "running" } else { "stopped" };
        format!("status: {status}\n")
    }

    fn qm_config(&self, vmid: &str, options: &[&str]) -> Result<String, Refused> {
        let (_, conf) = self.machine(vmid)?;
        let options = Options::read(options, &["current"])?;
        let current = options.get("current").is_some_and(|on| on == "1");
        let value = |key: &str| if current { conf.get(key) } else { conf.wanted(key) };
        let keys = conf.main().entries().chain(conf.pending().entries()).map(|(key, _)| key);
        let shown = keys.filter(|key| *key != "delete").filter_map(|key| Some((key, value(key)?)));
        let shown = shown.collect::<BTreeMap<_, _>>().into_iter();
        Ok(shown.map(|(key, value)| format!("{key}: {}\n", value.trim_end())).collect())
    }

    /// Returns a machine that is there and its configuration.
    fn machine(&self, vmid: &str) -> Result<(Vmid, VmConf), Refused> {
        let number = vmid.parse().map_err(|_| format!("`{vmid}` is not the number of a guest"))?;
        let text = self.files.text(&self.machine_path(number));
        let text = text.map_err(|_| format!("virtual machine {number} has no configuration"))?;
        Ok((number, VmConf::parse(&text)))
    }

    /// Returns a machine that no job holds locked.
    fn unlocked(&self, vmid: &str) -> Result<(Vmid, VmConf), Refused> {
        let (vmid, conf) = self.machine(vmid)?;
        match conf.lock() {
            Some(lock) => Err(format!("virtual machine {vmid} is locked by `{lock}`")),
            None => Ok((vmid, conf)),
        }
    }

    /// Gives a clone the firewall's file of its source, or none, as Proxmox VE does.
    pub(super) fn copy_rules(&self, source: &str, new: &str) -> Result<(), NodeError> {
        let path = |vmid: &str| format!("/etc/pve/firewall/{vmid}.fw");
        match (self.text(&path(source)), self.text(&path(new))) {
            (Some(rules), _) => self.put_text(&path(new), &rules),
            (None, Some(_)) => {
                self.files.remove(&self.standing(&Location::node(&path(new))), Expect::Anything)
            }
            (None, None) => Ok(()),
        }
    }

    fn machine_path(&self, vmid: Vmid) -> Location {
        self.standing(&Location::node(&format!("{FOLDER}/{vmid}.conf")))
    }

    fn machines(&self) -> BTreeMap<Vmid, VmConf> {
        let Answer::Names(names) = self.files.names(&self.standing(&Location::node(FOLDER))) else {
            return BTreeMap::new();
        };
        let numbers = names.iter().filter_map(|name| name.strip_suffix(".conf"));
        numbers.filter_map(|number| self.machine(number).ok()).collect()
    }

    fn machine_runs(&self, vmid: Vmid) -> bool {
        self.settings.running.contains(&vmid)
    }

    /// Writes a configuration; `None` removes it.
    fn put_machine(&self, vmid: Vmid, text: Option<&str>) -> Result<(), NodeError> {
        let at = self.machine_path(vmid);
        let expect = Expect::Anything;
        match text {
            Some(text) => self.files.write(Write {
                at: &at,
                expect,
                text,
                mode: MODE,
                missing: Missing::Make,
            }),
            None => self.files.remove(&at, expect),
        }
    }
}

/// What a call leaves: configurations by number, `None` for one that is gone.
type Writes = Vec<(Vmid, Option<String>)>;

fn row(columns: [&str; 6]) -> String {
    let [vmid, name, status, memory, disk, pid] = columns;
    format!("{vmid:>10} {name:<20} {status:<10} {memory:<10} {disk:>12} {pid:<10}\n")
}

fn snapshots(conf: &VmConf) -> String {
    let names = conf.snapshots().keys().map(|name| format!("`-> {name}\n"));
    names.chain(["`-> current\n".to_owned()]).collect()
}

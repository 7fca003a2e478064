//! The guest agent of a virtual machine, and what the programs say that it runs there.
//!
//! It answers while the machine runs and `agent` is on in what the machine was started with, unless
//! `node.json` says that none is installed in it.

use phoenix_formats::Vmid;
use phoenix_formats::qm::{IpConfig, is_agent_on};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::Output;

use super::Refused;
use crate::local::root::Missing;
use crate::node::NodeError;
use crate::simulated::tools::{Attributes, is_mode, location};
use crate::simulated::{SimulatedNode, done, fail, unknown};

/// The gateway of a machine that finds its own.
const OWN_GATEWAY: &str = "192.0.2.1";

/// What ip(8) ends with when there is no route.
const NO_ROUTE: i32 = 2;

impl SimulatedNode {
    /// Returns whether a guest is a virtual machine of this node.
    pub(in crate::simulated) fn is_machine(&self, vmid: Vmid) -> bool {
        self.files.has(self.machine_path(vmid).path.as_str())
    }

    /// Says why nothing inside a machine can be asked; `None` when its agent answers.
    pub(in crate::simulated) fn agent_fault(&self, vmid: Vmid) -> Option<&'static str> {
        let Ok((_, conf)) = self.machine(&vmid.to_string()) else {
            return Some("there is no such virtual machine on this node");
        };
        if !self.machine_runs(vmid) {
            Some("the virtual machine is not running")
        } else if !conf.get("agent").is_some_and(is_agent_on) {
            Some("its configuration has no `agent: 1`, by which its guest agent could be asked")
        } else if self.settings.without_agent.contains(&vmid) {
            Some(
                "its guest agent does not answer: install `qemu-guest-agent` in it and set `agent: 1`",
            )
        } else {
            None
        }
    }

    /// Answers `qm guest cmd ID ping`, which says nothing when all is well.
    pub(super) fn ping_agent(&self, vmid: &str) -> Result<String, Refused> {
        let (vmid, _) = self.machine(vmid)?;
        self.agent_fault(vmid).map_or_else(|| Ok(String::new()), |why| Err(why.to_owned()))
    }

    /// Runs a program in a machine that only answers.
    pub(in crate::simulated) fn machine_question(
        &self,
        vmid: Vmid,
        words: &[&str],
    ) -> Option<Output> {
        match words {
            ["ip", "-json", "route", "get", to] => Some(self.machine_route(vmid, to)),
            ["findmnt", "--noheadings", "--raw", "--output", "SOURCE", "--mountpoint", path] => {
                Some(self.mounted(vmid, path))
            }
            _ => self.feature_question(vmid, words),
        }
    }

    /// Runs a program in a machine that changes something.
    pub(in crate::simulated) fn machine_change(
        &self,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        match words {
            ["mount", "--", path] => self.mount(vmid, path).map(Some),
            _ => self.feature_change(vmid, words),
        }
    }

    /// Answers by which way a machine reaches an address: by the gateway that cloud-init gave it. One that gives
    /// itself its addresses is taken to have a gateway.
    fn machine_route(&self, vmid: Vmid, to: &str) -> Output {
        let conf = self.machine(&vmid.to_string()).ok().map(|(_, conf)| conf);
        let conf = conf.filter(|conf| conf.get("net0").is_some());
        let gateway = conf.and_then(|conf| {
            let Some(text) = conf.get("ipconfig0") else { return Some(OWN_GATEWAY.to_owned()) };
            let address = IpConfig::parse(text).ok()?;
            let by_itself = || (address.get("ip") != Some("manual")).then_some(OWN_GATEWAY);
            let is_fixed = address.get("ip").is_some_and(|ip| ip.contains('/'));
            let own = by_itself().filter(|_| !is_fixed);
            address.get("gw").or(own).map(str::to_owned)
        });
        match gateway {
            Some(gateway) => {
                done(format!("[{{\"dst\":\"{to}\",\"gateway\":\"{gateway}\",\"dev\":\"eth0\"}}]\n"))
            }
            None => fail(NO_ROUTE, "RTNETLINK answers: Network is unreachable"),
        }
    }

    /// Runs a program somewhere that reads a file of the node: install(1) is the one that is known.
    pub(in crate::simulated) fn feed(
        &self,
        place: Place,
        argv: &[String],
        input: &Location,
    ) -> Result<Output, NodeError> {
        let reached = self.reach(place);
        reached.map_err(|why| NodeError::Unreachable { place, why: why.to_owned() })?;
        let words = argv.iter().map(String::as_str).collect::<Vec<_>>();
        let (missing, mode, path) = match words[..] {
            ["install", mode, "--no-target-directory", "--", "/dev/stdin", path] => {
                (Missing::Fail, mode, path)
            }
            ["install", "-D", mode, "--no-target-directory", "--", "/dev/stdin", path] => {
                (Missing::Make, mode, path)
            }
            _ => return Ok(unknown(argv, "the simulated node feeds nothing but `install`")),
        };
        let source = Place::Node;
        let text = self.read(source, input.path.as_str());
        let (true, Some(text), Some(_)) = (is_mode(mode), text, location(place, path)) else {
            return Ok(fail(1, format!("install: cannot read {input}, or write `{path}`")));
        };
        // Folders that every machine has are not in a captured folder.
        let missing = if path.starts_with("/tmp/") { Missing::Make } else { missing };
        if let Some(failed) = self.put(place, path, &text, missing)? {
            return Ok(failed);
        }
        self.set_attributes(place, path, Some(&Attributes::of_mode(mode)))?;
        Ok(done(""))
    }
}

//! `qm start`, `stop` and `shutdown`.

use phoenix_formats::qm::{IpConfig, VmConf, VmNet};

use super::changing::applied;
use super::options::Options;
use super::{Refused, Writes};
use crate::node::NodeError;
use crate::simulated::SimulatedNode;
use crate::simulated::live::Running;

impl SimulatedNode {
    /// Starts or stops a machine; what is pending gets into its configuration then.
    pub(super) fn qm_power(
        &mut self,
        verb: &str,
        vmid: &str,
        words: &[&str],
    ) -> Result<Result<Writes, Refused>, NodeError> {
        let known: &[&str] = match verb {
            "shutdown" => &["timeout", "skiplock", "forceStop"],
            _ => &["timeout", "skiplock"],
        };
        let machine = Options::read(words, known).and_then(|_| self.unlocked(vmid));
        let (vmid, conf) = match machine {
            Ok(machine) => machine,
            Err(why) => return Ok(Err(why)),
        };
        let text = match applied(&conf) {
            Ok(text) => text,
            Err(why) => return Ok(Err(why)),
        };
        let (power, refused) = match (verb, self.machine_runs(vmid)) {
            ("start", true) => (Running::Yes, Some("is running already".to_owned())),
            ("start", false) => (Running::Yes, self.does_not_start(&VmConf::parse(&text))),
            (_, true) => (Running::No, None),
            (_, false) => (Running::No, Some("is not running".to_owned())),
        };
        if let Some(why) = refused {
            return Ok(Err(format!("virtual machine {vmid} {why}")));
        }
        self.note_running(vmid, power)?;
        Ok(Ok(vec![(vmid, Some(text))]))
    }

    fn does_not_start(&self, conf: &VmConf) -> Option<String> {
        if conf.is_on("template") {
            return Some("is a template".to_owned());
        }
        let links = self.host_routing().links;
        let has_bridge =
            |name: &str| links.iter().any(|link| link.is_bridge() && link.name == name);
        conf.main().entries().find_map(|(key, value)| {
            let number = |family: &str| key.strip_prefix(family)?.parse::<u8>().ok();
            if number("ipconfig").is_some() {
                let error = IpConfig::parse(value).err()?;
                return Some(format!("does not start: {key}: {error}"));
            }
            number("net")?;
            match VmNet::parse(value) {
                Err(error) => Some(format!("does not start: {key}: {error}")),
                Ok(net) => {
                    let lacks = net.get("bridge").filter(|bridge| !has_bridge(bridge))?;
                    Some(format!("does not start: there is no bridge `{lacks}`"))
                }
            }
        })
    }
}

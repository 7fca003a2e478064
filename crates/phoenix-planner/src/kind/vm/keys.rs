//! The settings of a machine that are declared, beside those that it has.

use std::fmt::Write as _;

use phoenix_formats::MacAddr;
use phoenix_formats::net::same_value;
use phoenix_formats::property::PropertyText;
use phoenix_formats::qm::{FirewallFlag, VmNet, is_agent_on};
use sha2::{Digest, Sha256};

use super::{Machine, NET, attribute};
use crate::desired::{Ipv4Config, VmAddress};
use crate::plan::{Attribute, Disruption};

/// The setting of cloud-init's addresses for the declared interface.
const ADDRESS: &str = "ipconfig0";

/// The setting by which the guest agent can be asked.
const AGENT: &str = "agent";

/// What a machine has that does not say so (qm.conf(5)).
const DEFAULT_MEMORY: u64 = 512;
const DEFAULT_CORES: u64 = 1;

/// A part of a value that differs: its name, what it is, what it will be.
type Part = (String, Option<String>, Option<String>);

/// One setting that differs.
#[derive(Debug)]
pub(super) struct KeyChange {
    pub(super) key: &'static str,
    pub(super) before: Option<String>,
    pub(super) after: String,
    /// What the change does to a running machine.
    pub(super) class: Disruption,
    parts: Vec<Part>,
}

impl KeyChange {
    pub(super) fn reason(&self) -> String {
        let Self { key, before, after, parts, .. } = self;
        match (parts.as_slice(), before) {
            ([(part, Some(before), Some(after))], _) => format!("{key} {part} {before} → {after}"),
            ([(part, ..)], _) => format!("{key} {part}"),
            ([], Some(before)) if before.len() + after.len() < 30 => {
                format!("{key} {before} → {after}")
            }
            _ => (*key).to_owned(),
        }
    }

    /// Returns whether the machine sees it only through cloud-init.
    pub(super) fn is_for_cloud_init(&self) -> bool {
        is_for_cloud_init(self.key)
    }

    pub(super) fn attributes(&self, running: bool) -> Vec<Attribute> {
        let mut attributes = if self.parts.is_empty() {
            vec![attribute(self.key, self.before.clone(), Some(self.after.clone()))]
        } else {
            let part = |(name, before, after): &Part| {
                attribute(&format!("{}.{name}", self.key), before.clone(), after.clone())
            };
            self.parts.iter().map(part).collect()
        };
        for attribute in &mut attributes {
            attribute.class = running.then_some(self.class);
        }
        attributes
    }
}

/// Says what a machine needs besides whose guest agent gets its way.
pub(super) fn agent_note(keys: &[KeyChange]) -> Option<String> {
    keys.iter().any(|change| change.key == AGENT).then(|| {
        "what belongs into it is set up by its guest agent: the package `qemu-guest-agent` must be in it"
            .to_owned()
    })
}

/// Returns whether only cloud-init reads a setting.
pub(super) fn is_for_cloud_init(key: &str) -> bool {
    matches!(key, ADDRESS | "nameserver" | "ciuser")
}

impl Machine<'_> {
    /// Returns the settings whose declared value means something else than the present one, sorted.
    pub(super) fn keys(&self) -> Vec<KeyChange> {
        let mut changes = Vec::new();
        changes.extend(self.agent());
        changes.extend(self.user());
        changes.extend(self.number("cores", self.cores(), DEFAULT_CORES));
        changes.extend(self.address_change());
        changes.extend(self.number("memory", self.memory(), DEFAULT_MEMORY));
        changes.extend(self.name());
        changes.extend(self.nameserver());
        changes.extend(self.net());
        changes.extend(self.onboot());
        changes.extend(self.startup());
        changes
    }

    /// Returns whether a setting is declared.
    pub(super) fn declares(&self, key: &str) -> bool {
        match key {
            AGENT => self.observed.desired.trust.entered().contains(&self.vm.vmid),
            "cores" => self.vm.cores.is_some(),
            "memory" => self.vm.memory.is_some(),
            NET => self.vm.bridge.is_some() || self.vm.firewall.is_some(),
            _ => false,
        }
    }

    fn key_change(&self, key: &'static str, after: String) -> KeyChange {
        let before = self.present(key).map(str::to_owned);
        // What the machine has now, and was to lose at its next start.
        let kept = self.conf.as_ref().and_then(|conf| conf.get(key)) == Some(after.as_str());
        let class = if kept { Disruption::Live } else { self.class(key) };
        KeyChange { key, before, after, class, parts: Vec::new() }
    }

    /// Returns what a change of a setting costs a running machine: Proxmox VE plugs memory only where the
    /// operator allows it, and cores never.
    fn class(&self, key: &str) -> Disruption {
        let hotplug = self.present("hotplug").unwrap_or_default();
        let plugs_memory = hotplug.split([',', ';', ' ']).any(|word| word == "memory");
        match key {
            "agent" | "cores" => Disruption::Pending,
            "memory" if plugs_memory => Disruption::Live,
            "memory" => Disruption::Pending,
            NET => Disruption::Reconnect,
            _ if is_for_cloud_init(key) => Disruption::Pending,
            _ => Disruption::Live,
        }
    }

    /// Returns the way to the guest agent, for a machine in which phoenix does something; it stays in others as it
    /// is.
    fn agent(&self) -> Option<KeyChange> {
        let present = self.present(AGENT).unwrap_or_default();
        let is_entered = self.observed.desired.trust.entered().contains(&self.vm.vmid);
        if !is_entered || self.vm.is_template() || is_agent_on(present) {
            return None;
        }
        let text = PropertyText::parse(present);
        let others = text.pairs().filter(|(name, _)| *name != "enabled");
        let others = others.map(|(name, value)| format!(",{name}={value}")).collect::<String>();
        Some(self.key_change(AGENT, format!("1{others}")))
    }

    /// Returns the cores that are declared; for a machine that is made, also by default.
    fn cores(&self) -> Option<u64> {
        let own = self.vm.cores.as_ref().map(|located| located.value);
        let first = self.vm.making.cores.filter(|_| self.conf.is_none());
        own.or(first).map(u64::from)
    }

    fn memory(&self) -> Option<u64> {
        let own = self.vm.memory.as_ref().map(|located| located.value);
        own.or_else(|| self.vm.making.memory.filter(|_| self.conf.is_none()))
    }

    fn number(&self, key: &'static str, wanted: Option<u64>, default: u64) -> Option<KeyChange> {
        let wanted = wanted?;
        let present = self.present(key).map(|text| text.strip_prefix("current=").unwrap_or(text));
        let present = present.map_or(Some(default), |text| text.parse().ok());
        let same = self.conf.is_some() && present == Some(wanted);
        (!same).then(|| self.key_change(key, wanted.to_string()))
    }

    fn name(&self) -> Option<KeyChange> {
        let name = &self.vm.name.as_ref()?.value;
        (self.present("name") != Some(name)).then(|| self.key_change("name", name.clone()))
    }

    fn user(&self) -> Option<KeyChange> {
        let user = &self.vm.user.as_ref()?.value;
        (self.present("ciuser") != Some(user)).then(|| self.key_change("ciuser", user.clone()))
    }

    fn onboot(&self) -> Option<KeyChange> {
        let wanted = self.vm.onboot.as_ref()?.value;
        let present = self.conf.as_ref().is_some_and(|conf| conf.is_on("onboot"));
        (wanted != present).then(|| self.key_change("onboot", u8::from(wanted).to_string()))
    }

    fn nameserver(&self) -> Option<KeyChange> {
        let wanted = &self.vm.nameservers.as_ref()?.value;
        let words = self.present("nameserver").unwrap_or_default();
        let words = words.split([',', ';', ' ']).filter(|word| !word.is_empty());
        let same = words.map(|word| word.parse().ok()).eq(wanted.iter().copied().map(Some));
        let text = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        (!same && !wanted.is_empty()).then(|| self.key_change("nameserver", text))
    }

    fn startup(&self) -> Option<KeyChange> {
        let wanted = self.vm.startup.as_ref()?.value;
        let before = PropertyText::parse(self.present("startup").unwrap_or_default());
        // `startup: 3` is short for `order=3`.
        let order = before.get("order").or_else(|| before.bare());
        let present = [("order", order), ("up", before.get("up")), ("down", before.get("down"))];
        let wanted = [wanted.order, wanted.up, wanted.down];
        let values = present.into_iter().zip(wanted);
        let differs = values.clone().any(|((_, present), wanted)| {
            wanted.is_some_and(|wanted| present.and_then(|text| text.parse().ok()) != Some(wanted))
        });
        let value = |((key, present), wanted): ((&str, Option<&str>), Option<u32>)| {
            let value = wanted.map(|number| number.to_string());
            Some(format!("{key}={}", value.or_else(|| present.map(str::to_owned))?))
        };
        let text = values.filter_map(value).collect::<Vec<_>>().join(",");
        differs.then(|| self.with_parts("startup", &before, text))
    }

    /// Returns the change of cloud-init's addresses: IPv4 is owned, IPv6 stays.
    fn address_change(&self) -> Option<KeyChange> {
        let VmAddress { ip, gateway } = self.vm.cloud_address.as_ref()?;
        let before = PropertyText::parse(self.present(ADDRESS).unwrap_or_default());
        let ip = match ip {
            Ipv4Config::Static(net) => net.to_string(),
            Ipv4Config::Dhcp => "dhcp".to_owned(),
            Ipv4Config::Manual => "manual".to_owned(),
        };
        let mut after = set(before.clone(), "ip", &ip);
        after = match gateway {
            Some(gateway) => set(after, "gw", &gateway.to_string()),
            None => after.without("gw"),
        };
        (after != before).then(|| self.with_parts(ADDRESS, &before, after.to_string()))
    }

    fn net(&self) -> Option<KeyChange> {
        let text = self.present(NET);
        let before = PropertyText::parse(text.unwrap_or_default());
        let bridge = self
            .vm
            .bridge
            .as_ref()
            .or_else(|| self.vm.making.bridge.as_ref().filter(|_| self.conf.is_none()));
        let present = match text {
            // One that Proxmox VE does not take itself is not phoenix's to mend.
            Some(text) => VmNet::parse(text).ok().map(|_| before.clone())?,
            None => {
                bridge?;
                PropertyText::parse(&format!("virtio={}", self.mac()))
            }
        };
        let after = match bridge {
            Some(bridge) => set(present, "bridge", bridge.value.as_str()),
            None => present,
        };
        let after = self.with_firewall(after);
        (after != before.to_string()).then(|| self.with_parts(NET, &before, after))
    }

    /// Returns an interface that is filtered as declared.
    fn with_firewall(&self, net: PropertyText) -> String {
        let wanted = self.vm.firewall.as_ref().and_then(|firewall| firewall.enabled);
        let text = net.to_string();
        let Ok(parsed) = VmNet::parse(&text) else { return text };
        match wanted {
            Some(true) if !parsed.is_on("firewall") => {
                parsed.with_firewall(FirewallFlag::On).canonical()
            }
            Some(false) if parsed.is_on("firewall") => {
                parsed.with_firewall(FirewallFlag::Off).canonical()
            }
            _ => text,
        }
    }

    fn with_parts(&self, key: &'static str, before: &PropertyText, text: String) -> KeyChange {
        let after = PropertyText::parse(&text);
        let mut change = self.key_change(key, text);
        if change.before.is_some() {
            let names = before.pairs().chain(after.pairs()).map(|(name, _)| name);
            let mut names = names.collect::<Vec<_>>();
            names.sort_unstable();
            names.dedup();
            let differs = |name: &&str| !same_value(name, before.get(name), after.get(name));
            let owned = |value: Option<&str>| value.map(str::to_owned);
            let part =
                |name: &str| (name.to_owned(), owned(before.get(name)), owned(after.get(name)));
            change.parts = names.into_iter().filter(differs).map(part).collect();
        }
        change
    }

    /// Returns the Ethernet address of an interface that phoenix makes: the same in every plan, with the prefix
    /// of Proxmox VE.
    fn mac(&self) -> MacAddr {
        let domain = self.observed.desired.identity.domain.as_ref();
        let domain = domain.map_or("", |domain| domain.value.as_str());
        let digest = Sha256::digest(format!("{domain}\n{}\n{NET}", self.vm.vmid));
        let tail = digest.iter().take(3).fold(String::new(), |mut text, byte| {
            write!(text, ":{byte:02X}").expect("a text takes everything");
            text
        });
        format!("BC:24:11{tail}").parse().expect("three bytes and a prefix are an address")
    }
}

/// Returns a value with a part, unless it says the same already in other words.
fn set(text: PropertyText, key: &str, value: &str) -> PropertyText {
    if same_value(key, text.get(key), Some(value)) { text } else { text.with(key, value) }
}

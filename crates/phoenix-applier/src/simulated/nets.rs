//! The network interfaces that a configuration gives a container: `netN` values, and raw `lxc.net.N.*` keys as
//! LXC reads them after those.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::net::{LxcNet, NetText};

use super::settings::STOCK_TYPE;

/// The prefix that Proxmox VE chooses Ethernet addresses with.
const PREFIX: &str = "BC:24:11";

/// One interface of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Nic {
    /// `veth`, `macvlan` …; `None` until a key says it.
    pub(crate) kind: Option<String>,
    /// The name inside; one that is not given is made of the number.
    pub(crate) name: Option<String>,
    /// The bridge, or the link below.
    pub(crate) parent: Option<String>,
    /// The Ethernet address that is given.
    pub(crate) mac: Option<String>,
    pub(crate) mtu: Option<u32>,
    /// How a macvlan or ipvlan talks to its neighbours; `None` is the kernel's own.
    pub(crate) mode: Option<String>,
    pub(crate) state: Plug,
    pub(crate) addresses: Vec<IpNet>,
    /// Gateways that LXC sets before the guest starts.
    pub(crate) early_gateways: Vec<IpAddr>,
    /// Gateways that the guest sets itself.
    pub(crate) gateways: Vec<IpAddr>,
    /// What else a bridge must be able to do for it.
    pub(crate) vlan: Vlan,
    pub(crate) origin: Origin,
}

/// Who makes an interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// LXC, from raw keys.
    #[default]
    Raw,
    /// Proxmox VE, from a `netN` value.
    Setting,
}

/// Whether an interface is up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Plug {
    /// It is.
    Up,
    /// It is, without a carrier.
    Unplugged,
    /// Nobody says that it is.
    #[default]
    Down,
}

/// What an interface wants of VLANs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Vlan {
    /// Nothing.
    #[default]
    None,
    /// One, by its tag.
    Tag,
    /// Several.
    Trunks,
}

impl Nic {
    /// Returns whether the interface is a child of its link with an address that is given.
    pub(crate) fn has_fixed_macvlan(&self) -> bool {
        self.kind.as_deref() == Some("macvlan") && self.mac.is_some()
    }

    fn of_net(key: &str, value: &str, types: &BTreeSet<String>) -> Result<Self, String> {
        let text = NetText::parse(value);
        let kind = text.get("type").unwrap_or(STOCK_TYPE).to_owned();
        if kind == STOCK_TYPE || !types.contains(&kind) {
            LxcNet::parse(value).map_err(|error| format!("`{key}`: {error}"))?;
        }
        let mtu = text.get("mtu").and_then(|mtu| mtu.parse().ok());
        let off = matches!(text.get("link_down"), Some("1" | "on" | "yes" | "true"));
        Ok(Self {
            kind: Some(kind),
            name: text.get("name").map(str::to_owned),
            parent: text.get("bridge").map(str::to_owned),
            mac: text.get("hwaddr").or_else(|| text.get("macaddr")).map(str::to_owned),
            mtu,
            mode: text.get("mode").map(str::to_owned),
            state: if off { Plug::Unplugged } else { Plug::Up },
            addresses: parsed(&text, ["ip", "ip6"]),
            early_gateways: Vec::new(),
            gateways: parsed(&text, ["gw", "gw6"]),
            vlan: match (text.get("trunks"), text.get("tag")) {
                (Some(_), _) => Vlan::Trunks,
                (None, Some(_)) => Vlan::Tag,
                (None, None) => Vlan::None,
            },
            origin: Origin::Setting,
        })
    }

    /// Takes one raw key, by its part behind the number.
    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            // A second type makes the interface anew: nothing of the first stays.
            "type" if self.kind.is_some() => *self = Self::of_kind(value)?,
            "type" => self.kind = Self::of_kind(value)?.kind,
            "link" => self.parent = Some(value.to_owned()),
            "name" => self.name = Some(value.to_owned()),
            "hwaddr" => self.mac = Some(value.to_owned()),
            "mtu" => self.mtu = value.parse().ok(),
            "flags" if value == "up" => self.state = Plug::Up,
            "ipv4.address" | "ipv6.address" => self.addresses.push(address(value)?),
            "ipv4.gateway" | "ipv6.gateway" if matches!(value, "auto" | "dev") => {}
            "ipv4.gateway" | "ipv6.gateway" => {
                let gateway = value.parse().map_err(|_| format!("`{value}` is no gateway"))?;
                self.early_gateways.push(gateway);
            }
            "macvlan.mode" | "ipvlan.mode" => {
                self.own(key)?;
                self.mode = Some(value.to_owned());
            }
            "ipvlan.isolation" | "vlan.id" => self.own(key)?,
            _ if key.starts_with("veth.") => self.own(key)?,
            "script.up" | "script.down" | "l2proxy" => {}
            _ => return Err("LXC has no such key, or not with this value".to_owned()),
        }
        Ok(())
    }

    fn of_kind(kind: &str) -> Result<Self, String> {
        if !["veth", "macvlan", "ipvlan", "vlan", "phys", "empty", "none"].contains(&kind) {
            return Err(format!("LXC has no network of type `{kind}`"));
        }
        Ok(Self { kind: Some(kind.to_owned()), ..Self::default() })
    }

    /// Refuses a key that belongs to another type, or stands before the type.
    fn own(&self, key: &str) -> Result<(), String> {
        match (key.split_once('.'), self.kind.as_deref()) {
            (Some((kind, _)), Some(own)) if kind == own => Ok(()),
            (_, None) => Err("it stands before the type".to_owned()),
            (_, Some(own)) => Err(format!("the interface is of type `{own}`")),
        }
    }
}

/// The interfaces of a container by number, and what LXC or Proxmox VE does not take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Nics {
    pub(crate) by_number: BTreeMap<u32, Nic>,
    pub(crate) faults: Vec<String>,
}

impl Nics {
    /// Reads a configuration; `types` are those that the node's `pct` takes.
    pub(crate) fn of(conf: &LxcConf, types: &BTreeSet<String>) -> Self {
        let mut nics = Self::default();
        for (key, value) in conf.entries() {
            let Some(number) = key.strip_prefix("net").and_then(|number| number.parse().ok())
            else {
                continue;
            };
            match Nic::of_net(key, value, types) {
                Ok(nic) => drop(nics.by_number.insert(number, nic)),
                Err(fault) => nics.faults.push(fault),
            }
        }
        for (key, value) in conf.raw() {
            if let Some((number, part)) =
                key.strip_prefix("lxc.net.").and_then(|rest| rest.split_once('.'))
            {
                nics.raw(key, number, part, value);
            }
        }
        nics
    }

    fn raw(&mut self, key: &str, number: &str, part: &str, value: &str) {
        let Ok(number) = number.parse() else {
            return self.faults.push(format!("`{key}` has no number"));
        };
        if let Err(why) = self.by_number.entry(number).or_default().take(part, value) {
            self.faults.push(format!("`{key}: {value}`: {why}"));
        }
    }

    /// Returns the interfaces with the names that they have in the guest, in order.
    pub(crate) fn named(&self) -> impl Iterator<Item = (u32, String, &Nic)> {
        let inside = self.by_number.iter().filter(|(_, nic)| nic.kind.as_deref() != Some("none"));
        inside.map(|(&number, nic)| {
            (number, nic.name.clone().unwrap_or_else(|| format!("eth{number}")), nic)
        })
    }
}

/// Returns the Ethernet address that Proxmox VE, LXC or the kernel would choose at random: here the same one
/// each time for an interface of a guest.
pub(crate) fn chosen_mac(vmid: Vmid, number: u32) -> String {
    let [_, a, b, c] = vmid.get().wrapping_mul(32).wrapping_add(number).to_be_bytes();
    format!("{PREFIX}:{a:02X}:{b:02X}:{c:02X}")
}

fn parsed<T: std::str::FromStr>(text: &NetText, keys: [&str; 2]) -> Vec<T> {
    keys.iter().filter_map(|key| text.get(key)?.parse().ok()).collect()
}

/// Reads `192.168.1.153/24`; without a prefix LXC takes that of the address's old class.
fn address(value: &str) -> Result<IpNet, String> {
    let first = value.split_whitespace().next().unwrap_or_default();
    let bare = || first.parse().ok().and_then(|ip| IpNet::new(ip, class_prefix(ip)).ok());
    first.parse().ok().or_else(bare).ok_or_else(|| format!("`{value}` is no address"))
}

fn class_prefix(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V6(_) => 64,
        IpAddr::V4(ip) if ip < Ipv4Addr::new(128, 0, 0, 0) => 8,
        IpAddr::V4(ip) if ip < Ipv4Addr::new(192, 0, 0, 0) => 16,
        IpAddr::V4(_) => 24,
    }
}

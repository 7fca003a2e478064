//! What a file says about each interface, all its stanzas taken together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

use super::parse::{Interfaces, LineOption, Stanza, StanzaKind};

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The address with its prefix; without one, or a `netmask`, that of a single address.
    pub net: IpNet,
    /// The alias that brings it, such as `vmbr0:1`.
    pub label: Option<String>,
    /// Number of its line, counted from 1.
    pub line: usize,
}

/// What an interface is, as far as its options tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    /// `lo`.
    Loopback,
    /// A Linux bridge: it has `bridge-ports`, with `none` too.
    Bridge,
    /// A bond: it has `bond-slaves`, or others name it as their `bond-master`.
    Bond,
    /// A VLAN: it has `vlan-raw-device`, or a name such as `eno1.100`.
    Vlan,
    /// Something that other options make; its kind as the kernel or Open vSwitch names it.
    Other(String),
    /// None of these, so it must be there already.
    Physical,
}

/// What all stanzas of one interface say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// The name, without the `:1` of an alias.
    pub name: String,
    /// What it is.
    pub kind: InterfaceKind,
    /// Says that it comes up at boot (`auto`, `allow-auto`, `allow-hotplug`).
    pub auto: bool,
    /// Family and method of each stanza, in order.
    pub methods: Vec<(String, String)>,
    /// The fixed addresses, in order.
    pub addresses: Vec<Address>,
    /// The default gateways, in order.
    pub gateways: Vec<IpAddr>,
    /// The ports of a bridge, `none` left out; patterns (`regex`, `glob`, `all`) are not resolved.
    pub ports: Vec<String>,
    /// The members of a bond.
    pub members: Vec<String>,
    /// The interface below a VLAN.
    pub parent: Option<String>,
    /// Says that a bridge keeps VLANs apart (`bridge-vlan-aware`).
    pub vlan_aware: bool,
    /// The MTU in bytes.
    pub mtu: Option<u32>,
    /// The Ethernet address that it is given (`hwaddress`), as it is written.
    pub hwaddress: Option<String>,
    /// The name servers, in order.
    pub nameservers: Vec<IpAddr>,
    /// Numbers of the lines where its stanzas begin.
    pub lines: Vec<usize>,
}

/// All interfaces that one or several files configure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Network(Vec<Interface>);

impl Network {
    /// Takes a file and those that it includes together, in the order in which they are read.
    pub fn of(files: &[&Interfaces]) -> Self {
        let mut builder = Builder::default();
        files.iter().flat_map(|file| file.stanzas()).for_each(|stanza| builder.read(stanza));
        Self(builder.finish())
    }

    /// Returns the interfaces in the order of their first stanza.
    pub fn interfaces(&self) -> &[Interface] {
        &self.0
    }

    /// Returns the interface of that name.
    pub fn get(&self, name: &str) -> Option<&Interface> {
        self.0.iter().find(|interface| interface.name == name)
    }

    /// Returns the Linux bridges.
    pub fn bridges(&self) -> impl Iterator<Item = &Interface> {
        self.0.iter().filter(|interface| interface.kind == InterfaceKind::Bridge)
    }

    /// Returns the ports of a bridge; nothing when there is no such bridge.
    pub fn ports_of(&self, bridge: &str) -> Option<&[String]> {
        self.bridges()
            .find(|interface| interface.name == bridge)
            .map(|interface| &interface.ports[..])
    }

    /// Returns the physical interfaces through which a bridge, bond or VLAN reaches the outside, by name.
    pub fn uplinks(&self, name: &str) -> BTreeSet<String> {
        let by_name: BTreeMap<_, _> =
            self.0.iter().map(|interface| (interface.name.as_str(), interface)).collect();
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> =
            by_name.get(name).map_or(Vec::new(), |interface| below(interface).collect());
        let mut found = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            match by_name.get(name) {
                Some(interface) if interface.kind != InterfaceKind::Physical => {
                    open.extend(below(interface));
                }
                _ => {
                    found.insert(name.to_owned());
                }
            }
        }
        found
    }
}

fn below(interface: &Interface) -> impl Iterator<Item = &str> {
    let parts = interface.ports.iter().chain(&interface.members).chain(&interface.parent);
    parts.map(String::as_str)
}

impl Interfaces {
    /// Returns what this file alone says about each interface.
    pub fn network(&self) -> Network {
        Network::of(&[self])
    }
}

impl Serialize for Interfaces {
    /// Writes the stanzas with their lines, and what they say about each interface.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Interfaces", 5)?;
        object.serialize_field("ok", &self.warnings().is_empty())?;
        object.serialize_field("interfaces", &self.network())?;
        object.serialize_field("commands", &self.commands())?;
        object.serialize_field("stanzas", &self.stanzas())?;
        object.serialize_field("warnings", &self.warnings())?;
        object.end()
    }
}

#[derive(Default)]
struct Builder {
    interfaces: Vec<Interface>,
    places: BTreeMap<String, usize>,
    auto: BTreeSet<String>,
    /// Bonds that their members name, with these members.
    masters: BTreeMap<String, Vec<String>>,
}

impl Builder {
    fn read(&mut self, stanza: &Stanza) {
        match &stanza.kind {
            StanzaKind::Names { keyword, names }
                if matches!(keyword.as_str(), "auto" | "allow-auto" | "allow-hotplug") =>
            {
                self.auto.extend(names.iter().cloned());
            }
            StanzaKind::Iface { name, family, method, .. } => {
                let interface = self.interface(name, stanza.line);
                let family = family.clone().unwrap_or_else(|| "inet".to_owned());
                interface
                    .methods
                    .push((family, method.clone().unwrap_or_else(|| "static".to_owned())));
                read_options(interface, name, method.as_deref(), &stanza.options);
                self.read_master(name, &stanza.options);
            }
            _ => {}
        }
    }

    fn read_master(&mut self, name: &str, options: &[LineOption]) {
        for option in options.iter().filter(|option| option.is("bond-master")) {
            self.masters.entry(option.value.clone()).or_default().push(name.to_owned());
        }
    }

    fn interface(&mut self, name: &str, line: usize) -> &mut Interface {
        let name = name.split_once(':').map_or(name, |(name, _)| name);
        let place = *self.places.entry(name.to_owned()).or_insert_with(|| {
            self.interfaces.push(empty(name));
            self.interfaces.len() - 1
        });
        let interface = &mut self.interfaces[place];
        interface.lines.push(line);
        interface
    }

    fn finish(mut self) -> Vec<Interface> {
        let all = self.auto.contains("all");
        for interface in &mut self.interfaces {
            interface.auto = all || self.auto.contains(&interface.name);
            for member in self.masters.remove(&interface.name).unwrap_or_default() {
                interface.kind = InterfaceKind::Bond;
                interface.members.push(member);
            }
            interface.members.sort_unstable();
            interface.members.dedup();
        }
        self.interfaces
    }
}

fn empty(name: &str) -> Interface {
    let parent = name.rsplit_once('.').filter(|(parent, _)| !parent.is_empty());
    let kind = match parent {
        _ if name == "lo" => InterfaceKind::Loopback,
        Some(_) => InterfaceKind::Vlan,
        None => InterfaceKind::Physical,
    };
    Interface {
        name: name.to_owned(),
        kind,
        auto: false,
        methods: Vec::new(),
        addresses: Vec::new(),
        gateways: Vec::new(),
        ports: Vec::new(),
        members: Vec::new(),
        parent: parent.map(|(parent, _)| parent.to_owned()),
        vlan_aware: false,
        mtu: None,
        hwaddress: None,
        nameservers: Vec::new(),
        lines: Vec::new(),
    }
}

fn read_options(
    interface: &mut Interface,
    name: &str,
    method: Option<&str>,
    options: &[LineOption],
) {
    // A method that asks somebody else for the address takes none from here.
    if !matches!(method, Some("dhcp" | "ppp" | "auto")) {
        interface.addresses.extend(addresses(name, options));
    }
    for option in options {
        read_option(interface, option);
    }
}

fn read_option(interface: &mut Interface, option: &LineOption) {
    let words = || option.value.split_whitespace().map(str::to_owned);
    let yes = || matches!(option.value.as_str(), "yes" | "on" | "1" | "true");
    match option.name.replace('_', "-").as_str() {
        "gateway" => {
            interface.gateways.extend(words().next().and_then(|word| word.parse::<IpAddr>().ok()));
        }
        "bridge-ports" => {
            interface.kind = InterfaceKind::Bridge;
            interface.ports.extend(ports(&option.value));
        }
        "bridge-vlan-aware" => interface.vlan_aware = yes(),
        "bond-slaves" | "slaves" => {
            interface.kind = InterfaceKind::Bond;
            interface.members.extend(words().filter(|word| word != "none"));
        }
        "vlan-raw-device" => {
            interface.kind = InterfaceKind::Vlan;
            interface.parent = words().next();
        }
        "ovs-type" | "link-type" => interface.kind = InterfaceKind::Other(option.value.clone()),
        "vxlan-id" => interface.kind = InterfaceKind::Other("vxlan".to_owned()),
        "mtu" => interface.mtu = option.value.parse().ok(),
        "hwaddress" => interface.hwaddress = words().find(|word| word != "ether"),
        "dns-nameservers" | "dns-nameserver" => {
            interface.nameservers.extend(words().filter_map(|word| word.parse::<IpAddr>().ok()));
        }
        _ => {}
    }
}

fn ports(value: &str) -> Vec<String> {
    let mut ports = Vec::new();
    let mut words = value.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "none" | "all" => {}
            "regex" | "noregex" | "glob" => drop(words.next()),
            _ => ports.push(word.to_owned()),
        }
    }
    ports
}

/// Reads addresses; a `netmask` belongs to the address before it, or else to the first.
fn addresses(name: &str, options: &[LineOption]) -> Vec<Address> {
    let label = name.contains(':').then(|| name.to_owned());
    let mut found: Vec<Address> = Vec::new();
    let mut early = None;
    for option in options {
        match option.name.as_str() {
            "address" => {
                let mask = early.take();
                let net = option.value.split_whitespace().next().and_then(|text| net(text, mask));
                found.extend(net.map(|net| Address {
                    net,
                    label: label.clone(),
                    line: option.line,
                }));
            }
            "netmask" => match found.last_mut() {
                Some(address) => {
                    address.net = net(&address.net.addr().to_string(), Some(&option.value))
                        .unwrap_or(address.net);
                }
                None => early = Some(option.value.as_str()),
            },
            _ => {}
        }
    }
    found
}

fn net(text: &str, mask: Option<&str>) -> Option<IpNet> {
    if text.contains('/') {
        let (address, mask) = text.split_once('/')?;
        return net(address, Some(mask));
    }
    let address: IpAddr = text.parse().ok()?;
    let Some(mask) = mask else { return Some(IpNet::from(address)) };
    let dotted = || ipnet::ip_mask_to_prefix(mask.parse().ok()?).ok();
    IpNet::new(address, mask.parse::<u8>().ok().or_else(dotted)?).ok()
}

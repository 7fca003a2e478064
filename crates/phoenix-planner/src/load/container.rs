//! Lowering of containers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use phoenix_formats::{InterfaceName, Vmid};
use serde_json::Value;

use super::finding::{Finding, Findings};
use super::names::OfGuest;
use super::nginx;
use super::part::Lowering;
use crate::check;
use crate::declared::{self, ContainerFile, NetworkConfig, Number, Words};
use crate::desired::{
    Container, InternalInterface, Ipv4Config, Located, Network, Owner, PublicInterface, Startup,
};
use crate::source::{FileKind, Origin};

/// The name of `net0` where none is declared.
const DEFAULT_INTERFACE: &str = "eth0";

/// The least memory in MiB that `pct` takes.
pub(super) const LEAST_MEMORY: u64 = 16;

/// The most cores that `pct` takes.
pub(super) const MOST_CORES: u64 = 8192;

/// The largest start order and delay: `pct` sets no limit, and programs that read it use 32 bits.
pub(super) const MOST_STARTUP: u64 = i32::MAX as u64;

/// Takes out containers whose number is none, noting each; returns whether there were any.
pub(super) fn drop_bad_numbers(file: &mut Value, findings: &mut Findings) -> bool {
    let at = Origin::file(FileKind::Containers).at("lxc_configs");
    let Some(containers) = file.get_mut("lxc_configs").and_then(Value::as_object_mut) else {
        return false;
    };
    let all = containers.len();
    containers.retain(|number, _| match number.parse::<Vmid>() {
        Ok(_) => true,
        Err(error) => {
            let finding = Finding::error(at.at(number), error.to_string()).at_name();
            let help = "Write the container's number, such as `\"101\"`.";
            findings.push(finding.label("not a container's number").help(help));
            false
        }
    });
    containers.len() < all
}

impl Lowering {
    /// Lowers all containers.
    pub(super) fn containers(
        &mut self,
        file: ContainerFile,
        network: &Network,
    ) -> BTreeMap<Vmid, Container> {
        let root = Origin::file(FileKind::Containers).at("lxc_configs");
        let mut containers = BTreeMap::new();
        for (Number(vmid), declared) in file.lxc_configs.into_iter().flatten() {
            let at = root.at(vmid);
            match declared {
                Some(declared) => {
                    self.claims.number(vmid, &at, "a container");
                    containers.insert(vmid, self.container(vmid, &declared, at, network));
                }
                None => self.has_unknown_guest |= self.findings.touches(&at),
            }
        }
        containers
    }

    fn container(
        &mut self,
        vmid: Vmid,
        declared: &declared::Container,
        at: Origin,
        network: &Network,
    ) -> Container {
        let (nesting, features) = self.features(declared, &at);
        let (net0, public) = self.interfaces(vmid, declared, &at, network);
        let nic = net0.as_ref().map(|net0| net0.name.as_str());
        let onboot = declared.start_at_boot;
        self.container_names(vmid, declared, &at);
        self.roles(vmid, declared, &at);
        let making = self.making(declared, source(declared, &at), &at);
        let mut raw = self.raw(declared, &at, net0.as_ref(), public.as_ref());
        self.raw_of_fields(declared, &making.id_maps, &at, &mut raw);
        let mounts = self.mounts(declared, &at);
        let cloned = (declared.clone_from_ctid.as_ref(), "clone_from_ctid");
        Container {
            vmid,
            hostname: self.host_name(declared.name.as_deref(), at.at("name"), vmid),
            memory: self.number(declared.memory_mb, at.at("memory_mb"), LEAST_MEMORY..=u64::MAX),
            swap: self.number(declared.swap_mb, at.at("swap_mb"), 0..=u64::MAX),
            cores: self.number(declared.cores, at.at("cores"), 1..=MOST_CORES),
            onboot: onboot.map(|value| Located { value, origin: at.at("start_at_boot") }),
            startup: self.startup(declared.boot_order, declared.boot_delay, &at),
            nameservers: self.nameservers(declared.network_config.as_ref(), &at),
            nesting,
            features,
            making,
            mounts,
            health: self.health(declared.health_check.as_ref(), at.at("health_check")),
            raw,
            firewall: self.guest_firewall(declared.firewall.as_ref(), at.at("firewall"), nic),
            net0,
            public,
            dependencies: self.dependencies(declared.dependencies.as_ref(), cloned, &at),
            origin: at,
        }
    }

    fn container_names(&mut self, vmid: Vmid, declared: &declared::Container, at: &Origin) {
        let names = OfGuest {
            records: declared.dns_records.as_ref(),
            service: declared.traefik_service.as_ref(),
            agent: declared.portainer_agent_hostname.as_deref(),
        };
        self.guest_names(Owner::Container(vmid), &names, at);
    }

    fn interfaces(
        &mut self,
        vmid: Vmid,
        declared: &declared::Container,
        at: &Origin,
        network: &Network,
    ) -> (Option<InternalInterface>, Option<PublicInterface>) {
        let net0 = self.net0(vmid, declared, at);
        let public = declared.public_interface.as_ref();
        let public = public.and_then(|public| {
            let own_sites = nginx::configurations(declared.nginx.as_ref());
            self.public(vmid, public, at.at("public_interface"), network, own_sites)
        });
        check::two_interfaces(net0.as_ref(), public.as_ref(), &mut self.findings);
        (net0, public)
    }

    pub(super) fn startup(
        &mut self,
        order: Option<u64>,
        delay: Option<u64>,
        at: &Origin,
    ) -> Option<Located<Startup>> {
        let (order_at, up_at) = (at.at("boot_order"), at.at("boot_delay"));
        let order = self.number(order, order_at, 0..=MOST_STARTUP);
        let up = self.number(delay, up_at, 0..=MOST_STARTUP);
        let origin = order.as_ref().or(up.as_ref()).map(|number| number.origin.clone())?;
        let (order, up) = (order.map(|order| order.value), up.map(|up| up.value));
        Some(Located { value: Startup { order, up, down: up }, origin })
    }

    fn nameservers(
        &mut self,
        config: Option<&NetworkConfig>,
        at: &Origin,
    ) -> Option<Located<Vec<IpAddr>>> {
        let origin = at.at("network_config").at("nameservers");
        let value = self.addresses(config?.nameservers.as_ref()?, &origin);
        Some(Located { value, origin })
    }

    pub(super) fn addresses(&mut self, words: &Words, origin: &Origin) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for word in words.iter() {
            match word.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => self.push(
                    Finding::error(origin.clone(), format!("`{word}` is not an address"))
                        .label("not valid")
                        .help("Write addresses with blanks between, such as `10.0.0.13 8.8.8.8`."),
                ),
            }
        }
        addresses
    }

    fn net0(
        &mut self,
        vmid: Vmid,
        declared: &declared::Container,
        guest: &Origin,
    ) -> Option<InternalInterface> {
        let at = guest.at("network_config");
        let Some(config) = &declared.network_config else {
            self.mac_without_interface(declared, guest.at("mac_address"));
            return None;
        };
        let name = config.name.as_deref().unwrap_or(DEFAULT_INTERFACE);
        let name = self.interface(name, at.at("name"));
        let ip = config.ip.as_deref().and_then(|text| self.ipv4_config(text, at.at("ip")));
        if let Some(Ipv4Config::Static(net)) = ip {
            self.claims.address(net.addr(), &at.at("ip"), vmid);
        }
        let gateway = self.ipv4(config.gw.as_deref(), at.at("gw"));
        check::gateway(gateway, ip, &at, &mut self.findings);
        Some(InternalInterface {
            name: name.unwrap_or_else(default_interface),
            bridge: self
                .bridge(config.bridge.as_deref(), at.at("bridge"))
                .map(|bridge| bridge.value),
            mac: self.internal_mac(vmid, declared, config, guest),
            ip,
            gateway,
            origin: at,
        })
    }

    fn mac_without_interface(&mut self, declared: &declared::Container, origin: Origin) {
        let mac = self.mac(declared.mac_address.as_deref(), origin.clone());
        if mac.is_some() && !self.findings.touches(&origin) {
            self.push(
                Finding::warning(origin, "`mac_address` without `network_config` is not used")
                    .label("left alone")
                    .help("Add `network_config`, or remove `mac_address`."),
            );
        }
    }

    pub(super) fn ipv4_config(&mut self, text: &str, origin: Origin) -> Option<Ipv4Config> {
        match text {
            "dhcp" => Some(Ipv4Config::Dhcp),
            "manual" => Some(Ipv4Config::Manual),
            _ => self.host_cidr(text, origin).map(|net| Ipv4Config::Static(net.value)),
        }
    }

    /// Reads the MAC from either of its two places.
    fn internal_mac(
        &mut self,
        vmid: Vmid,
        declared: &declared::Container,
        config: &NetworkConfig,
        guest: &Origin,
    ) -> Option<phoenix_formats::MacAddr> {
        let (at, old_at) = (guest.at("mac_address"), guest.at("network_config").at("hwaddr"));
        let own = self.mac(declared.mac_address.as_deref(), at.clone());
        let inner = self.mac(config.hwaddr.as_deref(), old_at.clone());
        if let (Some(own), Some(inner)) = (own, inner)
            && own != inner
        {
            self.push(
                Finding::error(old_at.clone(), "two different Ethernet addresses for `net0`")
                    .label("this")
                    .with(at.clone(), "and this")
                    .help("Remove `hwaddr`."),
            );
        }
        let origin = if own.is_some() { at } else { old_at };
        let mac = own.or(inner)?;
        self.claims.mac(mac, &origin, vmid);
        Some(mac)
    }

    /// Lowers `dependencies` and what the guest is cloned from.
    pub(super) fn dependencies(
        &mut self,
        list: Option<&declared::List<declared::Scalar>>,
        (cloned, key): (Option<&declared::Scalar>, &str),
        at: &Origin,
    ) -> Vec<Located<Vmid>> {
        let elements = list.map(|list| self.each(list, &at.at("dependencies")));
        let elements = elements.unwrap_or_default().into_iter();
        let all = elements.chain(cloned.map(|cloned| (at.at(key), cloned)));
        let numbers = all.collect::<Vec<_>>().into_iter();
        numbers.filter_map(|(origin, number)| self.vmid(number, origin)).collect()
    }
}

/// Returns the container that one is cloned from.
fn source(declared: &declared::Container, at: &Origin) -> Option<Located<Vmid>> {
    let value = declared.clone_from_ctid.as_ref()?.as_str().parse().ok()?;
    Some(Located { value, origin: at.at("clone_from_ctid") })
}

fn default_interface() -> InterfaceName {
    DEFAULT_INTERFACE.parse().expect("`eth0` is the name of an interface")
}

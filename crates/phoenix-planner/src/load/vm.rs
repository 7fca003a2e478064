//! Lowering of virtual machines.

mod making;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::Ipv4Net;
use phoenix_formats::Vmid;

use super::container::{LEAST_MEMORY, MOST_CORES};
use super::finding::Finding;
use super::names::OfGuest;
use super::part::Lowering;
use crate::check;
use crate::declared::{self, VmDefaults, VmFile, VmNetworkConfig};
use crate::desired::{Ipv4Config, Located, Owner, Vm, VmAddress};
use crate::source::{FileKind, Origin};

/// The largest disk in GiB that can be declared: what qcow2 and LVM hold is far below it.
const MOST_DISK: u64 = 128 << 10;

/// `vm_defaults` and where it stands.
struct Defaults<'a> {
    declared: Option<&'a VmDefaults>,
    at: Origin,
}

impl Lowering {
    /// Lowers all virtual machines.
    pub(super) fn vms(&mut self, file: &VmFile) -> BTreeMap<Vmid, Vm> {
        let root = Origin::file(FileKind::Vms);
        let defaults = Defaults { declared: file.vm_defaults.as_ref(), at: root.at("vm_defaults") };
        let mut vms = BTreeMap::new();
        let Some(list) = &file.vms else {
            return vms;
        };
        for (at, declared) in self.each(list, &root.at("vms")) {
            match self.vm_number(declared, &at) {
                Some(vmid) => {
                    let vm = self.vm(vmid, declared, at, &defaults);
                    vms.insert(vmid, vm);
                }
                None => self.has_unknown_guest = true,
            }
        }
        vms
    }

    fn vm_number(&mut self, declared: &declared::Vm, at: &Origin) -> Option<Vmid> {
        let origin = at.at("vmid");
        match &declared.vmid {
            Some(number) => {
                let vmid = self.vmid(number, origin)?;
                self.claims.number(vmid.value, &vmid.origin, "a virtual machine");
                Some(vmid.value)
            }
            None if self.findings.touches(&origin) => None,
            None => {
                self.push(
                    Finding::error(at.clone(), "a virtual machine without a number")
                        .label("`vmid` is missing")
                        .help("Add `\"vmid\": 1001` with its number."),
                );
                None
            }
        }
    }

    fn vm(
        &mut self,
        vmid: Vmid,
        declared: &declared::Vm,
        at: Origin,
        defaults: &Defaults<'_>,
    ) -> Vm {
        let network = declared.network_config.as_ref();
        let net_at = at.at("network_config");
        let ip = network
            .and_then(|network| network.ip.as_deref())
            .and_then(|text| self.ipv4_config(text, net_at.at("ip")));
        self.machine_names(vmid, declared, &at);
        let (source, making) = self.vm_making(declared, &at, defaults);
        let located =
            |value: Option<bool>, key| value.map(|value| Located { value, origin: at.at(key) });
        let cloned = (declared.clone_from_vmid.as_ref(), "clone_from_vmid");
        Vm {
            vmid,
            name: self.host_name(declared.name.as_deref(), at.at("name"), vmid),
            address: self.fixed_address(ip, net_at.at("ip"), vmid),
            firewall: self.guest_firewall(declared.firewall.as_ref(), at.at("firewall"), None),
            dependencies: self.dependencies(declared.dependencies.as_ref(), cloned, &at),
            cores: self.number(declared.cores, at.at("cores"), 1..=MOST_CORES),
            memory: self.number(declared.memory_mb, at.at("memory_mb"), LEAST_MEMORY..=u64::MAX),
            disk: self.number(declared.disk_size_gb, at.at("disk_size_gb"), 1..=MOST_DISK),
            bridge: self.bridge(declared.network_bridge.as_deref(), at.at("network_bridge")),
            onboot: located(declared.start_at_boot, "start_at_boot"),
            startup: self.startup(declared.boot_order, declared.boot_delay, &at),
            cloud_address: self.cloud_address(network, ip, &net_at),
            nameservers: self.machine_nameservers(network, &net_at),
            user: self.user(declared, at.at("user_config").at("username")),
            is_template: located(declared.is_template, "is_template"),
            snapshot: self.snapshot(declared, &at),
            source,
            making,
            origin: at,
        }
    }

    fn machine_names(&mut self, vmid: Vmid, declared: &declared::Vm, at: &Origin) {
        let names = OfGuest {
            records: declared.dns_records.as_ref(),
            service: declared.traefik_service.as_ref(),
            agent: declared.portainer_agent_hostname.as_deref(),
        };
        self.guest_names(Owner::Vm(vmid), &names, at);
    }

    fn fixed_address(
        &mut self,
        ip: Option<Ipv4Config>,
        origin: Origin,
        vmid: Vmid,
    ) -> Option<Located<Ipv4Net>> {
        let Some(Ipv4Config::Static(value)) = ip else { return None };
        self.claims.address(value.addr(), &origin, vmid);
        Some(Located { value, origin })
    }

    fn machine_nameservers(
        &mut self,
        network: Option<&VmNetworkConfig>,
        at: &Origin,
    ) -> Option<Located<Vec<IpAddr>>> {
        let origin = at.at("nameserver");
        let value = self.addresses(network?.nameserver.as_ref()?, &origin);
        Some(Located { value, origin })
    }

    fn cloud_address(
        &mut self,
        network: Option<&VmNetworkConfig>,
        ip: Option<Ipv4Config>,
        at: &Origin,
    ) -> Option<VmAddress> {
        let gateway = self.ipv4(network?.gw.as_deref(), at.at("gw"));
        check::gateway(gateway, ip, at, &mut self.findings);
        if gateway.is_some() && ip.is_none() && !self.findings.touches(&at.at("ip")) {
            self.push(
                Finding::error(at.at("gw"), "a gateway without an address")
                    .label("`ip` is missing beside it")
                    .help("Add `\"ip\": \"10.0.0.111/24\"` with the machine's address."),
            );
        }
        // The machine would not start with a gateway beside `dhcp`.
        let gateway = gateway.filter(|_| matches!(ip, Some(Ipv4Config::Static(_))));
        Some(VmAddress { ip: ip?, gateway })
    }

    fn user(&mut self, declared: &declared::Vm, origin: Origin) -> Option<Located<String>> {
        let name = declared.user_config.as_ref()?.username.as_ref()?;
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if plain && name.chars().all(inner) {
            return Some(Located { value: name.clone(), origin });
        }
        self.push(
            Finding::error(origin, format!("`{name}` cannot be the name of a user"))
                .label("not valid")
                .help("Write letters, digits, `_`, `-` and `.`, and a letter first."),
        );
        None
    }

    fn snapshot(&mut self, declared: &declared::Vm, at: &Origin) -> Option<Located<String>> {
        const LONGEST: usize = 40;
        let name = declared.template_snapshot_name.as_ref()?;
        let origin = at.at("template_snapshot_name");
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(inner);
        if !plain || !(2..=LONGEST).contains(&name.len()) {
            self.push(
                Finding::error(origin, format!("`{name}` cannot be the name of a snapshot"))
                    .label("not valid")
                    .help("Write 2 to 40 letters, digits, `_` and `-`, and a letter first."),
            );
            return None;
        }
        if declared.is_template == Some(true) {
            self.push(
                Finding::advice(origin, "a template cannot have snapshots")
                    .label("not used")
                    .with(at.at("is_template"), "it is one by this")
                    .help(
                        "Remove it: clones are made of the template itself, which never changes.",
                    ),
            );
            return None;
        }
        Some(Located { value: name.clone(), origin })
    }
}

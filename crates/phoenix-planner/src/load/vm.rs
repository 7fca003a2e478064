//! Lowering of virtual machines.

use std::collections::BTreeMap;

use phoenix_formats::Vmid;

use super::finding::Finding;
use super::names::OfGuest;
use super::part::Lowering;
use crate::declared::{self, VmFile};
use crate::desired::{Owner, Vm};
use crate::source::{FileKind, Origin};

/// Returns the fields of virtual machines that have a meaning on which phoenix does not act yet.
pub(super) fn later(file: &VmFile) -> Vec<Origin> {
    let root = Origin::file(FileKind::Vms).at("vms");
    let vms = file.vms.iter().flat_map(declared::List::iter);
    let networks = vms.filter_map(|(index, vm)| Some((index, vm?.network_config.as_ref()?)));
    let fields = networks.flat_map(|(index, network)| {
        let fields = [("gw", &network.gw), ("nameserver", &network.nameserver)];
        let given = fields.into_iter().filter(|(_, value)| value.is_some());
        given.map(|(name, _)| root.at(index).at("network_config").at(name)).collect::<Vec<_>>()
    });
    fields.collect()
}

impl Lowering {
    /// Lowers all virtual machines.
    pub(super) fn vms(&mut self, file: &VmFile) -> BTreeMap<Vmid, Vm> {
        let root = Origin::file(FileKind::Vms).at("vms");
        let mut vms = BTreeMap::new();
        let Some(list) = &file.vms else {
            return vms;
        };
        for (at, declared) in self.each(list, &root) {
            match self.vm_number(declared, &at) {
                Some(vmid) => {
                    let vm = self.vm(vmid, declared, at);
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

    fn vm(&mut self, vmid: Vmid, declared: &declared::Vm, at: Origin) -> Vm {
        let name = self.host_name(declared.name.as_deref(), at.at("name"), vmid);
        let ip = declared.network_config.as_ref().and_then(|config| config.ip.as_deref());
        let fixed = ip.filter(|ip| !matches!(*ip, "dhcp" | "manual"));
        let ip_at = at.at("network_config").at("ip");
        let address = fixed.and_then(|text| self.host_cidr(text, ip_at));
        if let Some(address) = &address {
            self.claims.address(address.value.addr(), &address.origin, vmid);
        }
        let dependencies = self.dependencies(
            declared.dependencies.as_ref(),
            at.at("dependencies"),
            declared.clone_from_vmid.as_ref(),
            at.at("clone_from_vmid"),
        );
        let names = OfGuest {
            records: declared.dns_records.as_ref(),
            service: declared.traefik_service.as_ref(),
            agent: declared.portainer_agent_hostname.as_deref(),
        };
        self.guest_names(Owner::Vm(vmid), &names, &at);
        let firewall = self.guest_firewall(declared.firewall.as_ref(), at.at("firewall"), None);
        Vm { vmid, name, address, firewall, dependencies, origin: at }
    }
}

//! Lowering of the services that guests have behind the proxy.

use phoenix_formats::hosts::host_name_problem;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{ContainerFile, List, Number, TraefikService, VmFile};
use crate::desired::{Desired, Ipv4Config, Owner, Routed};
use crate::source::{FileKind, Origin};

/// A service as it is declared, with its guest.
pub(super) struct Service {
    owner: Owner,
    origin: Origin,
    declared: TraefikService,
}

impl Lowering {
    /// Collects the services of all guests.
    pub(super) fn services(&mut self, containers: &ContainerFile, vms: &VmFile) -> Vec<Service> {
        let root = Origin::file(FileKind::Containers).at("lxc_configs");
        let of_containers = containers.lxc_configs.iter().flatten();
        let of_containers = of_containers.filter_map(|(Number(vmid), one)| {
            let declared = one.as_ref()?.traefik_service.clone()?;
            let origin = root.at(vmid).at("traefik_service");
            Some(Service { owner: Owner::Container(*vmid), origin, declared })
        });
        let root = Origin::file(FileKind::Vms).at("vms");
        let of_vms = vms.vms.iter().flat_map(List::iter).filter_map(|(index, vm)| {
            let vm = vm?;
            let vmid = vm.vmid.as_ref()?.as_str().parse().ok()?;
            let origin = root.at(index).at("traefik_service");
            Some(Service { owner: Owner::Vm(vmid), origin, declared: vm.traefik_service.clone()? })
        });
        of_containers.chain(of_vms).collect()
    }

    /// Gives the proxy its routes, when all guests are known.
    pub(super) fn route_services(&mut self, services: Vec<Service>, desired: &mut Desired) {
        if desired.trust.with_feature(crate::kind::TRAEFIK).next().is_none() {
            return;
        }
        let mut first = std::collections::BTreeMap::new();
        for service in services {
            let Some((name, routed)) = self.routed(&service, desired) else { continue };
            if let Some(other) = first.insert(name.clone(), service.origin.clone()) {
                let message = format!("two services have the name `{name}`");
                let finding = Finding::error(service.origin.at("name"), message).label("this one");
                let help = "Give one of them another name.";
                self.push(finding.with(other, "and this one").help(help));
            }
            desired.trust.proxy.services.insert(name, routed);
        }
    }

    fn routed(&mut self, service: &Service, desired: &Desired) -> Option<(String, Routed)> {
        let Service { owner, origin, declared } = service;
        let name = declared.name.as_deref()?.trim_end_matches('.').to_ascii_lowercase();
        if host_name_problem(&name).is_some() {
            // Told where the names of DNS are read.
            return None;
        }
        let port = self.number::<u16>(declared.port, origin.at("port"), 1..=u64::from(u16::MAX))?;
        let scheme = self.scheme(declared.scheme.as_deref(), origin.at("scheme"))?;
        let host = match (&desired.identity.domain, name.contains('.')) {
            (_, true) => name.clone(),
            (Some(domain), false) => format!("{name}.{}", domain.value),
            (None, false) => {
                let finding = Finding::error(origin.at("name"), "a service without a domain");
                let help = "Declare `domain_name` in the global file, or write the whole name.";
                self.push(finding.label("nobody could ask for it").help(help));
                return None;
            }
        };
        let Some(address) = address_of(*owner, desired) else {
            let finding =
                Finding::warning(origin.clone(), "a service of a guest without a fixed address");
            let help = "Give the guest an address in `network_config.ip`.";
            self.push(finding.label("it gets no route").help(help));
            return None;
        };
        let middlewares = declared.middlewares.as_ref();
        let middlewares = middlewares.map(|list| self.each(list, &origin.at("middlewares")));
        let middlewares = middlewares.unwrap_or_default().into_iter();
        let routed = Routed {
            owner: *owner,
            host,
            url: format!("{scheme}://{address}:{}", port.value),
            tls: scheme == "https",
            rule: declared.rule.clone(),
            middlewares: middlewares.map(|(_, name)| name.clone()).collect(),
        };
        Some((name, routed))
    }

    fn scheme(&mut self, text: Option<&str>, origin: Origin) -> Option<&'static str> {
        let text = text.unwrap_or("http");
        let known = ["http", "https", "h2c"].into_iter().find(|known| *known == text);
        if known.is_none() {
            let finding = Finding::error(origin, format!("`{text}` is not a scheme of Traefik"));
            self.push(finding.label("not known").help("Write `http`, `https` or `h2c`."));
        }
        known
    }
}

fn address_of(owner: Owner, desired: &Desired) -> Option<std::net::Ipv4Addr> {
    match owner {
        Owner::Container(vmid) => match desired.containers.get(&vmid)?.net0.as_ref()?.ip? {
            Ipv4Config::Static(net) => Some(net.addr()),
            _ => None,
        },
        Owner::Vm(vmid) => Some(desired.vms.get(&vmid)?.address.as_ref()?.value.addr()),
        Owner::Node => None,
    }
}

//! Lowering of the global file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::Ipv4Net;

use super::finding::Finding;
use super::part::Lowering;
use crate::check;
use crate::declared::HypervisorFile;
use crate::desired::{ClusterFirewall, Located, Network};
use crate::source::{FileKind, Origin};

impl Lowering {
    /// Lowers `network`.
    pub(super) fn network(&mut self, file: &HypervisorFile) -> Network {
        let at = Origin::file(FileKind::Hypervisor).at("network");
        let declared = file.network.clone().unwrap_or_default();
        let interfaces = declared.interfaces.unwrap_or_default();
        let own = at.at("interfaces");
        let subnet = declared.public_subnet.as_deref();
        let address = interfaces.address.as_deref();
        let network = Network {
            public_bridge: self.bridge(declared.public_bridge.as_deref(), at.at("public_bridge")),
            public_subnet: subnet.and_then(|text| self.subnet(text, at.at("public_subnet"))),
            public_domain: self.domain(declared.public_domain.as_deref(), at.at("public_domain")),
            public_resolver: self
                .resolver(declared.public_resolver.as_deref(), at.at("public_resolver")),
            shim: self.shim(declared.public_shim_address.as_deref(), at.at("public_shim_address")),
            attachment: declared.macvlan_attachment.unwrap_or_default(),
            bridge: self.bridge(interfaces.name.as_deref(), own.at("name")),
            address: address.and_then(|text| self.host_cidr(text, own.at("address"))),
            gateway: self.located_ipv4(interfaces.gateway.as_deref(), own.at("gateway")),
            nameservers: interfaces
                .dns_nameservers
                .map(|words| self.located_addresses(&words, &own.at("dns_nameservers"))),
        };
        if let Some(address) = &network.address {
            self.claims.address(address.value.addr(), &address.origin, "the node");
        }
        if let Some(shim) = &network.shim {
            self.claims.address(shim.value, &shim.origin, "the shim");
        }
        network
    }

    /// Reads the address of the shim, alone or as a /32: it has no subnet of its own.
    fn shim(&mut self, text: Option<&str>, origin: Origin) -> Option<Located<Ipv4Addr>> {
        let text = text?;
        let alone = text.strip_suffix("/32").unwrap_or(text);
        if let Some((address, _)) = alone.split_once('/')
            && address.parse::<Ipv4Addr>().is_ok()
        {
            let message = format!("`{text}` is wider than the address of the shim alone");
            let finding = Finding::error(origin, message).label("it has no subnet of its own");
            self.push(finding.help(format!("Write `{address}`.")));
            return None;
        }
        let value = self.ipv4(Some(alone), origin.clone())?;
        if let Some(why) = check::unusable(Ipv4Net::from(value)) {
            let message = format!("`{value}` cannot be the address of a host");
            let finding = Finding::error(origin, message).label(why);
            self.push(finding.help("Write a free address of the public subnet."));
            return None;
        }
        Some(Located { value, origin })
    }

    /// Reads the address of a DNS server, with its port where that is not the usual one.
    fn resolver(&mut self, text: Option<&str>, origin: Origin) -> Option<Located<SocketAddr>> {
        const DNS: u16 = 53;
        let text = text?;
        let plain = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS));
        match plain.or_else(|_| text.parse::<SocketAddr>()) {
            Ok(value) if !value.ip().is_unspecified() && value.port() != 0 => {
                Some(Located { value, origin })
            }
            _ => {
                let message = format!("`{text}` is not the address of a DNS server");
                let help = "Write an address such as `1.1.1.1`, or `127.0.0.1:5353` with a port.";
                self.push(Finding::error(origin, message).label("not valid").help(help));
                None
            }
        }
    }

    fn subnet(&mut self, text: &str, origin: Origin) -> Option<Located<Ipv4Net>> {
        let subnet = self.cidr(text, origin)?;
        if subnet.value.trunc() != subnet.value {
            let message = format!("`{}` is an address inside a subnet, not a subnet", subnet.value);
            let help = format!("Write `{}`.", subnet.value.trunc());
            self.push(Finding::error(subnet.origin, message).label("host bits are set").help(help));
            return None;
        }
        Some(subnet)
    }

    /// Lowers the cluster's firewall, from its place or from its older one.
    pub(super) fn cluster_firewall(&mut self, file: &HypervisorFile) -> Option<ClusterFirewall> {
        let root = Origin::file(FileKind::Hypervisor);
        let (at, old_at) = (root.at("firewall"), root.at("shared_volumes").at("firewall"));
        let old = file.shared_volumes.as_ref().and_then(|volumes| volumes.firewall.as_ref());
        match (&file.firewall, old) {
            (Some(new), None) => Some(self.cluster_firewall_at(new, at)),
            (None, Some(old)) => {
                let finding =
                    Finding::warning(old_at.clone(), "`firewall` stands in its older place");
                self.push(
                    finding.label("read from here for now").help(
                        "Move `firewall` out of `shared_volumes` to the top level of the file.",
                    ),
                );
                Some(self.cluster_firewall_at(old, old_at))
            }
            (Some(new), Some(_)) => {
                let finding = Finding::warning(old_at, "`firewall` stands in two places");
                self.push(
                    finding
                        .label("this one is not read")
                        .with(at.clone(), "this one counts")
                        .help("Remove `firewall` from `shared_volumes`."),
                );
                Some(self.cluster_firewall_at(new, at))
            }
            (None, None) => None,
        }
    }
}

//! Lowering of a public interface.

use phoenix_formats::{BridgeName, MacAddr, Vmid};

use super::finding::Finding;
use super::part::Lowering;
use crate::check;
use crate::declared::{self, InterfaceType};
use crate::desired::{Ipv4Config, Network, PublicInterface, PublicKind};
use crate::location::AbsolutePath;
use crate::source::{FileKind, Origin};

/// The file that the spec names.
const DEFAULT_SITE: &str = "/etc/nginx/sites-available/gateway";

/// The bridge that a disabled interface is said to be on when none is declared; nothing attaches to it.
const UNUSED_BRIDGE: &str = "vmbr0";

impl Lowering {
    /// Lowers `public_interface`; a disabled one is checked for form only.
    pub(super) fn public(
        &mut self,
        vmid: Vmid,
        declared: &declared::PublicInterface,
        at: Origin,
        network: &Network,
        own_sites: Vec<AbsolutePath>,
    ) -> Option<PublicInterface> {
        let enabled = self.enabled(declared, &at);
        let kind = self.kind(declared, &at);
        let ip = self.public_ip(declared, &at, enabled);
        let gateway = self.ipv4(declared.gw.as_deref(), at.at("gw"));
        let mac = self.public_mac(declared, &at);
        let nginx_sites = self.nginx_sites(declared, &at, own_sites);
        let bridge = if enabled { self.public_bridge(&at, network) } else { any_bridge(network) };
        let interface = PublicInterface {
            enabled,
            kind,
            bridge: bridge?,
            ip: ip?,
            gateway,
            mac,
            nginx_sites,
            origin: at,
        };
        if enabled {
            self.claim(vmid, &interface);
            self.agree(&interface, network);
        }
        Some(interface)
    }

    fn enabled(&mut self, declared: &declared::PublicInterface, at: &Origin) -> bool {
        let origin = at.at("enabled");
        if declared.enabled.is_none() && !self.findings.touches(&origin) {
            self.push(
                Finding::error(at.clone(), "`public_interface` does not say whether it is enabled")
                    .label("`enabled` is missing")
                    .help("Add `\"enabled\": true`, or `\"enabled\": false` to take the interface away."),
            );
        }
        declared.enabled.unwrap_or_default()
    }

    fn kind(&mut self, declared: &declared::PublicInterface, at: &Origin) -> PublicKind {
        let kind = declared.kind.unwrap_or_default();
        if let Some(mode) = declared.mode
            && kind != InterfaceType::Macvlan
        {
            let message = format!("`mode` is set to `{}`, and only macvlan has one", mode.as_str());
            let finding = Finding::error(at.at("mode"), message).label("only for macvlan");
            self.push(finding.with(at.at("type"), "not macvlan").help("Remove `mode`."));
        }
        match kind {
            InterfaceType::Macvlan => PublicKind::Macvlan(declared.mode.unwrap_or_default()),
            InterfaceType::Ipvlan => PublicKind::Ipvlan,
            InterfaceType::Veth => PublicKind::Veth,
        }
    }

    fn public_ip(
        &mut self,
        declared: &declared::PublicInterface,
        at: &Origin,
        enabled: bool,
    ) -> Option<ipnet::Ipv4Net> {
        let origin = at.at("ip");
        match declared.ip.as_deref() {
            Some(text @ ("dhcp" | "manual")) => {
                self.push(
                    Finding::error(
                        origin,
                        format!("a public interface cannot have the address `{text}`"),
                    )
                    .label("a fixed address is needed for its routes and rules")
                    .help("Write the address that is reserved for it, such as `192.168.1.153/24`."),
                );
                None
            }
            Some(text) => self.host_cidr(text, origin).map(|net| net.value),
            None if enabled && !self.findings.touches(&origin) => {
                self.push(
                    Finding::error(at.clone(), "the public interface has no address")
                        .label("`ip` is missing")
                        .help("Add `\"ip\": \"192.168.1.153/24\"` with its public address."),
                );
                None
            }
            None => {
                self.mac_without_address(declared, at);
                None
            }
        }
    }

    /// A disabled interface is known again by its MAC, which is kept together with its address.
    fn mac_without_address(&mut self, declared: &declared::PublicInterface, at: &Origin) {
        if declared.mac_address.is_some() && !self.findings.touches(&at.at("ip")) {
            self.push(
                Finding::warning(at.at("mac_address"), "`mac_address` without `ip` is not used")
                    .label("the interface is only found again if phoenix made it")
                    .help("Add `ip` as it was, or remove `mac_address`."),
            );
        }
    }

    fn public_mac(&mut self, declared: &declared::PublicInterface, at: &Origin) -> Option<MacAddr> {
        let origin = at.at("mac_address");
        let mac = self.mac(declared.mac_address.as_deref(), origin.clone())?;
        if declared.kind != Some(InterfaceType::Ipvlan) {
            return Some(mac);
        }
        self.push(
            Finding::error(origin, "an ipvlan interface has no Ethernet address of its own")
                .label("it uses the bridge's")
                .help("Remove `mac_address`, or write `\"type\": \"macvlan\"`."),
        );
        None
    }

    fn nginx_sites(
        &mut self,
        declared: &declared::PublicInterface,
        at: &Origin,
        own_sites: Vec<AbsolutePath>,
    ) -> Vec<AbsolutePath> {
        let Some(list) = &declared.nginx_sites else {
            let usual = || DEFAULT_SITE.parse().into_iter().collect();
            return if own_sites.is_empty() { usual() } else { own_sites };
        };
        let mut sites = Vec::new();
        for (origin, text) in self.each(list, &at.at("nginx_sites")) {
            match text.parse::<AbsolutePath>() {
                Ok(site) if !text.contains(char::is_control) => sites.push(site),
                _ => self.push(
                    Finding::error(origin, format!("`{text}` is not an absolute path"))
                        .label("not valid")
                        .help(format!("Write it as `{DEFAULT_SITE}`, without `.` and `..`.")),
                ),
            }
        }
        sites
    }

    fn public_bridge(&mut self, at: &Origin, network: &Network) -> Option<BridgeName> {
        let global = Origin::file(FileKind::Hypervisor).at("network");
        let unreadable =
            self.findings.touches(&global.at("public_bridge")) || self.findings.touches(&global);
        let known = self.has_global && !unreadable && !self.told_bridge;
        if network.public_bridge.is_none() && known {
            self.told_bridge = true;
            let present =
                network.bridge.as_ref().map_or(UNUSED_BRIDGE, |bridge| bridge.value.as_str());
            self.push(
                Finding::error(at.clone(), "no bridge is declared for public interfaces")
                    .label("needs `network.public_bridge`")
                    .help(format!(
                        "Add `\"public_bridge\": \"{present}\"` to `network` in {}.",
                        FileKind::Hypervisor.file_name()
                    )),
            );
        }
        // Without one there is an error already, and the other checks go on with any bridge.
        any_bridge(network)
    }

    fn claim(&mut self, vmid: Vmid, interface: &PublicInterface) {
        self.claims.address(interface.ip.addr(), &interface.origin.at("ip"), vmid);
        if let Some(mac) = interface.mac {
            self.claims.mac(mac, &interface.origin.at("mac_address"), vmid);
        }
    }

    fn agree(&mut self, interface: &PublicInterface, network: &Network) {
        let ip = Some(Ipv4Config::Static(interface.ip));
        check::gateway(interface.gateway, ip, &interface.origin, &mut self.findings);
        if let Some(subnet) = &network.public_subnet
            && !subnet.value.contains(&interface.ip.addr())
        {
            let message = format!("`{}` is outside the public subnet", interface.ip.addr());
            let finding = Finding::error(interface.origin.at("ip"), message).label("outside");
            let label = format!("not in {}", subnet.value);
            self.push(
                finding
                    .with(subnet.origin.clone(), label)
                    .help("Write an address of that subnet, or correct `network.public_subnet`."),
            );
        }
    }
}

fn any_bridge(network: &Network) -> Option<BridgeName> {
    let declared = network.public_bridge.as_ref().or(network.bridge.as_ref());
    declared.map(|bridge| bridge.value.clone()).or_else(|| UNUSED_BRIDGE.parse().ok())
}

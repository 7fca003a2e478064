//! Lowering of what the node is called and of its DNS server.

use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::hosts::host_name_problem;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{HypervisorFile, Words};
use crate::desired::{DnsServer, Identity, Located};
use crate::source::{FileKind, Origin};

impl Lowering {
    /// Lowers the names of the node and its time zone.
    pub(super) fn identity(&mut self, file: &HypervisorFile) -> Identity {
        let root = Origin::file(FileKind::Hypervisor);
        let hostname = file.network.as_ref().and_then(|network| network.hostname.as_deref());
        Identity {
            hostname: self.node_name(hostname, root.at("network").at("hostname")),
            domain: self.domain(file.domain_name.as_deref(), root.at("domain_name")),
            timezone: self.timezone(file.timezone.as_deref(), root.at("timezone")),
        }
    }

    fn node_name(&mut self, text: Option<&str>, origin: Origin) -> Option<Located<String>> {
        let text = text?;
        let help = "Write the node's name without its domain, such as `phoenix`.";
        let why = match host_name_problem(text) {
            Some(problem) => problem.to_string(),
            None if text.contains('.') => "it holds a domain".to_owned(),
            None => return Some(Located { value: text.to_ascii_lowercase(), origin }),
        };
        let message = format!("`{text}` cannot be the name of a node");
        self.push(Finding::error(origin, message).label(why).help(help));
        None
    }

    /// Reads a domain name; letter case and a dot at its end do not count.
    pub(super) fn domain(&mut self, text: Option<&str>, origin: Origin) -> Option<Located<String>> {
        let text = text?;
        let plain = text.strip_suffix('.').unwrap_or(text);
        match host_name_problem(plain) {
            None => Some(Located { value: plain.to_ascii_lowercase(), origin }),
            Some(problem) => {
                let finding = Finding::error(origin, format!("`{text}` cannot be a domain"));
                let help = "Write a domain such as `internal.example.com`.";
                self.push(finding.label(problem.to_string()).help(help));
                None
            }
        }
    }

    /// Reads the name of a time zone: whether the node has it is seen when a plan is made.
    fn timezone(&mut self, text: Option<&str>, origin: Origin) -> Option<Located<String>> {
        let text = text?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-+".contains(c);
        let part = |part: &str| !part.is_empty() && part.chars().all(plain);
        if text.split('/').all(part) {
            return Some(Located { value: text.to_owned(), origin });
        }
        let finding = Finding::error(origin, format!("`{text}` cannot be a time zone"));
        self.push(finding.label("no such name").help("Write a name such as `Europe/Berlin`."));
        None
    }

    /// Lowers the node's DNS server.
    pub(super) fn dns_server(&mut self, file: &HypervisorFile) -> Option<DnsServer> {
        let declared = file.dns_server.as_ref()?;
        let origin = Origin::file(FileKind::Hypervisor).at("dns_server");
        let upstream = declared
            .upstream_servers
            .as_ref()
            .map(|words| self.addresses(words, &origin.at("upstream_servers")));
        Some(DnsServer {
            enabled: declared.enabled.unwrap_or(true),
            upstream: upstream.unwrap_or_else(|| DnsServer::GOOGLE.to_vec()),
            gateway: None,
            names: Vec::new(),
            origin,
        })
    }

    pub(super) fn located_ipv4(
        &mut self,
        text: Option<&str>,
        origin: Origin,
    ) -> Option<Located<Ipv4Addr>> {
        self.ipv4(text, origin.clone()).map(|value| Located { value, origin })
    }

    pub(super) fn located_addresses(
        &mut self,
        words: &Words,
        origin: &Origin,
    ) -> Vec<Located<IpAddr>> {
        let addresses = self.addresses(words, origin).into_iter();
        addresses.map(|value| Located { value, origin: origin.clone() }).collect()
    }
}

//! The names that the node's DNS server gives: who claims one, and who wins.
//!
//! Names are collected while guests are lowered, and get their addresses when all guests are known.
//! A name without a dot is one in the domain. What must not be two things at once is an error here;
//! what the node itself answers besides is seen when a plan is made.

mod resolve;

use std::net::IpAddr;

use phoenix_formats::Vmid;
use phoenix_formats::hosts::host_name_problem;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{self, DnsRecord, HypervisorFile, List, TraefikService};
use crate::desired::{Located, NameSource, Owner};
use crate::source::{FileKind, Origin};

/// The feature of the container that is the certificate authority.
const AUTHORITY: &str = "step_ca";

/// The feature of the container that routes names to services.
const PROXY: &str = "traefik";

/// What stands in front of a name that stands for every name below it.
const BELOW: &str = "*.";

/// Where a name leads, as far as it is known while guests are still read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Address(IpAddr),
    Guest(Owner),
    Gateway,
}

/// A name as it is declared.
#[derive(Debug, Clone)]
struct Said {
    name: Located<String>,
    source: NameSource,
    owner: Owner,
    target: Target,
}

/// What the operator's files say of names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    said: Vec<Said>,
    /// Containers that are the certificate authority, with the place where it is said.
    authorities: Vec<Located<Vmid>>,
    /// Containers that route names to services.
    proxies: Vec<Located<Vmid>>,
    /// `step_ca.dns_name`.
    authority_name: Option<Located<String>>,
    /// `dns_server.gateway`.
    gateway: Option<Located<Vmid>>,
}

/// What a guest declares of names.
pub(super) struct OfGuest<'a> {
    pub(super) records: Option<&'a List<DnsRecord>>,
    pub(super) service: Option<&'a TraefikService>,
    pub(super) agent: Option<&'a str>,
}

impl Lowering {
    /// Collects the names that the global file declares.
    pub(super) fn global_names(&mut self, file: &HypervisorFile) {
        let root = Origin::file(FileKind::Hypervisor);
        let ca = file.step_ca.as_ref().and_then(|ca| ca.dns_name.as_deref());
        self.names.authority_name =
            ca.and_then(|text| self.dns_name(text, root.at("step_ca").at("dns_name")));
        let portainer = file.portainer_api.as_ref();
        let portainer = portainer.and_then(|api| api.portainer_hostname.as_deref());
        let at = root.at("portainer_api").at("portainer_hostname");
        if let Some(name) = portainer.and_then(|text| self.dns_name(text, at)) {
            let (source, owner, target) = (NameSource::Gateway, Owner::Node, Target::Gateway);
            self.names.said.push(Said { name, source, owner, target });
        }
        let gateway = file.dns_server.as_ref().and_then(|dns| dns.gateway.as_ref());
        self.names.gateway =
            gateway.and_then(|number| self.vmid(number, root.at("dns_server").at("gateway")));
    }

    /// Collects the names that a guest declares, beside its own.
    pub(super) fn guest_names(&mut self, owner: Owner, declared: &OfGuest<'_>, at: &Origin) {
        let list_at = at.at("dns_records");
        let records = declared.records.map(|records| self.each(records, &list_at));
        for (origin, record) in records.unwrap_or_default() {
            self.record(owner, record, &origin);
        }
        let service = declared.service.and_then(|service| service.name.as_deref());
        let at_service = at.at("traefik_service").at("name");
        if let Some(name) = service.and_then(|text| self.dns_name(text, at_service)) {
            let (source, target) = (NameSource::Gateway, Target::Gateway);
            self.names.said.push(Said { name, source, owner, target });
        }
        let at_agent = at.at("portainer_agent_hostname");
        if let Some(name) = declared.agent.and_then(|text| self.dns_name(text, at_agent)) {
            let (source, target) = (NameSource::Agent, Target::Guest(owner));
            self.names.said.push(Said { name, source, owner, target });
        }
    }

    /// Notes what a container is for, as far as names depend on it.
    pub(super) fn roles(&mut self, vmid: Vmid, declared: &declared::Container, at: &Origin) {
        let list_at = at.at("features");
        let features = declared.features.as_ref().map(|list| self.each(list, &list_at));
        for (origin, feature) in features.unwrap_or_default() {
            let role = Located { value: vmid, origin };
            match feature.as_str() {
                AUTHORITY => self.names.authorities.push(role),
                PROXY => self.names.proxies.push(role),
                _ => {}
            }
        }
    }

    fn record(&mut self, owner: Owner, record: &DnsRecord, origin: &Origin) {
        let name = self.part_of_record(record.hostname.as_deref(), origin, "hostname");
        let address = self.part_of_record(record.ip.as_deref(), origin, "ip");
        let name = name.and_then(|text| self.record_name(text, origin.at("hostname")));
        let address = address.and_then(|text| self.record_address(text, origin.at("ip")));
        if let (Some(name), Some(address)) = (name, address) {
            let (source, target) = (NameSource::Records, Target::Address(address));
            self.names.said.push(Said { name, source, owner, target });
        }
    }

    fn part_of_record<'a>(
        &mut self,
        text: Option<&'a str>,
        at: &Origin,
        field: &str,
    ) -> Option<&'a str> {
        if text.is_none() && !self.findings.touches(&at.at(field)) {
            let finding = Finding::error(at.clone(), "a DNS record that is not whole");
            let help = "Write `{ \"hostname\": \"git\", \"ip\": \"10.0.0.111\" }`.";
            self.push(finding.label(format!("`{field}` is missing")).help(help));
        }
        text
    }

    fn record_address(&mut self, text: &str, origin: Origin) -> Option<IpAddr> {
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        let help = match text.split_once('/') {
            Some((address, _)) if address.parse::<IpAddr>().is_ok() => {
                format!("Write `{address}`, without a prefix length.")
            }
            _ => "Write an address such as `10.0.0.111`.".to_owned(),
        };
        let finding = Finding::error(origin, format!("`{text}` is not an address"));
        self.push(finding.label("not valid").help(help));
        None
    }

    /// Reads the name of a record, which may stand for all names below it.
    fn record_name(&mut self, text: &str, origin: Origin) -> Option<Located<String>> {
        let Some(rest) = text.strip_prefix(BELOW) else { return self.dns_name(text, origin) };
        let name = self.dns_name(rest, origin)?;
        Some(Located { value: format!("{BELOW}{}", name.value), ..name })
    }

    /// Reads a name; letter case and a dot at its end do not count.
    fn dns_name(&mut self, text: &str, origin: Origin) -> Option<Located<String>> {
        let plain = text.strip_suffix('.').unwrap_or(text);
        let Some(why) = host_name_problem(plain) else {
            return Some(Located { value: plain.to_ascii_lowercase(), origin });
        };
        let finding = Finding::error(origin, format!("`{text}` cannot be a name in DNS"));
        self.push(
            finding.label(why.to_string()).help("Write a name such as `git.internal.example.com`."),
        );
        None
    }
}

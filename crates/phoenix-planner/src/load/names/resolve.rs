//! From names as they are declared to addresses, and of several claims to one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::Vmid;
use phoenix_formats::hosts::host_name_problem;

use super::{BELOW, Names, Said, Target};
use crate::desired::{
    Container, Desired, DnsName, Ipv4Config, Located, NameClaim, NameSource, Owner,
};
use crate::kind::DASHBOARD;
use crate::load::finding::Finding;
use crate::load::part::Lowering;
use crate::problem::Severity;
use crate::source::{FileKind, Origin};

/// The certificate authority's name in the domain (spec, III.3).
const AUTHORITY_NAME: &str = "ca";

/// Claims by name and IP version, each with the name as it was written.
type Claims = BTreeMap<(String, bool), Vec<(String, NameClaim)>>;

impl Lowering {
    /// Gives the node's DNS server its names.
    pub(in crate::load) fn resolve_names(&mut self, desired: &mut Desired) {
        let names = std::mem::take(&mut self.names);
        if !desired.dns.as_ref().is_some_and(|dns| dns.enabled) {
            return;
        }
        self.check_server(desired);
        let Some(domain) = desired.identity.domain.as_ref().map(|domain| domain.value.clone())
        else {
            return;
        };
        let gateway = self.gateway(&names, desired);
        let mut said = own(desired);
        said.extend(self.authority(&names, &domain));
        let address = gateway.map(|(_, address)| address);
        said.extend(dashboard(&names, &domain, address));
        said.extend(names.said);
        let claims = self.claims_of(said, desired, &domain, address);
        let names = claims.into_iter().map(|((name, _), claims)| self.decide(name, claims));
        let names = names.collect();
        if let Some(dns) = &mut desired.dns {
            dns.gateway = gateway.map(|(vmid, _)| vmid);
            dns.names = names;
        }
    }

    /// Notes what the DNS server cannot do without, and servers that are the node itself.
    fn check_server(&mut self, desired: &Desired) {
        let Some(dns) = &desired.dns else { return };
        let root = Origin::file(FileKind::Hypervisor);
        let missing = |what: &str, help: &str| {
            let finding =
                Finding::error(dns.origin.clone(), format!("a DNS server without {what}"));
            finding.label("it cannot be set up").help(help)
        };
        let at = root.at("domain_name");
        if desired.identity.domain.is_none() && !self.findings.touches(&at) {
            let help = "Add `\"domain_name\": \"internal.example.com\"` at the top of the file.";
            self.push(missing("a domain", help));
        }
        let at = root.at("network").at("interfaces").at("address");
        if desired.network.address.is_none() && !self.findings.touches(&at) {
            let help = "Add `\"address\": \"10.0.0.13/24\"` in `network.interfaces`.";
            self.push(missing("the address of the node, on which it listens", help));
        }
        let own = desired.network.address.as_ref().map(|address| IpAddr::V4(address.value.addr()));
        for server in &dns.upstream {
            if own == Some(*server) || server.is_loopback() || server.is_unspecified() {
                let at = dns.origin.at("upstream_servers");
                let finding = Finding::error(at, format!("`{server}` is the node itself"));
                let help = "Name servers of the provider or the outside, such as `8.8.8.8`.";
                self.push(finding.label("the DNS server would ask itself").help(help));
            }
        }
    }

    /// Finds the gateway and its address, when a name leads there.
    fn gateway(&mut self, names: &Names, desired: &Desired) -> Option<(Vmid, Ipv4Addr)> {
        let first = names.said.iter().find(|said| said.target == Target::Gateway)?;
        let candidates = candidates(names, desired);
        let Some((gateway, others)) = candidates.split_first() else {
            let message = "no container is the gateway to which this name leads";
            let finding = Finding::warning(first.name.origin.clone(), message);
            let help = "Name its number as `gateway` in `dns_server`.";
            self.push(finding.label("it gets no DNS record").help(help));
            return None;
        };
        if let Some(other) = others.first() {
            let message = "two containers could be the gateway of `traefik_service`";
            let finding = Finding::error(other.origin.clone(), message).label("this one");
            let help = "Name the number of the one that is as `gateway` in `dns_server`.";
            self.push(finding.with(gateway.origin.clone(), "or this one").help(help));
            return None;
        }
        let container = desired.containers.get(&gateway.value);
        let address = container.and_then(address_of);
        if address.is_none() {
            let message = match container {
                Some(_) => format!("the gateway {} has no fixed address", gateway.value),
                None => {
                    format!("there is no container {} that could be the gateway", gateway.value)
                }
            };
            let finding = Finding::warning(gateway.origin.clone(), message);
            let help = "Name a container that has a fixed `ip` in `network_config`.";
            self.push(finding.label("the names of `traefik_service` get no record").help(help));
        }
        address.map(|address| (gateway.value, address))
    }

    /// Returns the names of the certificate authority.
    fn authority(&mut self, names: &Names, domain: &str) -> Vec<Said> {
        let usual = format!("{AUTHORITY_NAME}.{domain}");
        if let (Some(name), []) = (&names.authority_name, names.authorities.as_slice()) {
            let message = "no container has the feature `step_ca`";
            let finding = Finding::warning(name.origin.clone(), message);
            let help = "Add `step_ca` to the `features` of the container that is the authority.";
            self.push(finding.label("this name gets no DNS record").help(help));
        }
        let declared = names.authority_name.as_ref().map(|name| name.value.clone());
        let all = declared.into_iter().chain([usual]).collect::<Vec<_>>();
        let of = |role: &Located<Vmid>, name: &String| {
            let owner = Owner::Container(role.value);
            Said {
                name: Located { value: name.clone(), origin: role.origin.clone() },
                source: NameSource::Authority,
                owner,
                target: Target::Guest(owner),
            }
        };
        names.authorities.iter().flat_map(|role| all.iter().map(move |n| of(role, n))).collect()
    }

    fn claims_of(
        &mut self,
        said: Vec<Said>,
        desired: &Desired,
        domain: &str,
        gateway: Option<Ipv4Addr>,
    ) -> Claims {
        let mut claims = Claims::new();
        for Said { name, source, owner, target } in said {
            let address = match target {
                Target::Address(address) => Some(address),
                Target::Gateway => gateway.map(IpAddr::V4),
                Target::Guest(owner) => address_of_owner(owner, desired).map(IpAddr::V4),
            };
            let whole = whole(&name.value, source, domain);
            match (address, problem_of(&whole)) {
                (Some(address), None) => {
                    let claim = NameClaim { address, source, owner, origin: name.origin };
                    let key = (whole, address.is_ipv6());
                    claims.entry(key).or_default().push((name.value, claim));
                }
                (None, None) => self.without_address(&name, source),
                (_, Some(why)) => {
                    let severity = match source {
                        NameSource::Own => Severity::Warning,
                        _ => Severity::Error,
                    };
                    let message = format!("`{whole}` cannot be a name in DNS");
                    let finding = Finding::new(severity, name.origin, message).label(why);
                    self.push(finding.help("Write another name; until then it has no record."));
                }
            }
        }
        claims
    }

    /// Notes a name that was asked for and leads nowhere; that a guest's own name does is usual.
    fn without_address(&mut self, name: &Located<String>, source: NameSource) {
        if matches!(source, NameSource::Own | NameSource::Gateway | NameSource::Dashboard) {
            return;
        }
        let message = format!("`{}` leads to a guest that has no fixed address", name.value);
        let finding = Finding::warning(name.origin.clone(), message);
        let help = "Give the guest an `ip` in `network_config`, with its prefix length.";
        self.push(finding.label("no DNS record").help(help));
    }

    /// Chooses the claim that counts, and notes those of the same rank that say something else.
    fn decide(&mut self, name: String, mut claims: Vec<(String, NameClaim)>) -> DnsName {
        claims.sort_by_key(|(_, claim)| (claim.source, claim.owner));
        let mut claims = claims.into_iter();
        let (said, claim) = claims.next().expect("a name is there because something claims it");
        let mut beaten = Vec::new();
        for (other_said, other) in claims.filter(|(_, other)| other.address != claim.address) {
            if other.source > claim.source {
                beaten.push(other);
            } else if claim.source != NameSource::Own || said != other_said {
                // Two equal host names are told elsewhere.
                self.push(twice(&name, &claim, &other));
            }
        }
        DnsName { name, claim, beaten }
    }
}

fn twice(name: &str, claim: &NameClaim, other: &NameClaim) -> Finding {
    let finding = Finding::error(other.origin.clone(), format!("`{name}` has two addresses"));
    finding
        .label(format!("{} here", other.address))
        .with(claim.origin.clone(), format!("and {} here", claim.address))
        .help("Leave one of the two, or give both the same address.")
}

/// Returns the guests' own names, and the node's.
fn own(desired: &Desired) -> Vec<Said> {
    let said = |name: &Located<String>, owner| {
        let name = Located { value: name.value.to_ascii_lowercase(), origin: name.origin.clone() };
        Said { name, source: NameSource::Own, owner, target: Target::Guest(owner) }
    };
    let containers = desired.containers.values();
    let containers =
        containers.filter_map(|c| Some(said(c.hostname.as_ref()?, Owner::Container(c.vmid))));
    let vms = desired.vms.values();
    let vms = vms.filter_map(|vm| Some(said(vm.name.as_ref()?, Owner::Vm(vm.vmid))));
    let node = desired.identity.hostname.as_ref().map(|name| said(name, Owner::Node));
    containers.chain(vms).chain(node).collect()
}

/// Returns the name of the proxy's dashboard, for which it asks the authority for a certificate: without an address that
/// one would refuse it for ever. It leads where services do, or else to the proxy. Two proxies have none in common.
fn dashboard(names: &Names, domain: &str, gateway: Option<Ipv4Addr>) -> Option<Said> {
    let [proxy] = names.proxies.as_slice() else { return None };
    let owner = Owner::Container(proxy.value);
    let target = gateway.map_or(Target::Guest(owner), |_| Target::Gateway);
    let name = Located { value: format!("{DASHBOARD}.{domain}"), origin: proxy.origin.clone() };
    Some(Said { name, source: NameSource::Dashboard, owner, target })
}

/// Returns a name with its domain. What names a guest or a service is always in the domain, however
/// many dots it has; other names with a dot are whole.
fn whole(name: &str, source: NameSource, domain: &str) -> String {
    let inside = name == domain || name.strip_suffix(domain).is_some_and(|n| n.ends_with('.'));
    let is_whole = match source {
        NameSource::Own | NameSource::Gateway => inside,
        _ => inside || name.trim_start_matches(BELOW).contains('.'),
    };
    if is_whole { name.to_owned() } else { format!("{name}.{domain}") }
}

/// Says why DNS cannot carry a whole name.
fn problem_of(whole: &str) -> Option<String> {
    let name = whole.trim_start_matches(BELOW);
    let last = name.rsplit('.').next().unwrap_or_default();
    match host_name_problem(name) {
        Some(problem) => Some(problem.to_string()),
        // dnsmasq takes such a word for an address, or for how long an answer may be kept.
        None if last.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some("its last part is a number, as in an address".to_owned())
        }
        None => None,
    }
}

/// Returns the containers that could be the gateway: by declaration, else those with a public
/// interface, else those that had one, else those that route names.
fn candidates(names: &Names, desired: &Desired) -> Vec<Located<Vmid>> {
    if let Some(gateway) = &names.gateway {
        return vec![gateway.clone()];
    }
    let public = |enabled: bool| {
        let containers = desired.containers.values();
        let of = containers.filter_map(|c| Some((c.vmid, c.public.as_ref()?)));
        let of = of.filter(|(_, public)| public.enabled == enabled);
        of.map(|(value, public)| Located { value, origin: public.origin.clone() }).collect()
    };
    let sets: [Vec<Located<Vmid>>; 3] = [public(true), public(false), names.proxies.clone()];
    sets.into_iter().find(|set| !set.is_empty()).unwrap_or_default()
}

fn address_of(container: &Container) -> Option<Ipv4Addr> {
    match container.net0.as_ref()?.ip {
        Some(Ipv4Config::Static(net)) => Some(net.addr()),
        _ => None,
    }
}

fn address_of_owner(owner: Owner, desired: &Desired) -> Option<Ipv4Addr> {
    match owner {
        Owner::Node => desired.network.address.as_ref().map(|address| address.value.addr()),
        Owner::Container(vmid) => desired.containers.get(&vmid).and_then(address_of),
        Owner::Vm(vmid) => {
            desired.vms.get(&vmid)?.address.as_ref().map(|address| address.value.addr())
        }
    }
}

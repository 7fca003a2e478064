//! What the network must show to the machine on which phoenix runs: names and ports.

use std::net::{IpAddr, SocketAddr};

use crate::address::Address;
use crate::desired::{Container, Desired, DnsName, PublicInterface};
use crate::kind::{lxc, nginx_site, shim};
use crate::operation::Want;
use crate::verify::{Ask, CAPTURED, Check, Question, Record, Standing, Vantage};

/// The ports that a public interface serves.
pub(super) const PORTS: [u16; 2] = nginx_site::PORTS;

/// The port of DNS.
const DNS: u16 = 53;

/// Stands for any name below a domain: nobody has declared it.
const LABEL: &str = "phoenix-verify";

fn here(address: Address, title: String, ask: Ask, help: String, standing: Standing) -> Check {
    let check = Check { address, title, vantage: Vantage::Here, ask, help };
    if standing == Standing::Captured { check.skipped(CAPTURED) } else { check }
}

/// Returns the checks that the ports of a container's public interface answer.
pub(super) fn ports(
    desired: &Desired,
    container: &Container,
    ports: &[u16],
    standing: Standing,
) -> Vec<Check> {
    let Some(public) = container.public.as_ref().filter(|public| public.enabled) else {
        return Vec::new();
    };
    let domain = desired.network.public_domain.as_ref().map(|domain| domain.value.as_str());
    let check = |port: &u16| {
        let to = SocketAddr::new(IpAddr::V4(public.ip.addr()), *port);
        let check = answers(container, to, by_hand(to, domain), standing);
        let unreached = lxc::bypasses_node(public) && !shim::serves(desired, public);
        if standing == Standing::Node && unreached {
            check.skipped(&from_elsewhere(public, to, domain))
        } else {
            check
        }
    };
    ports.iter().map(check).collect()
}

fn answers(container: &Container, to: SocketAddr, by_hand: String, standing: Standing) -> Check {
    let help = "Refused: look at what listens in the container. No answer: look at its rules, at `ip neighbour` here, and at the switch.";
    let ask = Ask::Here { question: Question::Connect { to, by_hand }, want: Want::Connects };
    let address = lxc::address(container.vmid).part("port").part(to.port());
    here(address, format!("{to} answers"), ask, help.to_owned(), standing)
}

fn from_elsewhere(public: &PublicInterface, to: SocketAddr, domain: Option<&str>) -> String {
    let (kind, curl) = (public.kind.as_str(), by_hand(to, domain));
    format!(
        "the node cannot reach its own {kind}: run `phoenix verify --from-here` on another machine of the LAN, or `{curl}`"
    )
}

/// Returns the line that asks the same with curl(1): under a name of the public domain, so that the
/// certificate is judged too, else whatever certificate there is.
fn by_hand(to: SocketAddr, domain: Option<&str>) -> String {
    let (scheme, insecure) = if to.port() == 443 { ("https", "--insecure ") } else { ("http", "") };
    match domain {
        Some(domain) => format!("curl --head --connect-to ::{to} {scheme}://{LABEL}.{domain}/"),
        None => format!("curl --head {insecure}{scheme}://{}/", to.ip()),
    }
}

/// Returns the check that names below the public domain lead to the public address.
pub(super) fn public_domain(desired: &Desired, standing: Standing) -> Option<Check> {
    let domain = &desired.network.public_domain.as_ref()?.value;
    let enabled = desired.containers.values().filter_map(|container| container.public.as_ref());
    let enabled = enabled.filter(|public| public.enabled);
    let addresses = enabled.map(|public| IpAddr::V4(public.ip.addr())).collect::<Vec<_>>();
    let first = addresses.first()?;
    let title = format!("*.{domain} is {first}");
    let address = Address::new("public-domain", domain);
    let help = format!(
        "Correct the record `*.{domain}` at whoever keeps the public zone, and wait for its time to live."
    );
    let Some(server) = desired.network.public_resolver.as_ref().map(|server| server.value) else {
        let check = here(address, title, Ask::Skip(String::new()), help, standing);
        return Some(check.skipped("`network.public_resolver` is not declared"));
    };
    let question =
        Question::Resolve { server, name: format!("{LABEL}.{domain}"), record: Record::A };
    let ask = Ask::Here { question, want: Want::AddressIn(addresses.clone()) };
    Some(here(address, title, ask, help, standing))
}

/// Returns the checks that the node's DNS server answers every name as declared.
pub(super) fn records(desired: &Desired, standing: Standing) -> Vec<Check> {
    let dns = desired.dns.as_ref().filter(|dns| dns.enabled);
    let (Some(dns), Some(node)) = (dns, &desired.network.address) else { return Vec::new() };
    let server = SocketAddr::new(IpAddr::V4(node.value.addr()), DNS);
    dns.names.iter().map(|name| record(name, server, standing)).collect()
}

fn record(name: &DnsName, server: SocketAddr, standing: Standing) -> Check {
    let wanted = name.claim.address;
    let asked = match name.name.strip_prefix("*.") {
        Some(below) => format!("{LABEL}.{below}"),
        None => name.name.clone(),
    };
    let record = if wanted.is_ipv4() { Record::A } else { Record::Aaaa };
    let ask = Ask::Here {
        question: Question::Resolve { server, name: asked, record },
        want: Want::AddressIn(vec![wanted]),
    };
    let help =
        "Run `phoenix plan`; where it finds no changes, `systemctl restart dnsmasq` on the node.";
    let address = Address::new("dnsmasq", "records").part(&name.name);
    here(address, format!("{} is {wanted}", name.name), ask, help.to_owned(), standing)
}

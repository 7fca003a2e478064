//! Whether an address can be used, and whether a gateway can be reached.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::desired::{InternalInterface, Ipv4Config, PublicInterface};
use crate::load::finding::{Finding, Findings};
use crate::source::Origin;

/// Says why no host can have an address, if none can.
pub(crate) fn unusable(net: Ipv4Net) -> Option<&'static str> {
    let address = net.addr();
    // In a /31 both addresses are hosts (RFC 3021).
    let has_network_address = net.prefix_len() < 31;
    match () {
        () if address.is_unspecified() || address.octets()[0] == 0 => Some("no address at all"),
        () if address.is_loopback() => Some("an address of the loopback interface"),
        () if address.is_multicast() => Some("a multicast address"),
        () if address.octets()[0] >= 240 => Some("a reserved address"),
        () if has_network_address && address == net.network() => {
            Some("the address of the subnet itself")
        }
        () if has_network_address && address == net.broadcast() => {
            Some("the broadcast address of the subnet")
        }
        () => None,
    }
}

/// Notes a gateway that cannot be reached with a configuration; `at` is the object with `ip` and `gw`.
pub(crate) fn gateway(
    gateway: Option<Ipv4Addr>,
    ip: Option<Ipv4Config>,
    at: &Origin,
    findings: &mut Findings,
) {
    let (Some(gateway), Some(ip)) = (gateway, ip) else {
        return;
    };
    let Ipv4Config::Static(net) = ip else {
        let finding =
            Finding::warning(at.at("gw"), "a gateway without a fixed address has no effect");
        let help = "Remove `gw`, or write a fixed address as `ip`.";
        findings.push(finding.label("not used").help(help));
        return;
    };
    findings.extend(unreachable(gateway, net, at));
}

fn unreachable(gateway: Ipv4Addr, net: Ipv4Net, at: &Origin) -> Option<Finding> {
    let error = |message: String| Finding::error(at.at("gw"), message);
    let help = "Write the address of the router as `gw`.";
    if gateway == net.addr() {
        let finding = error(format!("`{gateway}` is the gateway and the address at once"));
        return Some(finding.label("the same").with(at.at("ip"), "as this").help(help));
    }
    // With a /32 every gateway is outside, and the route to it is made by the interface.
    if net.prefix_len() < 32 && !net.contains(&gateway) {
        let finding =
            error(format!("the gateway `{gateway}` is outside the subnet `{}`", net.trunc()));
        let finding = finding.label("cannot be reached").with(at.at("ip"), "from here");
        return Some(finding.help("Write a gateway of that subnet, or correct `ip`."));
    }
    let why = edge(gateway, net)?;
    Some(error(format!("the gateway `{gateway}` cannot be a host")).label(why).help(help))
}

/// Says why a gateway cannot be a host of a subnet, if it cannot.
pub(super) fn edge(gateway: Ipv4Addr, net: Ipv4Net) -> Option<&'static str> {
    Ipv4Net::new(gateway, net.prefix_len()).ok().and_then(unusable)
}

/// Notes two interfaces of one container that cannot live beside each other.
pub(crate) fn two_interfaces(
    net0: Option<&InternalInterface>,
    public: Option<&PublicInterface>,
    findings: &mut Findings,
) {
    let (Some(net0), Some(public)) = (net0, public.filter(|public| public.enabled)) else {
        return;
    };
    if net0.name.as_str() == PublicInterface::NAME {
        let message = format!("`{}` is the name of the public interface", PublicInterface::NAME);
        findings.push(
            Finding::error(net0.origin.at("name"), message)
                .label("taken")
                .with(public.origin.clone(), "by this interface")
                .help("Write `eth0`."),
        );
    }
}

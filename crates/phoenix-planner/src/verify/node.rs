//! What the node itself must show.

use crate::address::Address;
use crate::desired::Desired;
use crate::kind::{identity, resolv_conf, service, shim};
use crate::location::{Location, Place};
use crate::observed::{Observed, links_argv};
use crate::operation::Want;
use crate::probe::{Argv, Probe, argv};
use crate::verify::{Ask, Check, Vantage, run};

/// An address that is on nobody's network (RFC 5737): the way to it is the way out.
pub(super) const FAR: &str = "192.0.2.1";

pub(super) fn checks(observed: &Observed<'_>) -> Vec<Check> {
    let desired = observed.desired;
    let all = [
        address(desired),
        gateway(desired),
        hosts(observed),
        hostname(observed),
        time_zone(desired),
        dnsmasq(desired),
        resolver(desired),
        firewall(desired),
    ];
    all.into_iter().flatten().chain(shim(desired)).collect()
}

fn check(address: Address, title: String, ask: Ask, help: &str) -> Check {
    Check { address, title, vantage: Vantage::Node, ask, help: help.to_owned() }
}

fn on_node(argv: Argv, want: Want) -> Ask {
    run(Place::Node, argv, want)
}

fn address(desired: &Desired) -> Option<Check> {
    let bridge = &desired.network.bridge.as_ref()?.value;
    let ip = desired.network.address.as_ref()?.value.addr();
    let want = Want::Interface { name: bridge.to_string(), ip, mac: None };
    let title = format!("{bridge} is up with {ip}");
    let help = "Look at /etc/network/interfaces, and load it with `ifreload -a`.";
    Some(check(Address::new("interfaces", bridge), title, on_node(links_argv(), want), help))
}

fn gateway(desired: &Desired) -> Option<Check> {
    let bridge = &desired.network.bridge.as_ref()?.value;
    let via = desired.network.gateway.as_ref()?.value;
    let want = Want::RouteVia { via, device: bridge.to_string() };
    let title = format!("the way out is by {via}");
    let help = "Look at `ip route`: another default route stands before this one, or it is gone; `ifreload -a` brings it back.";
    let address = Address::new("interfaces", bridge).part("gateway");
    Some(check(address, title, on_node(argv(["ip", "-json", "route", "get", FAR]), want), help))
}

/// The interface by which the node reaches the macvlan interfaces of its own containers.
fn shim(desired: &Desired) -> Vec<Check> {
    let Some((bridge, effects)) = shim::effects(desired) else { return Vec::new() };
    let help =
        "Run `phoenix plan`; where it finds no changes, look at `ip route` and at `bridge fdb`.";
    let one = |effect: shim::Effect| {
        let whole = shim::address(&bridge);
        let address = effect.part.map(|part| whole.part(part)).unwrap_or(whole);
        check(address, effect.title, on_node(effect.argv, effect.want), help)
    };
    effects.into_iter().map(one).collect()
}

fn hosts(observed: &Observed<'_>) -> Option<Check> {
    let desired = observed.desired;
    let ip = desired.network.address.as_ref()?.value.addr();
    desired.identity.domain.as_ref()?;
    let declared = desired.identity.hostname.as_ref().map(|name| name.value.as_str());
    let name = declared.or(observed.node_name())?;
    let name = name.split('.').next().unwrap_or(name);
    let title = format!("{name} is {ip}");
    let help = "Correct /etc/hosts: Proxmox VE takes the node's address from its name.";
    let ask = on_node(argv(["getent", "ahostsv4", name]), Want::Host(ip));
    Some(check(Address::new("hosts", "node"), title, ask, help))
}

fn hostname(observed: &Observed<'_>) -> Option<Check> {
    let name = &observed.desired.identity.hostname.as_ref()?.value;
    let title = format!("the node is called {name}");
    let help = "Run `phoenix apply`; a new name is in force when the node has booted.";
    // With its domain it is the same name.
    let running = observed.node_name().unwrap_or_default();
    let is_own = running.split('.').next() == Some(name);
    let said = if is_own { running.to_owned() } else { name.clone() };
    let ask = on_node(argv(["hostname"]), Want::Says(said));
    let check = check(Address::new("identity", "hostname"), title, ask, help);
    if !is_own && identity::boots_as(observed, name) {
        return Some(check.skipped("from the next boot on"));
    }
    Some(check)
}

fn time_zone(desired: &Desired) -> Option<Check> {
    let zone = &desired.identity.timezone.as_ref()?.value;
    let title = format!("the time zone is {zone}");
    let help = "Run `timedatectl set-timezone` with the declared zone.";
    let ask = on_node(identity::zone_argv(), Want::EndsWith(format!("/{zone}")));
    Some(check(Address::new("identity", "timezone"), title, ask, help))
}

fn dnsmasq(desired: &Desired) -> Option<Check> {
    desired.dns.as_ref().filter(|dns| dns.enabled)?;
    let help = "Look at `journalctl -u dnsmasq`, then `systemctl restart dnsmasq`.";
    let ask = on_node(service::dnsmasq_active_argv(), Want::Says("active".to_owned()));
    Some(check(Address::new("service", "dnsmasq"), "dnsmasq runs".to_owned(), ask, help))
}

fn resolver(desired: &Desired) -> Option<Check> {
    let mut servers = resolv_conf::servers(desired)?;
    servers.truncate(phoenix_formats::resolv_conf::MOST_NAMESERVERS);
    let title = format!("the node asks {}", resolv_conf::words(&servers));
    let help =
        "Run `phoenix plan`: it corrects /etc/resolv.conf, or says which other program writes it.";
    let probe = Probe::File(Location::node(resolv_conf::FILE));
    let ask = Ask::Place { probe, want: Want::Nameservers(servers) };
    Some(check(Address::new("resolv-conf", "node"), title, ask, help))
}

/// Proxmox VE's own word: whether the rules of all files are those of the kernel.
fn firewall(desired: &Desired) -> Option<Check> {
    let enabled = desired.firewall.as_ref()?.enabled?;
    let title = if enabled { "the firewall is in force" } else { "the firewall is off" };
    let help = "Run `pve-firewall compile` and look at what it says of the files; `systemctl reload pve-firewall` loads them.";
    let ask = on_node(argv(["pve-firewall", "status"]), Want::Firewall { enabled });
    Some(check(Address::new("firewall", "cluster"), title.to_owned(), ask, help))
}

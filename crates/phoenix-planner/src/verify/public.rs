//! What a container with a public interface must show.

use std::net::Ipv4Addr;

use crate::address::Address;
use crate::desired::{Container, PublicInterface, PublicKind};
use crate::kind::{lxc, nat, nginx_site};
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::Want;
use crate::probe::{Argv, argv};
use crate::refusal::Refusal;
use crate::verify::node::FAR;
use crate::verify::{Ask, Check, Vantage, run};

/// The routing table of the public interface, in the container.
const TABLE: u32 = 101;

/// The ruleset of the public interface, in the container.
const RULESET: [&str; 2] = ["inet", "phoenix_public"];

/// Where the kernel keeps the settings of all interfaces. They are read by a program in the container: a file
/// below `/proc/sys/net` shows the network of who reads it, whichever way it was opened.
const SETTINGS: &str = "/proc/sys/net/ipv4/conf/all";

/// Settings with which an interface answers ARP for its own addresses only, and asks with them only.
const ARP: [(&str, &str); 2] = [("arp_ignore", "1"), ("arp_announce", "2")];

/// Returns the ports that the container serves on its public interface: those of 80 and 443 that
/// nginx's files ask for, or both where no file says.
pub(super) fn ports(observed: &Observed<'_>, container: &Container) -> Vec<u16> {
    let asked = nginx_site::asked_ports(observed, container);
    if asked.is_empty() { nginx_site::PORTS.to_vec() } else { asked }
}

pub(super) fn checks(
    observed: &Observed<'_>,
    container: &Container,
) -> Result<Vec<Check>, Vec<Refusal>> {
    let public = container.public.as_ref().filter(|public| public.enabled);
    let (Some(public), Some(_)) = (public, observed.config(container.vmid)) else {
        return Ok(Vec::new());
    };
    let mut checks = vec![interface(container, public)];
    checks.extend(gateway(observed, container, public));
    checks.extend(arp(container, public));
    checks.extend(own_route(container, public));
    checks.extend(ruleset(container, public));
    checks.push(listens(container, ports(observed, container)));
    checks.extend(internal_route(observed, container));
    checks.extend(default_route(container));
    checks.extend(no_nat(observed, container)?);
    Ok(checks)
}

fn check(container: &Container, part: &str, title: String, ask: Ask, help: String) -> Check {
    let vantage = Vantage::Guest(container.vmid);
    Check { address: address(container, part), title, vantage, ask, help }
}

fn address(container: &Container, part: &str) -> Address {
    part.split('/').fold(lxc::address(container.vmid), |address, part| address.part(part))
}

fn inside(container: &Container, argv: Argv, want: Want) -> Ask {
    run(Place::Guest(container.vmid), argv, want)
}

/// Returns the check that the interface is there with the declared address and MAC.
pub(crate) fn interface(container: &Container, public: &PublicInterface) -> Check {
    let (name, ip) = (PublicInterface::NAME, public.ip.addr());
    let mac = public.mac.map(|mac| mac.to_string());
    let with_mac = mac.as_ref().map(|mac| format!(" and {mac}")).unwrap_or_default();
    let want = Want::Interface { name: name.to_owned(), ip, mac };
    let ask = Ask::Place { probe: lxc::links_probe(container), want };
    let title = format!("{name} is up with {ip}{with_mac}");
    let help = "Run `phoenix apply`: it attaches the interface, and restarts the container where that is due.";
    check(container, "net1", title, ask, help.to_owned())
}

/// Returns the check that the public gateway is reached: by the public interface itself, unless the
/// internal one is in the same subnet.
pub(crate) fn gateway(
    observed: &Observed<'_>,
    container: &Container,
    public: &PublicInterface,
) -> Option<Check> {
    let gateway = public.gateway?;
    let conf = observed.config(container.vmid)?;
    let (title, want) = if lxc::shares_subnet(container, conf, public) {
        (format!("{gateway} is reached"), Want::Success)
    } else {
        let device = PublicInterface::NAME.to_owned();
        (format!("{gateway} is reached by {device}"), Want::RouteBy { device })
    };
    let argv = route_to(&gateway.to_string());
    let help = "Look at `ip route` in the container: the public subnet belongs to eth1.".to_owned();
    Some(check(container, "net1/gateway", title, inside(container, argv, want), help))
}

fn route_to(to: &str) -> Argv {
    argv(["ip", "-json", "route", "get", to])
}

/// While one bridge carries both interfaces, the kernel would answer for either address on both.
fn arp(container: &Container, public: &PublicInterface) -> Option<Check> {
    if public.kind == PublicKind::Ipvlan {
        return None;
    }
    let files = ARP.map(|(name, _)| format!("{SETTINGS}/{name}"));
    let argv = ["cat".to_owned()].into_iter().chain(files).collect();
    let wanted = ARP.map(|(_, value)| value.to_owned()).to_vec();
    let title = format!("only eth1 answers ARP for {}", public.ip.addr());
    let help = "Set `net.ipv4.conf.all.arp_ignore=1` and `net.ipv4.conf.all.arp_announce=2` in the container: clients may use the internal interface's MAC, past the rules of eth1.";
    let ask = inside(container, argv, Want::Lines(wanted));
    Some(check(container, "arp", title, ask, help.to_owned()))
}

/// Answers to clients beyond the public subnet must leave by the interface that they came in by.
fn own_route(container: &Container, public: &PublicInterface) -> Vec<Check> {
    let Some(via) = public.gateway else { return Vec::new() };
    let (from, device) = (public.ip.addr(), PublicInterface::NAME.to_owned());
    let rule = inside(
        container,
        argv(["ip", "-json", "rule", "show"]),
        Want::OwnRule { ip: from, table: TABLE },
    );
    let table = argv(["ip", "-json", "route", "show", "table", &TABLE.to_string()]);
    let table = inside(container, table, Want::TableDefault { via, device });
    let help = "Run /etc/phoenix/public-interface.sh in the container, and look at what it says; `phoenix plan` shows whether it is as declared.";
    let of = |part, title, ask| check(container, part, title, ask, help.to_owned());
    vec![
        of("public-route", format!("answers from {from} look in table {TABLE}"), rule),
        of("public-route/table", format!("table {TABLE} leads to {via} by eth1"), table),
    ]
}

/// How many rules are named: the plan shows all.
const NAMED: usize = 3;

/// Names the rules that lead clients first; the others only go with them.
fn left(rules: &[String]) -> String {
    let (lead, follow): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.contains(" DNAT "));
    let named = lead.into_iter().chain(follow).take(NAMED).cloned().collect::<Vec<_>>();
    let more = match rules.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("there is {}{more}", named.join(", "))
}

/// Proxmox VE's firewall sees a port of the bridge, and nothing else.
fn ruleset(container: &Container, public: &PublicInterface) -> Option<Check> {
    if !lxc::bypasses_node(public) {
        return None;
    }
    let [family, table] = RULESET;
    let words = argv(["nft", "list", "table", family, table]);
    let want = Want::Mentions(PublicInterface::NAME.to_owned());
    let help = "Load it in the container with `nft -f /etc/phoenix/public-interface.nft`: until then every port that the container opens is open on eth1.";
    let title = "the rules of eth1 are loaded".to_owned();
    Some(check(container, "nftables", title, inside(container, words, want), help.to_owned()))
}

fn listens(container: &Container, ports: Vec<u16>) -> Check {
    let shown = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let title = format!("nginx listens on all interfaces on {shown}");
    let help = "Run `phoenix apply`; where the files are right, `systemctl restart nginx` in the container: a reload keeps the old sockets and says nothing.";
    let ask = inside(container, nginx_site::sockets_argv(), Want::Everywhere { ports });
    check(container, "nginx", title, ask, help.to_owned())
}

/// Returns the check that no port of these is served on the internal address alone.
pub(crate) fn not_only_on(container: &Container, ip: Ipv4Addr, ports: Vec<u16>) -> Check {
    let title = format!("no port is served on {ip} alone");
    let ask = inside(container, nginx_site::sockets_argv(), Want::NotOnlyOn { ip, ports });
    check(container, "nginx", title, ask, "Have it listen on all interfaces.".to_owned())
}

/// Internal traffic must go on by the internal interface, also where both have one subnet.
fn internal_route(observed: &Observed<'_>, container: &Container) -> Option<Check> {
    let net0 = container.net0.as_ref()?;
    let node = observed.desired.network.address.as_ref().map(|address| address.value.addr());
    let to = net0.gateway.or(node)?;
    let device = net0.name.to_string();
    let title = format!("internal traffic leaves by {device}");
    let help = "Look at `ip route` in the container: eth1 must not have a route to the internal subnet; `phoenix plan` shows whether it is as declared.";
    let ask = inside(container, route_to(&to.to_string()), Want::RouteBy { device });
    Some(check(container, "internal-route", title, ask, help.to_owned()))
}

fn default_route(container: &Container) -> Option<Check> {
    let net0 = container.net0.as_ref()?;
    let via = net0.gateway?;
    let device = net0.name.to_string();
    let title = format!("the default route stays on {device}");
    let help = "Take the second default route away: eth1 has its gateway in a table of its own.";
    let ask = inside(container, route_to(FAR), Want::RouteVia { via, device });
    Some(check(container, "default-route", title, ask, help.to_owned()))
}

fn no_nat(observed: &Observed<'_>, container: &Container) -> Result<Option<Check>, Vec<Refusal>> {
    let Some(nat::Remaining { internal, from, rules }) = nat::remaining(observed, container)?
    else {
        return Ok(None);
    };
    let found = match rules {
        Err(why) => Err(why),
        Ok(rules) if rules.is_empty() => Ok(()),
        Ok(rules) => Err(left(&rules)),
    };
    let ask = if observed.is_running(container.vmid) {
        Ask::Read { from, found }
    } else {
        Ask::Skip("the container does not run: NAT to it stays until it has shown that it serves the ports itself".to_owned())
    };
    Ok(Some(Check {
        address: address(container, "nat"),
        title: format!("no NAT of its public ports to {internal} is left"),
        vantage: Vantage::Node,
        ask,
        help: "Run `phoenix apply`: it removes them once the container has shown that it serves the ports itself.".to_owned(),
    }))
}

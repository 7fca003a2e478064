//! Decides whether an answer shows what a check wants.

mod names;
mod route;
mod state;

use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::MacAddr;
use phoenix_formats::iproute::{Link, read_links};
use phoenix_formats::nginx::{Socket, listening_sockets};

use crate::operation::Want;
use crate::probe::{Answer, Output};

/// Returns nothing when the answer is as wanted, else why not: a lower-case fragment.
pub fn holds(want: &Want, answer: &Answer) -> Result<(), String> {
    match (want, answer) {
        (_, Answer::Unreachable(why) | Answer::Unreadable(why)) => Err(why.clone()),
        (_, Answer::Ran(output)) => shows(want, output),
        (Want::Nameservers(wanted), Answer::Text(text)) => names::nameservers(text, wanted),
        (Want::AddressIn(wanted), Answer::Addresses(found)) => names::address_in(found, wanted),
        (Want::Connects, Answer::Connected) => Ok(()),
        (_, Answer::Absent) => Err("there is no such file".to_owned()),
        _ => Err("the node gave no answer".to_owned()),
    }
}

fn shows(want: &Want, output: &Output) -> Result<(), String> {
    match want {
        Want::Success => success(output),
        Want::Interface { name, ip, mac } => interface(output, name, *ip, mac.as_deref()),
        Want::Up { name } => up(output, name).map(drop),
        Want::RouteBy { device } => route::by(output, device),
        Want::RouteVia { via, device } => route::via(output, *via, device),
        Want::OwnRule { ip, table } => route::own_rule(output, *ip, *table),
        Want::TableDefault { via, device } => route::table_default(output, *via, device),
        Want::Routes(wanted) => route::exactly(output, wanted),
        Want::KeptBy { bridge, mac } => route::kept_by(output, bridge, mac),
        Want::Sockets(wanted) => sockets(output, wanted),
        Want::NotOnlyOn { ip, ports } => not_only_on(output, *ip, ports),
        Want::Everywhere { ports } => everywhere(output, ports),
        Want::Lines(wanted) => state::lines(output, wanted),
        Want::Mentions(text) => state::mentions(output, text),
        Want::EndsWith(text) => state::ends_with(output, text),
        Want::Says(text) => state::says(output, text),
        Want::Running(vmid) => state::running(output, *vmid),
        Want::Firewall { enabled } => state::firewall(output, *enabled),
        Want::Host(address) => names::host(output, *address),
        Want::Nameservers(_) | Want::AddressIn(_) | Want::Connects => {
            Err("the node gave no answer".to_owned())
        }
    }
}

fn success(output: &Output) -> Result<(), String> {
    if output.success() {
        return Ok(());
    }
    match output.stderr.trim() {
        "" => Err(format!("it ended with status {}", output.exit)),
        said => Err(format!("it ended with status {}: {said}", output.exit)),
    }
}

fn up(output: &Output, name: &str) -> Result<Link, String> {
    let links = read_links(&output.stdout).map_err(|error| error.to_string())?;
    let link = links.into_iter().find(|link| link.name == name);
    let link = link.ok_or_else(|| format!("there is no interface {name}"))?;
    if link.is_up() { Ok(link) } else { Err(format!("{name} is down")) }
}

fn interface(output: &Output, name: &str, ip: Ipv4Addr, mac: Option<&str>) -> Result<(), String> {
    let link = up(output, name)?;
    let mac = mac.and_then(|mac| mac.parse::<MacAddr>().ok());
    if !link.addresses.iter().any(|address| address.net.addr() == ip) {
        return Err(format!("{name} has no address {ip}"));
    }
    match (mac, link.mac) {
        (Some(wanted), Some(present)) if wanted != present => {
            Err(format!("{name} has the MAC {present}, not {wanted}"))
        }
        _ => Ok(()),
    }
}

fn sockets(output: &Output, wanted: &[String]) -> Result<(), String> {
    success(output)?;
    let present = listening_sockets(&output.stdout);
    let shown =
        |socket: &&String| present.iter().any(|p| p.to_string() == **socket || covers(p, socket));
    let missing = wanted.iter().filter(|socket| !shown(socket)).cloned().collect::<Vec<_>>();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("nothing listens on {}", missing.join(", ")))
    }
}

fn not_only_on(output: &Output, ip: Ipv4Addr, ports: &[u16]) -> Result<(), String> {
    success(output)?;
    let present = listening_sockets(&output.stdout);
    let only = |port: &&u16| {
        let on_it = present.contains(&Socket::Tcp(IpAddr::V4(ip), **port));
        on_it && !present.iter().any(|socket| serves_others(socket, ip, **port))
    };
    match ports.iter().find(only) {
        Some(port) => Err(format!("port {port} listens on {ip} only")),
        None => Ok(()),
    }
}

fn everywhere(output: &Output, ports: &[u16]) -> Result<(), String> {
    success(output)?;
    let present = listening_sockets(&output.stdout);
    let fault = |port: &u16| {
        let of_port =
            |socket: &&Socket| matches!(socket, Socket::Tcp(_, p) | Socket::Dual(p) if p == port);
        let on_all = |socket: &Socket| match socket {
            Socket::Dual(_) => true,
            Socket::Tcp(ip, _) => *ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Socket::Unix(_) => false,
        };
        let own = present.iter().filter(of_port).collect::<Vec<_>>();
        match own.as_slice() {
            [] => Some(format!("nothing listens on port {port}")),
            some if some.iter().any(|socket| on_all(socket)) => None,
            some => {
                let shown = some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                Some(format!("port {port} listens on {shown} only"))
            }
        }
    };
    let faults = ports.iter().filter_map(fault).collect::<Vec<_>>();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// Returns whether a socket serves a port on other IPv4 addresses than this one and loopback.
pub(crate) fn serves_others(socket: &Socket, ip: Ipv4Addr, port: u16) -> bool {
    match socket {
        Socket::Dual(other) => *other == port,
        Socket::Tcp(IpAddr::V4(other), p) => *p == port && *other != ip && !other.is_loopback(),
        Socket::Tcp(IpAddr::V6(_), _) | Socket::Unix(_) => false,
    }
}

/// A socket of both families is there for IPv4 too.
fn covers(present: &Socket, wanted: &str) -> bool {
    match present {
        Socket::Dual(port) => {
            [format!("0.0.0.0:{port}"), format!("[::]:{port}")].iter().any(|s| s == wanted)
        }
        Socket::Tcp(..) | Socket::Unix(_) => false,
    }
}

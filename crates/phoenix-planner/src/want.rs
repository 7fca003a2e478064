//! Decides whether an answer shows what a check wants.

use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::MacAddr;
use phoenix_formats::iproute::{read_links, read_route};
use phoenix_formats::nginx::{Socket, listening_sockets};

use crate::operation::Want;
use crate::probe::{Answer, Output};

/// Returns nothing when the answer is as wanted, else why not: a lower-case fragment.
pub fn holds(want: &Want, answer: &Answer) -> Result<(), String> {
    let output = match answer {
        Answer::Ran(output) => output,
        Answer::Unreachable(why) | Answer::Unreadable(why) => return Err(why.clone()),
        _ => return Err("the node gave no answer".to_owned()),
    };
    match want {
        Want::Success => success(output),
        Want::Interface { name, ip, mac } => interface(output, name, *ip, mac.as_deref()),
        Want::RouteBy { device } => route_by(output, device),
        Want::Sockets(wanted) => sockets(output, wanted),
        Want::NotOnlyOn { ip, ports } => not_only_on(output, *ip, ports),
    }
}

fn success(output: &Output) -> Result<(), String> {
    if output.success() {
        return Ok(());
    }
    Err(format!("it ended with status {}: {}", output.exit, output.stderr.trim()))
}

fn interface(output: &Output, name: &str, ip: Ipv4Addr, mac: Option<&str>) -> Result<(), String> {
    let links = read_links(&output.stdout).map_err(|error| error.to_string())?;
    let link = links.iter().find(|link| link.name == name);
    let link = link.ok_or_else(|| format!("there is no interface {name}"))?;
    let mac = mac.and_then(|mac| mac.parse::<MacAddr>().ok());
    if !link.is_up() {
        return Err(format!("{name} is down"));
    }
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

fn route_by(output: &Output, device: &str) -> Result<(), String> {
    success(output)?;
    let route = read_route(&output.stdout).map_err(|error| error.to_string())?;
    if route.device == device {
        return Ok(());
    }
    Err(format!("the way to {} is by {}, not by {device}", route.destination, route.device))
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

//! Decides whether an answer shows what a check wants.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use phoenix_formats::MacAddr;
use phoenix_formats::iproute::{read_links, read_route, read_rules, read_table};
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
        Want::Lines(wanted) => lines(output, wanted),
        Want::Mentions(text) => mentions(output, text),
        Want::OwnRule { ip, table } => own_rule(output, *ip, *table),
        Want::Routes(wanted) => routes(output, wanted),
    }
}

fn lines(output: &Output, wanted: &[String]) -> Result<(), String> {
    success(output)?;
    let present = output.stdout.lines().map(str::trim).collect::<Vec<_>>();
    if present == *wanted {
        return Ok(());
    }
    Err(format!("it is {}, not {}", present.join(" "), wanted.join(" ")))
}

fn mentions(output: &Output, text: &str) -> Result<(), String> {
    success(output)?;
    if output.stdout.lines().any(|line| line.contains(text)) {
        return Ok(());
    }
    Err(format!("it does not show `{text}`"))
}

fn own_rule(output: &Output, ip: Ipv4Addr, table: u32) -> Result<(), String> {
    success(output)?;
    let rules = read_rules(&output.stdout).map_err(|error| error.to_string())?;
    let table = table.to_string();
    let own = rules.iter().filter(|rule| rule.table == table);
    let (right, others): (Vec<_>, Vec<_>) =
        own.partition(|rule| rule.source == Some(Ipv4Net::from(ip)));
    match (right.is_empty(), others.first().map(|rule| rule.source)) {
        (true, _) => Err(format!("no rule sends what comes from {ip} to table {table}")),
        (false, Some(Some(other))) => Err(format!("a rule sends {other} to table {table} too")),
        (false, Some(None)) => Err(format!("a rule sends everything to table {table}")),
        (false, None) => Ok(()),
    }
}

fn routes(output: &Output, wanted: &[String]) -> Result<(), String> {
    // A table that never was is an error of ip(8), and an empty table all the same.
    let present = read_table(&output.stdout).map_err(|error| error.to_string())?;
    let present = present.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let missing = wanted.iter().find(|route| !present.contains(*route));
    let other = present.iter().find(|route| !wanted.contains(route));
    match (missing, other) {
        (Some(missing), _) => Err(format!("there is no route `{missing}`")),
        (None, Some(other)) => Err(format!("there is a route `{other}` too")),
        (None, None) => Ok(()),
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

//! What ip(8) must say of ways.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use phoenix_formats::MacAddr;
use phoenix_formats::iproute::{Route, read_fdb, read_route, read_rules, read_table};

use super::success;
use crate::probe::Output;

fn route(output: &Output) -> Result<Route, String> {
    success(output)?;
    read_route(&output.stdout).map_err(|error| error.to_string())
}

pub(super) fn by(output: &Output, device: &str) -> Result<(), String> {
    let route = route(output)?;
    if route.device == device {
        return Ok(());
    }
    Err(format!("the way to {} is by {}, not by {device}", route.destination, route.device))
}

pub(super) fn via(output: &Output, gateway: Ipv4Addr, device: &str) -> Result<(), String> {
    let route = route(output)?;
    if route.via == Some(IpAddr::V4(gateway)) && route.device == device {
        return Ok(());
    }
    let via = route.via.map_or_else(|| "no gateway".to_owned(), |via| via.to_string());
    Err(format!("the way out is by {via} on {}, not by {gateway} on {device}", route.device))
}

pub(super) fn own_rule(output: &Output, ip: Ipv4Addr, table: u32) -> Result<(), String> {
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

pub(super) fn table_default(
    output: &Output,
    gateway: Ipv4Addr,
    device: &str,
) -> Result<(), String> {
    // A table that never was is an error of ip(8), and an empty table all the same.
    let routes = read_table(&output.stdout).map_err(|error| error.to_string())?;
    let default = routes.iter().find(|route| route.destination.is_none());
    match default {
        Some(route) if route.gateway == Some(gateway) && route.device == device => Ok(()),
        Some(route) => Err(format!("it has `{route}`, not `default via {gateway} dev {device}`")),
        None => Err(format!("there is no route `default via {gateway} dev {device}`")),
    }
}

pub(super) fn exactly(output: &Output, wanted: &[String]) -> Result<(), String> {
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

pub(super) fn kept_by(output: &Output, bridge: &str, mac: &str) -> Result<(), String> {
    success(output)?;
    let entries = read_fdb(&output.stdout).map_err(|error| error.to_string())?;
    let mac = mac.parse::<MacAddr>().map_err(|error| error.to_string())?;
    let own = |mac: MacAddr| {
        entries.iter().any(|entry| entry.mac == mac && entry.permanent && entry.bridge == bridge)
    };
    if own(mac) { Ok(()) } else { Err(format!("{mac} is not in the table of {bridge}")) }
}

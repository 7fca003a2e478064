//! What ip(8) must say of ways.

use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::iproute::{Route, TableRoute, read_route, read_routes, read_rules};

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

pub(super) fn rule(output: &Output, from: Ipv4Addr, table: u32) -> Result<(), String> {
    success(output)?;
    let rules = read_rules(&output.stdout).map_err(|error| error.to_string())?;
    let own = rules.iter().find(|rule| {
        rule.from.is_some_and(|net| net.addr() == IpAddr::V4(from) && net.prefix_len() == 32)
    });
    match own {
        Some(rule) if rule.table == table.to_string() => Ok(()),
        Some(rule) => {
            Err(format!("packets from {from} look in table {}, not in {table}", rule.table))
        }
        None => Err(format!("no rule sends packets from {from} to table {table}")),
    }
}

pub(super) fn table_default(
    output: &Output,
    gateway: Ipv4Addr,
    device: &str,
) -> Result<(), String> {
    success(output)?;
    let routes = read_routes(&output.stdout).map_err(|error| error.to_string())?;
    let defaults = routes.iter().filter(|route| route.destination == "default");
    match defaults.min_by_key(|route| route.metric) {
        Some(TableRoute { via, device: by, .. })
            if *via == Some(IpAddr::V4(gateway)) && by == device =>
        {
            Ok(())
        }
        Some(TableRoute { via, device: by, .. }) => {
            let via = via.map_or_else(|| "no gateway".to_owned(), |via| via.to_string());
            Err(format!("its default route is by {via} on {by}, not by {gateway} on {device}"))
        }
        None => Err("it has no default route".to_owned()),
    }
}

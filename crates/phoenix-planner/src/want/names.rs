//! What names must lead to.

use std::net::{IpAddr, Ipv4Addr};

use phoenix_formats::resolv_conf::{MOST_NAMESERVERS, ResolvConf};

use super::success;
use crate::probe::Output;

/// What getent(1) ends with when a name is in no source.
const NOT_KNOWN: i32 = 2;

fn listed(addresses: &[IpAddr]) -> String {
    if addresses.is_empty() {
        return "nothing".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn nameservers(text: &str, wanted: &[IpAddr]) -> Result<(), String> {
    let conf = ResolvConf::parse(text);
    let asked = conf.nameservers().map(|server| server.address).take(MOST_NAMESERVERS);
    let asked = asked.collect::<Vec<_>>();
    if asked == wanted {
        return Ok(());
    }
    Err(format!("it asks {}, not {}", listed(&asked), listed(wanted)))
}

pub(super) fn address_in(found: &[IpAddr], wanted: &[IpAddr]) -> Result<(), String> {
    let mut found = found.to_vec();
    found.sort();
    match found.iter().find(|address| !wanted.contains(address)) {
        None if found.is_empty() => Err("the name has no address".to_owned()),
        None => Ok(()),
        Some(_) => Err(format!("the answer is {}, not {}", listed(&found), listed(wanted))),
    }
}

pub(super) fn host(output: &Output, wanted: Ipv4Addr) -> Result<(), String> {
    if output.exit == NOT_KNOWN {
        return Err("the name is not known".to_owned());
    }
    success(output)?;
    let first = |line: &str| line.split_whitespace().next()?.parse::<IpAddr>().ok();
    let mut found = output.stdout.lines().filter_map(first).collect::<Vec<_>>();
    found.sort();
    found.dedup();
    address_in(&found, &[IpAddr::V4(wanted)])
}

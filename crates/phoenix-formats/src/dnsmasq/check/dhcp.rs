//! The two options of DHCP that give addresses away: `dhcp-host` and `dhcp-range`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::setting::Fault;
use super::super::value::{self, is_digits, list};

/// Checks the value; other options pass. Fixed addresses are added to `leases`.
pub(super) fn check(
    name: &str,
    value: Option<&str>,
    leases: &mut BTreeSet<Ipv4Addr>,
) -> Result<(), Fault> {
    let value = value.unwrap_or_default();
    match name {
        "dhcp-host" => host(value, leases),
        "dhcp-range" => range(value),
        _ => Ok(()),
    }
}

fn host(value: &str, leases: &mut BTreeSet<Ipv4Addr>) -> Result<(), Fault> {
    for word in list(value).filter(|word| !word.is_empty()) {
        if let Ok(address) = word.parse::<Ipv4Addr>() {
            if !leases.insert(address) {
                return Err(Fault::refused(format!(
                    "`{address}` is given to another host already"
                )));
            }
        } else {
            host_word(&word)?;
        }
    }
    Ok(())
}

fn host_word(word: &str) -> Result<(), Fault> {
    if ["id:", "set:", "net:", "tag:"].iter().any(|mark| word.starts_with(mark)) || is_time(word) {
        return Ok(());
    }
    if let Some(inside) = word.strip_prefix('[') {
        let address = inside.split([']', '/']).next().unwrap_or_default();
        let fits = address.parse::<Ipv6Addr>().is_ok();
        return if fits {
            Ok(())
        } else {
            Err(Fault::refused(format!("`{word}` is not an IPv6 address")))
        };
    }
    if word.contains(':') {
        return mac(word);
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if word.bytes().all(fits) {
        Ok(())
    } else {
        Err(Fault::refused(format!("`{word}` is not a host name")))
    }
}

/// Reads `[TYPE-]XX:XX…`, in which a `*` stands for any byte.
fn mac(word: &str) -> Result<(), Fault> {
    let bytes = word.split_once('-').map_or(word, |(_, bytes)| bytes);
    let fits = |part: &str| part == "*" || part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if bytes.split(':').all(fits) {
        Ok(())
    } else {
        Err(Fault::refused(format!("`{word}` is not a MAC address")))
    }
}

/// Says whether a word is a time: a number, perhaps with a unit, or one of the words for no end.
fn is_time(word: &str) -> bool {
    let digits =
        word.strip_suffix(['w', 'W', 'd', 'D', 'h', 'H', 'm', 'M', 's', 'S']).unwrap_or(word);
    is_digits(digits) || matches!(word, "infinite" | "deprecated")
}

/// Words in the place of the last address.
const MODES: &[&str] = &["static", "proxy"];

fn range(value: &str) -> Result<(), Fault> {
    let words: Vec<_> = list(value).collect();
    let first = words.iter().position(|word| value::address(word).is_some());
    let refused = |what: &str| Err(Fault::refused(format!("`{what}` is not a range of addresses")));
    let Some(at) = first else { return refused(&super::super::lines::shown(value)) };
    let Some(IpAddr::V4(start)) = value::address(&words[at]) else { return Ok(()) };
    let Some(second) = words.get(at + 1) else { return refused(&words[at]) };
    let end = second.parse::<Ipv4Addr>().ok();
    if end.is_none() && !MODES.contains(&second.as_ref()) {
        return refused(second);
    }
    let rest = &words[at + 2..];
    if let Some(word) = rest.iter().find(|word| word.parse::<Ipv4Addr>().is_err() && !is_time(word))
    {
        return refused(word);
    }
    let mask = rest.first().and_then(|word| word.parse::<Ipv4Addr>().ok()).map(u32::from);
    let same = |end: Ipv4Addr, mask: u32| u32::from(start) & mask == u32::from(end) & mask;
    match (end, mask) {
        (Some(end), Some(mask)) if !same(end, mask) => {
            Err(Fault::refused(format!("`{start}` and `{end}` are not in one network")))
        }
        _ => Ok(()),
    }
}

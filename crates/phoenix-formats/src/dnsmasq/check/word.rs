//! Options whose value is one of some words, or addresses.

use std::net::{IpAddr, Ipv4Addr};

use super::super::domain::network;
use super::super::lines::shown;
use super::super::setting::Fault;
use super::super::value::{self, list};

/// Names of syslog(3)'s facilities.
#[rustfmt::skip]
const FACILITIES: &[&str] = &[
    "auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "security", "syslog", "user",
    "uucp", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Checks the value of an option that phoenix knows the form of; others pass.
pub(super) fn check(name: &str, value: Option<&str>) -> Result<(), Fault> {
    let raw = value.unwrap_or_default();
    let given = value.is_some();
    let fits = match name {
        "log-facility" => is_facility(&shown(raw)),
        "local-service" => !given || matches!(&*shown(raw), "net" | "host"),
        "add-mac" => !given || matches!(&*shown(raw), "base64" | "text"),
        "dnssec-check-unsigned" => !given || shown(raw) == "no",
        "tftp-unique-root" => !given || matches!(&*shown(raw), "ip" | "mac"),
        "bogus-nxdomain" | "ignore-address" => network(&shown(raw)).is_some(),
        "auth-peer" => list(raw).all(|word| value::address(&word).is_some()),
        "alias" => is_alias(raw),
        "dynamic-host" => is_dynamic_host(raw),
        "bridge-interface" => raw.contains(','),
        "synth-domain" => is_synth_domain(raw),
        "dhcp-luascript" => false,
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(Fault::refused(format!("`{}` is not a value that `{name}` takes", shown(raw))))
    }
}

fn is_facility(text: &str) -> bool {
    text == "-"
        || text.contains('/')
        || FACILITIES.iter().any(|known| known.eq_ignore_ascii_case(text))
}

fn is_v4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// Reads `OLD[-OLD],NEW[,MASK]`; a range only with a mask that holds it, which is not looked at.
fn is_alias(raw: &str) -> bool {
    let words: Vec<_> = list(raw).collect();
    let old = words.first().map_or("", AsRef::as_ref);
    let (first, last) =
        old.split_once('-').map_or((old, None), |(first, last)| (first, Some(last)));
    is_v4(first) && last.is_none_or(is_v4) && words.get(1).is_some_and(|new| is_v4(new))
}

/// Reads `NAME,ADDRESS[,ADDRESS],INTERFACE`.
fn is_dynamic_host(raw: &str) -> bool {
    let words: Vec<_> = list(raw).collect();
    words.len() > 2 && words[1..words.len() - 1].iter().any(|word| value::address(word).is_some())
}

/// Reads `NAME,NETWORK[,PREFIX]` or `NAME,FIRST,LAST[,PREFIX]`.
fn is_synth_domain(raw: &str) -> bool {
    let words: Vec<_> = list(raw).collect();
    match words.get(1) {
        Some(range) if range.contains('/') => network(range).is_some(),
        Some(first) => value::address(first).is_some_and(|first: IpAddr| {
            words
                .get(2)
                .and_then(|last| value::address(last))
                .is_some_and(|last| last.is_ipv4() == first.is_ipv4())
        }),
        None => false,
    }
}

//! Options whose value is a number.

use super::super::lines::shown;
use super::super::setting::Fault;
use super::super::value;

/// Options with a port.
const PORTS: &[&str] = &["port", "query-port", "min-port", "max-port"];

/// Options with any number.
#[rustfmt::skip]
const NUMBERS: &[&str] = &[
    "auth-ttl", "cache-size", "dhcp-lease-max", "dhcp-reply-delay", "dhcp-ttl", "dns-forward-max",
    "edns-packet-max", "local-ttl", "log-async", "max-cache-ttl", "max-ttl", "min-cache-ttl",
    "neg-ttl", "tftp-max", "tftp-mtu",
];

/// Options with a number of one or more.
const COUNTS: &[&str] = &["max-tcp-connections", "port-limit"];

/// Checks the value of an option that takes a number; others pass.
pub(super) fn check(name: &str, value: Option<&str>) -> Result<(), Fault> {
    let Some(value) = value.map(shown) else {
        let needed = name == "cache-size";
        return if needed { Err(Fault::refused("`cache-size` needs a value")) } else { Ok(()) };
    };
    let number = value::number(&value);
    let fits = match name {
        _ if PORTS.contains(&name) => number.is_some_and(|number| u16::try_from(number).is_ok()),
        _ if NUMBERS.contains(&name) => number.is_some(),
        _ if COUNTS.contains(&name) => number.is_some_and(|number| number > 0),
        "use-stale-cache" => number.is_some_and(|number| number >= 0),
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(Fault::refused(format!("`{value}` is not a number that `{name}` takes")))
    }
}

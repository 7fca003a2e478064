//! Options whose value is a number.

use super::super::lines::shown;
use super::super::setting::Fault;
use super::super::value;

/// What kind of number an option takes.
enum Kind {
    Port,
    /// Zero or more.
    Size,
    /// One or more.
    Count,
    Any,
}

impl Kind {
    /// Returns the kind of an option that takes a number.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "port" | "query-port" | "min-port" | "max-port" => Self::Port,
            "use-stale-cache" => Self::Size,
            "max-tcp-connections" | "port-limit" => Self::Count,
            "auth-ttl" | "cache-size" | "dhcp-lease-max" | "dhcp-reply-delay" | "dhcp-ttl"
            | "dns-forward-max" | "edns-packet-max" | "local-ttl" | "log-async"
            | "max-cache-ttl" | "max-ttl" | "min-cache-ttl" | "neg-ttl" | "tftp-max"
            | "tftp-mtu" => Self::Any,
            _ => return None,
        })
    }

    fn fits(&self, number: i32) -> bool {
        match self {
            Self::Port => u16::try_from(number).is_ok(),
            Self::Size => number >= 0,
            Self::Count => number > 0,
            Self::Any => true,
        }
    }
}

/// Checks the value of an option that takes a number; others pass.
pub(super) fn check(name: &str, value: Option<&str>) -> Result<(), Fault> {
    let Some(kind) = Kind::of(name) else { return Ok(()) };
    match value.map(shown) {
        Some(value) if value::number(&value).is_some_and(|number| kind.fits(number)) => Ok(()),
        Some(value) => {
            Err(Fault::refused(format!("`{value}` is not a number that `{name}` takes")))
        }
        None if name == "cache-size" => Err(Fault::refused("`cache-size` needs a value")),
        None => Ok(()),
    }
}

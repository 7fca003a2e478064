//! Checks of single values, as strict as Proxmox VE's own.
//!
//! Each check takes the whole value and says in a fragment what it should have been.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::MacAddr;

/// A check of a value: the error says what is taken instead.
pub(crate) type Check = fn(&str) -> Result<(), &'static str>;

/// The shortest prefix length that Proxmox VE takes with an address.
const SHORTEST_PREFIX: f64 = 8.0;

/// The white space of Proxmox VE's parsers: ASCII only.
pub(crate) fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Whether a text is empty or white space only.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(is_white)
}

fn only_if(holds: bool, why: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(why) }
}

/// Returns `1` or `0` for the words that Proxmox VE takes for a boolean.
pub(crate) fn boolean(value: &str) -> Result<&'static str, &'static str> {
    let is = |words: [&str; 4]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    match () {
        () if is(["1", "on", "yes", "true"]) => Ok("1"),
        () if is(["0", "off", "no", "false"]) => Ok("0"),
        () => Err("it takes `0` or `1`"),
    }
}

pub(crate) fn integer(value: &str, (least, most): (f64, f64)) -> Result<(), String> {
    if !is_integer(value) {
        return Err("it takes a whole number".to_owned());
    }
    in_range(value, (least, most))
}

/// Checks a number's bounds; as in Proxmox VE, digits beyond the precision of a float are rounded.
pub(crate) fn in_range(value: &str, (least, most): (f64, f64)) -> Result<(), String> {
    match value.parse::<f64>() {
        Ok(number) if number < least => Err(format!("it must be at least {least}")),
        Ok(number) if number > most => Err(format!("it must be at most {most}")),
        Ok(_) => Ok(()),
        Err(_) => Err("it takes a number".to_owned()),
    }
}

fn is_integer(value: &str) -> bool {
    is_digits(value.strip_prefix(['+', '-']).unwrap_or(value))
}

pub(crate) fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
}

/// Checks a decimal number with optional sign, fraction and exponent.
pub(crate) fn number(value: &str) -> Result<(), &'static str> {
    let unsigned = value.strip_prefix(['+', '-']).unwrap_or(value);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    let mantissa = plain(whole) && plain(fraction) && !(whole.is_empty() && fraction.is_empty());
    only_if(mantissa && exponent.is_none_or(is_integer), "it takes a number")
}

/// Checks a decimal number that is not below zero.
pub(crate) fn rate(value: &str) -> Result<(), &'static str> {
    number(value)?;
    only_if(in_range(value, (0.0, f64::INFINITY)).is_ok(), "it takes a number from 0 on")
}

pub(crate) fn one_of(value: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&value) {
        return Ok(());
    }
    Err(format!("it takes `{}`", words.join("`, `")))
}

pub(crate) fn ipv4(value: &str) -> Result<(), &'static str> {
    only_if(value.parse::<Ipv4Addr>().is_ok(), "it takes an IPv4 address")
}

pub(crate) fn ipv6(value: &str) -> Result<(), &'static str> {
    only_if(value.parse::<Ipv6Addr>().is_ok(), "it takes an IPv6 address")
}

pub(crate) fn ipv4_config(value: &str) -> Result<(), &'static str> {
    let taken = matches!(value, "dhcp" | "manual") || has_prefix(value, 32.0, ipv4);
    only_if(taken, "it takes `ADDRESS/PREFIX` with a prefix of 8 to 32, `dhcp` or `manual`")
}

pub(crate) fn ipv6_config(value: &str) -> Result<(), &'static str> {
    let taken = matches!(value, "auto" | "dhcp" | "manual") || has_prefix(value, 128.0, ipv6);
    only_if(
        taken,
        "it takes `ADDRESS/PREFIX` with a prefix of 8 to 128, `auto`, `dhcp` or `manual`",
    )
}

fn has_prefix(value: &str, longest: f64, address: Check) -> bool {
    value.split_once('/').is_some_and(|(ip, prefix)| {
        let length = || in_range(prefix, (SHORTEST_PREFIX, longest));
        address(ip).is_ok() && is_digits(prefix) && length().is_ok()
    })
}

pub(crate) fn mac(value: &str) -> Result<(), &'static str> {
    only_if(
        value.parse::<MacAddr>().is_ok(),
        "it takes a unicast address such as `02:00:00:00:01:01`",
    )
}

/// Checks the name of an interface or bridge as a property: its length is not limited here.
pub(crate) fn interface(value: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    only_if(
        !value.is_empty() && value.chars().all(plain),
        "it takes letters, digits, `-`, `_` and `.`",
    )
}

pub(crate) fn trunks(value: &str) -> Result<(), &'static str> {
    only_if(value.split(';').all(is_digits), "it takes VLAN numbers with `;` between them")
}

/// Checks VLAN numbers and ranges of them, such as `1-5;7`.
pub(crate) fn trunk_ranges(value: &str) -> Result<(), &'static str> {
    let range = |range: &str| match range.split_once('-') {
        Some((first, last)) => is_digits(first) && is_digits(last),
        None => is_digits(range),
    };
    only_if(value.split(';').all(range), "it takes VLAN numbers or ranges with `;` between them")
}

pub(crate) fn dns_name(value: &str) -> Result<(), &'static str> {
    let label = |label: &str| {
        let plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        !label.is_empty() && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    only_if(value.split('.').all(label), "it takes a DNS name")
}

/// Checks a name server: an address, and behind a link-local one `%` and an interface.
pub(crate) fn name_server(value: &str) -> Result<(), &'static str> {
    let address = match value.split_once('%') {
        Some((address, scope)) if address.starts_with("fe80:") && is_scope(scope) => address,
        _ => value,
    };
    only_if(ipv4(address).is_ok() || ipv6(address).is_ok(), "it takes IP addresses")
}

fn is_scope(scope: &str) -> bool {
    let (name, unit) = match scope.split_once([':', '.']) {
        Some((name, unit)) => (name, Some(unit)),
        None => (scope, None),
    };
    let rest = name.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or("");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=20).contains(&rest.len()) && rest.bytes().all(plain) && unit.is_none_or(is_digits)
}

pub(crate) fn tag(value: &str) -> Result<(), &'static str> {
    let head = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let tail = |c: char| head(c) || matches!(c, '-' | '+' | '.');
    let taken = value.starts_with(head) && value.chars().all(tail);
    only_if(taken, "a tag is made of letters, digits, `_`, `-`, `+` and `.`")
}

/// Whether a text can be the name of a virtual machine's setting: a letter, letters, `_` and `-`, then digits.
pub(crate) fn is_machine_key(key: &str) -> bool {
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-');
    plain && name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Checks a volume such as `local-lvm:vm-101-disk-0`.
pub(crate) fn volume_id(value: &str) -> Result<(), &'static str> {
    let taken = value
        .split_once(':')
        .is_some_and(|(storage, name)| is_storage(storage) && !name.is_empty());
    only_if(taken, "it takes a volume such as `local-lvm:vm-101-disk-0`")
}

fn is_storage(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(inner)
}

/// Checks the name of an option or snapshot: a letter, then at least one more character.
pub(crate) fn config_id(value: &str) -> Result<(), &'static str> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let taken = value.len() >= 2 && value.starts_with(|c: char| c.is_ascii_alphabetic());
    only_if(taken && value.chars().all(inner), "it takes the name of an option")
}

pub(crate) fn disk_size(value: &str) -> Result<(), &'static str> {
    let digits = value.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(value);
    let taken = match digits.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => is_digits(digits),
    };
    only_if(taken, "it takes a size such as `8G`")
}

/// Checks a volume, device or directory: no `.` or `..` on the way.
pub(crate) fn mount_path(value: &str) -> Result<(), &'static str> {
    let hidden = value.split('/').skip(1).any(|step| step == "." || step == "..");
    only_if(!hidden && !value.starts_with("../"), "it takes a path without `.` and `..`")
}

pub(crate) fn device_path(value: &str) -> Result<(), &'static str> {
    let hidden = value.split('/').any(|step| step == "." || step == "..");
    only_if(!hidden && value.starts_with("/dev/"), "it takes a path below `/dev/`")
}

pub(crate) fn mount_options(value: &str) -> Result<(), &'static str> {
    let known = ["discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"];
    only_if(
        value.split(';').all(|option| known.contains(&option)),
        "it takes mount options such as `noatime`",
    )
}

pub(crate) fn mount_types(value: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ';' | ' ');
    only_if(
        !value.is_empty() && value.chars().all(plain),
        "it takes file system types with `;` between them",
    )
}

pub(crate) fn id_map(value: &str) -> Result<(), &'static str> {
    let taken = value == "passthrough" || value.split(';').all(is_id_range);
    only_if(taken, "it takes `passthrough` or ranges such as `u:0:100000:65536`")
}

fn is_id_range(range: &str) -> bool {
    let parts: Vec<&str> = range.splitn(5, ':').collect();
    match parts[..] {
        ["u" | "g", inside, outside, size] => {
            is_digits(inside) && is_digits(outside) && is_digits(size) && !size.starts_with('0')
        }
        _ => false,
    }
}

pub(crate) fn file_mode(value: &str) -> Result<(), &'static str> {
    let octal = |b: u8| (b'0'..=b'7').contains(&b);
    let taken = value.len() == 4 && value.starts_with('0') && value.bytes().all(octal);
    only_if(taken, "it takes a file mode such as `0660`")
}

pub(crate) fn startup(value: &str) -> Result<(), &'static str> {
    let part = |part: &str| {
        let number = ["order=", "up=", "down="].iter().find_map(|key| part.strip_prefix(key));
        is_blank(part) || is_digits(number.unwrap_or(part))
    };
    // A lone `0` counts as nothing in the language of Proxmox VE.
    let given = !matches!(value, "" | "0");
    only_if(given && value.split(',').all(part), "it takes `order=1,up=5,down=10`")
}

/// Checks a time zone against the names of zone.tab (tzdata 2025b), `UTC` and `host`.
pub(crate) fn time_zone(value: &str) -> Result<(), &'static str> {
    static ZONES: &str = include_str!("zones.txt");
    let taken = matches!(value, "host" | "UTC") || ZONES.lines().any(|zone| zone == value);
    only_if(taken, "it takes `host` or a name such as `Europe/Vienna`")
}

pub(crate) fn entrypoint(value: &str) -> Result<(), &'static str> {
    only_if(!value.is_empty() && !value.chars().any(is_forbidden), "it takes a command line")
}

pub(crate) fn environment(value: &str) -> Result<(), &'static str> {
    let variable = |variable: &str| {
        let (name, value) = variable.split_once('=').unwrap_or(("", "\0"));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty() && name.chars().all(plain) && !value.chars().any(is_forbidden)
    };
    only_if(value.split('\0').all(variable), "it takes `NAME=value`")
}

fn is_forbidden(c: char) -> bool {
    c.is_ascii_control() && c != '\t'
}

/// Splits a list as Proxmox VE does: by NUL if there is one, else by `,`, `;` and white space.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    let nul = text.contains('\0');
    let between = move |c: char| if nul { c == '\0' } else { is_white(c) || c == ',' || c == ';' };
    text.split(between).filter(|entry| !entry.is_empty())
}

//! The small values that options are made of.

use std::borrow::Cow;
use std::net::IpAddr;

use super::lines::shown;

/// Splits at commas that are not quoted; white space round the parts goes.
pub(super) fn list(value: &str) -> impl Iterator<Item = Cow<'_, str>> {
    value.split(',').map(|part| shown(part.trim_matches(' ')))
}

/// Reads an address without anything round it.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// Returns a name as dnsmasq compares it: in lower case and without a dot at the end.
///
/// Nothing when dnsmasq refuses it: a part is longer than DNS can carry, or a control character is in it.
pub(super) fn name(text: &str) -> Option<String> {
    let text = text.trim_end_matches(' ');
    let text = text.strip_suffix('.').unwrap_or(text);
    let fits = |part: &[u8]| part.len() <= 63 && !part.iter().any(u8::is_ascii_control);
    let plain = text.as_bytes().split(|byte| *byte == b'.').all(fits);
    plain.then(|| text.to_ascii_lowercase())
}

/// Says whether a text has nothing but digits; an empty one has not.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads a number as atoi(3) does, whose 64 bits are cut to 32: nothing when it is not all digits.
pub(super) fn number(text: &str) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    if !is_digits(text) {
        return None;
    }
    let wide = text.parse::<i64>().unwrap_or(i64::MAX);
    let [a, b, c, d, ..] = wide.to_le_bytes();
    Some(i32::from_le_bytes([a, b, c, d]))
}

/// Reads a port.
pub(super) fn port(text: &str) -> Option<u16> {
    number(text).and_then(|number| u16::try_from(number).ok())
}

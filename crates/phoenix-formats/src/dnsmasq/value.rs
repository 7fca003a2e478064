//! The small values that options are made of.

use std::borrow::Cow;
use std::net::IpAddr;

use super::lines::{has, shown, split_once};

/// Splits at commas that are not quoted; white space round the parts goes.
pub(super) fn list(value: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(value);
    let parts = std::iter::from_fn(move || {
        let text = rest?;
        let (part, others) =
            split_once(text, b',').map_or((text, None), |(part, others)| (part, Some(others)));
        rest = others;
        Some(part)
    });
    parts.map(|part| shown(part.trim_matches(' ')))
}

/// Reads an address without anything round it.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    // Most words are names, which show sooner here than where each form of an address is tried.
    let fits = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    text.bytes().all(fits).then(|| text.parse().ok()).flatten()
}

/// Returns a name as dnsmasq compares it: in lower case and without a dot at the end.
///
/// Nothing when dnsmasq refuses it: a part is longer than DNS can carry, or a control character is in it.
pub(super) fn name(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let text = part(text, |text| {
        let text = text.trim_end_matches(' ');
        text.strip_suffix('.').unwrap_or(text)
    });
    let long = text.len() > 63 && text.split('.').any(|part| part.len() > 63);
    let plain = !long && !has(&text, |byte| byte.is_ascii_control());
    plain.then(|| lower_case(text))
}

/// Returns a part of a text, borrowed where the text is.
pub(super) fn part<'a>(text: Cow<'a, str>, cut: impl FnOnce(&str) -> &str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => cut(text).into(),
        Cow::Owned(text) => cut(&text).to_owned().into(),
    }
}

/// Returns a text in lower case, as it is where it is so already.
pub(super) fn lower_case(text: Cow<'_, str>) -> Cow<'_, str> {
    if has(&text, |byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text
    }
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

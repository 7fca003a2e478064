//! Reading text the way PVE's Perl does: bytes for letters, `0` and the empty text for "not set".

use std::borrow::Cow;

/// Tells whether Perl's `\s` takes the character in a text of bytes.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Tells whether Perl takes the text for "set": the empty text and `0` are not.
pub(super) fn truthy(text: &str) -> bool {
    !text.is_empty() && text != "0"
}

/// Returns the value where it is one that Perl takes for "set".
pub(super) fn set(value: Option<&str>) -> Option<&str> {
    value.filter(|text| truthy(text))
}

/// Trims blanks at both ends as PVE does to every line.
///
/// PVE works on bytes and takes 0xA0 for a blank, so a last letter whose last byte is that (`à`) is torn.
pub(super) fn trim_line(line: &str) -> Cow<'_, str> {
    const NO_BREAK_SPACE: u8 = 0xa0;
    let line = line.trim_start_matches([' ', '\t']).trim_end_matches([' ', '\t']);
    match line.char_indices().next_back() {
        Some((at, _)) if line.as_bytes().last() == Some(&NO_BREAK_SPACE) => {
            Cow::Owned(format!("{}\u{fffd}", line.get(..at).unwrap_or_default()))
        }
        _ => Cow::Borrowed(line),
    }
}

/// Cuts a line at its first `#`: what stands before, and the comment without blanks around it.
pub(super) fn cut_comment(line: &str) -> (&str, Option<&str>) {
    match line.split_once('#') {
        Some((before, comment)) => (before, Some(comment.trim_matches(is_space))),
        None => (line, None),
    }
}

/// Splits off the first word; the rest begins with the blank after it.
pub(super) fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(is_space).unwrap_or(text.len()))
}

/// Tells whether the text is a name of an alias, a set or a group: a letter, then one or more letters, digits, `-`, `_`.
pub(super) fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.len() >= 2 && text.as_bytes()[0].is_ascii_alphabetic() && text.bytes().all(inner)
}

/// Tells whether a comma list has trailing commas, which PVE calls extraneous.
pub(super) fn has_trailing_comma(list: &str) -> bool {
    list.ends_with(',')
}

/// Adds ` # comment` unless PVE would leave the comment out.
pub(super) fn push_comment(line: &mut String, comment: Option<&str>) {
    if let Some(comment) =
        comment.filter(|text| truthy(text) && !text.chars().all(char::is_whitespace))
    {
        line.push_str(" # ");
        line.push_str(comment);
    }
}

/// Prints a number of decimal digits as Perl's `int` does: no leading zeros, 15 digits once it is past 64 bits.
pub(super) fn perl_int(digits: &str) -> String {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    if digits.parse::<u64>().is_ok() {
        return digits.to_owned();
    }
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => scientific(number),
        _ => "Inf".to_owned(),
    }
}

fn scientific(number: f64) -> String {
    let text = format!("{number:.14e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    format!("{mantissa}e+{exponent:0>2}")
}

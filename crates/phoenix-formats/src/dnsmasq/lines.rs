//! Lines of a file as dnsmasq cuts them: quotes, comments and the `=`.
//!
//! Inside of quotes a digit, a letter of a hexadecimal number, a space, and `:`, `,` and `.` are ordinary characters: they
//! separate nothing, and an option's name cannot hold any of them. Everything else means the same with quotes as without.

use std::borrow::Cow;

/// What stands for the quoted characters of [`HIDDEN`], in their order: these code points are no characters, so no text
/// has them.
const FIRST_HIDDEN: u32 = 0xFDD0;

/// The first byte of these code points in UTF-8.
const FIRST_HIDDEN_BYTE: u8 = 0xEF;

/// The characters that quotes change.
const HIDDEN: &str = "0123456789abcdefABCDEF :,.";

/// How many bytes of a line dnsmasq reads at once; the rest is a line of its own to it.
const LONGEST: usize = 1024;

/// What dnsmasq takes for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Number of the line, counted from 1.
    pub(super) line: usize,
    /// The text without quotes, comment and surrounding white space; quoted characters are hidden.
    pub(super) text: Cow<'a, str>,
    /// Whether a quote is not closed.
    pub(super) unclosed: bool,
    /// Whether it is the rest of a line that is too long.
    pub(super) is_rest: bool,
}

/// Cuts a file; pieces with nothing in them are left out.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split_inclusive('\n').enumerate().flat_map(|(index, line)| {
        // Only a line that is too long can be cut in the middle of a letter.
        let (short, long) = if line.len() <= LONGEST { (Some(line), "") } else { (None, line) };
        let parts = long.as_bytes().chunks(LONGEST).map(String::from_utf8_lossy);
        let parts = short.map(Cow::Borrowed).into_iter().chain(parts).enumerate();
        parts.filter_map(move |(part, text)| piece(index + 1, part > 0, text))
    })
}

fn piece(line: usize, is_rest: bool, text: Cow<'_, str>) -> Option<Piece<'_>> {
    let (text, unclosed) = match text {
        Cow::Borrowed(text) if !text.bytes().any(|byte| matches!(byte, b'"' | 0)) => {
            (unquoted(text), false)
        }
        text => {
            // The text ends for dnsmasq at the first NUL, as text does in C.
            let (text, unclosed) = unquote(text.split('\0').next().unwrap_or_default());
            (Cow::Owned(text.trim_matches(' ').to_owned()), unclosed)
        }
    };
    (unclosed || !text.is_empty()).then_some(Piece { line, text, unclosed, is_rest })
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Takes the comment away from a line without quotes, as [`unquote`] would.
fn unquoted(line: &str) -> Cow<'_, str> {
    let begins = |at: &usize| line[..*at].chars().next_back().is_none_or(is_space);
    let comment = line.match_indices('#').map(|(at, _)| at).find(begins);
    let text = line[..comment.unwrap_or(line.len())].trim_matches(is_space);
    if text.bytes().any(|byte| byte != b' ' && is_space(char::from(byte))) {
        text.replace(is_space, " ").into()
    } else {
        text.into()
    }
}

/// Takes quotes and comment away; says whether a quote is not closed.
fn unquote(line: &str) -> (String, bool) {
    let mut text = String::with_capacity(line.len());
    let mut behind_space = true;
    let mut chars = line.chars();
    while let Some(mut c) = chars.next() {
        if c == '"' {
            if !quoted(&mut chars, &mut text) {
                return (text, true);
            }
            // The character behind a quote is never a quote itself.
            let Some(next) = chars.next() else { break };
            c = next;
        }
        if c == '#' && behind_space {
            break;
        }
        behind_space = is_space(c);
        text.push(if behind_space { ' ' } else { c });
    }
    (text, false)
}

/// Reads up to the closing quote; says whether there is one.
fn quoted(chars: &mut std::str::Chars<'_>, text: &mut String) -> bool {
    while let Some(c) = chars.next() {
        match c {
            '"' => return true,
            '\\' => match chars.clone().next().and_then(escaped) {
                Some(c) => {
                    chars.next();
                    text.push(hide(c));
                }
                None => text.push(c),
            },
            _ => text.push(hide(c)),
        }
    }
    false
}

fn escaped(c: char) -> Option<char> {
    match c {
        '"' | '\\' => Some(c),
        't' => Some('\t'),
        'n' => Some('\n'),
        'e' => Some('\x1b'),
        'b' => Some('\x08'),
        'r' => Some('\r'),
        _ => None,
    }
}

fn hide(c: char) -> char {
    let hidden = HIDDEN.find(c).and_then(|index| u32::try_from(index).ok());
    hidden.and_then(|index| char::from_u32(FIRST_HIDDEN + index)).unwrap_or(c)
}

/// Returns a text with its quoted characters as they were written.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    // Every hidden character begins with this byte in UTF-8.
    if !text.as_bytes().contains(&FIRST_HIDDEN_BYTE) {
        return text.into();
    }
    let show = |c: char| {
        let index =
            u32::from(c).checked_sub(FIRST_HIDDEN).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| HIDDEN.chars().nth(index)).unwrap_or(c)
    };
    text.chars().map(show).collect()
}

/// Splits at the first `=`: the name, and the value without the white space before it.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => {
            (name.trim_end_matches([' ', '=']), Some(value.trim_start_matches(' ')))
        }
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{unquote, unquoted};

    #[test]
    fn lines_without_quotes_are_read_alike_both_ways() {
        let pieces = ["#", " ", "\t", "a", "é", "\\", "\r\n"];
        for number in 0..pieces.len().pow(5) {
            let digit = |place: u32| pieces[number / pieces.len().pow(place) % pieces.len()];
            let line: String = (0..5).map(digit).collect();
            assert_eq!(unquoted(&line), unquote(&line).0.trim_matches(' '), "{line:?}");
        }
    }
}

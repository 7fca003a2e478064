//! Lines of a file as dnsmasq cuts them: quotes, comments and the `=`.
//!
//! Inside of quotes a digit, a letter of a hexadecimal number, a space, and `:`, `,` and `.` are ordinary characters: they
//! separate nothing, and an option's name cannot hold any of them. Everything else means the same with quotes as without.

use std::borrow::Cow;
use std::ops::Range;

/// What stands for the quoted characters of [`HIDDEN`], in their order: these code points are no characters, so no text
/// has them.
const FIRST_HIDDEN: u32 = 0xFDD0;

/// The characters that quotes change.
const HIDDEN: &[u8] = b"0123456789abcdefABCDEF :,.";

/// How many bytes of a line dnsmasq reads at once; the rest is a line of its own to it.
const LONGEST: usize = 1024;

/// What dnsmasq takes for one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Number of the line, counted from 1.
    pub(super) line: usize,
    /// The text without quotes, comment and surrounding white space; quoted characters are hidden.
    pub(super) text: &'a str,
    /// Whether a quote is not closed: there is no text then.
    pub(super) unclosed: bool,
    /// Whether it is the rest of a line that is too long.
    pub(super) is_rest: bool,
}

/// All pieces of a file; those with nothing in them are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces {
    /// The texts, one behind the other, so that what is read from them can borrow.
    text: String,
    places: Vec<PiecePlace>,
}

/// A piece whose text is somewhere in that of all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PiecePlace {
    line: usize,
    text: Range<usize>,
    unclosed: bool,
    is_rest: bool,
}

impl Pieces {
    /// Cuts a file.
    pub(super) fn cut(file: &str) -> Self {
        let mut pieces = Self { text: String::with_capacity(file.len()), places: Vec::new() };
        for (index, line) in file.split_inclusive('\n').enumerate() {
            if line.len() <= LONGEST {
                pieces.add(index + 1, false, line);
                continue;
            }
            // The end of a part may be in the middle of a letter.
            let parts = line.as_bytes().chunks(LONGEST).map(String::from_utf8_lossy);
            for (part, text) in parts.enumerate() {
                pieces.add(index + 1, part > 0, &text);
            }
        }
        pieces
    }

    fn add(&mut self, line: usize, is_rest: bool, text: &str) {
        let start = self.text.len();
        let unclosed = !unquote(text, &mut self.text);
        if unclosed {
            self.text.truncate(start);
        }
        let end = start + self.text[start..].trim_end_matches(' ').len();
        let start = end - self.text[start..end].trim_start_matches(' ').len();
        if unclosed || start < end {
            self.places.push(PiecePlace { line, text: start..end, unclosed, is_rest });
        }
    }

    /// Returns the pieces, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Piece<'_>> {
        self.places.iter().map(|PiecePlace { line, text, unclosed, is_rest }| Piece {
            line: *line,
            text: &self.text[text.clone()],
            unclosed: *unclosed,
            is_rest: *is_rest,
        })
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Says whether some byte is there. It looks at all: the compiler takes many at once then, and texts are short.
pub(super) fn has(text: &str, wanted: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(0, |found, byte| found | u8::from(wanted(byte))) != 0
}

/// Adds a line without its quotes and comment; says whether every quote is closed.
fn unquote(line: &str, text: &mut String) -> bool {
    let line = line.trim_end_matches(is_space);
    if !has(line, |byte| (byte < b' ') | (byte == b'"') | (byte == b'#')) {
        text.push_str(line);
        return true;
    }
    if has(line, |byte| (byte == 0) | (byte == b'"')) {
        return unquote_chars(line, text);
    }
    let begins = |at: &usize| line[..*at].chars().next_back().is_none_or(is_space);
    let comment = line.match_indices('#').map(|(at, _)| at).find(begins);
    let line = &line[..comment.unwrap_or(line.len())];
    if has(line, |byte| byte < b' ') {
        text.extend(line.chars().map(|c| if is_space(c) { ' ' } else { c }));
    } else {
        text.push_str(line);
    }
    true
}

/// Does the same for every line, letter by letter.
fn unquote_chars(line: &str, text: &mut String) -> bool {
    let mut behind_space = true;
    // The text ends for dnsmasq at the first NUL, as text does in C.
    let mut chars = line.split('\0').next().unwrap_or_default().chars();
    while let Some(mut c) = chars.next() {
        if c == '"' {
            if !quoted(&mut chars, text) {
                return false;
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
    true
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
    let index = HIDDEN.iter().position(|hidden| char::from(*hidden) == c);
    let hidden = index.and_then(|index| u32::try_from(index).ok());
    hidden.and_then(|index| char::from_u32(FIRST_HIDDEN + index)).unwrap_or(c)
}

/// Returns a text with its quoted characters as they were written.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let show = |c: char| {
        let index =
            u32::from(c).checked_sub(FIRST_HIDDEN).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| HIDDEN.get(index)).map_or(c, |hidden| char::from(*hidden))
    };
    text.chars().map(show).collect()
}

/// Splits at the first `=`: the name, and the value without the white space before it.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    match split_once(text, b'=') {
        Some((name, value)) => (name.trim_end_matches(' '), Some(value.trim_start_matches(' '))),
        None => (text, None),
    }
}

/// Splits at the first such byte, an ASCII character: faster for short texts than taking several bytes at once.
pub(super) fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::{unquote, unquote_chars};

    #[test]
    fn lines_without_quotes_are_read_alike_both_ways() {
        let pieces = ["#", " ", "\t", "a", "é", "\\", "\r\n"];
        for number in 0..pieces.len().pow(5) {
            let digit = |place: u32| pieces[number / pieces.len().pow(place) % pieces.len()];
            let line: String = (0..5).map(digit).collect();
            let (mut fast, mut slow) = (String::new(), String::new());
            assert!(unquote(&line, &mut fast) && unquote_chars(&line, &mut slow));
            assert_eq!(fast.trim_matches(' '), slow.trim_matches(' '), "{line:?}");
        }
    }
}

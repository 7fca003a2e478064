//! Lines of a file as dnsmasq cuts them: quotes, comments and the `=`.
//!
//! Inside of quotes a digit, a letter of a hexadecimal number, a space, and `:`, `,` and `.` are ordinary characters: they
//! separate nothing, and an option's name cannot hold any of them. Everything else means the same with quotes as without.

/// What stands for the quoted characters of [`HIDDEN`], in their order: these code points are no characters, so no text
/// has them.
const FIRST_HIDDEN: u32 = 0xFDD0;

/// The characters that quotes change.
const HIDDEN: &str = "0123456789abcdefABCDEF :,.";

/// How many bytes of a line dnsmasq reads at once; the rest is a line of its own to it.
const LONGEST: usize = 1024;

/// What dnsmasq takes for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Number of the line, counted from 1.
    pub(super) line: usize,
    /// The text without quotes, comment and surrounding white space; quoted characters are hidden.
    pub(super) text: String,
    /// Whether a quote is not closed.
    pub(super) unclosed: bool,
    /// Whether it is the rest of a line that is too long.
    pub(super) is_rest: bool,
}

/// Cuts a file; pieces with nothing in them are left out.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, line) in text.as_bytes().split_inclusive(|byte| *byte == b'\n').enumerate() {
        for (part, bytes) in line.chunks(LONGEST).enumerate() {
            // The text ends for dnsmasq at the first NUL, as text does in C.
            let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            let (text, unclosed) = unquote(&String::from_utf8_lossy(bytes));
            let text = text.trim_matches(' ').to_owned();
            if unclosed || !text.is_empty() {
                pieces.push(Piece { line: index + 1, text, unclosed, is_rest: part > 0 });
            }
        }
    }
    pieces
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
        match c {
            '#' if behind_space => break,
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {
                text.push(' ');
                behind_space = true;
            }
            _ => {
                text.push(c);
                behind_space = false;
            }
        }
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
pub(super) fn shown(text: &str) -> String {
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

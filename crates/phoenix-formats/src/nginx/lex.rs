//! Cuts a configuration into tokens that cover every byte of it, by nginx's own rules.
//!
//! Owns where words, quotes, escapes and comments begin and end. What the tokens mean is `conf`'s business.

use std::ops::Range;

/// Says what a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Spaces, tabs, carriage returns and line feeds.
    Blank,
    /// From `#` to before the line feed.
    Comment,
    /// A word without quotes.
    Word,
    /// A word in single or double quotes; the token holds both quotes.
    Quoted,
    /// A word whose closing quote is missing; it reaches the end of the text.
    Unclosed,
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`
    Close,
    /// The inside of a block that is no nginx configuration.
    Raw,
}

/// A piece of the text; the tokens of a text follow each other without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Range<usize>,
}

/// Returns the token that starts at `start`, which must be inside of the text and at a token's start.
pub(super) fn token_at(text: &[u8], start: usize) -> Token {
    let (kind, end) = match text[start] {
        b';' => (TokenKind::Semicolon, start + 1),
        b'{' => (TokenKind::Open, start + 1),
        b'}' => (TokenKind::Close, start + 1),
        b'#' => (TokenKind::Comment, find(text, start, |b| b == b'\n')),
        quote @ (b'"' | b'\'') => quoted(text, start, quote),
        first if is_blank(first) => (TokenKind::Blank, find(text, start, |b| !is_blank(b))),
        _ => (TokenKind::Word, word_end(text, start)),
    };
    Token { kind, span: start..end }
}

/// Says whether nginx takes `byte` for white space: a carriage return is, a form feed is not.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn find(text: &[u8], start: usize, stop: impl Fn(u8) -> bool) -> usize {
    text[start..].iter().position(|&byte| stop(byte)).map_or(text.len(), |n| start + n)
}

fn quoted(text: &[u8], start: usize, quote: u8) -> (TokenKind, usize) {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            byte if byte == quote => return (TokenKind::Quoted, at + 1),
            _ => at += 1,
        }
    }
    (TokenKind::Unclosed, text.len())
}

/// Returns where a bare word ends. A `{` right after `$` belongs to the word, so that `${name}` does.
fn word_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut variable = false;
    while at < text.len() {
        match text[at] {
            b'{' if variable => {}
            b';' | b'{' => break,
            byte if is_blank(byte) => break,
            b'\\' => {
                variable = false;
                at += 1;
            }
            byte => variable = byte == b'$',
        }
        at += 1;
    }
    at.min(text.len())
}

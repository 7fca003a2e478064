//! Takes directives out of a text so that nobody sees that they were there.
//!
//! Comments are the operator's: one inside of a directive or beside it stays.

use std::ops::Range;

use super::conf::Directive;
use super::lex::TokenKind;

/// Returns the ranges to cut, in order and apart from each other.
///
/// A line that holds nothing else goes as a whole, and a text without a final newline stays without.
pub(super) fn removals<'a>(
    text: &str,
    directives: impl Iterator<Item = Directive<'a>>,
) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let pieces = directives.flat_map(pieces);
    let joined = join(pieces, |gap| bytes[gap].iter().all(|&byte| is_space(byte)));
    let widened = joined.into_iter().map(|range| widen(bytes, range));
    let mut ranges = join(widened, |gap| gap.is_empty());
    if let Some(last) = ranges.last_mut() {
        last.start = without_last_break(bytes, last);
    }
    ranges
}

/// Returns a directive's ranges between its comments.
fn pieces(directive: Directive<'_>) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut fresh = true;
    for token in directive.tokens() {
        match token.kind {
            TokenKind::Blank => {}
            TokenKind::Comment => fresh = true,
            _ if fresh => {
                pieces.push(token.span.clone());
                fresh = false;
            }
            _ => {
                if let Some(piece) = pieces.last_mut() {
                    piece.end = token.span.end;
                }
            }
        }
    }
    pieces
}

/// Joins neighbours whose gap allows it.
fn join(
    ranges: impl Iterator<Item = Range<usize>>,
    joins: impl Fn(Range<usize>) -> bool,
) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if joins(last.end..range.start) => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

/// Adds the white space that belongs to a piece: its line, else the spaces after it, else those before it.
fn widen(text: &[u8], range: Range<usize>) -> Range<usize> {
    let before =
        range.start - text[..range.start].iter().rev().take_while(|&&byte| is_space(byte)).count();
    let after = range.end + text[range.end..].iter().take_while(|&&byte| is_space(byte)).count();
    let starts_line = before == 0 || is_break(text[before - 1]);
    let ends_line = text.get(after).is_none_or(|&byte| is_break(byte));
    match (starts_line, ends_line) {
        (true, true) => before..after + break_length(&text[after..]),
        (false, true) => before..range.end,
        (_, false) => range.start..after,
    }
}

fn break_length(text: &[u8]) -> usize {
    match text {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// Returns the start of a range that takes the last line with it, when that line had no newline.
fn without_last_break(text: &[u8], range: &Range<usize>) -> usize {
    let ends_bare = range.end == text.len() && !text.last().is_some_and(|&byte| is_break(byte));
    match &text[..range.start] {
        [.., b'\r', b'\n'] if ends_bare => range.start - 2,
        [.., b'\r' | b'\n'] if ends_bare => range.start - 1,
        _ => range.start,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

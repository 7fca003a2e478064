//! A look at a text before it is parsed: nesting, and texts that do not end on their line.
//!
//! A forgotten quote makes the next text's first quote end it, so a parser complains somewhere below;
//! the line break inside the text is the place that helps.

use super::{Fault, MAX_DEPTH};

enum State {
    Plain,
    Text { start: usize, escaped: bool },
    Line,
    Block,
}

/// Returns the first thing that a parser would not say well, if there is one.
pub(super) fn first_fault(text: &str) -> Option<Fault> {
    let bytes = text.as_bytes();
    let (mut state, mut depth, mut at) = (State::Plain, 0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        let pair = (byte, bytes.get(at + 1).copied().unwrap_or_default());
        match (&state, byte) {
            (State::Plain, b'{' | b'[') => depth += 1,
            (State::Plain, b'}' | b']') => depth = depth.saturating_sub(1),
            (State::Text { start, .. }, b'\n' | b'\r') => return Some(open_text(text, *start, at)),
            (State::Text { .. }, 0..0x20) => return Some(control(at)),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(too_deep(at));
        }
        at += if state.takes_two(pair) { 2 } else { 1 };
        state = state.after(pair, at);
    }
    match state {
        State::Text { start, .. } => Some(open_text(text, start, text.len())),
        State::Plain | State::Line | State::Block => None,
    }
}

impl State {
    /// Tells whether two bytes belong together: the ends of a block comment.
    fn takes_two(&self, pair: (u8, u8)) -> bool {
        matches!((self, pair), (Self::Plain, (b'/', b'*')) | (Self::Block, (b'*', b'/')))
    }

    /// Returns the state after a byte (or two), whose end is at `end`.
    fn after(self, (byte, next): (u8, u8), end: usize) -> Self {
        match (self, byte, next) {
            (Self::Plain, b'"', _) => Self::Text { start: end - 1, escaped: false },
            (Self::Plain, b'/', b'/') => Self::Line,
            (Self::Plain, b'/', b'*') => Self::Block,
            (Self::Text { escaped: false, .. }, b'"', _)
            | (Self::Line, b'\n' | b'\r', _)
            | (Self::Block, b'*', b'/') => Self::Plain,
            (Self::Text { start, escaped }, b'\\', _) => Self::Text { start, escaped: !escaped },
            (Self::Text { start, .. }, _, _) => Self::Text { start, escaped: false },
            (state, _, _) => state,
        }
    }
}

fn too_deep(at: usize) -> Fault {
    Fault {
        span: at..at + 1,
        message: format!("more than {MAX_DEPTH} lists and objects stand in each other"),
        label: "one too many".to_owned(),
        help: "Look for a `[` or `{` that is typed again and again.".to_owned(),
        related: None,
    }
}

fn open_text(text: &str, start: usize, end: usize) -> Fault {
    // A label over a whole long line helps nobody.
    let shown = text[start..end].char_indices().nth(40).map_or(end, |(at, _)| start + at);
    Fault {
        span: start..shown,
        message: "not valid JSON".to_owned(),
        label: "this text does not end on its line".to_owned(),
        help: "Add the missing `\"`, or write a line break inside a text as `\\n`.".to_owned(),
        related: None,
    }
}

fn control(at: usize) -> Fault {
    Fault {
        span: at..at + 1,
        message: "not valid JSON".to_owned(),
        label: "a control character inside a text".to_owned(),
        help: "Remove it, or write a tab as `\\t`.".to_owned(),
        related: None,
    }
}

//! Looks through an object or a list of a JSON text for the spans of its parts, in linear time and
//! without judging: any text ends somewhere.

use std::iter;

use super::Span;

/// A member of an object: the spans of its name, with the quotes, and of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: Span,
    pub(super) value: Span,
}

/// Returns the span of the text's value.
pub(super) fn root(text: &str) -> Option<Span> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Cursor { bytes: text.as_bytes(), at: start }.value()
}

/// Returns the members of the object at a span, in order.
pub(super) fn members<'a>(text: &'a str, object: &Span) -> impl Iterator<Item = Member> + 'a {
    let mut cursor = Cursor::inside(text, object);
    iter::from_fn(move || {
        let name = cursor.value()?;
        cursor.skip(b':')?;
        let member = Member { name, value: cursor.value()? };
        // Behind the last one there is no comma, and then no value either.
        let _ = cursor.skip(b',');
        Some(member)
    })
}

/// Returns the elements of the list at a span, in order.
pub(super) fn elements<'a>(text: &'a str, list: &Span) -> impl Iterator<Item = Span> + 'a {
    let mut cursor = Cursor::inside(text, list);
    iter::from_fn(move || {
        let element = cursor.value()?;
        let _ = cursor.skip(b',');
        Some(element)
    })
}

/// Returns the text in quotes at a span.
pub(super) fn text(text: &str, span: &Span) -> String {
    let quoted = &text[span.clone()];
    let plain = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
    if !plain.contains('\\') {
        return plain.to_owned();
    }
    serde_json::from_str(quoted).unwrap_or_else(|_| plain.to_owned())
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Stands behind the bracket that opens the value at a span, and ends before the one that closes it,
    /// if one does.
    fn inside(text: &'a str, span: &Span) -> Self {
        let bytes = &text.as_bytes()[..span.end];
        Self {
            bytes: bytes.strip_suffix(b"}").or(bytes.strip_suffix(b"]")).unwrap_or(bytes),
            at: span.start + 1,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes over white space, comments and one byte that must follow.
    fn skip(&mut self, byte: u8) -> Option<()> {
        self.blank();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Goes over white space and comments.
    fn blank(&mut self) {
        loop {
            match self.bytes.get(self.at..).unwrap_or_default() {
                [b' ' | b'\t' | b'\n' | b'\r', ..] => self.at += 1,
                [b'/', b'/', ..] => self.to(|bytes| matches!(bytes, [b'\n' | b'\r', ..])),
                [b'/', b'*', ..] => {
                    self.at += 2;
                    self.to(|bytes| bytes.starts_with(b"*/"));
                    self.at = self.bytes.len().min(self.at + 2);
                }
                _ => return,
            }
        }
    }

    fn to(&mut self, end: impl Fn(&[u8]) -> bool) {
        while self.at < self.bytes.len() && !end(&self.bytes[self.at..]) {
            self.at += 1;
        }
    }

    /// Goes over white space and one value, and returns the value's span.
    fn value(&mut self) -> Option<Span> {
        self.blank();
        let start = self.at;
        match self.peek()? {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => self.word(),
        }
        (self.at > start).then_some(start..self.at)
    }

    fn word(&mut self) {
        self.to(|bytes| matches!(bytes[0], b',' | b':' | b']' | b'}' | b'/' | 0..=b' '));
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return,
                b'\\' => self.at = self.bytes.len().min(self.at + 1),
                _ => {}
            }
        }
    }

    /// Goes to the end of what the bracket here opens.
    fn nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'/' => {
                    let here = self.at;
                    self.blank();
                    // A slash that begins no comment is gone over like any other byte.
                    if self.at > here {
                        continue;
                    }
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }
}

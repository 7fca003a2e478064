//! Finds the end of a Lua block, whose inside nginx hands over unread.
//!
//! Owns just enough of Lua's lexical rules (lua(1), "Lexical Conventions") to count braces: strings, long brackets
//! and comments. It does not check the code.

/// Returns the position of the `}` that closes the block whose inside starts at `start`.
pub(super) fn block_end(text: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match *text.get(at)? {
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            b'{' => depth += 1,
            b'-' if text.get(at + 1) == Some(&b'-') => {
                at = comment_end(text, at + 2)?;
                continue;
            }
            quote @ (b'"' | b'\'') => {
                at = string_end(text, at + 1, quote)?;
                continue;
            }
            b'[' => {
                if let Some(level) = long_bracket(text, at) {
                    at = long_end(text, at, level)?;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn comment_end(text: &[u8], start: usize) -> Option<usize> {
    match long_bracket(text, start) {
        Some(level) => long_end(text, start, level),
        None => text[start..].iter().position(|&byte| byte == b'\n').map(|n| start + n),
    }
}

fn string_end(text: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start;
    loop {
        match *text.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Returns the number of `=` when `[`, some `=` and `[` stand at `start`.
fn long_bracket(text: &[u8], start: usize) -> Option<usize> {
    let inside = text.get(start..)?.strip_prefix(b"[")?;
    let level = inside.iter().take_while(|&&byte| byte == b'=').count();
    (inside.get(level) == Some(&b'[')).then_some(level)
}

fn long_end(text: &[u8], start: usize, level: usize) -> Option<usize> {
    let mut at = start + level + 2;
    loop {
        at += text.get(at..)?.iter().position(|&byte| byte == b']')? + 1;
        let equals = text[at..].iter().take_while(|&&byte| byte == b'=').count();
        at += equals;
        if equals == level && text.get(at) == Some(&b']') {
            return Some(at + 1);
        }
    }
}

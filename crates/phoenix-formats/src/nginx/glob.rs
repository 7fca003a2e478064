//! The patterns of `include` directives (glob(7)), matched against paths instead of a file system.

/// Says whether nginx looks for files with the word or opens it as it is.
pub(super) fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?', '['])
}

/// Says whether an absolute path matches an absolute pattern of an `include` directive.
///
/// As glob(7): `*`, `?` and `[…]` match neither `/` nor a dot at the start of a name, and `\` takes the next
/// character's meaning away. A word without `*`, `?` and `[` is no pattern for nginx and matches itself only.
pub fn include_matches(pattern: &str, path: &str) -> bool {
    if !is_pattern(pattern) {
        return pattern == path;
    }
    let (mut names, mut patterns) = (path.split('/'), pattern.split('/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) if name_matches(pattern.as_bytes(), name.as_bytes()) => {}
            _ => return false,
        }
    }
}

fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    let wild = matches!(pattern.first(), Some(b'*' | b'?' | b'['));
    if wild && name.first() == Some(&b'.') {
        return false;
    }
    // After a `*` it is enough to remember the last one: an earlier one could not match more.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, n));
            p += 1;
        } else if p == pattern.len() && n == name.len() {
            return true;
        } else if let Some(length) = name.get(n).and_then(|&byte| one_matches(&pattern[p..], byte))
        {
            p += length;
            n += 1;
        } else {
            match star {
                Some((after, start)) if start < name.len() => {
                    star = Some((after, start + 1));
                    (p, n) = (after, start + 1);
                }
                _ => return false,
            }
        }
    }
}

/// Returns how much of the pattern one byte uses up, if it matches.
fn one_matches(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern {
        [b'?', ..] => Some(1),
        [b'[', ..] => match set_matches(pattern, byte) {
            Some((matches, length)) => matches.then_some(length),
            None => (byte == b'[').then_some(1),
        },
        [b'\\', escaped, ..] => (escaped == byte).then_some(2),
        [first, ..] => (first == byte).then_some(1),
        [] => None,
    }
}

/// Reads the `[…]` at the start of the pattern; `None` when no `]` closes it, so that the `[` stands for itself.
fn set_matches(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let mut at = first;
    let mut found = false;
    loop {
        if at > first && pattern.get(at) == Some(&b']') {
            return Some((found != negated, at + 1));
        }
        if let Some((matches, length)) = class(&pattern[at..], byte) {
            found |= matches;
            at += length;
            continue;
        }
        let (low, length) = member(&pattern[at..])?;
        at += length;
        let mut high = low;
        if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|&next| next != b']') {
            let (end, length) = member(&pattern[at + 1..])?;
            high = end;
            at += 1 + length;
        }
        found |= (low..=high).contains(&byte);
    }
}

fn member(pattern: &[u8]) -> Option<(u8, usize)> {
    match *pattern {
        [b'\\', escaped, ..] => Some((escaped, 2)),
        [plain, ..] => Some((plain, 1)),
        [] => None,
    }
}

/// Reads a class such as `[:digit:]` inside of a set.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let inside = pattern.strip_prefix(b"[:")?;
    let end = inside.iter().take(7).position(|&byte| byte == b':')?;
    if inside.get(end + 1) != Some(&b']') {
        return None;
    }
    let matches = match &inside[..end] {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"lower" => byte.is_ascii_lowercase(),
        b"upper" => byte.is_ascii_uppercase(),
        b"punct" => byte.is_ascii_punctuation(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"space" => matches!(byte, b' ' | b'\t'..=b'\r'),
        b"cntrl" => byte.is_ascii_control(),
        b"graph" => byte.is_ascii_graphic(),
        b"print" => matches!(byte, b' '..=b'~'),
        _ => return None,
    };
    Some((matches, end + 4))
}

//! Blanks secrets in a text that is shown around a problem: the lines beside it may hold a password.

use std::ops::Range;

/// Parts of names, in lower case, whose values nobody but the operator may see.
const SECRET: [&str; 6] = ["password", "passwd", "secret", "token", "api_key", "private_key"];

/// Returns a JSON text of the same length in which the values of secret members are asterisks.
///
/// Only texts in quotes are blanked: numbers and names of files are no secrets. Comments are left as
/// they are, and an ill-formed text is blanked as far as it can be read.
pub(super) fn blanked(text: &str) -> String {
    let mut result = text.as_bytes().to_vec();
    let strings = strings(text.as_bytes());
    for pair in strings.windows(2) {
        let between = &text[pair[0].end + 1..pair[1].start - 1];
        let is_member = between.trim() == ":";
        let name = text[pair[0].clone()].to_lowercase();
        if is_member && SECRET.iter().any(|part| name.contains(part)) {
            result[pair[1].clone()].fill(b'*');
        }
    }
    // An asterisk for every byte keeps all positions, and the text stays UTF-8.
    String::from_utf8(result).unwrap_or_else(|_| text.to_owned())
}

/// Returns the insides of all quoted texts, in order; comments are passed over.
fn strings(text: &[u8]) -> Vec<Range<usize>> {
    let mut strings = Vec::new();
    let mut at = 0;
    while at < text.len() {
        at = match text[at..] {
            [b'"', ..] => {
                let end = end_of_string(text, at + 1);
                strings.push(at + 1..end);
                end + 1
            }
            [b'/', b'/', ..] => find(text, at, b"\n"),
            [b'/', b'*', ..] => find(text, at + 2, b"*/"),
            _ => at + 1,
        };
    }
    strings
}

fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}

fn find(text: &[u8], start: usize, what: &[u8]) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let found = rest.windows(what.len()).position(|window| window == what);
    found.map_or(text.len(), |at| start + at + what.len())
}

#[cfg(test)]
mod tests {
    use super::blanked;

    #[test]
    fn only_values_of_secret_members_are_blanked() {
        let text = r#"{"admin_password": "hünter\"2", /* "token": "x" */ "name": "a", "n": 1}"#;
        let shown = blanked(text);
        assert_eq!(shown.len(), text.len());
        assert_eq!(
            shown,
            r#"{"admin_password": "**********", /* "token": "x" */ "name": "a", "n": 1}"#
        );
    }

    #[test]
    fn an_open_text_does_not_panic() {
        for text in ["{\"password\": \"", "\"password\":\"\\", "\"", "/*", "{\"token\": \"abc"] {
            assert_eq!(blanked(text).len(), text.len());
        }
    }
}

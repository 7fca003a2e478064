//! Commands of a shell that run iptables(8), such as those in interfaces(5).

use std::net::Ipv4Addr;

/// The names under which the program is called.
const PROGRAMS: &[&str] = &["iptables", "iptables-nft", "iptables-legacy"];

/// Returns the words of a command that is one plain call of iptables, with the program in front.
///
/// Returns nothing when it is another program, when quotes stay open, or when a shell would do more
/// than split words: then what really runs cannot be told from the text.
pub fn iptables_words(command: &str) -> Option<Vec<String>> {
    let words = shell_words(command)?;
    let program = words.first()?.rsplit('/').next()?;
    PROGRAMS.contains(&program).then_some(words)
}

/// Says whether `text` holds `address` as a whole, and not as a part of a longer one.
pub fn mentions(text: &str, address: Ipv4Addr) -> bool {
    let part_of_address = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let address = address.to_string();
    text.split(|c| !part_of_address(c)).any(|token| token.trim_matches('.') == address)
}

/// Says whether a character means more than itself to sh(1) outside quotes.
#[rustfmt::skip]
fn is_special(c: char) -> bool {
    matches!(
        c,
        ';' | '|' | '&' | '$' | '`' | '<' | '>' | '(' | ')' | '*' | '?' | '[' | ']' | '{' | '}' | '~' | '\n'
    )
}

fn shell_words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '#' if word.is_none() => return None,
            '\'' => single_quoted(&mut chars, word.get_or_insert_default())?,
            '"' => double_quoted(&mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next().filter(|&next| next != '\n')?),
            _ if is_special(c) => return None,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

fn single_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '\'' => return Some(()),
            c => word.push(c),
        }
    }
}

fn double_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '$' | '`' => return None,
            '\\' => escaped(chars.next()?, word),
            c => word.push(c),
        }
    }
}

/// Between double quotes a backslash is itself unless it stands before a character that is special there.
fn escaped(c: char, word: &mut String) {
    if !matches!(c, '"' | '\\' | '$' | '`') {
        word.push('\\');
    }
    word.push(c);
}

//! From a value to its text.

use super::{Yaml, resolve};

/// How far a level is set in.
const STEP: usize = 2;

/// How far behind the beginning of a name its colon may stand (YAML 1.2.2, chapter 7.4.2).
const LONGEST_NAME: usize = 1024;

pub(super) fn render(value: &Yaml) -> String {
    let mut text = String::new();
    match value {
        Yaml::Map(members) if !members.is_empty() => block(value, 0, &mut text),
        Yaml::List(list) if !list.is_empty() => block(value, 0, &mut text),
        _ => {
            text.push_str(&inline(value));
            text.push('\n');
        }
    }
    text
}

/// Writes a list or map that is not empty, each element on a line of its own.
fn block(value: &Yaml, indent: usize, text: &mut String) {
    match value {
        Yaml::Map(members) => {
            for (name, value) in members {
                set_in(indent, text);
                let name = word(name);
                if name.len() < LONGEST_NAME {
                    text.push_str(&name);
                } else {
                    text.extend(["? ", name.as_str(), "\n"]);
                    set_in(indent, text);
                }
                text.push(':');
                below(value, indent + STEP, text);
            }
        }
        Yaml::List(list) => {
            for value in list {
                set_in(indent, text);
                text.push('-');
                below(value, indent + STEP, text);
            }
        }
        _ => {}
    }
}

fn below(value: &Yaml, indent: usize, text: &mut String) {
    let has_block = match value {
        Yaml::Map(members) => !members.is_empty(),
        Yaml::List(list) => !list.is_empty(),
        _ => false,
    };
    if has_block {
        text.push('\n');
        block(value, indent, text);
    } else {
        text.push(' ');
        text.push_str(&inline(value));
        text.push('\n');
    }
}

fn set_in(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

fn inline(value: &Yaml) -> String {
    match value {
        Yaml::Null => "null".to_owned(),
        Yaml::Bool(flag) => flag.to_string(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Float(text) => text.clone(),
        Yaml::Text(text) => word(text),
        Yaml::List(_) => "[]".to_owned(),
        Yaml::Map(_) => "{}".to_owned(),
    }
}

/// Writes a text without quotes where every reader takes it for the same text. Older readers take more
/// words for something else than YAML 1.2 does: `yes`, `on`, `1_000`, `12:30`, dates.
fn word(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@".contains(c);
    let flag = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    let same = resolve::plain(text.into()) == Yaml::text(text);
    if begins && text.chars().all(plain) && !flag && same { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(c),
            _ => quoted.push_str(&escaped(c)),
        }
    }
    quoted.push('"');
    quoted
}

fn escaped(c: char) -> String {
    match u32::from(c) {
        code @ ..=0xff => format!("\\x{code:02X}"),
        code @ ..=0xffff => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    }
}

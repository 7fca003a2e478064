//! What a plain scalar says, by the core schema of YAML 1.2 (chapter 10.3.2).

use std::borrow::Cow;

use super::Yaml;

/// Returns the value of a plain scalar.
pub(super) fn plain(text: Cow<'_, str>) -> Yaml {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" => return Yaml::Bool(true),
        "false" | "False" | "FALSE" => return Yaml::Bool(false),
        _ => {}
    }
    integer(&text).map(Yaml::Integer).or_else(|| float(&text)).unwrap_or_else(|| Yaml::text(text))
}

fn integer(text: &str) -> Option<i64> {
    let based = |digits: &str, radix| {
        digits
            .chars()
            .all(|c| c.is_digit(radix))
            .then(|| i64::from_str_radix(digits, radix).ok())?
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return based(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return based(digits, 16);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Whole numbers beyond 64 bits are numbers too.
fn float(text: &str) -> Option<Yaml> {
    let (sign, rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (&text[..1], rest),
        None => ("", text),
    };
    match (sign, rest) {
        ("" | "+", ".inf" | ".Inf" | ".INF") => return Some(Yaml::Float(".inf".to_owned())),
        ("-", ".inf" | ".Inf" | ".INF") => return Some(Yaml::Float("-.inf".to_owned())),
        ("", ".nan" | ".NaN" | ".NAN") => return Some(Yaml::Float(".nan".to_owned())),
        _ => {}
    }
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+');
    let begins = rest.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let has_digit = rest.bytes().any(|b| b.is_ascii_digit());
    if !begins || !has_digit || !rest.chars().all(numeric) {
        return None;
    }
    text.parse::<f64>().ok().map(of_float)
}

fn of_float(value: f64) -> Yaml {
    Yaml::Float(match value {
        value if value.is_nan() => ".nan".to_owned(),
        value if value.is_infinite() && value > 0.0 => ".inf".to_owned(),
        value if value.is_infinite() => "-.inf".to_owned(),
        value => format!("{value:?}"),
    })
}

/// Returns the value of a number of JSON.
pub(super) fn number(number: &serde_json::Number) -> Yaml {
    match number.as_i64() {
        Some(integer) => Yaml::Integer(integer),
        None => of_float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

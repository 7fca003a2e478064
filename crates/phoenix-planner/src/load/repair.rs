//! From a JSON value to a declared type, finding every wrong type on the way: what is wrong is noted and
//! taken for absent, and the reading begins again.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::finding::{Finding, Findings};
use super::typo;
use crate::source::{FileKind, Origin};

/// How many wrong types are looked for in one file: each costs another reading of it.
const MOST_REPAIRS: usize = 200;

/// The longest text that a message repeats.
const LONGEST_QUOTE: usize = 40;

/// Reads a declared type, setting to `null` what has a wrong type.
pub(super) fn read<T>(file: FileKind, value: &mut Value, findings: &mut Findings) -> T
where
    T: DeserializeOwned + Default,
{
    for _ in 0..MOST_REPAIRS {
        let error = match serde_path_to_error::deserialize::<_, T>(&*value) {
            Ok(declared) => return declared,
            Err(error) => error,
        };
        let origin = place(file, error.path());
        let wrong = value.pointer_mut(&origin.pointer);
        let wrong = wrong.map_or(Value::Null, Value::take);
        let stuck = origin.pointer.is_empty() || wrong.is_null();
        findings.push(wrong_type(origin, &wrong, &error.inner().to_string()));
        if stuck {
            return T::default();
        }
    }
    findings.push(
        Finding::error(
            Origin::file(file),
            format!("more than {MOST_REPAIRS} values of a wrong type"),
        )
        .help("Repair those shown, then look again."),
    );
    T::default()
}

fn place(file: FileKind, path: &serde_path_to_error::Path) -> Origin {
    path.iter().fold(Origin::file(file), |origin, segment| match segment {
        Segment::Seq { index } => origin.at(index),
        Segment::Map { key } => origin.at(key),
        Segment::Enum { .. } | Segment::Unknown => origin,
    })
}

fn wrong_type(origin: Origin, wrong: &Value, error: &str) -> Finding {
    let expected = error.rsplit_once("expected ").map_or(error, |(_, expected)| expected);
    let (name, wanted) = (name(&origin), wanted(expected));
    let message = format!("{name} must be {wanted}, not {}", quoted(wrong));
    let finding = Finding::error(origin, message).label(format!("must be {wanted}"));
    match help(&name, wrong, expected) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Returns what a message calls a place: the member's name, or the element's number.
fn name(origin: &Origin) -> String {
    let mut steps = origin.pointer.rsplit('/');
    let last = steps.next().unwrap_or_default();
    match (last.parse::<usize>(), steps.next()) {
        _ if origin.pointer.is_empty() => "the file".to_owned(),
        (Ok(index), Some(list)) if list != "lxc_configs" => {
            format!("element {} of `{list}`", index.saturating_add(1))
        }
        _ => format!("`{}`", last.replace("~1", "/").replace("~0", "~")),
    }
}

/// Says serde's expectation in an operator's words.
fn wanted(expected: &str) -> String {
    match expected {
        "a string" | "string or map" => "a text".to_owned(),
        "u64" => "a whole number, not negative".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list `[…]`".to_owned(),
        "a map" => "an object `{…}`".to_owned(),
        _ if expected.starts_with("struct ") => "an object `{…}`".to_owned(),
        _ => expected.to_owned(),
    }
}

fn quoted(value: &Value) -> String {
    match value {
        Value::Null => "`null`".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) if text.chars().count() <= LONGEST_QUOTE => format!("`{value}`"),
        Value::String(_) => "a long text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn help(name: &str, wrong: &Value, expected: &str) -> Option<String> {
    let text = wrong.as_str();
    match (name, expected, text) {
        ("`mode`", _, Some("passthru")) => Some(
            "A passthru interface takes the whole bridge for itself, also from the node. Write `bridge`."
                .to_owned(),
        ),
        ("`mode`", _, Some("l3" | "l3s" | "l2")) => {
            Some("Remove `mode`: only macvlan has one, ipvlan always runs in L3 mode.".to_owned())
        }
        (_, "u64", Some(text)) => {
            text.trim().parse::<u64>().ok().map(|n| format!("Write `{n}` without quotes."))
        }
        (_, "a boolean", _) => flag(wrong).map(|flag| format!("Write `{flag}` without quotes.")),
        (_, "a string", None) if wrong.is_number() => Some(format!("Write `\"{wrong}\"` in quotes.")),
        (_, "a sequence", Some(text)) => Some(format!("Write `[\"{text}\"]`.")),
        (_, _, Some(text)) => {
            let words = expected.split('`').skip(1).step_by(2).collect::<Vec<_>>();
            typo::nearest(text, &words).map(|word| format!("Did you mean `{word}`?"))
        }
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value.to_string().trim_matches('"').to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

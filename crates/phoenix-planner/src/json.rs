//! JSON as operators write it: its value, what is wrong with it, and where everything in it stands.
//!
//! Taken are `//` and `/* */` comments and a byte order mark, and nothing else that JSON (RFC 8259)
//! does not have: no trailing commas, no names without quotes. Duplicate names are a fault; the last one
//! counts. The text is read in linear time, and nesting deeper than [`MAX_DEPTH`] is refused before
//! anything recurses.

mod places;
mod plain;
mod scan;
mod skim;

use std::collections::BTreeMap;

use jsonc_parser::ast;
use jsonc_parser::common::Range;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Value};

pub use places::Places;
pub use plain::{is_plain, plain};

/// How deeply lists and objects may stand in each other. An operator's file needs seven levels; the
/// limit keeps a broken or hostile file from using up the stack.
pub const MAX_DEPTH: usize = 128;

/// A place in a text, in bytes.
pub type Span = std::ops::Range<usize>;

/// Says what is wrong with a text as JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub span: Span,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What stands at the place.
    pub label: String,
    /// What to type.
    pub help: String,
    /// An earlier place that belongs to it, with what stands there.
    pub related: Option<(Span, String)>,
}

/// What a text holds.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The value; `None` when the text is not JSON.
    pub value: Option<Value>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// Reads a text.
pub fn parse(text: &str) -> Parsed {
    let skipped = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let body = &text[skipped..];
    let mut parsed = match scan::first_fault(body) {
        Some(fault) => Parsed { faults: vec![fault], ..Parsed::default() },
        None => parse_body(body),
    };
    for fault in &mut parsed.faults {
        fault.span = shifted(&fault.span, skipped);
        fault.related = fault.related.take().map(|(span, label)| (shifted(&span, skipped), label));
    }
    parsed
}

fn shifted(span: &Span, by: usize) -> Span {
    span.start + by..span.end + by
}

fn parse_body(text: &str) -> Parsed {
    match parse_to_ast(text, &CollectOptions::default(), &options()) {
        Ok(result) => match result.value {
            Some(root) => Builder::default().build(root),
            None => failed(empty_text(text)),
        },
        Err(error) => failed(syntax_fault(text, &error)),
    }
}

fn failed(fault: Fault) -> Parsed {
    Parsed { faults: vec![fault], ..Parsed::default() }
}

fn empty_text(text: &str) -> Fault {
    Fault {
        span: text.len()..text.len(),
        message: "the file is empty".to_owned(),
        label: "nothing stands here".to_owned(),
        help: "Write at least `{}`.".to_owned(),
        related: None,
    }
}

fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn syntax_fault(text: &str, error: &ParseError) -> Fault {
    use ParseErrorKind as K;
    let range = error.range();
    let (label, help) = match error.kind() {
        K::ExpectedComma => ("a comma is missing", "Put `,` between two members or elements."),
        K::TrailingCommasNotAllowed => ("nothing follows this comma", "Remove the `,`."),
        K::ExpectedStringObjectProperty => ("a name needs quotes", "Put `\"` around the name."),
        K::SingleQuotedStringsNotAllowed => ("single quotes", "Use `\"` instead of `'`."),
        K::ExpectedColonAfterObjectKey => ("`:` must follow a name", "Write `\"name\": value`."),
        K::ExpectedObjectValue => {
            ("a value must follow `:`", "Write the value, or remove the name.")
        }
        K::UnterminatedObject => ("this `{` is never closed", "Add the missing `}`."),
        K::UnterminatedArray => ("this `[` is never closed", "Add the missing `]`."),
        K::UnterminatedCommentBlock => ("this comment is never closed", "Add the missing `*/`."),
        K::MultipleRootJsonValues => {
            ("the file should end before this", "Look for a `}` or `]` too many above.")
        }
        K::UnexpectedCloseBrace | K::UnexpectedCloseBracket => {
            ("nothing is open that this closes", "Remove it, or add what it should close.")
        }
        K::UnexpectedComma => ("a value is missing before this comma", "Remove the `,`."),
        K::UnexpectedWord => {
            ("not a value", "Put `\"` around texts; only true, false and null stand without.")
        }
        K::String(_) => ("not a valid text", "Write a backslash as `\\\\` and a quote as `\\\"`."),
        _ => ("JSON has no such thing here", "Remove it, or put `\"` around it if it is a text."),
    };
    Fault {
        span: trimmed(text, range.start..range.end),
        message: "not valid JSON".to_owned(),
        label: label.to_owned(),
        help: help.to_owned(),
        related: None,
    }
}

/// Shortens the place of something that never ends to its first character.
fn trimmed(text: &str, span: Span) -> Span {
    let inside = text.get(span.clone()).unwrap_or_default();
    match inside.find(['\n', '\r']) {
        Some(0) | None => span,
        Some(_) => span.start..span.start + inside.chars().next().map_or(0, char::len_utf8),
    }
}

#[derive(Default)]
struct Builder {
    faults: Vec<Fault>,
}

impl Builder {
    fn build(mut self, root: ast::Value<'_>) -> Parsed {
        let value = self.value(root);
        Parsed { value: Some(value), faults: self.faults }
    }

    fn value(&mut self, value: ast::Value<'_>) -> Value {
        match value {
            ast::Value::StringLit(text) => Value::String(text.value.into_owned()),
            ast::Value::BooleanLit(flag) => Value::Bool(flag.value),
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::NumberLit(number) => self.number(number.value, number.range),
            ast::Value::Array(array) => {
                array.elements.into_iter().map(|element| self.value(element)).collect()
            }
            ast::Value::Object(object) => self.object(object),
        }
    }

    fn number(&mut self, text: &str, range: Range) -> Value {
        serde_json::from_str(text).map(Value::Number).unwrap_or_else(|_| {
            self.faults.push(Fault {
                span: range.start..range.end,
                message: "a number that is too large".to_owned(),
                label: "no computer holds it".to_owned(),
                help: "Write a smaller number.".to_owned(),
                related: None,
            });
            Value::Null
        })
    }

    fn object(&mut self, object: ast::Object<'_>) -> Value {
        let mut values = Map::new();
        let mut names = BTreeMap::<String, Span>::new();
        for property in object.properties {
            let range = match &property.name {
                ast::ObjectPropName::String(text) => text.range,
                ast::ObjectPropName::Word(word) => word.range,
            };
            let (key, at) = (property.name.into_string(), range.start..range.end);
            if let Some(first) = names.insert(key.clone(), at.clone()) {
                self.faults.push(duplicate(&key, at, first));
            }
            let value = self.value(property.value);
            values.insert(key, value);
        }
        Value::Object(values)
    }
}

fn duplicate(name: &str, span: Span, first: Span) -> Fault {
    Fault {
        span,
        message: format!("`{name}` stands twice in one object"),
        label: "here again".to_owned(),
        help: "Remove one of the two; most programs read only the last.".to_owned(),
        related: Some((first, "first here".to_owned())),
    }
}

//! YAML by meaning: two texts are equal when a program that reads them gets the same values.
//!
//! Owns the way from a text to a value and back. Plain scalars are resolved as the core schema of YAML
//! 1.2 says; aliases stand for what they name. Comments, styles and the order of members are no meaning,
//! so that nothing is edited here: a text is either equal, or written anew as a whole.
//!
//! Deliberately not understood: several documents in one text, tags of an application, merge keys
//! (`<<`, which YAML 1.2 does not have), and members whose name is no scalar.

mod build;
mod render;
mod resolve;

use std::collections::BTreeMap;

/// The longest text that is read, in bytes: a configuration is a thousandth of it.
pub const LONGEST: usize = 1 << 20;

/// How deeply lists and maps may stand in each other.
pub const MAX_DEPTH: usize = 64;

/// What a YAML text says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Yaml {
    /// Nothing: `null`, `~`, or an empty value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, in the shortest decimal form that reads back as the same.
    Float(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A map; the order of its members means nothing.
    Map(BTreeMap<String, Self>),
}

/// Says why a text is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong: a lower-case fragment.
    pub message: String,
}

impl Yaml {
    /// Reads a text; an empty one says [`Yaml::Null`].
    ///
    /// # Errors
    ///
    /// With the first line that is not YAML, that holds what this reader does not understand, or that
    /// makes the text more than it looks: too deep, too long, or too many aliases of aliases.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        build::parse(text)
    }

    /// Returns the text of a value: block style, members by name, texts in quotes where they need them.
    ///
    /// It ends with a line break, and [`Yaml::parse`] reads the same value from it.
    pub fn render(&self) -> String {
        render::render(self)
    }

    /// Returns a map from names and values.
    pub fn map<K: Into<String>>(members: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Returns a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns a list of texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// Returns the value that a JSON value says.
    pub fn from_json(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => resolve::number(number),
            Value::String(text) => Self::text(text),
            Value::Array(list) => Self::List(list.iter().map(Self::from_json).collect()),
            Value::Object(map) => Self::map(map.iter().map(|(k, v)| (k, Self::from_json(v)))),
        }
    }

    /// Returns a member of a map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.get(name),
            _ => None,
        }
    }

    /// Lays another value over this one: members of maps are merged by name, anything else is replaced.
    #[must_use = "the value itself does not change"]
    pub fn overlaid(self, over: Self) -> Self {
        let (mut under, over) = match (self, over) {
            (Self::Map(under), Self::Map(over)) => (under, over),
            (_, over) => return over,
        };
        for (name, value) in over {
            let merged = match under.remove(&name) {
                Some(old) => old.overlaid(value),
                None => value,
            };
            under.insert(name, merged);
        }
        Self::Map(under)
    }
}

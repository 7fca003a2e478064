//! The fast way: texts that are plain JSON with nothing wrong, read without places.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Returns the value of a text that is plain JSON with nothing wrong with it.
///
/// That takes a fifth of the time and memory of [`parse`](super::parse), which takes comments too and says
/// what is wrong and where everything stands; it is for the texts of which there is `None` here.
pub fn plain(text: &str) -> Option<Value> {
    serde_json::from_str::<Unique>(text).ok().map(|unique| unique.0)
}

/// A value in which no object has a name twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = elements.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, _>()? {
            if values.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(values.into())
    }
}

/// Returns whether a text is plain JSON with nothing wrong with it, without keeping anything of it.
pub fn is_plain(text: &str) -> bool {
    serde_json::from_str::<Nothing>(text).is_ok()
}

/// What is read and not kept; no object in it has a name twice.
struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NothingVisitor)
    }
}

struct NothingVisitor;

impl<'de> Visitor<'de> for NothingVisitor {
    type Value = Nothing;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Nothing, E> {
        Ok(Nothing)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Nothing, E> {
        Ok(Nothing)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Nothing, E> {
        Ok(Nothing)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Nothing, E> {
        Ok(Nothing)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Nothing, E> {
        Ok(Nothing)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Nothing, E> {
        Ok(Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Nothing, A::Error> {
        while elements.next_element::<Nothing>()?.is_some() {}
        Ok(Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Nothing, A::Error> {
        let mut names = Vec::new();
        while let Some((Name(name), Nothing)) = members.next_entry::<Name<'de>, Nothing>()? {
            names.push(name);
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom("a name stands twice"));
        }
        Ok(Nothing)
    }
}

/// A name, in the text itself wherever it has no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::{is_plain, plain};
    use crate::json::parse;

    const TEXTS: [&str; 16] = [
        "{}",
        "null",
        " [1, -2, 3.5, 1e3, -0, 18446744073709551615, 18446744073709551616]\n",
        r#"{"a": {"b": [true, false, null, "ü\u00e9\n"]}, "c": ""}"#,
        r#"{"a": 1, "a": 2}"#,
        r#"{"a": {"b": 1, "b": 1}}"#,
        "// a comment\n{}",
        "\u{feff}{}",
        "[1e999]",
        "[1,]",
        "{'a': 1}",
        "[01]",
        "\"a\nb\"",
        "\"\\ud800\"",
        "",
        "{} {}",
    ];

    #[test]
    fn what_is_read_plainly_is_what_is_read_slowly_with_nothing_wrong() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deep = [100, 127, 128, 129, 1000].map(nested);
        for text in TEXTS.into_iter().chain(deep.iter().map(String::as_str)) {
            let Some(value) = plain(text) else { continue };
            let parsed = parse(text);
            assert_eq!(parsed.value, Some(value), "{text}");
            assert_eq!(parsed.faults, [], "{text}");
        }
    }

    #[test]
    fn only_plain_texts_are_read() {
        let read = TEXTS.iter().map(|text| plain(text).is_some()).collect::<Vec<_>>();
        assert_eq!(read.iter().position(|read| !read), Some(4));
        assert!(!read[4..].contains(&true));
        assert_eq!(TEXTS.iter().map(|text| is_plain(text)).collect::<Vec<_>>(), read);
    }
}

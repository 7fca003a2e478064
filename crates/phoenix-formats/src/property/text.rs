//! A property string as text: nothing is judged, nothing is lost.

use std::fmt;

/// Keeps a property string as its comma-separated parts, in order, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyText {
    parts: Vec<String>,
}

impl PropertyText {
    /// Returns the parts of `text`; every text has them.
    pub fn parse(text: &str) -> Self {
        match text {
            "" => Self::default(),
            _ => Self { parts: text.split(',').map(str::to_owned).collect() },
        }
    }

    /// Returns the value of the last part with this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs().rfind(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Returns keys and values in order; parts without `=` are left out.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.parts.iter().filter_map(|part| part.split_once('='))
    }

    /// Returns the first part without `=`, which for a mount point or device is its volume or path.
    pub fn bare(&self) -> Option<&str> {
        self.parts.iter().map(String::as_str).find(|part| !part.is_empty() && !part.contains('='))
    }

    /// Returns the text with `key` set to `value`, in its place if it is there, else at the end.
    #[must_use = "the text itself is not changed"]
    pub fn with(&self, key: &str, value: &str) -> Self {
        let mut parts = self.parts.clone();
        match parts.iter_mut().rev().find(|part| key_of(part) == Some(key)) {
            Some(part) => *part = format!("{key}={value}"),
            None => parts.push(format!("{key}={value}")),
        }
        Self { parts }
    }

    /// Returns the text without any part with this key.
    #[must_use = "the text itself is not changed"]
    pub fn without(&self, key: &str) -> Self {
        let kept = self.parts.iter().filter(|part| key_of(part) != Some(key));
        Self { parts: kept.cloned().collect() }
    }
}

fn key_of(part: &str) -> Option<&str> {
    part.split_once('=').map(|(key, _)| key)
}

impl fmt::Display for PropertyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{part}")?;
        }
        Ok(())
    }
}

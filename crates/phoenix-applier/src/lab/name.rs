//! What a lab is called.

use std::fmt;
use std::str::FromStr;

/// The longest name: `phx-`, the name, `-internet` must stay readable where `ip netns` lists them.
const LONGEST: usize = 16;

/// The name of a lab: 1 to 16 characters of `a-z` and `0-9`.
///
/// There is no `-` in it, so that the namespaces of one lab never begin like those of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabName(String);

/// Says that a word cannot be the name of a lab.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be the name of a lab: it takes 1 to {LONGEST} of the characters a-z and 0-9")]
pub struct InvalidLabName(String);

impl Default for LabName {
    fn default() -> Self {
        Self("lab".to_owned())
    }
}

impl FromStr for LabName {
    type Err = InvalidLabName;

    fn from_str(text: &str) -> Result<Self, InvalidLabName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLabName(text.to_owned()))
        }
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LabName {
    /// Returns what the names of the lab's namespaces begin with.
    pub(super) fn prefix(&self) -> String {
        format!("phx-{}-", self.0)
    }

    /// Returns the namespace of a place.
    pub(super) fn netns(&self, place: &str) -> String {
        self.prefix() + place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "lab", "0", "abcdefghijklmnop"] {
            assert!(good.parse::<LabName>().is_ok(), "{good}");
        }
        for bad in ["", "a-b", "A", "../x", "a b", "ä", "abcdefghijklmnopq", "."] {
            assert!(bad.parse::<LabName>().is_err(), "{bad}");
        }
    }
}

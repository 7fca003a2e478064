//! A network interface as text: unknown keys stay, nothing is refused.

use std::collections::BTreeMap;
use std::fmt;

use super::same::same_value;
use crate::MacAddr;
use crate::property::PropertyText;

/// The keys under which an interface's Ethernet address is written: Proxmox VE's own, and the spec's, which counts only
/// where the other is missing.
const MAC_KEYS: [&str; 2] = ["hwaddr", "macaddr"];

/// Keeps a `netN` value as it is written, also one that stock Proxmox VE does not take.
///
/// Such a value is `name=eth1,macaddr=02:00:00:00:01:01,bridge=vmbr0,type=macvlan,mode=bridge`, the
/// form in which a declared interface is shown, and which some nodes accept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetText {
    text: PropertyText,
}

impl NetText {
    /// Returns the value as text; it never fails and shows again byte for byte.
    pub fn parse(text: &str) -> Self {
        Self { text: PropertyText::parse(text) }
    }

    /// Returns the value of a key; of one that stands twice, the last.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.text.get(key)
    }

    /// Returns keys and values in order.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.text.pairs()
    }

    /// Returns whether a key means this value, in whatever words, or by not being there.
    pub fn says(&self, key: &str, value: &str) -> bool {
        let key = standard(key);
        let own = if MAC_KEYS.contains(&key) { self.mac_text() } else { self.get(key) };
        same_value(key, own, Some(value))
    }

    /// Returns the value with `key` set, in its place if it is there, else at the end.
    #[must_use = "the value itself is not changed"]
    pub fn with(&self, key: &str, value: &str) -> Self {
        Self { text: self.text.with(key, value) }
    }

    /// Returns the value without `key`.
    #[must_use = "the value itself is not changed"]
    pub fn without(&self, key: &str) -> Self {
        Self { text: self.text.without(key) }
    }

    /// Returns the Ethernet address, written as `hwaddr` or `macaddr`.
    pub fn mac(&self) -> Option<MacAddr> {
        self.mac_text().and_then(|text| text.parse().ok())
    }

    fn mac_text(&self) -> Option<&str> {
        MAC_KEYS.iter().find_map(|key| self.get(key))
    }

    /// Returns the keys whose values mean something else in `other`, sorted.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (left, right) = (self.standard(), other.standard());
        let differs =
            |key: &&&str| !same_value(key, left.get(**key).copied(), right.get(**key).copied());
        let added = right.keys().filter(|key| !left.contains_key(**key));
        let mut keys: Vec<_> = left.keys().chain(added).filter(differs).collect();
        keys.sort_unstable();
        keys.into_iter().map(|key| (*key).to_owned()).collect()
    }

    fn standard(&self) -> BTreeMap<&str, &str> {
        let [own, other] = MAC_KEYS;
        let hidden = self.get(own).map(|_| other);
        let counted = self.pairs().filter(|(key, _)| Some(*key) != hidden);
        counted.map(|(key, value)| (standard(key), value)).collect()
    }
}

fn standard(key: &str) -> &str {
    if MAC_KEYS.contains(&key) { MAC_KEYS[0] } else { key }
}

impl fmt::Display for NetText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

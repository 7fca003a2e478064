//! `features`: what the kernel lets a container do.

use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::property::PropertyText;

use super::keys::{KeyChange, is_on, present};
use crate::desired::Container;

/// Returns the change of `features`; those that are not declared stay.
pub(super) fn change(container: &Container, conf: &LxcConf) -> Option<KeyChange> {
    let before = PropertyText::parse(present(conf, "features").unwrap_or_default());
    let nesting = container.nesting.as_ref().map(|l| ("nesting", if l.value { "1" } else { "0" }));
    let others = container.features.iter().map(|(name, l)| (name.as_str(), l.value.as_str()));
    let mut after = before.clone();
    let mut parts = Vec::new();
    for (name, value) in nesting.into_iter().chain(others) {
        let present = before.get(name);
        // A feature that is not named is off.
        let same = match value {
            "0" | "1" => is_on(present.unwrap_or_default()) == (value == "1"),
            _ => present == Some(value),
        };
        if !same {
            parts.push((name.to_owned(), present.map(str::to_owned), Some(value.to_owned())));
            after = after.with(name, value);
        }
    }
    if parts.is_empty() {
        return None;
    }
    Some(KeyChange { parts, ..KeyChange::new(conf, "features", Some(after.to_string())) })
}

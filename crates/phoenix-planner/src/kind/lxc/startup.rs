//! `startup`: the order and the delays of a container's start and shutdown.

use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::property::PropertyText;

use super::keys::{KeyChange, present};
use crate::desired::Container;

/// Returns the change of `startup`; parts that are not declared stay.
pub(super) fn change(container: &Container, conf: &LxcConf) -> Option<KeyChange> {
    let wanted = container.startup.as_ref()?.value;
    let before = PropertyText::parse(present(conf, "startup").unwrap_or_default());
    let mut after = before.clone();
    let mut parts = Vec::new();
    for (name, value) in [("order", wanted.order), ("up", wanted.up), ("down", wanted.down)] {
        let Some(value) = value else { continue };
        let present = value_of(&before, name);
        if present.and_then(|text| text.parse().ok()) != Some(value) {
            parts.push((name.to_owned(), present.map(str::to_owned), Some(value.to_string())));
            after = after.with(name, &value.to_string());
        }
    }
    if parts.is_empty() {
        return None;
    }
    Some(KeyChange { parts, ..KeyChange::new(conf, "startup", Some(after.to_string())) })
}

/// Returns a part; `startup: 3` is short for `order=3`.
fn value_of<'a>(startup: &'a PropertyText, name: &str) -> Option<&'a str> {
    startup.get(name).or_else(|| if name == "order" { startup.bare() } else { None })
}

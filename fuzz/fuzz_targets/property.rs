//! A property string: its text stays, and an edit comes true and touches no other part.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::property::PropertyText;

fuzz_target!(|text: &str| {
    let kept = PropertyText::parse(text);
    assert_eq!(kept.to_string(), text);
    let with = kept.with("size", "8G");
    assert_eq!(with.get("size"), Some("8G"));
    assert_eq!(with.without("size").to_string(), kept.without("size").to_string());
});

//! YAML: what is read is written, and read again as the same; a value over itself is itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::yaml::Yaml;

fuzz_target!(|text: &str| {
    let Ok(value) = Yaml::parse(text) else { return };
    let rendered = value.render();
    assert!(rendered.ends_with('\n'));
    let again = Yaml::parse(&rendered);
    assert_eq!(again.as_ref(), Ok(&value));
    assert_eq!(value.clone().overlaid(value.clone()), value);
    assert_eq!(Yaml::Null.overlaid(value.clone()), value);
});

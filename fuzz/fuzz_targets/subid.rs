//! subuid(5): the text stays, and what is granted is not missing afterwards.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::subid::{ROOT, Range, SubId};

fuzz_target!(|text: &str| {
    let file = SubId::parse(text);
    assert_eq!(file.text(), text);
    assert_eq!(file.grant(ROOT, &[]), text);
    assert!(file.entries().len() + file.warnings().len() <= text.split('\n').count());
    let needed = [Range { first: 33, count: 1 }, Range { first: 100_000, count: 65_536 }];
    let edited = file.grant(ROOT, &needed);
    assert!(edited.starts_with(text));
    let again = SubId::parse(&edited);
    assert_eq!(again.missing(ROOT, &needed), []);
    assert!(again.entries().starts_with(file.entries()));
    assert_eq!(again.grant(ROOT, &needed), edited);
});

//! fstab(5): the text stays, lines that are appended are read back, and lines that are removed are gone.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use phoenix_formats::fstab::{Fstab, line};

fuzz_target!(|text: &str| {
    let table = Fstab::parse(text);
    assert_eq!(table.text(), text);
    assert_eq!(table.edit(&BTreeMap::new(), &[]), text);
    if text.ends_with('\r') {
        // It belongs to its line until a line feed follows.
        return;
    }
    let appended = line("10.0.0.1:/a b", "/mnt/#\\", "nfs", "nofail");
    let again = Fstab::parse(&table.edit(&BTreeMap::new(), &[appended]));
    assert_eq!(again.entries().len(), table.entries().len() + 1);
    let last = again.entries().last().expect("it was appended");
    assert_eq!((last.source.as_str(), last.target.as_str()), ("10.0.0.1:/a b", "/mnt/#\\"));
    if let Some(first) = table.entries().first() {
        let without = table.edit(&BTreeMap::from([(first.line, None)]), &[]);
        assert_eq!(Fstab::parse(&without).entries().len(), table.entries().len() - 1);
    }
});

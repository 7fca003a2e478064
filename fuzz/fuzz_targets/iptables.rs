//! Saved rules: their text stays, and rules that are removed are gone, and nothing else.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::iptables::{PortSet, Rule, SavedRules, apply_delete, delete_argv, obsolete};

fuzz_target!(|text: &str| {
    let saved = SavedRules::parse(text);
    assert_eq!(saved.text(), text);
    assert_eq!(saved.remove(&[]), text);
    let all: Vec<_> = saved.rules().iter().map(Rule::reference).collect();
    assert!(SavedRules::parse(&saved.remove(&all)).rules().is_empty());
    let guest = "10.0.0.153".parse().expect("an address");
    let _ = obsolete(saved.rules(), guest, &[], &PortSet::default());
    for rule in saved.rules().iter().take(4) {
        assert!(rule.same_as(rule));
        if let Ok(left) = apply_delete(text, &delete_argv(rule)) {
            assert_eq!(SavedRules::parse(&left).rules().len() + 1, saved.rules().len());
        }
    }
});

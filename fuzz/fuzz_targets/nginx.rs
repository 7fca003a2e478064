//! nginx configuration: the tokens make up the text, and a rewritten file needs no second rewrite.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::nginx::{NginxConf, NginxInspection, listen_on_all_interfaces};

fuzz_target!(|text: &str| {
    let conf = NginxConf::parse(text);
    assert_eq!(conf.render(), text);
    let _ = (conf.listens(), conf.includes(), NginxInspection::of(text));
    let rewrite = listen_on_all_interfaces(text);
    if rewrite.changes.is_empty() || !rewrite.problems.is_empty() {
        assert_eq!(rewrite.text, text);
    } else {
        let again = listen_on_all_interfaces(&rewrite.text);
        assert!(again.changes.is_empty());
        assert_eq!(again.text, rewrite.text);
    }
});

//! A container's file: its text stays, an edit comes true and every other line is left alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::lxc_conf::{Edit, LxcConf};

fn others(text: &str) -> Vec<&str> {
    text.split('\n')
        .map(|line| line.trim_end_matches('\r'))
        .filter(|line| !line.is_empty() && !line.starts_with("memory:"))
        .collect()
}

fuzz_target!(|text: &str| {
    let conf = LxcConf::parse(text);
    assert_eq!(conf.text(), text);
    assert_eq!(conf.edit(&[]).as_deref(), Ok(text));
    let _ = (conf.inspect(), conf.lost());

    let set = [Edit::Set { key: "memory".to_owned(), value: "8192".to_owned() }];
    let edited = conf.edit(&set).expect("a plain setting");
    let again = LxcConf::parse(&edited);
    assert_eq!(again.get("memory"), Some("8192"));
    assert_eq!(others(&edited), others(text));
    assert_eq!(again.edit(&set), Ok(edited.clone()));
});

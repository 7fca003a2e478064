//! A `netN` value: its text stays, and what PVE prints is read back as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::net::{LxcNet, NetText};

fuzz_target!(|text: &str| {
    let kept = NetText::parse(text);
    assert_eq!(kept.to_string(), text);
    assert!(kept.differences(&kept).is_empty());
    if let Ok(net) = LxcNet::parse(text) {
        let printed = net.canonical();
        assert_eq!(LxcNet::parse(&printed).as_ref(), Ok(&net));
        assert_eq!(NetText::parse(&printed).with("mtu", "1400").get("mtu"), Some("1400"));
    }
});

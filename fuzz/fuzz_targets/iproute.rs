//! The JSON of ip(8): what is written is read back as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_formats::iproute::{links_json, read_links, read_route};

fuzz_target!(|text: &str| {
    let _ = read_route(text);
    if let Ok(links) = read_links(text) {
        let written = links_json(&links);
        let again = read_links(&written).expect("it was written here");
        assert_eq!(links_json(&again), written);
    }
});

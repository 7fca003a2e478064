//! The reader of JSON: the same values as serde_json, the right places, and no text that breaks it.

use phoenix_planner::json::{MAX_DEPTH, Places, parse};
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::source::{FileKind, Sources};
use proptest::prelude::*;
use serde_json::{Map, Value};

const TEXT: &str = "\u{feff}{\n  // a comment with \"quotes\" and {\n  \"a/b\": [1, {\"~\": \"ü\"}], /* { */ \"c\": {}\n}\n";

#[test]
fn places_are_those_of_the_text() {
    let places = Places::of(TEXT.into());
    let cases = [
        ("/a~1b/0", "1"),
        ("/a~1b/1/~0", "\"ü\""),
        ("/a~1b/1", "{"),
        ("/a~1b", "\"a/b\""),
        ("/c", "\"c\""),
        ("/c/missing/deep", "\"c\""),
        ("/nothing", "{"),
        ("", "{"),
    ];
    for (pointer, expected) in cases {
        assert_eq!(&TEXT[places.value(pointer)], expected, "{pointer}");
    }
    assert_eq!(&TEXT[places.name("/a~1b/1/~0")], "\"~\"");
}

#[test]
fn only_comments_are_taken_beside_json() {
    let refused = [
        "",
        " ",
        "// only a comment",
        "{} {}",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "['a']",
        "[+1]",
        "[.5]",
        "[5.]",
        "[0x1]",
        "[01]",
        "[NaN]",
        "[\"\\x41\"]",
        "[\"\\ud800\"]",
        "[\"a\nb\"]",
        "[\"a\tb\"]",
        "[\"a",
        "/* ",
        "[1e999]",
        "{\"a\":}",
        "]",
        "nul",
        "[tru]",
        "\"a\\",
    ];
    let taken = refused.iter().filter(|text| parse(text).faults.is_empty()).collect::<Vec<_>>();
    assert!(taken.is_empty(), "taken: {taken:?}");
}

#[test]
fn the_deepest_nesting_is_read_and_one_more_is_not() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).faults.is_empty());
    assert_eq!(parse(&nested(MAX_DEPTH + 1)).faults.len(), 1);
}

fn sources(text: &str) -> Sources {
    Sources::from(FileKind::ALL.map(|kind| (kind, text.into())))
}

#[test]
fn a_mebibyte_of_anything_is_read_quickly() {
    let mebibyte = 1 << 20;
    for unit in
        ["[", "{\"a\":", "\"", "\0", "/*", "//", "\\", "ü", "[],", "\"a\":1,", "-", "1", "{}"]
    {
        let _ = load(&sources(&unit.repeat(mebibyte / unit.len())), Strictness::Strict);
    }
    let members = (0..10_000).map(|n| format!("\"name{n}\":[]")).collect::<Vec<_>>().join(",");
    let long = "x".repeat(mebibyte / 2);
    for text in [
        format!("{{{members}}}"),
        format!("{{\"lxc_configs\":{{\"{long}\":{{{members}}}}}}}"),
        format!("{{\"lxc_configs\":{{\"101\":{{{members}}}}}}}"),
        format!("{{\"{long}\":[{}1]}}", "1,".repeat(mebibyte / 16)),
        format!("{{\"vms\":[{}1]}}", "1,".repeat(mebibyte / 16)),
        format!("{{\"vms\":[{}{{}}]}}", "{},".repeat(5_000)),
        format!("{{\"firewall\":{{\"global_firewall_rules\":[{}1]}}}}", "{},".repeat(5_000)),
    ] {
        let _ = load(&sources(&text), Strictness::Strict);
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..5)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// Returns all places in a value with what stands at each.
fn pointers(value: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
    let escaped = |name: &String| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            pointers(value, &format!("{pointer}/{}", escaped(name)), found);
        }),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .for_each(|(index, value)| pointers(value, &format!("{pointer}/{index}"), found)),
        leaf => found.push((pointer.to_owned(), leaf.clone())),
    }
}

proptest! {
    #[test]
    fn every_value_is_found_where_it_stands(value in value()) {
        let mut leaves = Vec::new();
        pointers(&value, "", &mut leaves);
        for text in [value.to_string(), format!("{value:#}")] {
            let places = Places::of(text.as_str().into());
            for (pointer, leaf) in &leaves {
                prop_assert_eq!(&text[places.value(pointer)], leaf.to_string());
            }
        }
    }

    #[test]
    fn values_are_those_of_serde_json(value in value()) {
        for text in [value.to_string(), format!("{value:#}")] {
            prop_assert_eq!(parse(&text).value, Some(value.clone()));
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[\\[\\]{}:,\"'/*\\\\ü0-9eE.+nutrflas \\n\\t\u{feff}-]{0,60}") {
        let parsed = parse(&text);
        let places = Places::of(text.as_str().into());
        for pointer in ["", "/0", "/a/0", "/n/a/0/u"] {
            prop_assert!(text.get(places.value(pointer)).is_some());
            prop_assert!(text.get(places.name(pointer)).is_some());
        }
        for fault in parsed.faults {
            prop_assert!(text.get(fault.span.clone()).is_some(), "{:?}", fault);
        }
        if let Ok(strict) = serde_json::from_str::<Value>(&text) {
            prop_assert_eq!(parsed.value, Some(strict));
        }
    }

    #[test]
    fn no_change_of_one_byte_breaks_the_load(at in 0..37_000_usize, with in any::<char>()) {
        let text = include_str!("upstream/phoenix_lxc_configs.json");
        let mut start = at.min(text.len() - 1);
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let changed = format!("{}{with}{}", &text[..start], &text[start + 1..]);
        let mut sources = Sources::default();
        sources.files.insert(FileKind::Containers, changed.into());
        let loaded = load(&sources, Strictness::Lenient);
        for problem in &loaded.problems {
            prop_assert!(problem.line() >= 1);
        }
    }
}

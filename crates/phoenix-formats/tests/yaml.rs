//! YAML by meaning: what a text says, and that what is written reads back.

#![expect(clippy::unwrap_used, reason = "a corpus that cannot be read has failed")]

use phoenix_formats::yaml::{LONGEST, Yaml};
use proptest::prelude::*;
use serde_json::Value;

macro_rules! corpus {
    ($($name:literal),* $(,)?) => {
        &[$((
            $name,
            include_str!(concat!("corpus/yaml/", $name, ".yaml")),
            include_str!(concat!("corpus/yaml/", $name, ".json")),
        )),*]
    };
}

const CORPUS: &[(&str, &str, &str)] = corpus!["blocks", "comment", "empty", "scalars", "static"];

macro_rules! broken {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("corpus/yaml/broken/", $name, ".yaml")))),*]
    };
}

const BROKEN: &[(&str, &str)] = broken![
    "application-tag",
    "inside-itself",
    "laughs",
    "list-as-name",
    "no-anchor",
    "open",
    "quote",
    "tab",
    "twice",
    "two-documents",
];

/// Says what is wrong with one case, if anything is.
fn check(yaml: &str, json: &str) -> Option<String> {
    let json = serde_json::from_str::<Value>(json).unwrap();
    let wanted = Yaml::from_json(&json);
    let found = match Yaml::parse(yaml) {
        Ok(found) => found,
        Err(error) => return Some(format!("line {}: {error}", error.line)),
    };
    if found != wanted {
        return Some(format!("it is {found:?}"));
    }
    let again = Yaml::parse(&found.render()).unwrap();
    (again != found).then(|| format!("written and read again it is {again:?}"))
}

#[test]
fn every_text_says_what_its_json_says() {
    let wrong = CORPUS.iter().filter_map(|(name, yaml, json)| Some((*name, check(yaml, json)?)));
    assert_eq!(wrong.collect::<Vec<_>>(), []);
}

#[test]
fn broken_texts_are_refused_with_a_line() {
    let taken = BROKEN.iter().filter(|(_, text)| Yaml::parse(text).is_ok());
    assert_eq!(taken.map(|(name, _)| *name).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(Yaml::parse("a: 1\nb: 2\na: 3\n").unwrap_err().line, 3);
}

/// A name whose colon would stand too far behind its beginning is written another way.
#[test]
fn long_names_are_read_back() {
    for length in [1020, 1021, 1022, 1023, 1024, 1025, 5000] {
        for c in ['a', '\u{1c}', 'é'] {
            let name = c.to_string().repeat(length);
            let inner =
                Yaml::map([(name.clone(), Yaml::texts(["x"])), (name.clone() + "z", Yaml::Null)]);
            let value = Yaml::map([(name, inner)]);
            assert_eq!(Yaml::parse(&value.render()), Ok(value), "{length} of {c:?}");
        }
    }
}

/// Each anchor is few levels deep, and all of them together are thousands.
#[test]
fn aliases_do_not_go_deeper_than_what_is_written_out() {
    let (open, close) = ("[".repeat(50), "]".repeat(50));
    let line = |number: usize| format!("- &a{number} {open}*a{}{close}\n", number - 1);
    let text = "- &a0 x\n".to_owned() + &(1..400).map(line).collect::<String>();
    let error = Yaml::parse(&text).unwrap_err();
    assert_eq!((error.line, error.message.as_str()), (3, "more than 64 levels"));
    let nested = format!("- &a {}{}\n- [*a]\n", "[".repeat(62), "]".repeat(62));
    let value = Yaml::parse(&nested).unwrap();
    assert_eq!(Yaml::parse(&value.render()), Ok(value));
}

#[test]
fn maps_are_merged_by_name() {
    let under = Yaml::parse("a: {b: 1, c: 2}\nd: [1]\n").unwrap();
    let over = Yaml::parse("a: {c: 3}\nd: [2]\n").unwrap();
    assert_eq!(under.overlaid(over), Yaml::parse("a: {b: 1, c: 3}\nd: [2]\n").unwrap());
}

#[test]
fn what_older_readers_take_for_something_else_is_quoted() {
    for word in
        ["yes", "Off", "12:30", "1_000", "0x1f", "null", "~", ":443", "", " a", "a: b", "#x", "é"]
    {
        let text = Yaml::map([("k", Yaml::text(word))]).render();
        assert!(text.starts_with("k: \""), "{text}");
        assert_eq!(Yaml::parse(&text).unwrap().get("k"), Some(&Yaml::text(word)));
    }
    assert_eq!(Yaml::map([("k", Yaml::text("web"))]).render(), "k: web\n");
}

#[expect(clippy::disallowed_methods, reason = "the test looks whether the time grows")]
#[test]
fn large_texts_take_little_time() {
    for unit in [
        "[", "{", "\"", "\0", "é", "- ", "a: ", "? ", "&a ", "*a ", "|\n", "'", "[a,", "{a: ",
        "-\n", "\n ", "!!",
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        let begun = std::time::Instant::now();
        let _ = Yaml::parse(&text);
        assert!(begun.elapsed().as_secs() < 20, "{unit:?} takes {:?}", begun.elapsed());
    }
    assert!(Yaml::parse(&"a".repeat(LONGEST + 1)).is_err());
}

fn value() -> impl Strategy<Value = Yaml> {
    let leaf = prop_oneof![
        Just(Yaml::Null),
        any::<bool>().prop_map(Yaml::Bool),
        any::<i64>().prop_map(Yaml::Integer),
        "\\PC{0,12}".prop_map(Yaml::Text),
        any::<String>().prop_map(Yaml::Text),
        "[-+0-9a-z.:_ ]{0,6}".prop_map(Yaml::Text),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Yaml::List),
            prop::collection::btree_map("[ -~]{0,8}", inner, 0..5).prop_map(Yaml::Map),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in value()) {
        prop_assert_eq!(Yaml::parse(&value.render()), Ok(value));
    }

    #[test]
    fn any_text_is_read_or_not(text in any::<String>()) {
        let _ = Yaml::parse(&text);
    }

    #[test]
    fn yaml_like_text_is_read_or_not(text in "[-a:{}\\[\\],&*!|>'\"# \n?]{0,60}") {
        let _ = Yaml::parse(&text);
    }
}

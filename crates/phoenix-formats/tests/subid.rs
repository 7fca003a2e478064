//! subuid(5): what is granted, what is missing, and lines that grant it.

use phoenix_formats::subid::{ROOT, Range, SubId};
use proptest::prelude::*;

fn ranges(pairs: &[(u64, u64)]) -> Vec<Range> {
    pairs.iter().map(|(first, count)| Range { first: *first, count: *count }).collect()
}

fn check(text: &str, needed: &[(u64, u64)], missing: &[(u64, u64)]) {
    let file = SubId::parse(text);
    assert_eq!(file.missing(ROOT, &ranges(needed)), ranges(missing), "{text:?} {needed:?}");
}

#[test]
fn what_is_granted_and_what_is_not() {
    let usual = "root:100000:65536\n";
    check(usual, &[(100_000, 65_536)], &[]);
    check(usual, &[(33, 1), (100_000, 33), (100_034, 65_502)], &[(33, 1)]);
    check(usual, &[(165_535, 2), (99_999, 1)], &[(99_999, 1), (165_536, 1)]);
    check("", &[(33, 1), (34, 1), (10, 0), (33, 2)], &[(33, 2)]);
    // Several lines count together, and so does the user's number.
    check("root:0:10\n0:20:10\nroot:10:10", &[(0, 30)], &[]);
    check("root:5:1\nroot:7:1\n", &[(0, 10)], &[(0, 5), (6, 1), (8, 2)]);
    check("root:5:1\n", &[(5, 1), (0, 2)], &[(0, 2)]);
    // Others' ids are not root's; neither are those of lines that do not count.
    check("user:33:1\nrootx:33:1\nRoot:33:1\n root:33:1\n00:33:1\n", &[(33, 1)], &[(33, 1)]);
    check("#root:33:1\nroot:33:0\nroot:33:1\r\n", &[(33, 1)], &[(33, 1)]);
    check(
        "root:18446744073709551615:18446744073709551615\nroot:0:18446744073709551615",
        &[(7, 9)],
        &[],
    );
}

#[test]
fn lines_that_do_not_count_are_warnings() {
    let long = format!("{}:1:1", "a".repeat(1020));
    let fits = format!("{}:1:1", "a".repeat(1019));
    let cases = [
        ("root:1:1", 0),
        ("\n\n# note\n", 0),
        (fits.as_str(), 0),
        (long.as_str(), 1),
        ("root:1", 1),
        ("root:1:1:1", 1),
        (":1:1", 1),
        ("+root:1:1", 1),
        ("root:1:", 1),
        ("root::1", 1),
        ("root:0x10:1", 1),
        ("root:010:1", 1),
        ("root: 1:1", 1),
        ("root:1:1 ", 1),
        ("root:+1:1", 1),
        ("root:1:18446744073709551616", 1),
        ("root:1:1\r\nroot:2:1\n", 1),
        ("\r\n", 1),
        ("nonsense", 1),
    ];
    for (text, count) in cases {
        assert_eq!(SubId::parse(text).warnings().len(), count, "{text:?}");
    }
}

#[test]
fn what_is_missing_is_granted_at_the_end() {
    let cases = [
        ("root:100000:65536\n", "root:100000:65536\nroot:33:1\n"),
        ("# mine\nroot:1:1", "# mine\nroot:1:1\nroot:33:1\n"),
        ("", "root:33:1\n"),
        ("root:33:1\r\n", "root:33:1\r\nroot:33:1\n"),
        ("root:30:10", "root:30:10"),
    ];
    for (text, expected) in cases {
        assert_eq!(SubId::parse(text).grant(ROOT, &ranges(&[(33, 1)])), expected, "{text:?}");
    }
}

fn near_subid() -> impl Strategy<Value = String> {
    let pieces = [
        "root",
        "0",
        ":",
        "33",
        "1",
        "100000",
        "65536",
        "#",
        "\n",
        "\r\n",
        " ",
        "é",
        "\0",
        "root:33:4\n",
    ];
    let piece = prop::sample::select(pieces.to_vec());
    prop_oneof![
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
        prop::collection::vec((0_u64..60, 0_u64..20), 0..8).prop_map(|pairs| {
            pairs.iter().map(|(first, count)| format!("root:{first}:{count}\n")).collect()
        }),
        any::<String>()
    ]
}

proptest! {
    #[test]
    fn the_text_stays(text in near_subid()) {
        let file = SubId::parse(&text);
        prop_assert_eq!(file.text(), &text);
        prop_assert_eq!(file.grant(ROOT, &[]), text);
    }

    #[test]
    fn missing_is_what_no_line_has(text in near_subid(), needed in prop::collection::vec((0_u64..80, 0_u64..20), 0..5)) {
        let (file, needed) = (SubId::parse(&text), ranges(&needed));
        let missing = file.missing(ROOT, &needed);
        let within = |all: &[Range], id: u64| all.iter().any(|r| id >= r.first && id - r.first < r.count);
        let granted = file.entries().iter().filter(|e| e.owner == "root" || e.owner == "0");
        let granted = granted.map(|entry| entry.range).collect::<Vec<_>>();
        for id in 0..120 {
            let expected = within(&needed, id) && !within(&granted, id);
            prop_assert_eq!(within(&missing, id), expected, "{}", id);
        }
    }

    #[test]
    fn a_grant_comes_true_and_takes_nothing(text in near_subid(), needed in prop::collection::vec((0_u64..80, 1_u64..20), 0..5)) {
        let needed = ranges(&needed);
        let edited = SubId::parse(&text).grant(ROOT, &needed);
        prop_assert!(edited.starts_with(&text));
        let after = SubId::parse(&edited);
        prop_assert_eq!(after.missing(ROOT, &needed), vec![]);
        prop_assert_eq!(after.grant(ROOT, &needed), edited.clone());
    }
}

#[test]
fn large_input_is_read_in_linear_time() {
    for piece in [":", "root:1:1\n", "\n", "é", "\0", "1", "#", "root:1", "\r\n"] {
        let text = format!("root:1:1{}", piece.repeat((1 << 20) / piece.len()));
        let file = SubId::parse(&text);
        file.grant(ROOT, &ranges(&[(33, 1), (100_000, 65_536)]));
    }
}

//! Edited rules come true, or are refused: an alias may mean something else where the rules stand than at the end.

#![expect(clippy::unwrap_used, reason = "a wrong input of a test must stop it")]

use phoenix_formats::firewall::{EditError, FwEdit, FwFile, Level, Rule};

const V4_RULE: &str = "IN ACCEPT -source 10.0.0.1 -dest lan";

/// Says whether `[RULES]`, and the group `web`, can hold the rule.
#[track_caller]
fn check(text: &str, taken: [bool; 2]) {
    let rules = vec![Rule::parse_line(V4_RULE).unwrap()];
    let edits =
        [FwEdit::SetRules(rules.clone()), FwEdit::SetGroup { name: "web".to_owned(), rules }];
    let file = FwFile::parse(Level::Cluster, text, None);
    for (edit, taken) in edits.into_iter().zip(taken) {
        match file.edit(std::slice::from_ref(&edit)) {
            Ok(edited) => {
                let again = FwFile::parse(Level::Cluster, &edited, None);
                let read = again.rules().iter().chain(again.groups().values().flatten());
                assert!(taken && read.count() == 1, "{edited}");
                assert_eq!(again.edit(&[edit]).unwrap(), edited);
            }
            Err(EditError::Rule { .. } | EditError::NotRead { .. }) => assert!(!taken, "{edit:?}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn rules_are_confirmed_where_they_stand() {
    let (v4, v6) = ("[ALIASES]\nlan 10.0.0.0/8\n", "[ALIASES]\nlan 2001:db8::/32\n");
    let (rules, group) = ("[RULES]\n", "[group web]\n");
    check(&format!("{v4}{rules}{group}"), [true, true]);
    check(&format!("{v6}{rules}{group}"), [false, false]);
    // At the end the alias is of IPv4, and above the rules of IPv6, which makes PVE drop them.
    check(&format!("{v6}{rules}{group}{v4}"), [false, false]);
    check(&format!("{v6}{rules}{v4}{group}"), [false, true]);
    check(&format!("{v6}{v4}{rules}{group}"), [true, true]);
    check(&format!("{rules}{v4}{group}"), [true, true]);
    check(&format!("{v6}{group}{rules}{v4}{group}"), [false, true]);
}

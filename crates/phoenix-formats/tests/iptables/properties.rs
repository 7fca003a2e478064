//! What holds for every text.

use std::net::Ipv4Addr;

use phoenix_formats::iptables::{
    PortRange, PortSet, Protocol, SavedRules, apply_delete, delete_argv, iptables_words, mentions,
    obsolete,
};
use proptest::prelude::*;

/// Texts of the same kind in which at least one rule stands.
fn with_a_rule() -> impl Strategy<Value = String> {
    (near_rules(), near_rules()).prop_map(|(before, after)| {
        let before = before.replace("COMMIT", "").replace('*', "");
        format!(
            "*nat\n-A X {}\n-A Y -p tcp -m tcp --dport 443 -j Z\n{after}",
            before.replace('\n', "\n-A X ")
        )
    })
}

/// Texts that come near to rule sets.
fn near_rules() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("*nat\n"),
        Just("COMMIT\n"),
        Just("-A PREROUTING "),
        Just("-p tcp "),
        Just("--dport "),
        Just("443"),
        Just("-j DNAT --to-destination 10.0.0.153"),
        Just("\n"),
        Just("\""),
        Just("\\"),
        Just("! "),
        Just("-D X "),
        Just("-m multiport --dports 1,2 "),
        Just(":"),
        Just("-d 10.0.0.153"),
        Just(" "),
        Just("\r\n"),
        Just("é"),
        Just("["),
        Just("-m comment --comment "),
        Just("-s "),
        Just("\0"),
        Just("-I X 99999999999999 "),
        Just("/99"),
        Just("# c\n"),
    ];
    prop_oneof![
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat()),
        any::<String>()
    ]
}

proptest! {
    #[test]
    fn the_text_stays(text in near_rules()) {
        let saved = SavedRules::parse(&text);
        prop_assert_eq!(saved.text(), &text);
        prop_assert_eq!(saved.remove(&[]), text.clone());
        let accepted: PortSet = [(Protocol::Tcp, PortRange::one(443))].into_iter().collect();
        let verdicts = obsolete(saved.rules(), Ipv4Addr::new(10, 0, 0, 153), &[], &accepted);
        prop_assert!(verdicts.remove.len() + verdicts.left.len() <= saved.rules().len());
        let _ = (iptables_words(&text), mentions(&text, Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn removal_keeps_every_other_line(text in with_a_rule(), pick in any::<prop::sample::Index>()) {
        let saved = SavedRules::parse(&text);
        let rule = pick.get(saved.rules());
        let mut lines: Vec<_> = text.split_inclusive('\n').collect();
        lines.remove(rule.line - 1);
        prop_assert_eq!(saved.remove(&[rule.reference()]), lines.concat());
    }

    #[test]
    fn a_rule_deletes_itself(text in with_a_rule(), pick in any::<prop::sample::Index>()) {
        let saved = SavedRules::parse(&text);
        let standing: Vec<_> = saved.rules().iter().filter(|rule| rule.verb.adds()).collect();
        let rule = pick.get(&standing);
        let numbered = rule.words.first().is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()));
        prop_assume!(!numbered);
        let left = apply_delete(&text, &delete_argv(rule)).unwrap();
        prop_assert_eq!(SavedRules::parse(&left).rules().len(), saved.rules().len() - 1);
    }

    #[test]
    fn ports_are_a_set(ranges in prop::collection::vec((any::<u16>(), 0u16..50), 0..20), asked in any::<u16>()) {
        let range = |(first, more): (u16, u16)| PortRange::new(first, first.saturating_add(more)).unwrap();
        let set: PortSet = ranges.iter().map(|&pair| (Protocol::Udp, range(pair))).collect();
        let inside = ranges.iter().any(|&pair| range(pair).covers(PortRange::one(asked)));
        prop_assert_eq!(set.covers(Protocol::Udp, PortRange::one(asked)), inside);
        prop_assert_eq!(set.missing(Protocol::Udp, PortRange::one(asked)).is_empty(), inside);
        prop_assert!(!set.meets(Protocol::Tcp, PortRange::ALL));
        for gap in set.missing(Protocol::Udp, PortRange::ALL) {
            prop_assert!(!set.meets(Protocol::Udp, gap));
        }
    }
}

#[test]
fn large_input_is_read_in_linear_time() {
    for piece in [
        "[",
        "\"",
        "\0",
        "é",
        "*nat\n",
        "-A X ",
        "*nat\n-A X -m comment --dport 1 ",
        "-m tcp ",
        "\n",
    ] {
        let text =
            format!("*nat\n-A PREROUTING {}\nCOMMIT\n", piece.repeat((1 << 18) / piece.len()));
        let saved = SavedRules::parse(&text);
        let accepted: PortSet = [(Protocol::Tcp, PortRange::ALL)].into_iter().collect();
        let _ = obsolete(saved.rules(), Ipv4Addr::LOCALHOST, &[], &accepted);
        assert_eq!(saved.text(), text);
    }
}

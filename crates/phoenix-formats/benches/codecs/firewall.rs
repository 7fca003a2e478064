//! Firewall files of the cluster and of a guest.

use std::fmt::Write as _;

use divan::Bencher;
use phoenix_formats::firewall::{
    Action, Alias, FwEdit, FwFile, IpsetEntry, Level, Rule, RuleKind, Verdict,
};

use super::{measure, repeat};

fn rule_line(number: usize) -> String {
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    match number % 5 {
        0 => format!("IN SSH(ACCEPT) -source 10.{high}.{low}.0/24 -log nolog # office {number}\n"),
        1 => format!("IN ACCEPT -source 192.168.{low}.7 -p tcp -dport 80,443 -log nolog\n"),
        2 => format!("|OUT DROP -dest 10.{high}.{low}.9 -p udp -dport {}\n", 1000 + number % 60000),
        3 => format!("IN ACCEPT -i net0 -source 2001:db8:{high}::{low} -p tcp -dport 8000:8100\n"),
        _ => format!("IN HTTPS(ACCEPT) -i net1 # shop {number}\n"),
    }
}

fn guest() -> String {
    let head = "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\n\n[RULES]\n\n";
    head.to_owned() + &repeat(rule_line)
}

/// Returns a cluster's file of all kinds of sections.
fn cluster() -> String {
    let mut text = "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\n\n[ALIASES]\n\n".to_owned();
    for number in 0..2000 {
        writeln!(
            text,
            "host-{number} 10.9.{}.{} # rack {}",
            number / 250,
            number % 250 + 1,
            number % 40
        )
        .unwrap();
    }
    for set in 0..50 {
        write!(text, "\n[IPSET blocked-{set}] # reported\n\n").unwrap();
        for number in 0..200 {
            writeln!(text, "172.{}.{}.{number}", set % 16 + 16, set).unwrap();
        }
    }
    let place =
        |number: usize| number.is_multiple_of(50).then(|| format!("\n[group web-{number}]\n\n"));
    let group = |number| match number % 2 {
        0 => format!(
            "{}IN ACCEPT -source +blocked-{} -p tcp -dport {}\n",
            place(number).unwrap_or_default(),
            number % 50,
            number % 60000 + 1
        ),
        _ => format!("IN HTTP(ACCEPT) -source host-{} -log nolog # shop {number}\n", number % 2000),
    };
    text + &repeat(group)
}

#[divan::bench]
fn parse_guest(bencher: Bencher) {
    measure(bencher, &guest(), |text| FwFile::parse(Level::Guest, text, None));
}

#[divan::bench]
fn parse_cluster(bencher: Bencher) {
    measure(bencher, &cluster(), |text| FwFile::parse(Level::Cluster, text, None));
}

#[divan::bench]
fn saved(bencher: Bencher) {
    let file = FwFile::parse(Level::Cluster, &cluster(), None);
    measure(bencher, file.text(), |_| file.saved().unwrap());
}

#[divan::bench]
fn set_rules_one_changed(bencher: Bencher) {
    let file = FwFile::parse(Level::Guest, &guest(), None);
    let mut rules: Vec<Rule> = file.rules().iter().map(|parsed| parsed.rule.clone()).collect();
    let middle = rules.len() / 2;
    rules[middle] = Rule::new(RuleKind::In, Action::Plain(Verdict::Reject));
    let edits = [FwEdit::SetRules(rules)];
    measure(bencher, file.text(), |_| file.edit(&edits).unwrap());
}

/// Measures one edit of the cluster's file.
fn edit(bencher: Bencher, edit: FwEdit) {
    let file = FwFile::parse(Level::Cluster, &cluster(), None);
    let edits = [edit];
    measure(bencher, file.text(), |_| file.edit(&edits).unwrap());
}

#[divan::bench]
fn set_option(bencher: Bencher) {
    edit(bencher, FwEdit::SetOption { key: "policy_in".to_owned(), value: "REJECT".to_owned() });
}

#[divan::bench]
fn remove_option(bencher: Bencher) {
    edit(bencher, FwEdit::RemoveOption { key: "policy_in".to_owned() });
}

#[divan::bench]
fn set_group(bencher: Bencher) {
    let rules = vec![Rule::new(RuleKind::In, Action::Plain(Verdict::Drop))];
    edit(bencher, FwEdit::SetGroup { name: "web-50".to_owned(), rules });
}

#[divan::bench]
fn set_ipset(bencher: Bencher) {
    let entries = (1..100).map(|last| IpsetEntry::new(&format!("172.20.4.{last}"), None));
    edit(bencher, FwEdit::SetIpset { name: "blocked-4".to_owned(), entries: entries.collect() });
}

#[divan::bench]
fn set_alias(bencher: Bencher) {
    edit(bencher, FwEdit::SetAlias(Alias::new("host-7", "10.8.0.7", None)));
}

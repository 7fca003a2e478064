//! dnsmasq(8): the verdicts and answers of the real program, and edits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::dnsmasq::*;
use serde_json::Value;

const RECORDED: &str = include_str!("corpus/dnsmasq/recorded.jsonl");
const MEASURED: &str = include_str!("corpus/dnsmasq/measured.jsonl");
const ANSWERS: &str = include_str!("corpus/dnsmasq/measured-answers.jsonl");

fn rows(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap()
}

/// The machine of the recorded cases: its main file, and a folder with the files of the case.
fn machine(row: &Value) -> ConfFiles {
    let mut files =
        BTreeMap::from([("/etc/dnsmasq.conf".to_owned(), text(row, "conf").to_owned())]);
    for (name, text) in row["files"].as_object().into_iter().flatten() {
        files.insert(format!("/etc/dnsmasq.d/{name}"), text.as_str().unwrap().to_owned());
    }
    ConfFiles { files, folders: BTreeSet::from(["/etc/dnsmasq.d".to_owned()]) }
}

/// A server that is given by name could not be resolved where the cases were recorded.
fn accepted(verdict: Verdict) -> bool {
    verdict == Verdict::Accepted
}

#[test]
fn recorded_verdicts() {
    let mut failed = Vec::new();
    for row in rows(RECORDED).filter(|row| row["kind"] == "test") {
        let loaded = Loaded::new("/etc/dnsmasq.conf", &machine(&row));
        if accepted(loaded.verdict()) != (row["verdict"] == "ok") {
            failed.push(format!("{row}\n    {:?} {:?}", loaded.verdict(), loaded.warnings()));
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn measured_verdicts() {
    let mut failed = Vec::new();
    for row in rows(MEASURED) {
        let conf = DnsmasqConf::parse(text(&row, "conf"));
        assert_eq!(conf.text(), text(&row, "conf"));
        if accepted(conf.verdict()) != (row["accepted"] == true) {
            failed.push(format!("{row}\n    {:?} {:?}", conf.verdict(), conf.problems()));
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

/// Writes an answer as the recorded ones are written; the server at 127.0.0.9 knows one address for every name.
fn told(answer: &Answer, kind: RecordType) -> String {
    match answer {
        Answer::Records(records) => {
            let records: Vec<String> = records.iter().map(Record::to_string).collect();
            format!("NOERROR {}", records.join("; "))
        }
        Answer::NoData => "NOERROR".to_owned(),
        Answer::NoName => "NXDOMAIN".to_owned(),
        Answer::Forwarded(servers) => match servers.first() {
            Some(server) if kind == RecordType::A && server.host == "127.0.0.9" => {
                "NOERROR A 203.0.113.99".to_owned()
            }
            Some(server) if kind == RecordType::A => {
                format!("NOERROR A 203.0.113.{}", server.host.rsplit('.').next().unwrap())
            }
            _ => "REFUSED".to_owned(),
        },
        Answer::Interface(_) => match kind {
            RecordType::A => "NOERROR A 127.0.0.1".to_owned(),
            _ => "NOERROR AAAA ::1".to_owned(),
        },
    }
}

fn question(text: &str) -> (String, RecordType) {
    if let Some(address) = text.strip_prefix("-x ") {
        let octets: Vec<&str> = address.rsplit('.').collect();
        return (format!("{}.in-addr.arpa", octets.join(".")), RecordType::Ptr);
    }
    let (name, kind) = text.split_once(' ').unwrap_or((text, "A"));
    let kind = match kind {
        "A" => RecordType::A,
        "AAAA" => RecordType::Aaaa,
        "PTR" => RecordType::Ptr,
        _ => RecordType::Other,
    };
    (name.to_owned(), kind)
}

/// The order of several addresses turns with every question.
fn sorted(answer: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = answer.split_whitespace().collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

fn check_answers(rows: impl Iterator<Item = Value>) {
    let mut failed = Vec::new();
    for row in rows {
        let conf = DnsmasqConf::parse(text(&row, "conf"));
        let answers = Answers::of([&conf]);
        for (asked, expected) in row["answers"].as_object().unwrap() {
            let expected = expected
                .as_str()
                .unwrap()
                .replace(';', " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let (name, kind) = question(asked);
            let actual = told(&answers.ask(&name, kind), kind).replace(';', "");
            // The one thing that no name leads to: the addresses of the machine.
            let machine = text(&row, "conf").contains("interface-name") && kind == RecordType::Ptr;
            let same = sorted(&actual) == sorted(&expected);
            if !same && !machine && !asked.ends_with("TXT") {
                failed.push(format!("{}: {asked}: {actual} instead of {expected}", row["conf"]));
            }
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn recorded_answers() {
    check_answers(
        rows(RECORDED).filter(|row| row["kind"] == "answers" && row["start_error"] == ""),
    );
}

#[test]
fn measured_answers() {
    check_answers(rows(ANSWERS));
}

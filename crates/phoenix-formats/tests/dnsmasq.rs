//! dnsmasq(8): the verdicts and answers of the real program, and edits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use phoenix_formats::dnsmasq::*;
use phoenix_formats::hosts::Hosts;
use proptest::prelude::*;
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

/// Options whose values phoenix takes as they are: their rows hold only for the option's name.
#[rustfmt::skip]
const UNREAD: &[&str] = &[
    "add-subnet", "alias", "auth-zone", "caa-record", "cache-rr", "connmark-allowlist",
    "connmark-allowlist-enable", "dhcp-alternate-port", "dhcp-circuitid", "dhcp-duid", "dhcp-mac", "dhcp-match",
    "dhcp-name-match", "dhcp-option", "dhcp-option-force", "dhcp-proxy", "dhcp-relay", "dhcp-remoteid",
    "dhcp-subscrid", "dhcp-userclass", "dhcp-vendorclass", "dns-rr", "dnssec-limits", "fast-dns-retry",
    "filter-rr", "ipset", "naptr-record", "nftset", "pxe-service", "shared-network", "tag-if",
    "tftp-port-range", "trust-anchor",
];

fn is_read(conf: &DnsmasqConf) -> bool {
    !conf.options().any(|option| option.value.is_some() && UNREAD.contains(&&*option.name))
}

#[test]
fn measured_verdicts() {
    let mut failed = Vec::new();
    for row in rows(MEASURED) {
        let conf = DnsmasqConf::parse(text(&row, "conf"));
        assert_eq!(conf.text(), text(&row, "conf"));
        if is_read(&conf) && accepted(conf.verdict()) != (row["accepted"] == true) {
            failed.push(format!("{row}\n    {:?} {:?}", conf.verdict(), conf.problems()));
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

/// Writes an answer as the recorded ones are written; the server at 127.0.0.9 knows one address for every name.
fn told(answer: &Answer<'_>, kind: RecordType) -> String {
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
fn aliases_in_a_circle_keep_dnsmasq_from_starting() {
    let is_circle =
        |row: &Value| row["start_error"].as_str().is_some_and(|error| error.contains("loop"));
    let verdicts: Vec<_> = rows(RECORDED)
        .filter(is_circle)
        .map(|row| DnsmasqConf::parse(text(&row, "conf")).verdict())
        .collect();
    assert_eq!(verdicts, [Verdict::Refused]);
}

#[test]
fn measured_answers() {
    check_answers(rows(ANSWERS));
}

/// Asks the real program about every tenth measured case, so that the rows are those of the version that is there.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test runs dnsmasq on real files")]
fn the_real_program_says_the_same() {
    let folder = std::env::temp_dir().join(format!("phoenix-dnsmasq-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("dnsmasq.conf");
    let mut failed = Vec::new();
    for row in rows(MEASURED).step_by(10) {
        std::fs::write(&file, text(&row, "conf")).unwrap();
        let mut dnsmasq = std::process::Command::new("dnsmasq");
        let path = std::env::var("PATH").unwrap_or_default();
        dnsmasq.env("PATH", format!("{path}:/usr/sbin")).arg("--test").arg("-C").arg(&file);
        let real = dnsmasq.output().unwrap().status.success();
        let conf = DnsmasqConf::parse(text(&row, "conf"));
        let ours = conf.verdict();
        if is_read(&conf) && ours != Verdict::Depends && real != accepted(ours) {
            failed.push(format!("{row}: {ours:?}"));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn quotes_comments_and_values() {
    let text = "\u{1}# x\nport = 53 # y\r\ntxt-record=a,\"b, \\\"c\\\" #d\"#e\nno-resolv";
    let conf = DnsmasqConf::parse(&text[1..]);
    let options: Vec<_> = conf.options().collect();
    let read: Vec<_> = options.iter().map(|o| (o.line, &*o.name, o.value.as_deref())).collect();
    let expected = [
        (2, "port", Some("53")),
        (3, "txt-record", Some("a,b, \"c\" #d#e")),
        (4, "no-resolv", None),
    ];
    assert_eq!(read, expected);
    assert_eq!(conf.verdict(), Verdict::Accepted);
}

#[test]
fn what_is_refused_says_nothing() {
    let conf = DnsmasqConf::parse("cname=a,b\ncname=a,c\nport=x\naddress=\"/a/\nno-resolv=1\n");
    assert_eq!(conf.problems().len(), 4);
    assert_eq!(conf.options().map(|option| option.line).collect::<Vec<_>>(), [1, 2, 3, 5]);
    assert_eq!(conf.settings().map(|(line, _)| line).collect::<Vec<_>>(), [1]);
}

#[test]
fn accepted_and_wrong() {
    let cases = [
        ("host-record=x,999.1.1.1", 2),
        ("host-record=x,1.1.1.1,2.2.2.2", 1),
        ("host-record=x,1.1.1.1", 0),
        ("host-record=_x.home,nas,10.0.0.1,fd00::1,60", 0),
        ("address=/a b.home/10.0.0.1", 1),
        ("address=//10.0.0.1", 1),
        ("address=/*.home/10.0.0.1", 0),
        ("address=/home/10.0.0.1/", 1),
        ("address=/#/10.0.0.1", 0),
        ("cname=*.home,gw.home", 1),
        ("cname=a.home,60", 1),
        ("cname=a.home,gw.home\naddress=/gw.home/1.1.1.1", 1),
        ("cname=a.home,gw.home\nhost-record=gw.home,1.1.1.1", 0),
        ("ptr-record=1.1.1.1,a", 1),
        ("bind-interfaces\nbind-dynamic", 1),
        ("server=1.1.1", 1),
        ("server=", 1),
    ];
    for (text, count) in cases {
        let conf = DnsmasqConf::parse(text);
        assert_eq!(conf.verdict(), Verdict::Accepted, "{text}");
        assert_eq!(conf.warnings().len(), count, "{text}: {:?}", conf.warnings());
    }
    assert_eq!(DnsmasqConf::parse("server=dns.example").verdict(), Verdict::Depends);
}

#[test]
fn what_shows_with_all_files_is_said_of_the_right_one() {
    let files = [
        ("/etc/dnsmasq.conf", "conf-dir=/etc/dnsmasq.d/,*.conf\n"),
        ("/etc/dnsmasq.d/a.conf", "# a\ncname=a.home,b.home\n"),
        ("/etc/dnsmasq.d/b.conf", "cname=b.home,a.home\nport=53\n"),
        ("/etc/dnsmasq.d/c.conf", "port=53\n"),
        ("/etc/dnsmasq.d/d.bak", "nonsense\n"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
    let loaded = Loaded::new("/etc/dnsmasq.conf", &ConfFiles { files, folders: BTreeSet::new() });
    let read: Vec<_> =
        loaded.files().iter().map(|(path, _)| path.rsplit('/').next().unwrap()).collect();
    assert_eq!(read, ["dnsmasq.conf", "a.conf", "b.conf", "c.conf"]);
    let told: Vec<_> = loaded
        .warnings()
        .into_iter()
        .map(|(path, found)| (path, found[0].line, found.len()))
        .collect();
    let expected =
        [("/etc/dnsmasq.d/a.conf".to_owned(), 2, 1), ("/etc/dnsmasq.d/c.conf".to_owned(), 1, 1)];
    assert_eq!(told, expected);
    assert_eq!(loaded.verdict(), Verdict::Refused);
}

#[test]
fn names_of_hosts_files_count_too() {
    let conf = DnsmasqConf::parse("local=/home/\naddn-hosts=/etc/names\n");
    let answers = Answers::of([&conf]).with_hosts(&Hosts::parse("10.0.0.5 NAS.home nas\n"));
    assert_eq!(
        answers.ask("nas.home.", RecordType::A).addresses(),
        ["10.0.0.5".parse::<IpAddr>().unwrap()]
    );
    assert_eq!(answers.ask("nas.home", RecordType::Aaaa), Answer::NoData);
    assert_eq!(answers.ask("no.home", RecordType::A), Answer::NoName);
    let pointer = answers.ask("5.0.0.10.in-addr.arpa", RecordType::Ptr);
    assert_eq!(pointer, Answer::Records(vec![Record::Ptr("nas.home".to_owned())]));
}

#[test]
fn lines_are_added_and_removed() {
    let conf = DnsmasqConf::parse("# a\r\nport=53\r\nno-resolv");
    assert_eq!(conf.without_lines(&BTreeSet::from([1, 2])), "# a\r\nno-resolv");
    let added = conf.with_option("address", Some("/gw.home/10.0.0.1")).unwrap();
    assert_eq!(added, "# a\r\nport=53\r\nno-resolv\r\naddress=/gw.home/10.0.0.1\r\n");
    let empty = DnsmasqConf::parse("");
    assert_eq!(empty.with_option("txt-record", Some("a, #b")).unwrap(), "txt-record=\"a, #b\"\n");
    for (name, value) in
        [("port", Some("1\n2")), ("a=b", None), ("", None), ("#a", None), ("port", Some("a\0"))]
    {
        assert!(empty.with_option(name, value).is_err(), "{name:?} {value:?}");
    }
}

fn near_conf() -> impl Strategy<Value = String> {
    let pieces = [
        "address=/gw.home/10.0.0.1\n",
        "host-record=",
        "cname=",
        "server=/",
        "local=//",
        "a.home",
        ",",
        "/",
        "#",
        " ",
        "\"",
        "\\",
        "\n",
        "\r\n",
        "\0",
        "=",
        "1.1.1.1",
        "::1",
        "é",
        "*",
        "60",
        "conf-dir=/x\n",
        "dhcp-host=",
        "dhcp-range=",
    ];
    let piece = prop::sample::select(pieces.to_vec());
    prop_oneof![
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
        any::<String>()
    ]
}

proptest! {
    #[test]
    fn the_text_stays(text in near_conf()) {
        let conf = DnsmasqConf::parse(&text);
        prop_assert_eq!(conf.text(), &text);
        prop_assert_eq!(conf.without_lines(&BTreeSet::new()), text.clone());
        let answers = Answers::of([&conf]);
        for kind in [RecordType::A, RecordType::Aaaa, RecordType::Ptr, RecordType::Other] {
            let _ = (answers.ask(&text, kind), answers.ask("a.home", kind));
        }
    }

    #[test]
    fn an_added_option_is_read_back(text in near_conf(), value in "[ -~]{0,20}") {
        let conf = DnsmasqConf::parse(&text);
        if let Ok(edited) = conf.with_option("txt-record", Some(&value)) {
            let after = DnsmasqConf::parse(&edited);
            let last = after.options().last().unwrap();
            prop_assert_eq!((&*last.name, last.value.as_deref()), ("txt-record", Some(value.as_str())));
        }
    }
}

#[test]
fn large_input_is_read_in_linear_time() {
    for piece in [
        "\"",
        "#",
        "=",
        "a",
        "/",
        ",",
        "cname=a,b,",
        "é",
        "\0",
        "\n",
        "host-record=a.home,1.1.1.1\n",
        "address=/a/",
        "a.",
    ] {
        let text = format!("address=/{}/1.1.1.1\n{}", piece, piece.repeat((1 << 18) / piece.len()));
        let conf = DnsmasqConf::parse(&text);
        let _ = Answers::of([&conf]).ask(&text, RecordType::A);
    }
}

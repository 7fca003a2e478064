//! Saved rules: what is read, what is refused, what a public interface makes obsolete.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the corpus and ask the real iptables(8)"
)]

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use phoenix_formats::iptables::{
    PortRange, PortSet, Protocol, Rule, SavedRules, Verb, Verdicts, apply_delete, delete_argv,
    iptables_words, mentions, obsolete,
};
use proptest::prelude::*;

#[path = "support/namespace.rs"]
mod namespace;

fn corpus(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/iptables").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|e| e == ending)).collect();
    files.sort();
    files
}

/// Runs `check` on every file and lists all that fail.
fn check_all(files: &[PathBuf], check: impl Fn(&Path) -> Result<(), String>) {
    assert!(!files.is_empty());
    let failed: Vec<_> = files
        .iter()
        .filter_map(|file| check(file).err().map(|why| format!("{}:\n{why}", file.display())))
        .collect();
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

fn compare(actual: &str, file: &Path) -> Result<(), String> {
    let expected = std::fs::read_to_string(file).unwrap();
    let same = actual == expected;
    if same { Ok(()) } else { Err(format!("--- expected\n{expected}--- actual\n{actual}")) }
}

#[test]
fn obsolete_rules() {
    check_all(&corpus("obsolete", "rules"), |file| {
        let text = std::fs::read_to_string(file).unwrap();
        let saved = SavedRules::parse(&text);
        let question = Question::of(&text);
        let verdicts =
            obsolete(saved.rules(), question.internal, &question.local, &question.accepted);
        compare(&show(&verdicts), &file.with_extension("expected"))
    });
}

/// What the first comments of a case say.
struct Question {
    internal: Ipv4Addr,
    local: Vec<Ipv4Addr>,
    accepted: PortSet,
}

impl Question {
    fn of(text: &str) -> Self {
        let lines = || text.lines().filter_map(|line| line.strip_prefix("# "));
        let values = |key: &str| {
            let line = lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<Ipv4Addr>>()
        };
        let accepts = lines().filter_map(|line| line.strip_prefix("accept "));
        Self {
            internal: values("internal")[0],
            local: values("local"),
            accepted: accepts.flat_map(accepted).collect(),
        }
    }
}

fn accepted(line: &str) -> Vec<(Protocol, PortRange)> {
    let (protocol, ports) = line.split_once(' ').unwrap();
    let protocol = Protocol::from_name(protocol).unwrap();
    let range = |word: &str| {
        let (first, last) = word.split_once(':').unwrap_or((word, word));
        PortRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
    };
    ports.split_whitespace().map(|word| (protocol, range(word))).collect()
}

fn show(verdicts: &Verdicts) -> String {
    let mut text = String::new();
    for removal in &verdicts.remove {
        writeln!(text, "remove {}: {}", removal.rule.line, removal.reason).unwrap();
    }
    for left in &verdicts.left {
        writeln!(text, "left {}: {}", left.rule.line, left.reason).unwrap();
    }
    text
}

#[test]
fn the_removed_rules_are_gone_the_second_time() {
    check_all(&corpus("obsolete", "rules"), |file| {
        let text = std::fs::read_to_string(file).unwrap();
        let question = Question::of(&text);
        let ask = |text: &str| {
            let saved = SavedRules::parse(text);
            let verdicts =
                obsolete(saved.rules(), question.internal, &question.local, &question.accepted);
            let gone: Vec<_> =
                verdicts.remove.iter().map(|removal| removal.rule.reference()).collect();
            saved.remove(&gone)
        };
        let once = ask(&text);
        if ask(&once) == once { Ok(()) } else { Err("a second pass removes more".to_owned()) }
    });
}

/// Texts for iptables-restore(8), the lines that are warned about, and whether 1.8.9 loads them.
const RESTORE: &[(&str, &[usize], bool)] = &[
    ("", &[], true),
    ("# only a comment\n\n", &[], true),
    ("-A INPUT -j ACCEPT\n", &[1], false),
    ("*nat\nfoo bar\nCOMMIT\n", &[2], false),
    ("*nat\n-A PREROUTING -p tcp\n", &[1], false),
    ("*nat\n-A PREROUTING -p tcp\n*filter\nCOMMIT\n", &[3], false),
    ("*nat\n-A PREROUTING -p tcp\nCOMMIT", &[], true),
    ("*nat\r\n-A PREROUTING -p tcp\r\nCOMMIT\r\n", &[1], false),
    ("*nat\n -A PREROUTING -p tcp\nCOMMIT\n", &[], true),
    (" *nat\n-A PREROUTING -p tcp\nCOMMIT\n", &[1, 2, 3], false),
    ("*nat\n # c\n-A PREROUTING -p tcp\nCOMMIT\n", &[2], false),
    ("*foo\nCOMMIT\n", &[1], false),
    ("*nat\n-A PREROUTING -p tcp -m comment --comment \"\"\nCOMMIT\n", &[], true),
    ("*nat\n-A\tPREROUTING\t\t-p tcp\nCOMMIT\n", &[], true),
    ("*nat\n-I PREROUTING -p tcp\n-I PREROUTING 2 -p icmp\nCOMMIT\n", &[], true),
    ("*nat\n-A PREROUTING -p udp\n-D PREROUTING -p udp\nCOMMIT\n", &[], true),
    ("*nat\n-N FOO\n-A FOO -p udp\nCOMMIT\n", &[], true),
    ("*nat\n-P PREROUTING ACCEPT\n-F PREROUTING\nCOMMIT\n", &[], true),
    ("*nat\n-A NONE -p udp\nCOMMIT\n", &[2], false),
    ("*nat\n:PREROUTING FOO [0:0]\nCOMMIT\n", &[2], false),
    ("*nat\n:PREROUTING\nCOMMIT\n", &[2], false),
    ("*nat\n:PREROUTING ACCEPT\nCOMMIT\n", &[], true),
    ("*nat\n:PREROUTING ACCEPT [a:b]\nCOMMIT\n", &[], true),
    ("*nat\n[1:2 -A PREROUTING -p tcp\nCOMMIT\n", &[2], false),
    ("*nat\n[a:2] -A PREROUTING -p tcp\nCOMMIT\n", &[], true),
    ("*nat\nCOMMIT\nCOMMIT\n", &[3], false),
    ("*nat\n-t nat -A PREROUTING -p tcp\nCOMMIT\n", &[2], false),
    ("*nat\n-p tcp -A PREROUTING\nCOMMIT\n", &[], true),
    ("*nat\n--append PREROUTING -p tcp\nCOMMIT\n", &[], true),
    ("*nat\n-A PREROUTING -p tcp\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n", &[], true),
    ("* nat\nCOMMIT\n", &[], true),
    ("*nat\n-A PREROUTING -A OUTPUT\nCOMMIT\n", &[2], false),
    ("*nat\n-A\nCOMMIT\n", &[2], false),
];

#[test]
fn warnings_are_where_iptables_restore_refuses() {
    let loads = |text: &str| format!("printf '%s' {} | iptables-restore; echo $?\n", quoted(text));
    let script: String = RESTORE.iter().map(|(text, _, _)| loads(text)).collect();
    let statuses = namespace::run(&script);
    let statuses: Vec<_> = statuses.iter().flat_map(|out| out.lines()).collect();
    let mut failed = Vec::new();
    for (place, (text, lines, loaded)) in RESTORE.iter().enumerate() {
        let saved = SavedRules::parse(text);
        let found: Vec<_> = saved.warnings().iter().map(|warning| warning.line).collect();
        let really = statuses.get(place).is_none_or(|status| (*status == "0") == *loaded);
        if found != *lines || lines.is_empty() != *loaded || !really {
            failed.push(format!(
                "{text:?}: {found:?}, the real one loads it: {:?}",
                statuses.get(place)
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn an_open_quote_is_warned_about_though_1_8_loads_it() {
    let saved = SavedRules::parse("*nat\n-A PREROUTING -m comment --comment \"abc\nCOMMIT\n");
    assert_eq!(saved.warnings().len(), 1);
    assert_eq!((saved.warnings()[0].line, saved.rules().len()), (2, 0));
}

/// Quotes a text for sh(1).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What iptables-save(8) 1.8.9 prints, with rules of every kind.
const SAVED: &str = include_str!("corpus/iptables/saved.rules");

/// Leaves out what changes from run to run.
fn lasting(saved: &str) -> String {
    let lines = saved.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn delete_argv_deletes_what_apply_delete_says() {
    let saved = SavedRules::parse(SAVED);
    assert_eq!(saved.warnings(), []);
    let script: String = saved.rules().iter().map(|rule| deletion(&delete_argv(rule))).collect();
    let Some(out) = namespace::run(&script) else { return };
    let really: Vec<_> = out.split("====\n").skip(1).map(lasting).collect();
    assert_eq!(really.len(), saved.rules().len());
    for (rule, really) in saved.rules().iter().zip(really) {
        let said = apply_delete(SAVED, &delete_argv(rule)).unwrap();
        assert_eq!(really, format!("0\n{}", lasting(&said)), "{:?}", rule.words);
    }
}

/// Loads the rules anew, runs the command, prints its status and what is left.
fn deletion(argv: &[String]) -> String {
    let words: Vec<_> = argv.iter().map(|word| quoted(word)).collect();
    let load = format!("printf '%s' {} | iptables-restore", quoted(SAVED));
    format!("{load}\necho ====\n{} 2>/dev/null\necho $?\niptables-save\n", words.join(" "))
}

/// Deletions against one rule, and the status with which iptables(8) 1.8.9 ends.
const DELETIONS: &[(&str, &str, i32)] = &[
    (
        "-p tcp -m tcp --dport 443 -m comment --comment x",
        "-m comment --comment x -p tcp --dport 443",
        1,
    ),
    (
        "-p tcp -m tcp --dport 443 -m comment --comment x",
        "-p tcp --dport 443 -m comment --comment x",
        0,
    ),
    ("-p tcp -m tcp", "-p tcp", 1),
    ("-p tcp", "-p tcp -m tcp", 1),
    ("-p tcp -m tcp --dport 443", "-p 6 --destination-port https", 0),
    ("-p tcp -m tcp --dport 443", "-p tcp --dport 443:443", 0),
    ("-p tcp -m tcp --sport 1:65535 --dport 443", "-p tcp --dport 443 --sport 1:", 0),
    ("-p tcp -m multiport --dports 80,443", "-p tcp -m multiport --dports 443,80", 1),
    ("-p tcp -m state --state NEW", "-p tcp -m conntrack --ctstate NEW", 1),
    ("-p tcp -m conntrack --ctstate NEW,RELATED", "-p tcp -m conntrack --ctstate RELATED,NEW", 0),
    ("-s 10.0.0.0/24 -p tcp", "-p tcp -s 10.0.0.7/255.255.255.0", 0),
    ("! -s 10.0.0.0/24 -p tcp", "-p tcp -s 10.0.0.0/24", 1),
    ("-p tcp", "-s 0.0.0.0/0 --proto TCP", 0),
    ("-p tcp", "-p udp", 1),
    ("-p tcp", "1", 0),
    ("-p tcp", "2", 1),
    ("-p tcp", "0", 2),
    ("-p tcp", "-p tcp -A PREROUTING", 2),
];

#[test]
fn deletions_end_as_the_real_ones() {
    let mut script = String::new();
    for (rule, delete, _) in DELETIONS {
        let jump = if delete.len() == 1 { "" } else { "-j ACCEPT" };
        writeln!(script, "iptables -t nat -F; iptables -t nat -A PREROUTING {rule} -j ACCEPT")
            .unwrap();
        writeln!(script, "iptables -w -t nat -D PREROUTING {delete} {jump}; echo $?").unwrap();
    }
    let real = namespace::run(&script);
    let real: Vec<_> =
        real.iter().flat_map(|out| out.lines()).map(|line| line.parse::<i32>().unwrap()).collect();
    for (place, (rule, delete, status)) in DELETIONS.iter().enumerate() {
        let saved = format!("*nat\n-A PREROUTING {rule} -j ACCEPT\nCOMMIT\n");
        let jump = if delete.len() == 1 { "" } else { "-j ACCEPT" };
        let argv = format!("iptables -w -t nat -D PREROUTING {delete} {jump}");
        let argv: Vec<_> = argv.split_whitespace().map(str::to_owned).collect();
        let said = apply_delete(&saved, &argv);
        assert_eq!(
            said.as_ref().map_or_else(|e| e.exit_code(), |_| 0),
            *status,
            "{rule} / {delete}"
        );
        assert!(said.is_err() || said.as_deref() == Ok("*nat\nCOMMIT\n"));
        assert!(
            real.get(place).is_none_or(|real| real == status),
            "really {real:?} for {rule} / {delete}"
        );
    }
}

#[test]
fn plain_commands_of_a_shell() {
    let words = |command: &str| iptables_words(command).map(|words| words.join("|"));
    let plain = |command: &str| words(command).unwrap_or_else(|| panic!("{command}"));
    assert_eq!(plain("iptables -t nat -F"), "iptables|-t|nat|-F");
    assert_eq!(
        plain("/sbin/iptables -s '10.0.0.0/24'  -j X"),
        "/sbin/iptables|-s|10.0.0.0/24|-j|X"
    );
    assert_eq!(
        plain(r#"iptables --comment "a \"b\" \c" -x ''"#),
        r#"iptables|--comment|a "b" \c|-x|"#
    );
    assert_eq!(plain(r"iptables a\ b ! -s x"), "iptables|a b|!|-s|x");
    let others = [
        "",
        "ip6tables -F",
        "iptables-restore /etc/x",
        "X=1 iptables -F",
        "iptables -F && true",
        "iptables -F || true",
        "iptables -F;",
        "iptables -F &",
        "iptables -F > /dev/null",
        "iptables -A $CHAIN",
        "iptables -A \"$CHAIN\"",
        "iptables -A `x`",
        "(iptables -F)",
        "iptables -F # all",
        "iptables -i eth*",
        "iptables --comment 'open",
        "iptables --comment \"open",
        "iptables \\",
        "sh -c 'iptables -F'",
    ];
    for command in others {
        assert_eq!(words(command), None, "{command}");
    }
}

#[test]
fn an_address_is_found_as_a_whole() {
    let address = Ipv4Addr::new(10, 0, 0, 153);
    for text in ["10.0.0.153", "--to 10.0.0.153:443", "(10.0.0.153/32)", "at 10.0.0.153."] {
        assert!(mentions(text, address), "{text}");
    }
    for text in ["110.0.0.153", "10.0.0.15", "10.0.0.1534", "10.0.0.153.example", ""] {
        assert!(!mentions(text, address), "{text}");
    }
}

#[test]
fn commands_are_rules() {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let rule =
        Rule::from_command(&words("iptables -w 5 -t nat -I PREROUTING 3 -p tcp"), 7).unwrap();
    assert_eq!((rule.table.as_str(), rule.verb, rule.line), ("nat", Verb::Insert(Some(3)), 7));
    assert_eq!(rule.words, ["-p", "tcp"]);
    let rule = Rule::from_command(&words("iptables -A INPUT --comment -D -j ACCEPT"), 0).unwrap();
    assert_eq!(
        (rule.table.as_str(), rule.chain.as_str(), rule.verb),
        ("filter", "INPUT", Verb::Append)
    );
    for wrong in
        ["iptables", "iptables -t nat -F", "iptables -A", "iptables -A X -D Y", "iptables -t"]
    {
        assert!(Rule::from_command(&words(wrong), 0).is_err(), "{wrong}");
    }
}

#[test]
fn inspection_shows_lines_and_meaning() {
    let json = serde_json::to_value(SavedRules::parse(
        "*nat\n[1:2] -A PREROUTING -p tcp --dport 8000:8010 -j DNAT --to 10.0.0.1:80\nCOMMIT\nx\n",
    ))
    .unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["warnings"][0]["line"], 4);
    let rule = &json["rules"][0];
    assert_eq!(rule["counters"]["bytes"], 2);
    assert_eq!(rule["spec"]["dports"]["value"][0], "8000:8010");
    assert_eq!(rule["spec"]["target"]["dnat"]["addresses"]["first"], "10.0.0.1");
}

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

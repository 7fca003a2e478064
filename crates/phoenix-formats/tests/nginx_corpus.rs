//! The recorded nginx cases, our own cases, and the properties of reader and editor.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod nginx_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nginx_support::{Case, FOLDER, corpus, edits, servers, soup};
use phoenix_formats::nginx::*;
use proptest::prelude::*;

fn check_all<T>(cases: &[T], id: impl Fn(&T) -> String, check: impl Fn(&T) -> Result<(), String>) {
    let mut failures = String::new();
    for case in cases {
        if let Err(why) = check(case) {
            writeln!(failures, "{}: {why}", id(case)).unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what}: got {got:?}, want {want:?}")) }
}

/// Says whether nginx's message is about syntax alone, which is what `problems` tells.
fn is_syntax(message: &str) -> bool {
    let syntax = ["] unexpected ", "too long parameter", "unknown directive \"\u{feff}"];
    syntax.iter().any(|start| message.contains(start))
}

fn check_case(case: &Case) -> Result<(), String> {
    let files = case.files();
    let root = format!("{FOLDER}/nginx.conf");
    for (path, text) in &files {
        expect(path, &NginxConf::parse(text).render(), text)?;
    }
    let loaded = Loaded::new(&root, &files);
    let missing = case.message.iter().any(|message| message.contains("] open() "));
    let refused = case.message.iter().any(|message| is_syntax(message)) || missing;
    // nginx refuses the unknown block before it meets the unexpected end that its braces make.
    if case.id != "lex-regex-brace-raw" {
        expect("refused", !loaded.problems().is_empty(), refused)
            .map_err(|e| format!("{e} {:?}", case.message))?;
    }
    if case.start_rc == Some(0) {
        let sockets: BTreeSet<String> =
            sockets(&root, &files).iter().map(Socket::to_string).collect();
        expect("sockets", sockets, case.sockets.iter().flatten().cloned().collect())?;
    }
    files.values().try_for_each(|text| check_edit_properties(text))
}

#[test]
fn recorded_cases_are_understood() {
    check_all(&corpus(), |case| format!("{} ({})", case.id, case.nginx), check_case);
}

#[test]
fn reloads_ask_for_the_sockets_that_a_restart_opens() {
    for line in include_str!("corpus/nginx/reload.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        for (listens, sockets_of) in
            [("before", "sockets_before"), ("after", "sockets_after_restart")]
        {
            let listens = case[listens]
                .as_array()
                .unwrap()
                .iter()
                .map(|l| format!("listen {};", l.as_str().unwrap()));
            let text = format!("http {{ server {{ {} }} }}", listens.collect::<String>());
            let read = BTreeMap::from([("/n".to_owned(), text)]);
            let sockets: BTreeSet<String> =
                sockets("/n", &read).iter().map(Socket::to_string).collect();
            let want =
                case[sockets_of].as_str().unwrap().split_whitespace().map(str::to_owned).collect();
            assert_eq!(sockets, want, "{line}");
        }
    }
}

#[test]
fn own_cases_are_edited_as_written() {
    check_all(
        &edits(),
        |edit| edit.id.clone(),
        |edit| {
            let rewrite = listen_on_all_interfaces(&edit.before);
            let kind = |problem: &ListenProblem| match &problem.reason {
                ListenProblemReason::Syntax(_) => "syntax".to_owned(),
                reason => serde_json::to_value(reason).unwrap().as_str().unwrap().to_owned(),
            };
            let problems: Vec<_> =
                rewrite.problems.iter().map(|p| format!("{} {}", p.line, kind(p))).collect();
            expect("problems", problems, edit.problems.clone())?;
            let after = edit.after.as_ref().unwrap_or(&edit.before);
            expect("text", &rewrite.text, after)?;
            expect("changed", rewrite.changes.is_empty(), *after == edit.before)?;
            check_edit_properties(&edit.before)
        },
    );
}

#[test]
fn the_operators_files_need_nothing() {
    let read = BTreeMap::from(
        [
            ("nginx.conf", include_str!("corpus/nginx/operator-nginx.conf")),
            ("conf.d/gateway.conf", include_str!("corpus/nginx/operator-gateway")),
            ("stream.d/gateway.conf", include_str!("corpus/nginx/operator-stream-gateway.conf")),
            ("sites-enabled/other", "server { listen 1; }"),
            ("mime.types", "types { text/html html; }"),
        ]
        .map(|(path, text)| (format!("/etc/nginx/{path}"), text.to_owned())),
    );
    let loaded = Loaded::new("/etc/nginx/nginx.conf", &read);
    assert!(!loaded.files().contains("/etc/nginx/sites-enabled/other"));
    assert_eq!(loaded.files().len(), 4);
    assert!(loaded.problems().is_empty(), "{:?}", loaded.problems());
    let sockets: Vec<String> = loaded.sockets().iter().map(Socket::to_string).collect();
    assert_eq!(sockets, ["0.0.0.0:80", "0.0.0.0:443", "0.0.0.0:8443"]);
    for path in loaded.files() {
        let rewrite = loaded.listen_on_all_interfaces(&path).unwrap();
        assert_eq!((&rewrite.text, rewrite.problems.len()), (&read[&path], 0));
    }
}

/// Loads `nginx.conf` with the servers of `site`, and says why `site` cannot be edited there.
fn problems_beside(http: &str, others: &[(&str, &str)], site: &str) -> Vec<String> {
    let mut read: BTreeMap<String, String> =
        others.iter().map(|(path, text)| (format!("/n/{path}"), (*text).to_owned())).collect();
    read.insert("/n/nginx.conf".to_owned(), http.to_owned());
    read.insert("/n/site".to_owned(), site.to_owned());
    let rewrite = Loaded::new("/n/nginx.conf", &read).listen_on_all_interfaces("/n/site").unwrap();
    assert_eq!(rewrite.problems.is_empty(), rewrite.text == listen_on_all_interfaces(site).text);
    rewrite.problems.iter().map(ListenProblem::to_string).collect()
}

#[test]
fn other_files_are_minded() {
    let http = "http { include other; include site; }";
    let site = "server { listen 10.0.0.153:443 ssl default_server; }";
    let check = |other: &str, want: &[&str]| {
        let problems = problems_beside(http, &[("other", other)], site);
        assert_eq!(problems, want, "{other}");
    };
    check("server { listen 443 ssl; }", &[]);
    check("# no server", &[]);
    check(
        "\nserver { listen 443 ssl default_server; }",
        &["line 1: two servers would be the `default_server` of this port (see `/n/other` line 2)"],
    );
    check(
        "server { listen 127.0.0.1:443 ssl bind; }",
        &[
            "line 1: another socket has one address of this port, so all of them cannot be opened (see `/n/other` line 1)",
        ],
    );
}

#[test]
fn a_listen_from_an_include_counts_in_its_server() {
    let site = "server {\n listen 10.0.0.153:443 ssl;\n include snippet;\n}";
    let http = "http { include site; }";
    assert_eq!(problems_beside(http, &[("snippet", "listen 80;")], site), Vec::<String>::new());
    let twice = "line 2: the server would listen twice on this port, with different parameters (see `/n/snippet` line 1)";
    assert_eq!(problems_beside(http, &[("snippet", "listen 443 ssl;")], site), [twice]);
    let snippet = "listen 10.0.0.153:443;";
    let twice_included = "http { server { include site; include site; } }";
    assert_eq!(problems_beside(twice_included, &[], snippet).len(), 1);
    let two_servers = "http { server { include site; } server { include site; } }";
    assert_eq!(problems_beside(two_servers, &[], snippet), Vec::<String>::new());
}

#[test]
fn a_stream_server_in_another_file_holds_its_port() {
    let main = "stream { include streams/*.conf; } http { include site; }";
    let others = [("streams/a.conf", "server { listen 192.168.1.153:443; }")];
    assert_eq!(problems_beside(main, &others, "server { listen 10.0.0.153:443; }").len(), 1);
    assert_eq!(problems_beside(main, &others, "server { listen 10.0.0.153:80; }").len(), 0);
}

#[test]
fn includes_end() {
    let files =
        |pairs: &[(&str, &str)]| pairs.iter().map(|&(p, t)| (p.to_owned(), t.to_owned())).collect();
    let own: BTreeMap<_, _> = files(&[("/a", "http { include /a; }")]);
    assert_eq!(Loaded::new("/a", &own).problems().len(), 1);
    let text = |n: usize| format!("include {0}; include {0};", n + 1);
    let deep: BTreeMap<_, _> = (0..60).map(|n| (format!("/{n}"), text(n))).collect();
    assert!(!Loaded::new("/0", &deep).problems().is_empty());
}

#[test]
fn include_patterns_match_as_glob_does() {
    let yes = [
        ("/etc/nginx/*.conf", "/etc/nginx/a.conf"),
        ("/etc/nginx/sites-enabled/*", "/etc/nginx/sites-enabled/gateway"),
        ("/etc/*/*.conf", "/etc/nginx/a.conf"),
        ("/n/[a-c]?.conf", "/n/bz.conf"),
        ("/n/[!a-c]*", "/n/d"),
        ("/n/[]x]", "/n/]"),
        ("/n/[[:digit:]]*", "/n/10-a"),
        ("/n/a[b", "/n/a[b"),
        ("/n/\\**", "/n/*x"),
        ("/n/.*", "/n/.hidden"),
        ("/n/*a*b*c", "/n/xxaxbxaxbc"),
        ("/n/plain", "/n/plain"),
    ];
    for (pattern, path) in yes {
        assert!(include_matches(pattern, path), "{pattern} {path}");
    }
    let no = [
        ("/etc/nginx/*", "/etc/nginx/a/b"),
        ("/etc/nginx/*", "/etc/nginx/.a"),
        ("/n/?a", "/n/.a"),
        ("/n/[.]a", "/n/.a"),
        ("/n/[a-c]", "/n/d"),
        ("/n/[^a]", "/n/a"),
        ("/n/*.conf", "/n/a.conf.bak"),
        ("/n/*", "/n"),
        ("/n/pla\\in", "/n/plain"),
    ];
    for (pattern, path) in no {
        assert!(!include_matches(pattern, path), "{pattern} {path}");
    }
}

#[test]
fn socket_lists_are_read() {
    let ss = "LISTEN 0      511          0.0.0.0:443       0.0.0.0:*   \nLISTEN 0 511 [::]:443 [::]:*\n\
              LISTEN 0 511 *:80 *:*\nLISTEN 0 511 10.0.0.1:80 0.0.0.0:* users:((\"x\"))\n\
              LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*\nLISTEN 0 5 [fe80::1]%eth0:53 [::]:*\n\nnonsense\n";
    let sockets: BTreeSet<String> = listening_sockets(ss).iter().map(Socket::to_string).collect();
    let want = ["0.0.0.0:443", "[::]:443", "*:80", "10.0.0.1:80", "127.0.0.53:53", "[fe80::1]:53"];
    assert_eq!(sockets, want.map(str::to_owned).into());
}

#[test]
fn inspection_shows_places() {
    let shown =
        NginxInspection::of("server {\n  map a b { listen 1; }\n  location / { return 1; }\n}\n");
    let directives: Vec<_> =
        shown.directives.iter().map(|d| (d.line, d.name.as_str(), d.parent)).collect();
    let want = [
        (1, "server", None),
        (2, "map", Some(0)),
        (3, "location", Some(0)),
        (3, "return", Some(2)),
    ];
    assert_eq!(directives, want);
    let value =
        serde_json::to_value(NginxInspection::of("server {\n listen 10.0.0.1 ssl; }")).unwrap();
    assert_eq!(value["listens"][0]["address"], serde_json::json!({ "ip4": "10.0.0.1" }));
    assert_eq!(value["rewritten"], "server {\n listen 80 ssl; }");
}

/// Checks what holds for every text: it is kept, the edit settles at once, and changes nothing but addresses.
fn check_edit_properties(text: &str) -> Result<(), String> {
    let conf = NginxConf::parse(text);
    expect("render", conf.render().as_str(), text)?;
    let once = listen_on_all_interfaces(text);
    if once.changes.is_empty() || !once.problems.is_empty() {
        expect("unchanged", once.text.as_str(), text)?;
        return expect("no changes", once.changes.len(), 0);
    }
    let twice = listen_on_all_interfaces(&once.text);
    expect("settled", &twice.text, &once.text)?;
    expect("settled without problems", twice.problems.len(), 0)?;
    let after = NginxConf::parse(&once.text);
    expect("directives", after.directives().count(), conf.directives().count() - dropped(&once))?;
    expect("comments", comments(&after), comments(&conf))
}

fn dropped(rewrite: &Rewrite) -> usize {
    rewrite.changes.iter().filter(|change| change.after.is_none()).count()
}

/// Returns the number of `#`, which an edit never adds or takes.
fn comments(conf: &NginxConf) -> usize {
    conf.text().matches('#').count()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_kept(text in any::<String>()) {
        check_edit_properties(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn pieces_of_configuration_are_kept(text in soup()) {
        check_edit_properties(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn made_servers_settle(text in servers()) {
        check_edit_properties(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_pattern_and_path_are_compared(pattern in "[a/*?\\[\\]!^\\\\.:-]{0,12}", path in "[a/.\\]\\[-]{0,8}") {
        let _ = include_matches(&pattern, &path);
    }
}

#[test]
fn big_inputs_take_linear_time() {
    for piece in [
        "{",
        "}",
        "[",
        "\"",
        "\\",
        "\0",
        "é",
        ";",
        "a{",
        "$",
        "${",
        "#\n",
        "listen 10.0.0.1:443;",
        "x_by_lua_block{[=[",
        "''",
    ] {
        let text = piece.repeat((1 << 19) / piece.len());
        let rewrite = listen_on_all_interfaces(&text);
        assert!(!rewrite.text.is_empty());
    }
    let server =
        "server { listen 10.0.0.1:443; listen 443; listen 1-65535; listen 10.0.0.2:443 x; }";
    let text = format!("http {{ {} }}", server.repeat(5000));
    let _ = listen_on_all_interfaces(&text);
    assert!(!sockets("/n", &BTreeMap::from([("/n".to_owned(), text)])).is_empty());
    let stars = format!("/{}b", "*a".repeat(2000));
    assert!(!include_matches(&stars, &format!("/{}", "a".repeat(4000))));
}

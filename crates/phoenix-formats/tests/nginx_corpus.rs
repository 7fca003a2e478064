//! The recorded nginx cases, our own cases, and the properties of reader, editor and Perl helper.
#![expect(clippy::disallowed_methods, reason = "the test runs the helper on real files")]

mod nginx_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nginx_support::{Case, FOLDER, addresses, corpus, edits, made, servers, soup};
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

/// Reads configurations from standard input, each after its length, and answers with code, text and messages.
const DRIVER: &str = r#"
    require $ARGV[0];
    binmode STDIN; binmode STDOUT;
    while (defined(my $length = <STDIN>)) {
        my $text = '';
        read(STDIN, $text, $length) if $length > 0;
        my ($result, $problems) = rewrite($text);
        my $code = !@$problems ? 0 : (grep { $_->[1] == 0 } @$problems) ? 1 : 2;
        my $told = join "\n", map { told($_) } @$problems;
        print join(' ', $code, length $result, length $told), "\n", $result, $told;
    }
"#;

fn helper_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(SET_LISTEN_HELPER_NAME)
}

/// Runs the helper's editor over all texts in one process; returns everything that it answers.
fn helper_answers(texts: &[String]) -> Vec<u8> {
    let mut perl = Command::new("perl");
    perl.args(["-e", DRIVER]).arg(helper_path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = perl.spawn().unwrap();
    let mut questions = child.stdin.take().unwrap();
    let input: Vec<u8> =
        texts.iter().flat_map(|text| format!("{}\n{text}", text.len()).into_bytes()).collect();
    let writer = std::thread::spawn(move || questions.write_all(&input));
    let mut answers = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut answers).unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    answers
}

/// Returns what the helper must answer for one text.
fn expected_answer(text: &str) -> String {
    let rewrite = listen_on_all_interfaces(text);
    let syntax =
        rewrite.problems.iter().any(|p| matches!(p.reason, ListenProblemReason::Syntax(_)));
    let code = if rewrite.problems.is_empty() { 0 } else { 2 - i32::from(syntax) };
    let told = rewrite.problems.iter().map(ListenProblem::to_string).collect::<Vec<_>>().join("\n");
    format!("{code} {} {}\n{}{told}", rewrite.text.len(), told.len(), rewrite.text)
}

#[test]
fn the_helper_agrees_with_the_editor() {
    let mut texts: Vec<String> =
        corpus().iter().flat_map(|case| case.files().into_values()).collect();
    texts.extend(edits().into_iter().map(|edit| edit.before));
    texts.extend(made(&servers(), 600));
    texts.extend(made(&soup(), 600));
    texts.extend(
        made(&addresses(), 1500)
            .iter()
            .map(|word| format!("server {{ listen {word} ssl; listen 443 ssl; }}")),
    );
    let mut answers = &helper_answers(&texts)[..];
    for text in &texts {
        let want = expected_answer(text);
        match answers.strip_prefix(want.as_bytes()) {
            Some(rest) => answers = rest,
            None => {
                let got = String::from_utf8_lossy(&answers[..answers.len().min(want.len() + 200)])
                    .into_owned();
                panic!("on {text:?}\n got  {got:?}\n want {want:?}");
            }
        }
    }
    assert!(answers.is_empty());
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn run_helper(args: &[&str], file: &Path) -> (i32, String) {
    let output = Command::new("perl").arg(helper_path()).args(args).arg(file).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn the_helper_replaces_a_file_and_keeps_its_mode_and_link() {
    let folder = scratch("helper-file");
    let (file, link) = (folder.join("gateway"), folder.join("enabled"));
    fs::write(&file, "server { listen 10.0.0.153:443; }").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("gateway", &link).unwrap();
    let (code, said) = run_helper(&["--check"], &link);
    assert!(code == 0 && said.contains("would change 1 listen directive\n"), "{code} {said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "server { listen 10.0.0.153:443; }");
    assert_eq!(run_helper(&[], &link).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "server { listen 443; }");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(run_helper(&[], &link).1.contains("nothing to change"));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn the_helper_writes_nothing_that_collides_or_that_it_cannot_read() {
    let folder = scratch("helper-refuses");
    let file = folder.join("gateway");
    let collision = "server { listen 10.0.0.153:443 ssl; listen 443; }";
    fs::write(&file, collision).unwrap();
    let (code, said) = run_helper(&[], &file);
    assert!(code == 2 && said.contains("line 1: the server would listen twice"), "{code} {said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), collision);
    fs::write(&file, "server { listen 10.0.0.153:443").unwrap();
    assert_eq!(run_helper(&[], &file).0, 1);
    assert_eq!(run_helper(&[], &folder).0, 1);
    assert_eq!(run_helper(&[], &folder.join("absent")).0, 1);
    assert_eq!(run_helper(&["--nonsense"], &file).0, 1);
    assert_eq!(run_helper(&["--help"], &file).0, 0);
}

#[test]
fn the_helper_needs_only_modules_of_perl_base() {
    let modules = SET_LISTEN_HELPER.lines().filter_map(|line| line.strip_prefix("use "));
    let names: Vec<&str> = modules.filter_map(|rest| rest.split([' ', ';']).next()).collect();
    let base = ["strict", "warnings", "constant", "Cwd", "Fcntl", "IO::Handle", "Socket"];
    assert!(names.iter().all(|name| base.contains(name)), "{names:?}");
}

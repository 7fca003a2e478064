//! The Perl helper against the editor, and what it does to files.
#![expect(clippy::disallowed_methods, reason = "the test runs the helper on real files")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod nginx_support;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nginx_support::{addresses, corpus, edits, made, servers, soup};
use phoenix_formats::nginx::*;

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

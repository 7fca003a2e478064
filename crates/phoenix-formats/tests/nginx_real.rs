//! The editor against the real nginx, in a network of its own.
//!
//! Needs nginx, iproute2 and util-linux's unshare(1); nothing outside of a new network namespace is touched.
#![expect(clippy::disallowed_methods, reason = "the test runs nginx on real files")]

mod nginx_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nginx_support::{FOLDER, corpus, edits, made, main_file, servers};
use phoenix_formats::nginx::*;

/// Brings up the addresses that the recorded cases were made with.
const NETWORK: &str = "
    set -e
    ip link set lo up
    ip addr add 10.0.0.153/24 dev lo
    ip addr add 192.168.1.153/24 dev lo
    ip -6 addr add 2001:db8::153/64 dev lo nodad
    set +e
";

/// Tests every configuration; prints its number and whether nginx accepts it.
const TEST_ALL: &str = r#"
    for folder; do
        nginx -t -q -e stderr -c "$folder/nginx.conf" 2>"$folder/message"
        echo "$folder $?"
    done
"#;

/// Starts nginx, lists its sockets, and ends; the process namespace takes nginx with it.
const START_ONE: &str = r#"
    nginx -e stderr -c "$1/nginx.conf" 2>"$1/message" && ss -Hltn
"#;

/// A configuration: its files by path, with `nginx.conf` the main one.
type Files = BTreeMap<String, String>;

/// Runs a script in a new network; as an ordinary user in a new user namespace as well.
fn in_own_network(script: &str, args: &[PathBuf]) -> String {
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    unshare.args(["sh", "-c", &format!("{NETWORK}{script}"), "sh"]).args(args);
    let output = unshare.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Opens `http` with every path that nginx would otherwise use outside of the folder.
fn own_paths(folder: &str) -> String {
    let modules = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = modules.map(|module| format!("{module}_temp_path {folder}/{module}; "));
    format!("http {{ access_log off; {}", paths.concat())
}

/// Writes a configuration into a folder of its own, with paths that lead there.
fn write(folder: &Path, files: &Files) {
    fs::create_dir_all(folder).unwrap();
    let here = folder.to_str().unwrap();
    for (path, text) in files {
        let mut text = text.replace(FOLDER, here);
        if path.ends_with("/nginx.conf") {
            text = format!(
                "user root root; pid {here}/pid; {}",
                text.replacen("http {", &own_paths(here), 1)
            );
        }
        fs::write(path.replace(FOLDER, here), text).unwrap();
    }
    fs::write(folder.join("c.pem"), include_str!("corpus/nginx/test-only.crt")).unwrap();
    fs::write(folder.join("k.pem"), include_str!("corpus/nginx/test-only.key")).unwrap();
}

/// Returns for each configuration whether nginx accepts it.
fn accepted(name: &str, all: &[Files]) -> Vec<bool> {
    let root = scratch(name);
    let folders: Vec<PathBuf> = (0..all.len()).map(|n| root.join(n.to_string())).collect();
    for (folder, files) in folders.iter().zip(all) {
        write(folder, files);
    }
    let output = in_own_network(TEST_ALL, &folders);
    let verdicts: Vec<bool> = output.lines().map(|line| line.ends_with(" 0")).collect();
    assert_eq!(verdicts.len(), all.len(), "the network namespace could not be made");
    verdicts
}

/// Starts nginx; returns the sockets that it opens, or `None` when it does not start.
fn started(name: &str, files: &Files) -> Option<BTreeSet<Socket>> {
    let folder = scratch(name);
    write(&folder, files);
    let output = in_own_network(START_ONE, std::slice::from_ref(&folder));
    (!output.is_empty()).then(|| listening_sockets(&output))
}

fn message(name: &str, number: usize) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).join(number.to_string());
    fs::read_to_string(folder.join("message")).unwrap()
}

fn root() -> String {
    format!("{FOLDER}/nginx.conf")
}

/// Rewrites every file as far as it can be; says whether one has a problem.
fn rewritten(files: &Files) -> (Files, bool) {
    let mut files = files.clone();
    let mut problem = false;
    for path in Loaded::new(&root(), &files).files() {
        let rewrite = Loaded::new(&root(), &files).listen_on_all_interfaces(&path).unwrap();
        problem |= !rewrite.problems.is_empty();
        files.insert(path, rewrite.text);
    }
    (files, problem)
}

/// Returns recorded, own and made configurations; what nginx does not accept here is left out by the caller.
fn configurations() -> Vec<Files> {
    let mut all: Vec<Files> =
        corpus().iter().filter(|case| case.nginx.starts_with("1.22")).map(|c| c.files()).collect();
    let certificate =
        format!("ssl_certificate {FOLDER}/c.pem; ssl_certificate_key {FOLDER}/k.pem;\n");
    let own = edits().into_iter().map(|edit| edit.before.replace("2001:db8::1]", "2001:db8::153]"));
    let wrapped =
        own.map(|text| if text.contains("http {") { text } else { format!("{certificate}{text}") });
    all.extend(
        wrapped
            .chain(made(&servers(), 150))
            .map(|http| Files::from([(root(), main_file("", &http))])),
    );
    all
}

#[test]
fn nginx_accepts_what_it_accepted_before() {
    let before = configurations();
    let accepted_before = accepted("real-before", &before);
    let good: Vec<Files> = before
        .into_iter()
        .zip(accepted_before)
        .filter(|(_, ok)| *ok)
        .map(|(files, _)| files)
        .collect();
    assert!(
        good.len() > 180,
        "nginx accepts only {} configurations: is something missing here?",
        good.len()
    );
    let after: Vec<Files> = good.iter().map(|files| rewritten(files).0).collect();
    let refused = accepted("real-after", &after)
        .iter()
        .enumerate()
        .filter(|(_, ok)| !**ok)
        .map(|(n, _)| n)
        .collect::<Vec<_>>();
    let told = |n: &usize| {
        format!(
            "{}\n{:?}\n-> {:?}\n",
            message("real-after", *n),
            good[*n][&root()],
            after[*n][&root()]
        )
    };
    assert!(refused.is_empty(), "{}", refused.iter().map(told).collect::<String>());
}

#[test]
fn nginx_opens_the_sockets_that_are_expected() {
    let changed = configurations().into_iter().filter_map(|before| {
        let (after, _) = rewritten(&before);
        (after != before).then_some((before, after))
    });
    let mut failures = String::new();
    let mut starts = 0;
    for (before, after) in changed.step_by(3) {
        let Some(sockets_before) = started("real-start", &before) else { continue };
        starts += 1;
        let want = sockets(&root(), &after);
        let right_before = sockets_before == sockets(&root(), &before);
        let got = started("real-start", &after);
        if !right_before || got.as_ref() != Some(&want) {
            failures += &format!(
                "{:?}\n-> {:?}\ngot {got:?}, want {want:?}\n",
                before[&root()],
                after[&root()]
            );
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(
        starts > 10,
        "nginx starts with only {starts} configurations: is something missing here?"
    );
}

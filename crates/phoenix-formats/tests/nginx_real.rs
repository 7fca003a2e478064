//! The editor against the real nginx, in a network of its own.
//!
//! Needs nginx, iproute2 and util-linux's unshare(1); nothing outside of a new network namespace is touched.
#![expect(clippy::disallowed_methods, reason = "the test runs nginx on real files")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod nginx_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nginx_support::{FOLDER, addresses, corpus, edits, made, main_file, servers};
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

/// Tests every configuration of a folder; prints its number and nginx's exit code.
const TEST_ALL: &str = r#"
    for number in $(seq 0 "$2"); do
        nginx -t -q -e stderr -c "$1/$number-nginx.conf" 2>"$1/$number-message"
        echo "$number $?"
    done
"#;

/// Starts nginx, lists its sockets, and ends; the process namespace takes nginx with it.
const START_ONE: &str = r#"
    nginx -e stderr -c "$1/$2-nginx.conf" 2>"$1/$2-message" && ss -Hltn
"#;

/// A configuration: its files by path, with `nginx.conf` the main one.
type Files = BTreeMap<String, String>;

/// Runs a script in a new network; as an ordinary user in a new user namespace as well.
fn in_own_network(script: &str, folder: &Path, number: usize) -> String {
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    unshare
        .args(["sh", "-c", &format!("{NETWORK}{script}"), "sh"])
        .arg(folder)
        .arg(number.to_string());
    let output = unshare.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Makes an empty folder with the certificate that the configurations name.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("c.pem"), include_str!("corpus/nginx/test-only.crt")).unwrap();
    fs::write(folder.join("k.pem"), include_str!("corpus/nginx/test-only.key")).unwrap();
    folder
}

/// Opens `http` with every path that nginx would otherwise use outside of the folder.
fn own_paths(folder: &str) -> String {
    let modules = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = modules.map(|module| format!("{module}_temp_path {folder}/{module}; "));
    format!("http {{ access_log off; {}", paths.concat())
}

/// Writes a configuration; one folder holds many, so every file's name starts with the configuration's number.
fn write(folder: &Path, number: usize, files: &Files) {
    let here = folder.to_str().unwrap();
    let own = format!("{here}/{number}-");
    for (path, text) in files {
        let shared = text.replace(&format!("{FOLDER}/c.pem"), &format!("{here}/c.pem"));
        let shared = shared.replace(&format!("{FOLDER}/k.pem"), &format!("{here}/k.pem"));
        let mut text = shared.replace(&format!("{FOLDER}/"), &own);
        if *path == root() {
            text = format!(
                "user root root; pid {here}/pid; {}",
                text.replacen("http {", &own_paths(here), 1)
            );
        }
        fs::write(path.replace(&format!("{FOLDER}/"), &own), text).unwrap();
    }
}

/// Returns for each configuration whether nginx accepts it.
fn accepted(name: &str, all: &[Files]) -> Vec<bool> {
    let folder = scratch(name);
    for (number, files) in all.iter().enumerate() {
        write(&folder, number, files);
    }
    let output = in_own_network(TEST_ALL, &folder, all.len() - 1);
    let verdicts: Vec<bool> = output.lines().map(|line| line.ends_with(" 0")).collect();
    assert_eq!(verdicts.len(), all.len(), "the network namespace could not be made");
    verdicts
}

/// Starts nginx; returns the sockets that it opens, or `None` when it does not start.
fn started(folder: &Path, files: &Files) -> Option<BTreeSet<Socket>> {
    write(folder, 0, files);
    let output = in_own_network(START_ONE, folder, 0);
    (!output.is_empty()).then(|| listening_sockets(&output))
}

fn message(name: &str, number: usize) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::read_to_string(folder.join(format!("{number}-message"))).unwrap()
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
    let verdicts = accepted("real-before", &before);
    let good: Vec<Files> =
        before.into_iter().zip(verdicts).filter(|(_, ok)| *ok).map(|(files, _)| files).collect();
    assert!(
        good.len() > 180,
        "nginx accepts only {} configurations: is something missing here?",
        good.len()
    );
    let edited = good
        .iter()
        .map(|files| (files, rewritten(files).0))
        .filter(|(before, after)| *before != after);
    let (before, after): (Vec<&Files>, Vec<Files>) = edited.unzip();
    let verdicts = accepted("real-after", &after);
    let refused = (0..after.len()).filter(|&n| !verdicts[n]);
    let told =
        |n: usize| format!("{}\n{:?}\n-> {:?}\n", message("real-after", n), before[n], after[n]);
    let told: String = refused.map(told).collect();
    assert!(told.is_empty(), "{told}");
    assert!(after.len() > 50, "only {} configurations are edited", after.len());
}

#[test]
fn nginx_opens_the_sockets_that_are_expected() {
    let changed = configurations().into_iter().filter_map(|before| {
        let (after, _) = rewritten(&before);
        (after != before).then_some((before, after))
    });
    let mut failures = Vec::new();
    let folder = scratch("real-start");
    let mut starts = 0;
    for (before, after) in changed.step_by(3) {
        let Some(sockets_before) = started(&folder, &before) else { continue };
        starts += 1;
        let want = sockets(&root(), &after);
        let right_before = sockets_before == sockets(&root(), &before);
        let got = started(&folder, &after);
        if !right_before || got.as_ref() != Some(&want) {
            let change = [&before, &after].map(|files| &files[&root()]);
            failures.push(format!("{change:?}\ngot {got:?}, want {want:?}\n"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.concat());
    assert!(
        starts > 10,
        "nginx starts with only {starts} configurations: is something missing here?"
    );
}

/// Says what our reading of an address makes nginx do: refuse the word, or bind this socket.
fn check_address(word: &str, said: &str) -> Result<(), String> {
    let conf = NginxConf::parse(&format!("server {{ listen {word}; }}"));
    let listen = conf.listens().into_iter().next().ok_or("no listen directive")?;
    let refused =
        ["invalid", "no host", "no path", "host not found"].iter().any(|text| said.contains(text));
    let ours = match (&listen.address, listen.address.ip()) {
        (ListenAddress::Invalid(_) | ListenAddress::Name(_), _) => None,
        (ListenAddress::Unix(_), _) => {
            return if refused { Err("not refused".to_owned()) } else { Ok(()) };
        }
        (_, ip) => ip.map(|ip| std::net::SocketAddr::new(ip, listen.ports.first).to_string()),
    };
    let bound = said.split_once("bind() to ").and_then(|(_, rest)| rest.split(' ').next());
    match (ours, bound) {
        // nginx overlooks a stray colon at either end of an IPv6 address; we leave such an address alone.
        (None, Some(_)) if word.contains(":]") || word.contains("[:") => Ok(()),
        (None, _) if refused => Ok(()),
        (Some(ours), Some(bound)) if same_socket(&ours, bound) => Ok(()),
        (Some(_), None) if !refused => Ok(()),
        (ours, bound) => Err(format!("we say {ours:?}, nginx {bound:?}: {said}")),
    }
}

/// Compares two sockets; nginx writes some IPv6 addresses in its own way.
fn same_socket(ours: &str, bound: &str) -> bool {
    bound.parse::<std::net::SocketAddr>().is_ok_and(|bound| bound.to_string() == ours)
}

#[test]
fn nginx_reads_addresses_the_same_way() {
    let words = made(&addresses(), 150);
    let all = words.iter().map(|word| {
        Files::from([(root(), main_file("", &format!("server {{ listen {word}; }}")))])
    });
    let all: Vec<Files> = all.collect();
    let ok = accepted("real-address", &all);
    let failures = words.iter().enumerate().filter_map(|(n, word)| {
        let said = if ok[n] { String::new() } else { message("real-address", n) };
        check_address(word, &said).err().map(|why| format!("{word}: {why}\n"))
    });
    let failures: String = failures.collect();
    assert!(failures.is_empty(), "{failures}");
}

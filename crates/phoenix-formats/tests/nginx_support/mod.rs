//! What the nginx tests share: the recorded cases, our own cases, and a maker of configurations.
#![expect(dead_code, reason = "every test file uses a part of it")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Deserialize;

/// One recorded case: a configuration and what the real nginx said and did.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) nginx: String,
    pub(crate) top: String,
    pub(crate) http: String,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) verdict: String,
    pub(crate) message: Vec<String>,
    pub(crate) start_rc: Option<i32>,
    pub(crate) sockets: Option<Vec<String>>,
}

/// The folder that the recorded configurations name.
pub(crate) const FOLDER: &str = "/run/test";

impl Case {
    /// Returns the files of the case by path, `nginx.conf` among them.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> = self
            .files
            .iter()
            .map(|(name, text)| (format!("{FOLDER}/{name}"), text.clone()))
            .collect();
        files.insert(format!("{FOLDER}/nginx.conf"), main_file(&self.top, &self.http));
        files
    }
}

pub(crate) fn main_file(top: &str, http: &str) -> String {
    format!("{top}\nevents {{}}\nhttp {{\n{http}\n}}\n")
}

pub(crate) fn corpus() -> Vec<Case> {
    let both = [
        include_str!("../corpus/nginx/listen-1.22.jsonl"),
        include_str!("../corpus/nginx/listen-1.26.jsonl"),
    ];
    both.iter()
        .flat_map(|text| text.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One case of our own: a text, and what it becomes or the lines that are problems.
#[derive(Debug, Deserialize)]
pub(crate) struct Edit {
    pub(crate) id: String,
    pub(crate) before: String,
    pub(crate) after: Option<String>,
    #[serde(default)]
    pub(crate) problems: Vec<String>,
}

pub(crate) fn edits() -> Vec<Edit> {
    let text = include_str!("../corpus/nginx/edits.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns as many configurations of `make` as wanted, the same ones every time.
pub(crate) fn made<T: std::fmt::Debug>(make: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| make.new_tree(&mut runner).unwrap().current()).collect()
}

/// Makes servers that are right more often than not, on addresses that the test's own network has.
pub(crate) fn servers() -> impl Strategy<Value = String> {
    proptest::collection::vec(server(), 1..4).prop_map(|servers| servers.concat())
}

fn server() -> impl Strategy<Value = String> {
    (proptest::collection::vec(listen(), 0..4), any::<bool>()).prop_map(|(listens, one_line)| {
        let glue = if one_line { " " } else { "\n    " };
        let mut text = format!("server {{{glue}");
        for listen in listens {
            text += &listen;
            text += glue;
        }
        text + &format!(
            "ssl_certificate {FOLDER}/c.pem;{glue}ssl_certificate_key {FOLDER}/k.pem;\n}}\n"
        )
    })
}

fn listen() -> impl Strategy<Value = String> {
    let address = prop::sample::select(vec![
        "10.0.0.153:443",
        "10.0.0.153:443",
        "192.168.1.153:443",
        "192.168.1.153:80",
        "10.0.0.153",
        "'10.0.0.153:80'",
        "[2001:db8::153]:443",
        "[2001:db8:0::153]",
        "443",
        "*:80",
        "[::]:443",
        "127.0.0.1:443",
        "[::1]:443",
        "0:443",
        "8443",
        "10.0.0.153:8443",
    ]);
    let params = prop::sample::select(vec![
        "",
        "",
        "",
        " ssl",
        " ssl",
        " ssl http2",
        " default_server",
        " ssl default_server",
        " reuseport",
        " backlog=9",
        " ipv6only=off",
        " bind",
        " http2",
        " ssl proxy_protocol",
        " # note\n ssl",
    ]);
    let end = prop::sample::select(vec![";", ";", " ;", "; # kept", ";\r", "\n# inside\n;"]);
    (address, params, end)
        .prop_map(|(address, params, end)| format!("listen {address}{params}{end}\n"))
}

/// Makes texts out of what means something to a reader of nginx configuration.
pub(crate) fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "server",
        "listen",
        "http",
        "stream",
        "{",
        "}",
        ";",
        "\"",
        "'",
        "\\",
        "#",
        " ",
        "\t",
        "\r\n",
        "\n",
        "$",
        "${",
        ")",
        "map",
        "types",
        "content_by_lua_block",
        "--",
        "[[",
        "]]",
        "[=[",
        "]=]",
        "10.0.0.153:443",
        "[::1]:80",
        "443",
        "[2001:db8::1]",
        "10.0.0.153",
        "ssl",
        "default_server",
        "é",
        "\u{feff}",
        "\0",
        "include",
        "proxy_pass",
        "listen ",
        "server {",
        "server { listen 10.0.0.153:443 ssl; }\n",
        " 0x0a.153:443;",
        "ipv6only=off",
    ]);
    proptest::collection::vec(pieces, 0..30).prop_map(|pieces| pieces.concat())
}

/// Makes words for the first argument of `listen`.
pub(crate) fn addresses() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "10",
        "0",
        ".",
        ".",
        ".",
        ":",
        "443",
        "80",
        "-",
        "[",
        "]",
        "::",
        "1",
        "255",
        "256",
        "0x",
        "a",
        "f",
        "08",
        "012",
        "4294967295",
        "65536",
        "*",
        "127",
        "unix:",
        "/",
        "?",
        "10.0.0.1",
        "::ffff:",
        "fe80::1",
        "[::]",
        "%",
        "é",
        "1",
    ]);
    let words = proptest::collection::vec(pieces, 1..7).prop_map(|pieces| pieces.concat());
    prop_oneof![words, "\\[[0-9a-f:.]{1,14}\\](:443)?", "[0-9.x]{1,12}(:(80|443|443-443))?"]
}

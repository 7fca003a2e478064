//! The real dnsmasq, with the files that phoenix makes for a real operator, in a network of its own.
//!
//! The test runs itself again in new namespaces of network, mounts and processes: `/etc` is the node's
//! there, the servers that it would ask are another dnsmasq, and when it ends all of it is gone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "dnsmasq/packet.rs"]
mod packet;

use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use packet::{A, AAAA, Answer, NO_ERROR, NO_NAME, PTR, ask, ask_by_tcp};

/// Names the node's folder inside the namespaces.
const NODE: &str = "PHOENIX_TEST_DNSMASQ_NODE";

/// New namespaces; all processes in them end with the first one.
const UNSHARE: [&str; 5] = ["--net", "--mount", "--pid", "--fork", "--kill-child=KILL"];

/// Where Debian has programs that are for root.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The node's own address in the example, and its domain.
const SERVER: &str = "10.0.0.13";
const DOMAIN: &str = "internal.thinkheads.ai";

/// The domain of the other examples.
const OFFICE: &str = "internal.example.com";

/// Some of what the example declares, each from another source.
const DECLARED: [(&str, &str); 7] = [
    ("ca.internal.thinkheads.ai", "10.0.0.10"),
    ("step-ca.internal.thinkheads.ai", "10.0.0.10"),
    ("nginx-phoenix.internal.thinkheads.ai", "10.0.0.153"),
    ("portainer.internal.thinkheads.ai", "10.0.0.153"),
    ("drphoenix-agent.internal.thinkheads.ai", "10.0.0.102"),
    ("drphoenix.internal.thinkheads.ai", "10.0.0.102"),
    ("vllm-qwen2.5-7b-awq.internal.thinkheads.ai", "10.0.0.153"),
];

/// What a guest adds to the example: a name with both IP versions, and one for all names below another.
const MORE: &str = r#""dns_records": [
    { "hostname": "qdrant", "ip": "10.0.0.102" },
    { "hostname": "qdrant", "ip": "fd00::102" },
    { "hostname": "*.apps.example.net", "ip": "10.0.0.153" }
],
            "portainer_environment_name""#;

#[test]
fn real_dnsmasq_answers_what_is_declared() {
    match env::var_os(NODE) {
        Some(node) => inside(Path::new(&node)),
        None => outside("real_dnsmasq_answers_what_is_declared", "upstream"),
    }
}

#[test]
fn real_dnsmasq_reads_files_that_were_edited_by_hand() {
    let name = "real_dnsmasq_reads_files_that_were_edited_by_hand";
    match env::var_os(NODE) {
        Some(node) => inside_an_edited_one(Path::new(&node)),
        None => ["dns-edited", "dns-hostile"].iter().for_each(|example| outside(name, example)),
    }
}

/// Runs a test again, in namespaces, on the node of an example after the apply.
fn outside(test: &str, example: &str) {
    if let Some(why) = cannot_run() {
        return skip(test, &why);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let node = applied(scratch.path(), example);
    let status = namespaces()
        .arg(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(NODE, &node)
        .status();
    assert!(status.unwrap().success(), "see what the test inside says");
}

#[expect(clippy::print_stderr, reason = "who runs the tests must know what was not tested")]
fn skip(test: &str, why: &str) {
    eprintln!("{test} is skipped: {why}");
}

/// Says why the test cannot run on this machine.
fn cannot_run() -> Option<String> {
    let there = |program: &str| PATH.split(':').any(|f| Path::new(f).join(program).exists());
    for (program, package) in
        [("dnsmasq", "dnsmasq-base"), ("ip", "iproute2"), ("unshare", "util-linux")]
    {
        if !there(program) {
            return Some(format!("`{program}` is not installed (Debian: {package})"));
        }
    }
    let works = namespaces().arg("true").stderr(Stdio::null()).status();
    let works = works.is_ok_and(|status| status.success());
    (!works).then(|| "namespaces cannot be made here: run it as root".to_owned())
}

fn namespaces() -> Command {
    let mut command = Command::new("unshare");
    command.args(UNSHARE).arg("--").env("PATH", PATH);
    command
}

/// Applies the example to a copy of its node, and returns the node's folder.
fn applied(scratch: &Path, example: &str) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example);
    let copy = scratch.join("copy");
    let copied = Command::new("cp").arg("-a").args([&example, &copy]).status();
    assert!(copied.unwrap().success());
    let vms = copy.join("phoenix_vm_configs.json");
    let text = fs::read_to_string(&vms).unwrap();
    let more = text.replacen("\"portainer_environment_name\"", MORE, 1);
    fs::write(&vms, more).unwrap();
    let node = copy.join("node");
    let run = Command::new(env!("CARGO_BIN_EXE_phoenix"))
        .args(["apply", "--yes", "--target", "dnsmasq/records", "--config"])
        .arg(&copy)
        .arg("--node-dir")
        .arg(&node)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    node
}

/// A program that is ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

fn dnsmasq(log: &Path, args: &[&str]) -> Server {
    let log = format!("--log-facility={}", log.display());
    let own = ["--keep-in-foreground", "--user=root", "--pid-file=", "--log-queries", log.as_str()];
    Server(Command::new("dnsmasq").args(own).args(args).spawn().unwrap())
}

/// Makes the files of the node those of this machine, as long as the namespace lives.
fn enter(node: &Path) -> PathBuf {
    let etc = node.join("fs/etc");
    // dnsmasq looks its user up.
    for file in ["passwd", "group"] {
        fs::copy(Path::new("/etc").join(file), etc.join(file)).unwrap();
    }
    run("mount", &["--bind", etc.to_str().unwrap(), "/etc"]);
    run("ip", &["link", "set", "lo", "up"]);
    etc
}

fn bridge() {
    run("ip", &["link", "add", "vmbr0", "type", "bridge"]);
    run("ip", &["address", "add", "10.0.0.13/24", "dev", "vmbr0"]);
    run("ip", &["link", "set", "vmbr0", "up"]);
}

/// Starts dnsmasq as Debian's service does, after its test.
fn service(node: &Path) -> Server {
    let files = [
        "--conf-file=/etc/dnsmasq.conf",
        "--conf-dir=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new",
    ];
    run("dnsmasq", &[["--test"].as_slice(), &files].concat());
    dnsmasq(&node.join("own.log"), &files)
}

fn inside_an_edited_one(node: &Path) {
    let etc = enter(node);
    bridge();
    let _own = service(node);
    let server = SERVER.parse().unwrap();
    let names = ["ca", "git", "ssh-git", "docker-agent"].map(|name| format!("{name}.{OFFICE}"));
    let addresses_of = ["10.0.0.10", "10.0.0.12", "10.0.0.20", "10.0.0.102"];
    for (name, address) in names.iter().zip(addresses_of) {
        assert_eq!(ask(server, name, A), addresses(&[address]), "{name}");
    }
    // The operator's own names, each in one of the two examples.
    let own = if etc.join("dnsmasq.d/lan.conf").exists() { "printer" } else { "scanner" };
    assert_eq!(ask(server, &format!("{own}.{OFFICE}"), A).addresses.len(), 1, "{own}");
    assert_eq!(ask(server, &format!("nobody.{OFFICE}"), A), nothing(NO_NAME));
}

fn inside(node: &Path) {
    let etc = enter(node);
    for address in ["8.8.8.8/32", "1.1.1.1/32"] {
        run("ip", &["address", "add", address, "dev", "lo"]);
    }
    let log = node.join("outside.log");
    let _outside = outside_world(&log);
    let _own = service(node);
    // The bridge comes up later than the service, as it may when a node starts.
    assert_eq!(ask("127.0.0.1".parse().unwrap(), DECLARED[0].0, A).code, NO_ERROR);
    bridge();
    for server in [SERVER, "127.0.0.1"] {
        answers(server.parse().unwrap(), &etc.join("dnsmasq.d/00-phoenix-internal.conf"));
    }
    let asked = fs::read_to_string(&log).unwrap();
    assert!(asked.contains("outside.example"), "the log is that of the servers outside");
    let leaked = asked.lines().filter(|line| line.contains(DOMAIN)).collect::<Vec<_>>();
    assert!(leaked.is_empty(), "asked outside about names inside: {leaked:#?}");
}

/// The servers outside: they would answer to names of the domain too, and with addresses inside.
fn outside_world(log: &Path) -> Server {
    let domain = format!("--address=/{DOMAIN}/198.18.0.66");
    let args = [
        "--conf-file=/dev/null",
        "--listen-address=8.8.8.8,1.1.1.1",
        "--bind-interfaces",
        "--no-resolv",
        "--no-hosts",
        "--host-record=outside.example,198.18.0.7",
        "--host-record=inward.example,10.0.0.1",
        "--host-record=apps.example.net,198.18.0.8",
        domain.as_str(),
    ];
    dnsmasq(log, &args)
}

fn addresses(texts: &[&str]) -> Answer {
    let addresses = texts.iter().map(|text| text.parse().unwrap()).collect();
    Answer { code: NO_ERROR, addresses, names: Vec::new() }
}

fn nothing(code: u8) -> Answer {
    Answer { code, addresses: Vec::new(), names: Vec::new() }
}

fn answers(server: IpAddr, own: &Path) {
    for (name, address) in DECLARED {
        assert_eq!(ask(server, name, A), addresses(&[address]), "{name}");
        assert_eq!(ask_by_tcp(server, name, A), addresses(&[address]), "{name} by TCP");
        assert_eq!(ask(server, name, AAAA), nothing(NO_ERROR), "{name}");
        assert_eq!(ask(server, &format!("below.{name}"), A), nothing(NO_NAME), "below {name}");
    }
    let text = fs::read_to_string(own).unwrap();
    let records = text.lines().filter_map(|line| line.strip_prefix("host-record="));
    let records = records.map(|record| record.split(' ').next().unwrap().split_once(',').unwrap());
    let records = records.collect::<Vec<_>>();
    assert!(records.len() > DECLARED.len());
    for (name, address) in records {
        let kind = if address.contains(':') { AAAA } else { A };
        assert_eq!(ask(server, name, kind), addresses(&[address]), "{name}");
    }
    let reverse = ask(server, "153.0.0.10.in-addr.arpa", PTR);
    assert_eq!(reverse.names, ["nginx-phoenix.internal.thinkheads.ai"]);
    wildcards(server);
    others(server);
}

fn wildcards(server: IpAddr) {
    for name in ["one.apps.example.net", "two.one.apps.example.net"] {
        assert_eq!(ask(server, name, A), addresses(&["10.0.0.153"]), "{name}");
        assert_eq!(ask(server, name, AAAA), nothing(NO_ERROR), "{name}");
    }
    assert_eq!(ask(server, "apps.example.net", A), addresses(&["198.18.0.8"]), "itself");
}

fn others(server: IpAddr) {
    assert_eq!(ask(server, "outside.example", A), addresses(&["198.18.0.7"]));
    assert_eq!(ask(server, "inward.example", A).addresses, Vec::<IpAddr>::new(), "rebinding");
    let unknown = format!("nobody.{DOMAIN}");
    for kind in [A, AAAA, PTR] {
        assert_eq!(ask(server, &unknown, kind), nothing(NO_NAME), "{unknown}");
    }
    assert_eq!(ask(server, "99.0.0.10.in-addr.arpa", PTR), nothing(NO_NAME), "bogus-priv");
    assert_eq!(ask(server, "nodots", A), nothing(NO_NAME), "domain-needed");
}

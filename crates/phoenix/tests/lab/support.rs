//! A lab of a test, and what it is asked.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where Debian has programs that are for root.
pub(crate) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// What the tests run, and the packages of Debian that have it.
const PROGRAMS: [(&str, &str); 8] = [
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("iptables-restore", "iptables"),
    ("nginx", "nginx-light"),
    ("openssl", "openssl"),
    ("curl", "curl"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
];

/// The Ethernet address that the examples declare.
pub(crate) const MAC: &str = "02:00:00:00:01:01";

/// A port that nobody outside shall reach, on all addresses of the container.
const PRIVATE: &str = "\nserver {\n    listen 8080;\n    return 200;\n}\n";

/// A lab of this test, taken down whatever happens.
pub(crate) struct Lab {
    pub(crate) name: String,
    config: PathBuf,
    /// The program, and before it what makes its user another one.
    program: Vec<OsString>,
}

impl Lab {
    /// Names a lab after this process, so that test runs on one machine do not meet.
    pub(crate) fn new(letter: &str, config: &Path) -> Self {
        let name = format!("{letter}{}", std::process::id());
        let program = vec![env!("CARGO_BIN_EXE_phoenix").into()];
        Self { name, config: config.to_owned(), program }
    }

    /// Makes phoenix run by another program.
    pub(crate) fn run_by(mut self, program: Vec<OsString>) -> Self {
        self.program = program;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).stdin(Stdio::null());
        command
    }

    pub(crate) fn phoenix(&self, args: &[&str]) -> Command {
        let mut command = self.command();
        command.args(args).arg("--config").arg(&self.config).args(["--lab", &self.name]);
        command.env("NO_COLOR", "1").env_remove("PHOENIX_CONFIG");
        command
    }

    /// Returns where a file of the lab stands.
    pub(crate) fn twin(&self, path: &str) -> PathBuf {
        Path::new("/run/phoenix-lab").join(&self.name).join("twin").join(path)
    }

    pub(crate) fn must(&self, args: &[&str]) -> String {
        let output = self.phoenix(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn exec(&self, place: &str, argv: &[&str]) -> Output {
        let mut command = self.command();
        command.args(["lab", "exec", "--lab", &self.name, place, "--"]).args(argv);
        command.output().unwrap()
    }

    pub(crate) fn says(&self, place: &str, argv: &[&str]) -> String {
        let output = self.exec(place, argv);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{place}: {argv:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the status of an answer; empty when nobody answers.
    pub(crate) fn http(&self, place: &str, url: &str) -> String {
        let argv = ["curl", "-ksS", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}", url];
        let output = self.exec(place, &argv);
        let code = String::from_utf8(output.stdout).unwrap();
        if output.status.success() { code } else { String::new() }
    }

    /// Insists that nginx answers on both ports: nothing stands behind it, so that TLS ends in a 502.
    pub(crate) fn serves(&self, place: &str, address: &str) {
        let (plain, tls) = (format!("http://{address}/"), format!("https://{address}/"));
        let code = self.http(place, &plain);
        assert_eq!(code, "301", "from {place} to {plain}: {}", self.ways());
        assert_eq!(self.http(place, &tls), "502", "from {place} to {tls}");
    }

    /// Returns what the router and the container know of the ways of packets, for who reads a failure.
    pub(crate) fn ways(&self) -> String {
        let neighbours = self.says("router", &["ip", "neigh"]);
        neighbours + &self.says("101", &["ip", "neigh"]) + &self.says("101", &["ip", "route"])
    }

    /// Returns the Ethernet address by which the LAN client reaches a public address.
    pub(crate) fn neighbour(&self, public: &str) -> String {
        self.says("lan", &["ip", "neigh", "flush", "dev", "eth0"]);
        self.serves("lan", public);
        let shown = self.says("lan", &["ip", "-json", "neigh", "show", public]);
        let shown = serde_json::from_str::<serde_json::Value>(&shown).unwrap();
        shown[0]["lladdr"].as_str().unwrap_or_default().to_owned()
    }

    /// Insists that the LAN client always meets the declared Ethernet address, and never the private port.
    pub(crate) fn is_guarded(&self, public: &str) {
        let seen = (0..20).map(|_| self.neighbour(public)).collect::<Vec<_>>();
        assert!(seen.iter().all(|mac| mac == MAC), "{seen:?}");
        let private = format!("http://{public}:8080/");
        // Each waits for an answer that does not come, so they wait together.
        let seen = std::thread::scope(|scope| {
            let tries = (0..10).map(|_| scope.spawn(|| self.http("lan", &private)));
            let tries = tries.collect::<Vec<_>>();
            tries.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(seen.iter().all(String::is_empty), "{seen:?}");
    }

    pub(crate) fn set_rp_filter(&self, value: &str) {
        let write = "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo $1 >$f; done";
        for place in ["node", "101"] {
            self.says(place, &["sh", "-c", write, "sh", value]);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.phoenix(&["lab", "down"]).output().unwrap();
    }
}

/// Says why a test is not run. It is written past the capture of tests that pass: who runs the tests must know
/// what was not tested.
pub(crate) fn skip(test: &str, why: &str) {
    let line = format!("{test} is skipped: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Returns the first of some programs that is not installed, with its package.
pub(crate) fn missing(programs: &[(&str, &str)]) -> Option<String> {
    let there = |program: &str| PATH.split(':').any(|f| Path::new(f).join(program).exists());
    let missing = programs.iter().find(|(program, _)| !there(program));
    missing.map(|(program, package)| format!("`{program}` is not installed (Debian: {package})"))
}

/// Says why the tests cannot run on this machine.
pub(crate) fn cannot_run() -> Option<String> {
    if let Some(why) = missing(&PROGRAMS) {
        return Some(why);
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "ip", "link", "add", "name", "br0", "type", "bridge"]);
    let works = command.env("PATH", PATH).stderr(Stdio::null()).status();
    let works = works.is_ok_and(|status| status.success());
    (!works)
        .then(|| "network namespaces and bridges cannot be made here: run it as root".to_owned())
}

/// Copies the macvlan example, with a private port added to the gateway's site.
pub(crate) fn example(scratch: &Path) -> PathBuf {
    example_of(scratch, "macvlan-upgrade")
}

/// Copies an example as it is.
pub(crate) fn copy_of(scratch: &Path, name: &str) -> PathBuf {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name), scratch)
}

/// Copies a folder as it is.
pub(crate) fn copy(source: &Path, scratch: &Path) -> PathBuf {
    let copy = scratch.join(source.file_name().unwrap());
    let copied = Command::new("cp").arg("-a").args([source, &copy]).status();
    assert!(copied.unwrap().success());
    copy
}

/// Copies an example, with a private port added to the gateway's site.
pub(crate) fn example_of(scratch: &Path, name: &str) -> PathBuf {
    let copy = copy_of(scratch, name);
    let site = copy.join("node/guests/101/fs/etc/nginx/sites-available/gateway");
    let mut site = fs::OpenOptions::new().append(true).open(site).unwrap();
    site.write_all(PRIVATE.as_bytes()).unwrap();
    copy
}

//! The trust stack with real programs: an ACME server in the place of step-ca, started by phoenix's own unit, gives
//! real Traefik, which phoenix put into its container and started by its unit with the configuration that it
//! generated, a certificate through the gateway.
//!
//! The gateway's site is a file of the operator's, which phoenix has put there, and with which it has started nginx.
//!
//! The ACME server is Caddy's, which is the library of step-ca's. Its root certificate is made by the test and stands
//! where step-ca has it, so that phoenix finds it there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Lab, cannot_run, copy, missing, skip};

/// What is run beside the programs of every lab.
const PROGRAMS: [(&str, &str); 3] = [
    ("caddy", "caddy"),
    ("dnsmasq", "dnsmasq-base"),
    ("update-ca-certificates", "ca-certificates"),
];

/// Where `cargo xtask test` brings Traefik, below the root of the workspace.
const TRAEFIK: &str = "target/tools/traefik";

/// Where the guests have what the test makes.
const AUTHORITY: &str = "node/guests/103/fs/etc/step-ca";
const GATEWAY: &str = "node/guests/101/fs/etc/nginx/ssl";

/// The service that is routed.
const SHOP: &str = "https://shop.int.example/";

/// Where the client has the authority's root certificate.
const ROOT: &str = "/root.crt";

/// How long Traefik may take for a certificate, and for a change of its routes.
const GRACE: Duration = Duration::from_secs(30);

fn openssl(folder: &Path, args: &[&str]) {
    let mut command = Command::new("openssl");
    command.args(args).current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes the authority's root certificate, and one of the gateway's own by it.
fn certificates(config: &Path) {
    let (authority, gateway) = (config.join(AUTHORITY), config.join(GATEWAY));
    for folder in [&authority.join("certs"), &authority.join("secrets"), &gateway] {
        fs::create_dir_all(folder).unwrap();
    }
    let request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    let made = |more: &[&str]| openssl(config, &[request.as_slice(), &["-nodes"], more].concat());
    let (root, key) = (authority.join("certs/root_ca.crt"), authority.join("secrets/root_ca_key"));
    let (root, key) = (root.to_str().unwrap(), key.to_str().unwrap());
    made(&["-days", "10", "-subj", "/CN=Lab Root CA", "-keyout", key, "-out", root]);
    let of = |name: &str| gateway.join(name).to_str().unwrap().to_owned();
    let names = "subjectAltName=DNS:*.int.example";
    let leaf = ["-days", "5", "-subj", "/CN=gateway", "-addext", names];
    let by = ["-CA", root, "-CAkey", key, "-addext", "basicConstraints=critical,CA:FALSE"];
    let to = ["-keyout", &of("gateway.key"), "-out", &of("gateway.crt")];
    made(&[leaf.as_slice(), &by, &to].concat());
    fs::copy(root, of("root.crt")).unwrap();
}

/// Declares the digest of Traefik's program.
fn declare(config: &Path, traefik: &Path) {
    let output = Command::new("sha256sum").arg("--").arg(traefik).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let file = config.join("phoenix_hypervisor_config.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("$SHA256", said.split(' ').next().unwrap())).unwrap();
}

/// A lab in which the authority has its root certificate, and Traefik's program stands on the node.
struct Stack {
    config: PathBuf,
    lab: Lab,
}

impl Stack {
    fn up(scratch: &Path, traefik: &Path) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/acme");
        let config = copy(&folder, scratch);
        certificates(&config);
        declare(&config, traefik);
        let lab = Lab::new("c", &config);
        lab.must(&["lab", "up"]);
        let programs = lab.twin("fs/root/programs");
        fs::create_dir_all(&programs).unwrap();
        fs::copy(traefik, programs.join("traefik")).unwrap();
        let root = config.join(AUTHORITY).join("certs/root_ca.crt");
        fs::copy(root, lab.twin("guests/121/fs").join(&ROOT[1..])).unwrap();
        Self { config, lab }
    }

    /// Asks from a guest that trusts the authority's root alone; returns the answer, or the complaint.
    fn asks(&self, more: &[&str]) -> String {
        let curl = ["curl", "-sS", "-m", "5", "--fail", "--cacert", ROOT];
        let output = self.lab.exec("121", &[curl.as_slice(), more].concat());
        let said = if output.status.success() { output.stdout } else { output.stderr };
        String::from_utf8(said).unwrap()
    }

    /// Asks until the answer has what is wanted.
    fn answers(&self, wanted: &str, more: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let said = self.asks(more);
            if said.contains(wanted) {
                return said;
            }
            let log = || self.text("102/fs/var/log/traefik.log");
            assert!(begun.elapsed() < GRACE, "{more:?}: {said}\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn text(&self, path: &str) -> String {
        let path = self.lab.twin("guests").join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Returns where proc(5) has Traefik.
    fn process(&self) -> String {
        self.lab.says("102", &["sh", "-c", "grep -lx traefik /proc/[0-9]*/comm"])
    }
}

#[test]
fn traefik_gets_a_certificate_through_the_gateway() {
    let traefik = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(TRAEFIK);
    let no_traefik = || {
        let why = || format!("there is no `{TRAEFIK}`, which `cargo xtask test` fetches");
        (!traefik.exists()).then(why)
    };
    if let Some(why) = cannot_run().or_else(|| missing(&PROGRAMS)).or_else(no_traefik) {
        return skip("traefik_gets_a_certificate_through_the_gateway", &why);
    }
    let scratch = TempDir::new().unwrap();
    let stack = Stack::up(scratch.path(), &traefik);
    let applied = stack.lab.must(&["apply", "--yes"]);
    assert!(applied.contains("Settled"), "{applied}");
    program(&stack, &traefik);
    certificate(&stack);
    trust(&stack);
    dashboard(&stack);
    questions(&stack);
    route(&stack);
    nothing_amiss(&stack);
    wrong_site(&stack);
}

/// The program has come whole, is there to be run, and nothing of its way is left.
fn program(stack: &Stack, traefik: &Path) {
    let bin = stack.lab.twin("guests/102/fs/usr/local/bin");
    assert!(fs::read(bin.join("traefik")).unwrap() == fs::read(traefik).unwrap());
    let names = fs::read_dir(&bin).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["traefik"]);
    let stat = ["stat", "--format=%a %u:%g %F", "--", "/usr/local/bin/traefik"];
    assert_eq!(stack.lab.says("102", &stat), "755 0:0 regular file\n");
    let again = stack.lab.must(&["plan"]);
    assert!(again.contains("No changes."), "{again}");
}

/// The service is there by its name, with a certificate that the authority gave.
fn certificate(stack: &Stack) {
    stack.answers("the first shop\n", &[SHOP]);
    let name = stack.lab.says("121", &["getent", "hosts", "shop.int.example"]);
    assert!(name.starts_with("10.0.0.153 "), "{name}");
    // The gateway has looked at Traefik's certificate; this one sees it itself.
    let straight = ["--connect-to", "::10.0.0.12:443", "-o", "/dev/null", "-w", "%{certs}", SHOP];
    let shown = stack.answers("Subject:CN = shop.int.example", &straight);
    assert!(shown.contains("Issuer:CN = Lab Root CA"), "{shown}");
}

/// The gateway's site is the operator's own file; one that nginx refuses does not take the old one's place.
fn wrong_site(stack: &Stack) {
    let own = stack.config.join("nginx/gateway");
    let good = fs::read_to_string(&own).unwrap();
    assert_eq!(stack.text("101/fs/etc/nginx/sites-available/gateway"), good);
    assert!(!stack.lab.twin("guests/101/fs/etc/nginx/sites-enabled/default").is_symlink());
    fs::write(&own, good.replace("return 301", "no_such_directive 301")).unwrap();
    let output = stack.lab.phoenix(&["apply", "--yes"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && said.contains("no_such_directive"), "{said}");
    assert_eq!(stack.text("101/fs/etc/nginx/sites-available/gateway"), good);
    stack.answers("the second shop\n", &[SHOP]);
}

/// The authority has asked through the gateway for both names, and got its answers from Traefik.
fn questions(stack: &Stack) {
    let log = stack.text("101/fs/var/log/nginx/access.log");
    let is_question = |line: &&str| line.contains("\"GET /.well-known/acme-challenge/");
    let questions = log.lines().filter(is_question).collect::<Vec<_>>();
    let is_answered = |line: &&str| line.starts_with("10.0.0.10 ") && line.contains("\" 200 ");
    assert!(questions.len() >= 2 && questions.iter().all(is_answered), "{log}");
    assert!(log.lines().any(|line| line.contains("\"GET / HTTP/1.1\" 200")), "{log}");
}

/// The root certificate is in the container's trust store and on the shared folder.
fn trust(stack: &Stack) {
    let directory = "https://ca.int.example:9000/acme/acme/directory";
    let said = stack.lab.says("102", &["curl", "-sS", "-m", "5", "--fail", directory]);
    assert!(said.contains("newOrder"), "{said}");
    let root = stack.text("103/fs/etc/step-ca/certs/root_ca.crt");
    let shared = stack.lab.twin("fs/mnt/shared/ssl/phoenix_root_ca.crt");
    assert_eq!(fs::read_to_string(shared).unwrap(), root);
}

/// The dashboard has its own name, which no guest bears, and a certificate for it.
fn dashboard(stack: &Stack) {
    let said = stack.answers("<!DOCTYPE html>", &["https://traefik.int.example/dashboard/"]);
    assert!(said.contains("Traefik"), "{said}");
}

/// Traefik takes a changed route while it runs.
fn route(stack: &Stack) {
    let process = stack.process();
    let file = stack.config.join("phoenix_lxc_configs.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("8000", "8001", 1)).unwrap();
    let applied = stack.lab.must(&["apply", "--yes"]);
    assert!(applied.contains("1 of 1 actions done"), "{applied}");
    stack.answers("the second shop\n", &[SHOP]);
    assert_eq!(stack.process(), process, "it was restarted");
}

/// Traefik has understood all of its configuration, and looks at certificates in time.
fn nothing_amiss(stack: &Stack) {
    let log = stack.text("102/fs/var/log/traefik.log");
    let amiss = log.lines().filter(|line| line.contains(" ERR "));
    assert_eq!(amiss.collect::<Vec<_>>(), Vec::<&str>::new());
    // Those of step-ca are good for a day.
    let renewal =
        "Attempt to renew certificates \"6h0m0s\" before expiry and check every \"10m0s\"";
    assert!(log.contains(renewal), "{log}");
}

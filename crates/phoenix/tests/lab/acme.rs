//! The trust stack with real programs: an ACME server in the place of step-ca, started by phoenix's own unit, gives
//! real Traefik, started with the configuration that phoenix generated, a certificate through the gateway.
//!
//! The ACME server is Caddy's, which is the library of step-ca's. Its root certificate is made by the test and stands
//! where step-ca has it, so that phoenix finds it there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Lab, cannot_run, copy, missing, skip};

const TEST: &str = "traefik_gets_a_certificate_through_the_gateway";

/// What is run beside the programs of every lab.
const PROGRAMS: [(&str, &str); 4] = [
    ("caddy", "caddy"),
    ("dnsmasq", "dnsmasq-base"),
    ("update-ca-certificates", "ca-certificates"),
    ("pidof", "sysvinit-utils"),
];

/// Where `cargo xtask test` brings Traefik, below the root of the workspace.
const TRAEFIK: &str = "target/tools/traefik";

/// Where the guests have what the test makes.
const AUTHORITY: &str = "node/guests/103/fs/etc/step-ca";
const GATEWAY: &str = "node/guests/101/fs/etc/nginx/ssl";

const URL: &str = "https://shop.int.example/";

/// How long Traefik may take for a certificate, and for a change of its routes.
const GRACE: Duration = Duration::from_secs(30);

fn traefik() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(TRAEFIK)
}

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

/// Asks for the shop from a guest that trusts the authority's root alone; returns the body, or the complaint.
fn shop(lab: &Lab, root: &str, more: &[&str]) -> String {
    let curl = ["curl", "-sS", "-m", "5", "--fail", "--cacert", root];
    let output = lab.exec("121", &[curl.as_slice(), more, &[URL]].concat());
    let said = if output.status.success() { output.stdout } else { output.stderr };
    String::from_utf8(said).unwrap()
}

/// Waits until the shop says something.
fn wait_for(lab: &Lab, root: &str, wanted: &str) {
    let begun = Instant::now();
    loop {
        let said = shop(lab, root, &[]);
        if said == wanted {
            return;
        }
        let log = || fs::read_to_string(lab.twin("../log/102")).unwrap();
        assert!(begun.elapsed() < GRACE, "{said}\n{}", log() + &traefik_log(lab));
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn traefik_log(lab: &Lab) -> String {
    // There is none before it runs.
    fs::read_to_string(lab.twin("guests/102/fs/var/log/traefik.log")).unwrap_or_default()
}

#[test]
fn traefik_gets_a_certificate_through_the_gateway() {
    let traefik = traefik();
    let no_traefik = || {
        (!traefik.exists())
            .then(|| format!("there is no `{TRAEFIK}`, which `cargo xtask test` fetches"))
    };
    if let Some(why) = cannot_run().or_else(|| missing(&PROGRAMS)).or_else(no_traefik) {
        return skip(TEST, &why);
    }
    let scratch = TempDir::new().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/acme");
    let config = copy(&folder, scratch.path());
    certificates(&config);
    let root = config.join(AUTHORITY).join("certs/root_ca.crt");
    let root = root.to_str().unwrap();
    let lab = Lab::new("c", &config);
    lab.must(&["lab", "up"]);
    let programs = lab.twin("guests/102/fs/usr/local/bin");
    fs::create_dir_all(&programs).unwrap();
    fs::copy(&traefik, programs.join("traefik")).unwrap();
    // The guest that asks must be able to read it.
    fs::copy(root, lab.twin("guests/121/fs/root.crt")).unwrap();
    let said = lab.must(&["apply", "--yes"]);
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
    wait_for(&lab, "/root.crt", "the first shop\n");
}

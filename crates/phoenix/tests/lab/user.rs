//! A lab of a user who is not root: the same upgrade, in a user namespace.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{Lab, cannot_run, copy_of, example, missing, skip};
use crate::{killed, upgrade};

/// Users that no machine has begin here.
const USERS: u32 = 2_000_000_000;

/// What makes root somebody else.
const SETPRIV: (&str, &str) = ("setpriv", "util-linux");

/// Somebody who is not root, with a copy of phoenix and of the example.
struct User {
    number: u32,
    scratch: TempDir,
}

impl User {
    /// Makes up a user of this test, so that tests and test runs do not meet.
    fn new(number: u32) -> Self {
        let scratch = TempDir::new().unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // The folder in which it was built may be closed to others.
        fs::copy(env!("CARGO_BIN_EXE_phoenix"), scratch.path().join("phoenix")).unwrap();
        Self { number: USERS + 10 * std::process::id() + number, scratch }
    }

    fn lab(&self, letter: &str) -> Lab {
        self.lab_of(letter, example)
    }

    fn lab_of(&self, letter: &str, example: impl Fn(&Path) -> PathBuf) -> Lab {
        let scratch = self.scratch.path().join(letter);
        fs::create_dir(&scratch).unwrap();
        let user = format!("--reuid={}", self.number);
        let group = format!("--regid={}", self.number);
        let by = ["setpriv", &user, &group, "--clear-groups", "--"].map(Into::into);
        let program = self.scratch.path().join("phoenix").into_os_string();
        let lab = Lab::new(letter, &example(&scratch));
        lab.run_by(by.into_iter().chain([program]).collect())
    }

    /// Returns what the machine has of this user: running processes, and the folder of the labs.
    fn traces(&self) -> Vec<PathBuf> {
        let room = PathBuf::from(format!("/tmp/phoenix-lab-{}", self.number));
        let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let own = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|found| found.uid() == self.number)
                // One that has ended, and that nobody has asked for yet, has no command line.
                && fs::read(path.join("cmdline")).is_ok_and(|line| !line.is_empty())
        };
        processes.filter(own).chain(room.exists().then_some(room)).collect()
    }
}

/// Says why nobody but root can have a lab on this machine, or why that cannot be tried.
fn cannot_run_as_user() -> Option<String> {
    let works = |by: &[&str]| {
        let mut command = Command::new(by[0]);
        command.args(&by[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let number = USERS.to_string();
    let (user, group) = (format!("--reuid={number}"), format!("--regid={number}"));
    let alone = ["unshare", "--user", "--map-root-user", "--net", "--mount", "true"];
    let by = [["setpriv", &user, &group, "--clear-groups"].as_slice(), &alone].concat();
    let refused = || (!works(&by)).then(|| "users cannot make user namespaces here".to_owned());
    cannot_run().or_else(|| missing(&[SETPRIV])).or_else(refused)
}

#[test]
fn a_user_upgrades_in_a_lab() {
    if let Some(why) = cannot_run_as_user() {
        return skip("a_user_upgrades_in_a_lab", &why);
    }
    let user = User::new(1);
    let lab = user.lab("u");
    lab.must(&["lab", "up"]);
    assert!(!Path::new("/run/phoenix-lab").join(&lab.name).exists(), "it is in a room of its own");
    upgrade(&lab);
    assert_eq!(lab.exec("101", &["sh", "-c", "exit 7"]).status.code(), Some(7));
    let refused = lab.phoenix(&["lab", "up", "--lxc"]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("need root"), "{refused:?}");
    lab.must(&["lab", "down"]);
    assert_eq!(user.traces(), Vec::<PathBuf>::new());
}

#[test]
fn a_user_has_a_dns_server() {
    let missing = || missing(&[("dnsmasq", "dnsmasq-base")]);
    if let Some(why) = cannot_run_as_user().or_else(missing) {
        return skip("a_user_has_a_dns_server", &why);
    }
    let user = User::new(3);
    let lab = user.lab_of("d", |scratch| copy_of(scratch, "dns-fresh"));
    lab.must(&["lab", "up"]);
    lab.must(&["apply", "--yes"]);
    let answer = lab.says("node", &["getent", "hosts", "git.internal.example.com"]);
    assert!(answer.starts_with("10.0.0.12 "), "{answer}");
    lab.must(&["lab", "down"]);
    assert_eq!(user.traces(), Vec::<PathBuf>::new());
}

#[test]
fn nothing_stays_of_a_user_whatever_was_killed() {
    if let Some(why) = cannot_run_as_user() {
        return skip("nothing_stays_of_a_user_whatever_was_killed", &why);
    }
    let user = User::new(2);
    let lab = user.lab("w");
    killed(&lab, &["lab", "up"]);
    assert_eq!(user.traces(), Vec::<PathBuf>::new());
    lab.must(&["lab", "up"]);
    let other = user.lab("z");
    other.must(&["lab", "up"]);
    lab.must(&["lab", "down"]);
    assert!(other.must(&["lab", "status"]).contains(": up"));
    other.must(&["lab", "down"]);
    assert_eq!(user.traces(), Vec::<PathBuf>::new());
}

//! A guest agent on a socket, and a node whose virtual machine it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use phoenix_applier::{Effect, Expect, Limits, LocalNode, Node as _, NodeError};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output, Probe};

/// The number of the machine.
pub(crate) const VMID: &str = "1001";

/// Where the agent is.
const AGENT: &str = "/usr/sbin/qemu-ga";

/// How long the agent may take until it listens: 5 seconds.
const ATTEMPTS: u32 = 500;

/// The node, the agent of its machine, and a folder for the machine's files.
///
/// The agent sees this computer: the tests name nothing but paths in the folder.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    agent: Child,
}

impl Machine {
    /// Starts the agent; `None`, with a word about it, where it is not installed.
    #[expect(
        clippy::print_stderr,
        reason = "who runs the tests must know what they did not look at"
    )]
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(AGENT).exists() {
            eprintln!("skipped: there is no {AGENT}, which the package `qemu-guest-agent` brings");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["inside", "state", "node/usr/sbin"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let socket = folder.path().join("agent.socket");
        let mut command = Command::new(AGENT);
        command.args(["--method=unix-listen", "--path"]).arg(&socket);
        command.arg("--statedir").arg(folder.path().join("state"));
        command.env("SECRET", "of the agent").env("LC_ALL", "C.UTF-8");
        let agent = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..ATTEMPTS {
            if socket.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let machine = Self { folder, agent };
        machine.write_qm();
        Some(machine)
    }

    /// Writes a program `qm` that hands its arguments to this test program.
    fn write_qm(&self) {
        let folder = self.folder.path().display().to_string();
        let own = std::env::current_exe().unwrap().display().to_string();
        let text = format!(
            "#!/bin/sh\n\
             work=$(mktemp -d '{folder}/call-XXXXXX') || exit 9\n\
             printf '%s\\0' \"$@\" > \"$work/arguments\"\n\
             printf '%s' \"$LC_ALL\" > \"$work/language\"\n\
             PHOENIX_TEST_QM=\"$work\" '{own}' --exact qm::stand_in --nocapture > \"$work/log\" 2>&1\n\
             cat \"$work/errors\" >&2\n\
             cat \"$work/output\"\n\
             read -r code < \"$work/code\"\n\
             exit \"$code\"\n"
        );
        let path = self.folder.path().join("node/usr/sbin/qm");
        // Another process writes it: a copy of this one that is just being started would still have it open.
        let write = r#"printf '%s' "$1" > "$2" && chmod 755 "$2""#;
        let done = Command::new("/bin/sh").args(["-c", write, "sh", &text]).arg(path).status();
        assert!(done.unwrap().success());
    }

    pub(crate) fn stop(&mut self) {
        self.agent.kill().unwrap();
        self.agent.wait().unwrap();
    }

    pub(crate) fn node(&self) -> LocalNode {
        self.waiting(Duration::from_secs(30))
    }

    pub(crate) fn waiting(&self, wait: Duration) -> LocalNode {
        let node = LocalNode::with_root(self.folder.path().join("node")).unwrap();
        node.with_limits(Limits { lock: wait, probe: wait, change: wait })
    }

    /// Returns the path of a file in the machine.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("inside").join(name)
    }

    pub(crate) fn at(&self, name: &str) -> Location {
        let path = self.path(name).display().to_string();
        let path = path.trim_end_matches('/').parse().unwrap();
        Location::vm(VMID.parse().unwrap(), path)
    }

    pub(crate) fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o644)).unwrap();
    }

    pub(crate) fn put_on_node(&self, path: &str, text: &str) {
        let path = self.folder.path().join("node").join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Returns the names in a folder of the machine, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<_>>();
        names.sort();
        names
    }

    /// Returns the arguments of all calls of `qm`, a call a line.
    pub(crate) fn arguments(&self) -> String {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let files = entries.map(|entry| entry.unwrap().path().join("arguments"));
        let texts = files.filter_map(|file| fs::read_to_string(file).ok());
        texts.map(|text| text.replace('\0', " ") + "\n").collect()
    }

    pub(crate) fn ask(&self, probe: Probe) -> Answer {
        let mut answers = self.node().answer(&BTreeSet::from([probe.clone()]));
        answers.remove(&probe).unwrap()
    }

    pub(crate) fn read(&self, name: &str) -> Answer {
        self.ask(Probe::File(self.at(name)))
    }

    /// Returns what files hold that are asked for together.
    pub(crate) fn read_all<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> BTreeMap<String, Answer> {
        let probes = names.into_iter().map(|name| (Probe::File(self.at(name)), name.to_owned()));
        let probes = probes.collect::<BTreeMap<_, _>>();
        let answers = self.node().answer(&probes.keys().cloned().collect());
        answers.into_iter().map(|(probe, answer)| (probes[&probe].clone(), answer)).collect()
    }

    pub(crate) fn ask_program(&self, words: &[&str]) -> Answer {
        let argv = words.iter().map(|word| (*word).to_owned()).collect();
        self.ask(Probe::Run { place: Place::Vm(VMID.parse().unwrap()), argv })
    }

    pub(crate) fn write(
        &self,
        name: &str,
        expect: Expect<'_>,
        text: &str,
        mode: u32,
    ) -> Result<Output, NodeError> {
        let at = self.at(name);
        self.node().perform(Effect::Write { at: &at, expect, text, mode })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.agent.kill().ok();
        self.agent.wait().ok();
    }
}

//! A folder that plays a Proxmox VE node, and the helper process that some tests need.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use phoenix_applier::{Effect, Expect, Limits, LocalNode, Node as _, NodeError};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output, Probe};

/// A node `pve1` in a temporary folder.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["etc/pve/nodes/pve1/lxc", "etc/pve/nodes/pve1/qemu-server", "etc/pve/priv"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        for (name, to) in [("local", ""), ("lxc", "/lxc"), ("qemu-server", "/qemu-server")] {
            machine.link(&format!("/etc/pve/{name}"), &format!("nodes/pve1{to}"));
        }
        symlink("/bin", machine.path("/bin")).unwrap();
        machine
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn node(&self) -> LocalNode {
        self.waiting(Duration::from_millis(200))
    }

    /// Returns the node with a time that it waits for locks and programs.
    pub(crate) fn waiting(&self, wait: Duration) -> LocalNode {
        let node = LocalNode::with_root(self.folder.path()).unwrap();
        let slow = Duration::from_secs(30);
        node.with_limits(Limits { lock: wait, probe: slow, change: slow })
    }

    pub(crate) fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn link(&self, path: &str, to: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Returns the names in a folder, sorted.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Makes a program. Another process writes it: a copy of this one that is just being started
    /// would still have it open for writing, and then it cannot be run.
    pub(crate) fn program(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = r#"printf '%s' "$1" > "$2" && chmod 755 "$2""#;
        let done = Command::new("/bin/sh").args(["-c", write, "sh", text]).arg(path).status();
        assert!(done.unwrap().success());
    }

    /// Makes a running container: its files are below `/proc/<pid>/root`.
    pub(crate) fn start_guest(&self, vmid: u32, pid: u32, id_map: &str) -> String {
        let process = format!("/proc/{pid}");
        fs::create_dir_all(self.path(&format!("{process}/root/etc"))).unwrap();
        self.put(&format!("{process}/uid_map"), id_map);
        self.put(&format!("{process}/gid_map"), id_map);
        self.put(&format!("/etc/pve/nodes/pve1/lxc/{vmid}.conf"), "hostname: guest\n");
        self.put(&format!("/pids/{vmid}"), format!("{pid}\n"));
        let pids = self.path("/pids");
        let info = format!(
            "#!/bin/sh\n[ \"$1 $3 $4\" = '--name --pid --no-humanize' ] || exit 9\n\
             read -r pid < '{}'/\"$2\" && echo \"$pid\"\n",
            pids.display()
        );
        self.program("/usr/bin/lxc-info", &info);
        let pct = "#!/bin/sh\n[ \"$1 $3\" = 'exec --' ] || exit 9\necho \"in $2\" >&2\n\
                   shift 3\nexec \"$@\"\n";
        self.program("/usr/sbin/pct", pct);
        format!("{process}/root")
    }
}

/// Returns an id map that has only the user who runs the test, as the guest's root.
pub(crate) fn own_ids() -> String {
    format!("0 {} 1\n", rustix::process::geteuid().as_raw())
}

/// Returns a location in a guest.
pub(crate) fn in_guest(vmid: u32, path: &str) -> Location {
    Location::guest(phoenix_formats::Vmid::new(vmid).unwrap(), path.parse().unwrap())
}

pub(crate) fn ask(node: &mut LocalNode, probe: Probe) -> Answer {
    let mut answers = node.answer(&BTreeSet::from([probe.clone()]));
    answers.remove(&probe).unwrap()
}

pub(crate) fn read(node: &mut LocalNode, at: &Location) -> Answer {
    ask(node, Probe::File(at.clone()))
}

pub(crate) fn ask_program(node: &mut LocalNode, argv: &[&str]) -> Answer {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    ask(node, Probe::Run { place: Place::Node, argv })
}

pub(crate) fn write(
    node: &mut LocalNode,
    at: &Location,
    expect: Expect<'_>,
    text: &str,
) -> Result<Output, NodeError> {
    node.perform(Effect::Write { at, expect, text, mode: 0o644 })
}

/// Returns why a change was refused.
pub(crate) fn refusal(result: Result<Output, NodeError>) -> String {
    match result {
        Err(NodeError::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// Returns why something could not be read.
pub(crate) fn unreadable(answer: Answer) -> String {
    match answer {
        Answer::Unreadable(why) => why,
        other => panic!("not unreadable: {other:?}"),
    }
}

/// A second process of this test program, which does one job.
pub(crate) struct Helper {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    _stdin: ChildStdin,
}

impl Helper {
    pub(crate) fn start(job: &str, argument: &std::path::Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "machine::helper", "--nocapture"]);
        command.env("PHOENIX_TEST_JOB", job).env("PHOENIX_TEST_ARGUMENT", argument);
        command.env("SSH_CONNECTION", crate::programs::SESSION);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        Self { child, lines, _stdin: stdin }
    }

    /// Waits until the helper says a word.
    pub(crate) fn hear(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "the helper ended early");
        }
    }

    /// Kills the helper wherever it is.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Does nothing, unless this is a helper process.
#[test]
fn helper() {
    let Ok(job) = std::env::var("PHOENIX_TEST_JOB") else { return };
    let argument = PathBuf::from(std::env::var_os("PHOENIX_TEST_ARGUMENT").unwrap());
    match job.as_str() {
        "hold" => crate::locks::hold(&argument),
        "write" => crate::killed::write_for_ever(&argument),
        "session" => crate::programs::tell_session(&argument),
        other => panic!("no such job: {other}"),
    }
}

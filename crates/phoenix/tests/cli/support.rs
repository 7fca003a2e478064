//! Runs the built program on a copy of an example, cut off from the machine that it runs on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What the temporary folder of a copy is called in a snapshot.
const EXAMPLE: &str = "$EXAMPLE";

/// Returns the root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the names of the folders in a folder of the workspace, in order.
pub(crate) fn folders(of: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(of)).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let mut names =
        folders.map(|entry| entry.file_name().into_string().unwrap()).collect::<Vec<_>>();
    names.sort();
    names
}

/// Runs a check on every name, several at a time, and fails with the names that failed.
pub(crate) fn each(names: Vec<String>, check: impl Fn(&str) + Sync) {
    const AT_A_TIME: usize = 4;
    let mut failed = Vec::new();
    for few in names.chunks(AT_A_TIME) {
        std::thread::scope(|scope| {
            let check = &check;
            let started = few.iter().map(|name| (name, scope.spawn(move || check(name))));
            let started = started.collect::<Vec<_>>();
            failed.extend(
                started.into_iter().filter_map(|(name, run)| run.join().err().map(|_| name)),
            );
        });
    }
    assert!(failed.is_empty(), "these fail: {failed:?}");
}

/// Compares a text with `snapshots/FOLDER/NAME.snap`.
pub(crate) fn compare(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(root().join("snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// A copy of an example in a temporary folder.
pub(crate) struct Copy {
    folder: TempDir,
    home: TempDir,
}

impl Copy {
    /// Copies `examples/NAME`.
    pub(crate) fn of(name: &str) -> Self {
        let copy = Self::empty();
        copy_tree(&root().join("examples").join(name), copy.path());
        copy
    }

    /// Returns an empty folder, for what needs no example.
    pub(crate) fn empty() -> Self {
        Self { folder: TempDir::new().unwrap(), home: TempDir::new().unwrap() }
    }

    /// Returns the folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the text of a file.
    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }

    /// Writes a file.
    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).unwrap();
    }

    /// Returns every file of the captured node with its bytes.
    pub(crate) fn node(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path().join("node"), &mut files);
        files
    }

    /// Runs phoenix on the example and its captured node.
    pub(crate) fn phoenix(&self, args: &[&str]) -> Run {
        self.bare(&[args, &["--config", ".", "--node-dir", "node"]].concat())
    }

    /// Runs phoenix in the folder, with these arguments only.
    pub(crate) fn bare(&self, args: &[&str]) -> Run {
        self.feed(env!("CARGO_BIN_EXE_phoenix"), args, None)
    }

    /// Runs a program in the folder; its PATH is empty, so that it can start no other.
    pub(crate) fn feed(&self, program: &str, args: &[&str], input: Option<&Path>) -> Run {
        let stdin = input.map_or_else(Stdio::null, |file| fs::File::open(file).unwrap().into());
        let output = Command::new(program)
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", self.home.path())
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("NO_COLOR", "1")
            .stdin(stdin)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&self.shown(), EXAMPLE);
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn shown(&self) -> String {
        self.path().display().to_string()
    }
}

/// What a run of the program has left behind.
#[must_use = "compare it with a snapshot, or assert its exit code"]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The exit code; nothing if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The result.
    pub(crate) stdout: String,
    /// The talk.
    pub(crate) stderr: String,
}

impl Run {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }

    /// Returns everything for a snapshot.
    pub(crate) fn shown(&self) -> String {
        let code = self.code.map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
        let stream = |name: &str, text: &str| match text {
            "" => String::new(),
            text => format!("\n--- {name}\n{text}"),
        };
        format!("exit {code}\n{}{}", stream("stdout", &self.stdout), stream("stderr", &self.stderr))
    }
}

/// Copies a folder; symbolic links stay links.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy_tree(&from, &to),
            kind if kind.is_symlink() => symlink(fs::read_link(&from).unwrap(), &to).unwrap(),
            _ => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.unwrap()) {
        let path = entry.path();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => collect(&path, files),
            kind if kind.is_symlink() => {
                let target = fs::read_link(&path).unwrap();
                drop(files.insert(path, target.into_os_string().into_encoded_bytes()));
            }
            _ => {
                let bytes = fs::read(&path).unwrap();
                drop(files.insert(path, bytes));
            }
        }
    }
}

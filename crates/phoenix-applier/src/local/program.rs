//! Runs programs: argument vectors, bounded output, bounded time.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use phoenix_formats::Vmid;
use phoenix_planner::probe::Output;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags, Signal};

/// How much of each output stream is kept: a large rule set prints a few MiB.
const OUTPUT_LIMIT: usize = 16 << 20;

/// How long a program may take to end when it is asked to, and to be gone when it is killed; one that
/// hangs in the kernel is left behind after that.
const GRACE: Duration = Duration::from_secs(5);

/// The program that tells what is in the environment, and the one variable that it gets to know of the
/// caller's: from where an operator is connected by ssh.
const ASKS_ENVIRONMENT: &str = "printenv";
const SSH_CONNECTION: &str = "SSH_CONNECTION";

/// The program that hands arguments on into virtual machines. It decodes them by its locale: in the language `C`
/// all but ASCII would be lost on the way.
const HANDS_ON: &str = "qm";

/// Where programs are looked for: the search path is not taken from the caller, who may come by `su`
/// without the `sbin` folders.
const FOLDERS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// What happens to a program that says more than is kept, or takes longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// It is killed: it only answers.
    Kill,
    /// What is too much is dropped, and it is asked to end before it is killed: it changes something.
    Drop,
}

/// Why a program has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It could not be started.
    #[error("{0}")]
    Start(#[source] io::Error),
    /// It did not end in time.
    #[error("it had not ended after {} seconds", .0.as_secs_f32())]
    TooLong(Duration),
    /// It said too much.
    #[error("it wrote more than {} MiB", OUTPUT_LIMIT >> 20)]
    TooMuch,
    /// Its output could not be read.
    #[error("its output cannot be read: {0}")]
    Broken(#[source] io::Error),
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Start(error) | Failure::Broken(error) => error,
            Failure::TooLong(_) => Self::new(io::ErrorKind::TimedOut, failure.to_string()),
            Failure::TooMuch => Self::new(io::ErrorKind::FileTooLarge, failure.to_string()),
        }
    }
}

/// Returns the argument vector that runs a program in a container, from the node.
pub(super) fn in_container(vmid: Vmid, argv: &[String]) -> Vec<String> {
    let enter = ["pct", "exec", &vmid.to_string(), "--"].map(str::to_owned);
    enter.into_iter().chain(argv.iter().cloned()).collect()
}

/// The programs of a node.
#[derive(Debug)]
pub(super) struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Takes the programs below a root folder.
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Runs a program to its end that reads nothing.
    pub(super) fn run(
        &self,
        argv: &[String],
        limit: Duration,
        excess: Excess,
    ) -> Result<Output, Failure> {
        self.feed(argv, Stdio::null(), limit, excess)
    }

    /// Runs a program to its end with a standard input.
    pub(super) fn feed(
        &self,
        argv: &[String],
        input: Stdio,
        limit: Duration,
        excess: Excess,
    ) -> Result<Output, Failure> {
        tracing::debug!(?argv, "run");
        let child = self.command(argv).and_then(|mut command| command.stdin(input).spawn());
        let result = Running::new(child.map_err(Failure::Start)?, limit, excess)?.finish();
        match &result {
            Ok(output) => tracing::debug!(program = argv[0], exit = output.exit, "ended"),
            Err(failure) => tracing::debug!(program = argv[0], %failure, "no result"),
        }
        result
    }

    /// Prepares a program: its environment is made from nothing, so that the caller's secrets do not
    /// reach a guest, and its process group is its own, so that Ctrl-C does not kill it half-way.
    fn command(&self, argv: &[String]) -> io::Result<Command> {
        let (name, rest) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(self.find(name)?);
        command.arg0(name).args(rest).env_clear().current_dir("/");
        let language = if name == HANDS_ON { "C.UTF-8" } else { "C" };
        command.env("PATH", self.path()).env("LC_ALL", language).env("HOME", "/root");
        if name == ASKS_ENVIRONMENT {
            command.envs(std::env::var_os(SSH_CONNECTION).map(|value| (SSH_CONNECTION, value)));
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        Ok(command)
    }

    fn find(&self, name: &str) -> io::Result<PathBuf> {
        let missing =
            || io::Error::new(io::ErrorKind::NotFound, format!("`{name}` is not installed"));
        if name.contains('/') {
            let path = self.below(name);
            return if path.exists() { Ok(path) } else { Err(missing()) };
        }
        let named = FOLDERS.iter().map(|folder| self.below(folder).join(name));
        named.filter(|_| !name.is_empty()).find(|path| is_program(path)).ok_or_else(missing)
    }

    fn below(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Returns the search path of programs that run other programs.
    fn path(&self) -> String {
        let own = FOLDERS.map(|folder| self.below(folder).display().to_string());
        if self.root == Path::new("/") {
            own.join(":")
        } else {
            [own, FOLDERS.map(str::to_owned)].concat().join(":")
        }
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// A started program.
struct Running {
    child: Child,
    end: OwnedFd,
    streams: [Stream; 2],
    limit: Duration,
    excess: Excess,
}

impl Running {
    fn new(mut child: Child, limit: Duration, excess: Excess) -> Result<Self, Failure> {
        let pid = Pid::from_child(&child);
        let broken = |error: rustix::io::Errno| Failure::Broken(error.into());
        let end = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(broken)?;
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        let streams = [Stream::new(stdout).map_err(broken)?, Stream::new(stderr).map_err(broken)?];
        Ok(Self { child, end, streams, limit, excess })
    }

    /// Waits for the end and collects what is said until then.
    fn finish(mut self) -> Result<Output, Failure> {
        let deadline = Instant::now() + self.limit;
        while !self.wait(deadline).map_err(Failure::Broken)? {
            if self.excess == Excess::Kill && self.streams.iter().any(|stream| stream.lost) {
                self.stop();
                return Err(Failure::TooMuch);
            }
            if Instant::now() >= deadline {
                self.stop();
                return Err(Failure::TooLong(self.limit));
            }
        }
        let status = self.child.wait().map_err(Failure::Broken)?;
        self.rest()?;
        Ok(self.output(status))
    }

    /// Waits until something happens, and returns whether the program has ended.
    fn wait(&mut self, deadline: Instant) -> io::Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        let mut fds = vec![PollFd::new(&self.end, PollFlags::IN)];
        let open = self.streams.iter().filter_map(|stream| stream.pipe.as_ref());
        fds.extend(open.map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(false),
            polled => polled?,
        };
        let ended = !fds[0].revents().is_empty();
        self.streams.iter_mut().try_for_each(|stream| stream.pump().map(drop))?;
        Ok(ended)
    }

    /// Takes what is still in the pipes of a program that has ended. A daemon that it left behind may
    /// keep them open, so their end is not waited for.
    fn rest(&mut self) -> Result<(), Failure> {
        for stream in &mut self.streams {
            while !stream.lost && stream.pump().map_err(Failure::Broken)? {}
        }
        let lost = self.excess == Excess::Kill && self.streams.iter().any(|stream| stream.lost);
        if lost { Err(Failure::TooMuch) } else { Ok(()) }
    }

    /// Ends the program and all that it started in its process group.
    fn stop(&mut self) {
        if self.excess == Excess::Drop {
            self.signal(Signal::TERM);
        }
        self.signal(Signal::KILL);
    }

    fn signal(&mut self, signal: Signal) {
        // It may have ended by itself just now.
        rustix::process::kill_process_group(Pid::from_child(&self.child), signal).ok();
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            match self.wait(deadline) {
                Ok(false) => {}
                Ok(true) | Err(_) => break,
            }
        }
        if signal == Signal::KILL {
            self.child.try_wait().ok();
        }
    }

    fn output(self, status: ExitStatus) -> Output {
        let by_signal = || 128 + status.signal().unwrap_or_default();
        let exit = status.code().unwrap_or_else(by_signal);
        let [stdout, stderr] = self.streams.map(Stream::text);
        Output { exit, stdout, stderr }
    }
}

/// One output stream of a program.
struct Stream {
    pipe: Option<std::fs::File>,
    kept: Vec<u8>,
    lost: bool,
}

impl Stream {
    fn new(pipe: Option<OwnedFd>) -> Result<Self, rustix::io::Errno> {
        if let Some(pipe) = &pipe {
            rustix::fs::fcntl_setfl(pipe, OFlags::NONBLOCK)?;
        }
        Ok(Self { pipe: pipe.map(Into::into), kept: Vec::new(), lost: false })
    }

    /// Takes one piece of what is there, and returns whether there may be more at once.
    fn pump(&mut self) -> io::Result<bool> {
        let Some(pipe) = &mut self.pipe else { return Ok(false) };
        let mut piece = [0; 1 << 16];
        match pipe.read(&mut piece) {
            Ok(0) => self.pipe = None,
            Ok(length) => self.keep(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(self.pipe.is_some())
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = OUTPUT_LIMIT - self.kept.len();
        self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
        self.lost |= piece.len() > room;
    }

    /// Returns the output as text. Programs speak ASCII under `LC_ALL=C`; what is not UTF-8 in names
    /// they print becomes U+FFFD.
    fn text(self) -> String {
        String::from_utf8(self.kept)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

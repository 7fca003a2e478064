//! Runs one program, and measures it as a whole: from its start until it has ended.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::{ResourceUsage, Wait4};

/// What a program is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Plan,
    Apply,
}

impl Verb {
    /// Returns the word of the command line.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }
}

/// One run of one program.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Its command line.
    pub(super) line: String,
    /// How long it took, by the clock.
    pub(super) time: Duration,
    /// How much time it had of a processor, its own and the kernel's for it.
    pub(super) processor: Duration,
    /// The most memory that it had at once, in KiB.
    pub(super) memory: u64,
}

/// One run of either program, right after each other.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) phoenix: Run,
    pub(super) baseline: Run,
}

impl Run {
    pub(super) fn phoenix(
        program: &Path,
        verb: Verb,
        config: &Path,
        node: &Path,
    ) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.arg(verb.as_str()).arg("--config").arg(config).arg("--node-dir").arg(node);
        if verb == Verb::Apply {
            command.arg("--yes");
        }
        Self::of(command)
    }

    pub(super) fn baseline(
        program: &Path,
        verb: Verb,
        config: &Path,
        node: &Path,
    ) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.arg(verb.as_str()).arg(config).arg(node);
        Self::of(command)
    }

    fn of(mut command: Command) -> Result<Self, String> {
        // Nobody reads along: a slow reader would be measured too.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let line = format!("{command:?}");
        let begun = Instant::now();
        let ended = command.spawn().and_then(|mut child| child.wait4());
        let time = begun.elapsed();
        match ended {
            Ok(ended) if ended.status.success() => {
                let ResourceUsage { utime, stime, maxrss } = ended.rusage;
                Ok(Self { line, time, processor: utime + stime, memory: maxrss >> 10 })
            }
            Ok(ended) => Err(format!("`{line}` failed: {}", ended.status)),
            Err(error) => Err(format!("cannot run `{line}`: {error}")),
        }
    }
}

//! Reaches into a running virtual machine by its guest agent: `qm guest exec`.
//!
//! The only way in is to run a program there and to hear how it ended; files are read and written by such
//! programs, in [`files`]. What a file holds travels by standard input and output, never in an argument.
//! Links in the machine are followed in the machine, so that they cannot lead to the node.
//!
//! What is known of `qm guest exec`: it ends with 0 when the program could be started, whatever became of
//! it, and says that in JSON; it looks once a second whether the program has ended, and when the time is
//! over it prints the number of the process, which goes on. It hands over at most 1 MiB of input. The agent
//! keeps 16 MiB of each output stream. The environment of the program is made from nothing here, as it is
//! on the node: the agent's own may have another language.
//!
//! Deliberately not understood: machines whose agent is set to run no programs, Windows, and tools that are
//! not GNU's; all of them are told as they say it.

mod answer;
mod files;

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use phoenix_formats::Vmid;
use phoenix_planner::location::Place;
use phoenix_planner::probe::{Answer, Output};

use self::answer::Ended;
use super::program::{Excess, Failure, Tools};
use crate::node::NodeError;

/// How much longer than the program `qm` itself may take: the agent has seconds to answer each call.
const MARGIN: Duration = Duration::from_secs(15);

/// What programs find in the machine: the same as on the node.
const ENVIRONMENT: [&str; 5] = [
    "/usr/bin/env",
    "--ignore-environment",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C",
    "HOME=/root",
];

/// Why a program has no result.
#[derive(Debug)]
enum Silence {
    /// The machine cannot be reached: a lower-case fragment says why.
    Unreachable(String),
    /// The program was started, and its result did not come.
    Lost(io::Error),
}

impl Silence {
    fn into_error(self, vmid: Vmid, argv: &[String]) -> NodeError {
        match self {
            Self::Unreachable(why) => NodeError::Unreachable { place: Place::Vm(vmid), why },
            Self::Lost(source) => {
                let program = argv.first().cloned().unwrap_or_default();
                NodeError::Program { program, source }
            }
        }
    }
}

/// The way into one virtual machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agent<'a> {
    tools: &'a Tools,
    vmid: Vmid,
    /// How long a program may take that only answers, or handles one file.
    limit: Duration,
}

impl<'a> Agent<'a> {
    /// Returns the way into a machine, whether it is open or not.
    pub(super) fn new(tools: &'a Tools, vmid: Vmid, limit: Duration) -> Self {
        Self { tools, vmid, limit }
    }

    /// Runs a program in the machine to its end.
    pub(super) fn run(
        &self,
        argv: &[String],
        input: Option<OwnedFd>,
        limit: Duration,
    ) -> Result<Output, NodeError> {
        let ended = self.exec(argv, input, limit, Excess::Drop);
        ended.map(|ended| ended.output).map_err(|silence| silence.into_error(self.vmid, argv))
    }

    /// Runs a program in the machine that only answers.
    pub(super) fn ask_program(&self, argv: &[String]) -> Answer {
        match self.exec(argv, None, self.limit, Excess::Kill) {
            Ok(ended) if ended.is_cut => Answer::Unreadable("it wrote too much".to_owned()),
            Ok(ended) => Answer::Ran(ended.output),
            Err(Silence::Unreachable(why)) => Answer::Unreachable(why),
            Err(Silence::Lost(error)) => Answer::Unreadable(error.to_string()),
        }
    }

    fn exec(
        &self,
        argv: &[String],
        input: Option<OwnedFd>,
        limit: Duration,
        excess: Excess,
    ) -> Result<Ended, Silence> {
        let whole = self.command(argv, limit, input.is_some());
        let input = input.map_or_else(Stdio::null, Stdio::from);
        let output = self.tools.feed(&whole, input, limit + MARGIN, excess).map_err(unheard)?;
        if !output.success() {
            return Err(Silence::Unreachable(answer::refusal(&output.stderr)));
        }
        match answer::read(&output.stdout) {
            Ok(answer::Said::Ended(ended)) => Ok(ended),
            Ok(answer::Said::GoesOn(pid)) => Err(self.too_long(pid, limit, excess)),
            Err(why) => Err(Silence::Lost(io::Error::other(why))),
        }
    }

    fn command(&self, argv: &[String], limit: Duration, has_input: bool) -> Vec<String> {
        let seconds = limit.as_secs().max(1).to_string();
        let vmid = self.vmid.to_string();
        let mut words = vec!["qm", "guest", "exec", &vmid, "--timeout", &seconds];
        if has_input {
            words.extend(["--pass-stdin", "1"]);
        }
        words.push("--");
        let words = words.into_iter().chain(ENVIRONMENT).map(str::to_owned);
        words.chain(argv.iter().cloned()).collect()
    }

    /// Says that a program goes on in the machine; one that only answers is ended.
    fn too_long(&self, pid: u64, limit: Duration, excess: Excess) -> Silence {
        let seconds = limit.as_secs();
        let mut why = format!("it had not ended after {seconds} seconds");
        if excess == Excess::Kill {
            let kill = ["kill", "-KILL", &pid.to_string()].map(str::to_owned);
            let words = self.command(&kill, MARGIN, false);
            // It may have ended by itself just now.
            self.tools.run(&words, MARGIN * 2, excess).ok();
        } else {
            why = format!("{why}, and goes on in the machine as process {pid}");
        }
        Silence::Lost(io::Error::new(io::ErrorKind::TimedOut, why))
    }
}

/// Says why `qm` itself gave no answer.
fn unheard(failure: Failure) -> Silence {
    match failure {
        Failure::Start(error) => Silence::Unreachable(format!("`qm` cannot be run: {error}")),
        failure => Silence::Lost(failure.into()),
    }
}

//! The exit codes of phoenix, which scripts may rely on.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do, or declined at the prompt.
    Done,
    /// Wrong use, wrong input, or an error.
    Error,
    /// `plan --detailed-exitcode`: there are changes.
    Changes,
    /// The node has changed since the plan was made, or it is not the expected plan: nothing was done.
    Stale,
    /// Some actions failed, were blocked or left out.
    Incomplete,
    /// Everything was done, and a second plan still finds changes.
    Unsettled,
    /// Interrupted by the operator.
    Interrupted,
    /// `lab exec`: what the program in the lab ended with.
    Program(u8),
}

impl Exit {
    /// Returns the number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Stale => 3,
            Self::Incomplete => 4,
            Self::Unsettled => 5,
            // 128 plus the number of SIGINT, as shells have it.
            Self::Interrupted => 130,
            Self::Program(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

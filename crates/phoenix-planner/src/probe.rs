//! Questions to a node and its answers, as data.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::location::{Location, Place};

/// A program and its arguments: never a shell line of phoenix's own.
pub type Argv = Vec<String>;

/// Returns an argument vector from words.
pub fn argv<const N: usize>(words: [&str; N]) -> Argv {
    words.map(str::to_owned).to_vec()
}

/// Returns what runs a line that the operator has written for sh(1), as it is.
///
/// The only shell there is. Nothing is ever put into such a line, and the plan says whose it is.
pub fn operators_line(line: &str) -> Argv {
    argv(["/bin/sh", "-c", line])
}

/// One question to a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Probe {
    /// What does this file hold?
    File(Location),
    /// Which names are in this folder?
    List(Location),
    /// What does this program say? It must not change anything.
    Run {
        /// Where it runs.
        place: Place,
        /// The program and its arguments.
        argv: Argv,
    },
}

impl Probe {
    /// Returns the place that is asked.
    pub fn place(&self) -> Place {
        match self {
            Self::File(at) | Self::List(at) => at.place,
            Self::Run { place, .. } => *place,
        }
    }
}

/// What a program left when it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The exit status; 128 plus the signal's number when a signal ended it.
    pub exit: i32,
    /// Everything on its standard output.
    #[serde(default)]
    pub stdout: String,
    /// Everything on its standard error.
    #[serde(default)]
    pub stderr: String,
}

impl Output {
    /// Returns whether the program ended with status 0.
    pub fn success(&self) -> bool {
        self.exit == 0
    }
}

/// The answer to one [`Probe`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Answer {
    /// The text of a file.
    Text(String),
    /// The names in a folder, sorted.
    Names(Vec<String>),
    /// What a program said.
    Ran(Output),
    /// The addresses of a name, as a DNS server gave them.
    Addresses(Vec<IpAddr>),
    /// A connection was made, and closed again.
    Connected,
    /// There is no such file or folder.
    Absent,
    /// It is there and cannot be used: not UTF-8, too large, not permitted.
    Unreadable(String),
    /// The place itself cannot be asked, such as a stopped guest: a lower-case fragment says why.
    Unreachable(String),
}

/// All answers of one observation.
#[derive(Debug, Clone, Default)]
pub struct Facts(BTreeMap<Probe, Answer>);

impl Facts {
    /// Returns whether the probe has been answered.
    pub fn knows(&self, probe: &Probe) -> bool {
        self.0.contains_key(probe)
    }

    /// Returns the answer to a probe; one that was not asked counts as unreachable.
    pub fn answer(&self, probe: &Probe) -> Answer {
        self.0
            .get(probe)
            .cloned()
            .unwrap_or_else(|| Answer::Unreachable("it was not asked".to_owned()))
    }

    /// Returns the text of a file, if it is there and readable.
    pub fn text(&self, at: &Location) -> Option<&str> {
        match self.0.get(&Probe::File(at.clone())) {
            Some(Answer::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the names in a folder; none when it is absent.
    pub fn names(&self, at: &Location) -> &[String] {
        match self.0.get(&Probe::List(at.clone())) {
            Some(Answer::Names(names)) => names,
            _ => &[],
        }
    }

    /// Returns what a program said, if it could be asked.
    pub fn ran(&self, place: Place, argv: &[String]) -> Option<&Output> {
        match self.0.get(&Probe::Run { place, argv: argv.to_vec() }) {
            Some(Answer::Ran(output)) => Some(output),
            _ => None,
        }
    }

    /// Adds an answer.
    pub fn insert(&mut self, probe: Probe, answer: Answer) {
        self.0.insert(probe, answer);
    }

    /// Returns all probes with their answers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Probe, &Answer)> {
        self.0.iter()
    }
}

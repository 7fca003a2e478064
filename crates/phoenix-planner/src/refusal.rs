//! Why no plan can be made: what the node shows contradicts what is declared, or cannot be read.

use std::fmt;

use crate::location::Location;
use crate::source::Origin;

/// Where the cause of a refusal stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// In the operator's files.
    Declared(Origin),
    /// In a file of the node or a guest, at a line counted from 1.
    File(Location, Option<usize>),
    /// In the state of the node.
    Node,
}

/// One reason why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// Where the cause stands.
    pub cause: Cause,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do or to type: a sentence.
    pub help: String,
}

impl Refusal {
    /// Returns a refusal whose cause is a declared value.
    pub fn declared(origin: &Origin, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { cause: Cause::Declared(origin.clone()), message: message.into(), help: help.into() }
    }

    /// Returns a refusal whose cause is a file of the node or of a guest.
    pub fn file(
        at: &Location,
        line: Option<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { cause: Cause::File(at.clone(), line), message: message.into(), help: help.into() }
    }

    /// Returns a refusal whose cause is the state of the node.
    pub fn node(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { cause: Cause::Node, message: message.into(), help: help.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::File(at, Some(line)) => write!(f, "{at}:{line}: {}", self.message),
            Cause::File(at, None) => write!(f, "{at}: {}", self.message),
            Cause::Declared(_) | Cause::Node => f.write_str(&self.message),
        }
    }
}

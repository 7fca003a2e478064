//! What a codec has to say about a line that the real program would drop, keep with an error, or ignore.

use serde::Serialize;

/// Says what is wrong with one line of a file, without failing the whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Warning {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// What is wrong and what the real program does about it: a lower-case fragment.
    pub message: String,
}

impl Warning {
    /// Returns a warning about `line`, counted from 1.
    pub fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

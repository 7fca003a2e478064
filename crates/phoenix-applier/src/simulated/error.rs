//! Why a folder cannot play a node.

use std::io;
use std::path::PathBuf;

/// Says why a folder is no captured node.
#[derive(Debug, thiserror::Error)]
pub enum SimulatedNodeError {
    /// There is no such folder, or it is a file.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// The folder has no `fs` with the files of a node.
    #[error("`{}` is no captured node: it has no folder `fs`", path.display())]
    NoFiles {
        /// What was given.
        path: PathBuf,
    },
    /// The folder cannot be opened.
    #[error("cannot open `{}`", path.display())]
    Io {
        /// What was given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `node.json` or `answers.json` cannot be read at all.
    #[error("cannot read `{}`: {why}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why: a lower-case fragment.
        why: String,
    },
    /// `node.json` or `answers.json` is not what it has to be.
    #[error("`{}` line {line}: {message}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Number of the line, counted from 1.
        line: usize,
        /// What is wrong: a lower-case fragment.
        message: String,
    },
}

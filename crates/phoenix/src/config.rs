//! Finds and reads the operator's files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use phoenix_planner::source::{FileKind, Sources};

/// Where the operator's files are on a node that has been set up.
const INSTALLED: &str = "/usr/local/phoenix_hypervisor/etc";

/// The largest file that is read, in bytes: ten thousand guests take less than 40 MB, and a larger one
/// is a mistake that must not fill the memory.
const LARGEST: u64 = 64 << 20;

/// Returns the configuration folder: what was said, else the installed one, else this folder.
pub(crate) fn folder(said: Option<&Path>) -> PathBuf {
    match said {
        Some(folder) => folder.to_owned(),
        None if Path::new(INSTALLED).is_dir() => PathBuf::from(INSTALLED),
        None => PathBuf::from("."),
    }
}

/// Reads the operator's files of a folder, or says of every one that cannot be read why.
pub(crate) fn read(folder: &Path) -> Result<Sources, Vec<ConfigError>> {
    let mut sources = Sources::default();
    let mut errors = Vec::new();
    for kind in FileKind::ALL {
        let path = folder.join(kind.file_name());
        match read_text(&path) {
            Ok(text) => drop(sources.0.insert(kind, text.into())),
            Err(error) if error.is_absent() && !kind.is_required() => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(errors) }
}

/// Reads a text file of bounded size.
pub(crate) fn read_text(path: &Path) -> Result<String, ConfigError> {
    String::from_utf8(read_bytes(path)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        ConfigError::NotUtf8 { path: path.to_owned(), line, value: error.as_bytes()[valid] }
    })
}

/// Reads a file of bounded size to be looked at only: what is not UTF-8 becomes U+FFFD.
pub(crate) fn read_lossy(path: &Path) -> Result<String, ConfigError> {
    read_bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let cannot_read = |source| ConfigError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(cannot_read)?;
    let length = file.metadata().map_err(cannot_read)?.len();
    if length > LARGEST {
        return Err(ConfigError::TooLarge { path: path.to_owned(), length });
    }
    let mut bytes = Vec::new();
    // The bound holds for what has no length of its own too, such as a pipe.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > LARGEST {
        return Err(ConfigError::TooLarge { path: path.to_owned(), length: bytes.len() as u64 });
    }
    Ok(bytes)
}

/// Why one of the operator's files cannot be read.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum ConfigError {
    /// It cannot be opened or read.
    #[error("cannot read `{path}`", path = path.display())]
    #[diagnostic(help("Name the folder that holds it with --config DIR."))]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than any configuration.
    #[error("`{path}` is too large: {length} bytes, {LARGEST} at most", path = path.display())]
    #[diagnostic(help("Look whether this is the right file."))]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
    /// It is not UTF-8.
    #[error("`{path}` is not UTF-8: byte 0x{value:02x} in line {line}", path = path.display())]
    #[diagnostic(help("Save the file as UTF-8."))]
    NotUtf8 {
        /// Which file.
        path: PathBuf,
        /// The line of the first wrong byte, counted from 1.
        line: usize,
        /// The first wrong byte.
        value: u8,
    },
}

impl ConfigError {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

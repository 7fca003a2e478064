//! Finds and reads the operator's files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::Diagnostic;
use phoenix_planner::load::named_files;
use phoenix_planner::source::{FileKind, NamedPath, Sources};

/// Where the operator's files are on a node that has been set up.
const INSTALLED: &str = "/usr/local/phoenix_hypervisor/etc";

/// The largest file that is read, in bytes: ten thousand guests take less than 40 MB, and a larger one
/// is a mistake that must not fill the memory.
const LARGEST: u64 = 64 << 20;

/// The largest file that another one names, in bytes: a configuration of nginx is a thousand times smaller.
const LARGEST_NAMED: u64 = 1 << 20;

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
            Ok(text) => drop(sources.files.insert(kind, text.into())),
            Err(error) if error.is_absent() && !kind.is_required() => {}
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    // Those that cannot be read are told where they are named.
    for path in named_files(&sources) {
        let text = read_named(folder, &path);
        sources.named.insert(path, text);
    }
    Ok(sources)
}

/// Reads a file that another one names; says in a lower-case fragment why it cannot.
fn read_named(folder: &Path, path: &NamedPath) -> Result<Arc<str>, String> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    let folder = folder.canonicalize().map_err(failed)?;
    let real = folder.join(path.as_str()).canonicalize().map_err(failed)?;
    if !real.starts_with(&folder) {
        return Err("it leads out of the configuration folder".to_owned());
    }
    let state = real.metadata().map_err(failed)?;
    if !state.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if state.len() > LARGEST_NAMED {
        return Err(format!("larger than {} MiB", LARGEST_NAMED >> 20));
    }
    match read_text(&real) {
        Ok(text) => Ok(text.into()),
        Err(ConfigError::NotUtf8 { line, value, .. }) => {
            Err(format!("not UTF-8: byte 0x{value:02x} in line {line}"))
        }
        Err(ConfigError::Read { source, .. }) => Err(failed(source)),
        Err(error @ ConfigError::TooLarge { .. }) => Err(error.to_string()),
    }
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

//! Opens a folder as a node.

use std::path::Path;

use phoenix_planner::location::Location;

use super::error::SimulatedNodeError as Error;
use super::settings::{Answers, Settings};
use super::tree::Tree;
use super::{SimulatedNode, live};
use crate::local::read::Unread;

/// The file with what files cannot say.
const ANSWERS: &str = "/answers.json";

impl SimulatedNode {
    /// Opens a captured node.
    ///
    /// # Errors
    ///
    /// When it is no folder, has no `fs`, or when `node.json` or `answers.json` is not valid or has a key
    /// that is not known.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !path.is_dir() {
            return Err(Error::NotAFolder { path: path.to_owned() });
        }
        let io = |source| Error::Io { path: path.to_owned(), source };
        let folder = Tree::open(path).map_err(io)?;
        let files = folder.inner("fs").map_err(|_| Error::NoFiles { path: path.to_owned() })?;
        let settings = load(path, &folder, live::NODE, Settings::parse)?.unwrap_or_default();
        let answers = load(path, &folder, ANSWERS, Answers::parse)?.unwrap_or_default();
        Ok(Self { folder, files, settings, answers })
    }
}

/// Reads one of the folder's own files; `None` when it is absent.
fn load<T>(
    path: &Path,
    folder: &Tree,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, serde_json::Error>,
) -> Result<Option<T>, Error> {
    let at = Location::node(name);
    let path = path.join(at.path.relative());
    let text = match folder.text(&at) {
        Ok(text) => text,
        Err(Unread::Absent) => return Ok(None),
        Err(Unread::Unreadable(why)) => return Err(Error::Unreadable { path, why }),
    };
    parse(&text).map(Some).map_err(|error| {
        // What serde_json says ends with the place, which stands in front here.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        Error::Invalid { path, line: error.line(), message }
    })
}

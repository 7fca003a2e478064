//! Archives that the node fetches: what `node.json` has under their address.
//!
//! Nothing is packed here: an archive is the text of its one file.

use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::{SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::NodeError;

/// What curl(1) ends with when a server has no such file.
const NOT_FETCHED: i32 = 22;

/// The words between the programs' names and what is fetched.
const CURL: [&str; 9] = [
    "--disable",
    "--fail",
    "--silent",
    "--show-error",
    "--location",
    "--proto",
    "=https",
    "--max-time",
    "600",
];
const TAR: [&str; 3] = ["--extract", "--gzip", "--no-same-owner"];

impl SimulatedNode {
    /// Runs curl(1) or tar(1); `None` when they are not called like this.
    pub(super) fn fetch_with(
        &self,
        place: Place,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        match words {
            ["curl", words @ ..] => match words.strip_prefix(&CURL) {
                Some(["--output", path, "--url", url]) => self.fetch(place, url, path).map(Some),
                _ => Ok(None),
            },
            ["tar", words @ ..] => match words.strip_prefix(&TAR) {
                Some(["--file", archive, "--directory", folder, "--", member]) => {
                    self.copy_file(place, archive, &format!("{folder}/{member}")).map(Some)
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn fetch(&self, place: Place, url: &str, path: &str) -> Result<Output, NodeError> {
        let Some(text) = self.settings.downloads.get(url) else {
            return Ok(fail(NOT_FETCHED, format!("curl: there is nothing at {url}")));
        };
        let failed = self.put(place, path, text, Missing::Fail)?;
        Ok(failed.unwrap_or_else(|| done("")))
    }
}

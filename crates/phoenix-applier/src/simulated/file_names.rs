//! rm(1), mv(1), cp(1) and ln(1), on the node and in guests, as far as phoenix calls them.

use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::tools::location;
use super::{SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::{Expect, NodeError};

impl SimulatedNode {
    /// Removes, moves, copies or links files; nginx in a guest keeps the sockets that it has.
    pub(super) fn change_names_at(
        &self,
        place: Place,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        let Place::Guest(vmid) = place else { return self.change_names(place, words) };
        let mut output = None;
        self.keeping_sockets(vmid, || {
            output = self.change_names(place, words)?;
            Ok(())
        })?;
        Ok(output)
    }

    /// Removes, moves, copies or links files.
    fn change_names(&self, place: Place, words: &[&str]) -> Result<Option<Output>, NodeError> {
        match words {
            ["ln", "--symbolic", rest @ ..] => self.make_link(place, rest),
            ["rm", "--force", paths @ ..] => {
                let paths = paths.iter().filter(|path| **path != "--");
                paths.copied().try_for_each(|path| self.remove_file(place, path))?;
                Ok(Some(done("")))
            }
            ["mv", "--force", "--no-target-directory", "--", from, to] => {
                let moved = self.copy_file(place, from, to)?;
                if moved.success() {
                    self.remove_file(place, from)?;
                }
                Ok(Some(moved))
            }
            [
                "cp",
                "--preserve=mode,ownership",
                "--remove-destination",
                "--no-target-directory",
                "--",
                from,
                to,
            ] => self.copy_file(place, from, to).map(Some),
            _ => Ok(None),
        }
    }

    /// Makes a link; without `--force` what is there is in the way.
    fn make_link(&self, place: Place, words: &[&str]) -> Result<Option<Output>, NodeError> {
        let (force, to, path) = match words {
            ["--no-target-directory", "--", to, path] => (false, to, path),
            ["--force", "--no-target-directory", "--", to, path] => (true, to, path),
            _ => return Ok(None),
        };
        let no = |why: &str| Ok(Some(fail(1, format!("ln: `{path}`: {why}"))));
        let Some(files) = self.files_of(place) else { return no("there is no such folder") };
        if files.link(path).is_some() || files.has(path) {
            if !force {
                return no("File exists");
            }
        } else if path.rsplit_once('/').is_some_and(|(folder, _)| !files.has(folder)) {
            return no("there is no such folder");
        }
        files.put_link(path, to)?;
        Ok(Some(done("")))
    }

    fn remove_file(&self, place: Place, path: &str) -> Result<(), NodeError> {
        let (Some(files), Some(at)) = (self.files_of(place), location(place, path)) else {
            return Ok(());
        };
        if files.has(path) || files.link(path).is_some() {
            files.remove(&at, Expect::Anything)?;
        }
        self.set_attributes(place, path, None)
    }

    pub(super) fn copy_file(
        &self,
        place: Place,
        from: &str,
        to: &str,
    ) -> Result<Output, NodeError> {
        let Some(text) = self.read(place, from) else {
            return Ok(fail(1, format!("there is no `{from}`")));
        };
        if self.is_link(place, to) {
            self.remove_file(place, to)?;
        }
        if let Some(failed) = self.put(place, to, &text, Missing::Fail)? {
            return Ok(failed);
        }
        let attributes = self.attributes(place, from);
        self.set_attributes(place, to, Some(&attributes))?;
        Ok(done(""))
    }
}

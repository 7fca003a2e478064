//! Programs that look at and change files, on the node and in guests, as far as phoenix calls them.
//!
//! Modes and owners that a program has set are noted in `live/attributes`, or `live/guests/101/attributes`:
//! a captured folder keeps neither.

use phoenix_formats::Vmid;
use phoenix_planner::location::{AbsolutePath, Location, Place};
use phoenix_planner::probe::{Answer, Output};
use sha2::{Digest as _, Sha256};

use super::live::note_path;
use super::tree::{Tree, Write};
use super::{SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::{Expect, NodeError};

/// Mode and owner of files of which nothing is noted.
const MODE: &str = "644";
const OWNER: &str = "0:0";

/// What grep(1) ends with when it finds nothing, and when it cannot read.
const NOTHING_FOUND: i32 = 1;
const TROUBLE: i32 = 2;

/// Mode and owner of a file, in the words of stat(1).
pub(super) struct Attributes {
    mode: String,
    owner: String,
}

impl Attributes {
    /// Returns those of a file of root's that was made with `--mode=MODE`.
    pub(super) fn of_mode(option: &str) -> Self {
        let mode = option.trim_start_matches("--mode=").trim_start_matches('0').to_owned();
        Self { mode, owner: OWNER.to_owned() }
    }
}

/// Returns a path of a place; `None` when it is not absolute.
pub(super) fn location(place: Place, path: &str) -> Option<Location> {
    let path = path.parse::<AbsolutePath>().ok()?;
    Some(Location { place, path })
}

impl SimulatedNode {
    pub(super) fn files_of(&self, place: Place) -> Option<Tree> {
        match place {
            Place::Node => self.folder.inner("fs").ok(),
            Place::Guest(vmid) | Place::Vm(vmid) => self.make_guest_files(vmid).ok(),
        }
    }

    /// Returns the text of a file of a place.
    pub(super) fn read(&self, place: Place, path: &str) -> Option<String> {
        match self.file(&location(place, path)?) {
            Answer::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Makes a file of a place hold a text; its folder must be there.
    pub(super) fn put(
        &self,
        place: Place,
        path: &str,
        text: &str,
        missing: Missing,
    ) -> Result<Option<Output>, NodeError> {
        let no = || Some(fail(1, format!("cannot create `{path}`: no such file or directory")));
        let (Some(files), Some(at)) = (self.files_of(place), location(place, path)) else {
            return Ok(no());
        };
        let write = Write { at: &at, expect: Expect::Anything, text, mode: 0o644, missing };
        match files.write(write) {
            Ok(()) => Ok(None),
            Err(NodeError::File { .. }) if missing == Missing::Fail => Ok(no()),
            Err(error) => Err(error),
        }
    }

    fn attributes_note(place: Place) -> String {
        match place {
            Place::Node => "/live/attributes".to_owned(),
            Place::Guest(vmid) | Place::Vm(vmid) => note_path(vmid, "attributes"),
        }
    }

    pub(super) fn attributes(&self, place: Place, path: &str) -> Attributes {
        let note = self.state(&Self::attributes_note(place)).unwrap_or_default();
        let found = note.lines().find_map(|line| {
            let mut words = line.splitn(3, ' ');
            let (mode, owner) = (words.next()?, words.next()?);
            (words.next()? == path)
                .then(|| Attributes { mode: mode.to_owned(), owner: owner.to_owned() })
        });
        found.unwrap_or_else(|| Attributes { mode: MODE.to_owned(), owner: OWNER.to_owned() })
    }

    /// Notes mode and owner of a file; `None` forgets them.
    pub(super) fn set_attributes(
        &self,
        place: Place,
        path: &str,
        attributes: Option<&Attributes>,
    ) -> Result<(), NodeError> {
        let name = Self::attributes_note(place);
        let note = self.state(&name).unwrap_or_default();
        let other = |line: &&str| line.splitn(3, ' ').nth(2) != Some(path);
        let mut lines = note.lines().filter(other).map(str::to_owned).collect::<Vec<_>>();
        lines.extend(attributes.map(|a| format!("{} {} {path}", a.mode, a.owner)));
        lines.sort();
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        self.put_state(&name, Some(text.as_str()).filter(|text| !text.is_empty()))
    }

    pub(super) fn has_file(&self, place: Place, path: &str) -> bool {
        self.files_of(place).is_some_and(|files| files.has(path))
    }

    /// Runs a program that only looks.
    pub(super) fn look_with(&self, place: Place, words: &[&str]) -> Option<Output> {
        Some(match words {
            ["stat", "--format=%a", path] if place != Place::Node => {
                self.stat(place, path, |a| a.mode)
            }
            ["stat", "--format=%a %u:%g %F", "--", path] => {
                let kind = self.kind(place, path);
                self.stat(place, path, |a| format!("{} {} {kind}", a.mode, a.owner))
            }
            ["stat", "--dereference", "--format=%F", "--", path] => {
                if self.is_somewhere(place, path) {
                    done("regular file\n")
                } else {
                    fail(1, format!("stat: there is no `{path}`"))
                }
            }
            ["readlink", "--", path] => {
                match self.files_of(place).and_then(|files| files.link(path)) {
                    Some(to) => done(to + "\n"),
                    None => Output { exit: 1, ..done("") },
                }
            }
            ["grep", "--quiet", "--fixed-strings", "--line-regexp", "--", line, path] => {
                match self.read(place, path) {
                    Some(text) if text.lines().any(|found| found == *line) => done(""),
                    Some(_) => Output { exit: NOTHING_FOUND, ..done("") },
                    None => fail(TROUBLE, format!("grep: {path}: No such file or directory")),
                }
            }
            ["sha256sum", "--", path] => match self.bytes(place, path) {
                Some(bytes) => {
                    let digest = Sha256::digest(&bytes);
                    let digest = digest.iter().map(|byte| format!("{byte:02x}"));
                    done(format!("{}  {path}\n", digest.collect::<String>()))
                }
                None => fail(1, format!("sha256sum: {path}: No such file or directory")),
            },
            _ => return None,
        })
    }

    fn bytes(&self, place: Place, path: &str) -> Option<Vec<u8>> {
        self.files_of(place)?.bytes(path).ok()
    }

    fn stat(&self, place: Place, path: &str, say: impl FnOnce(Attributes) -> String) -> Output {
        if !self.has_file(place, path) {
            return fail(1, format!("stat: there is no `{path}`"));
        }
        done(say(self.attributes(place, path)) + "\n")
    }

    /// Returns whether there is a file, in a mounted folder of the node too.
    fn is_somewhere(&self, place: Place, path: &str) -> bool {
        let mounted = match place {
            Place::Node | Place::Vm(_) => None,
            Place::Guest(vmid) => self.folder_behind(vmid, path),
        };
        match mounted {
            Some(path) => self.has_file(Place::Node, &path),
            None => self.has_file(place, path),
        }
    }

    pub(super) fn is_link(&self, place: Place, path: &str) -> bool {
        self.files_of(place).is_some_and(|files| files.link(path).is_some())
    }

    fn kind(&self, place: Place, path: &str) -> &'static str {
        if self.is_link(place, path) { "symbolic link" } else { "regular file" }
    }

    /// Runs a program that changes files; `None` when it is not called like this.
    pub(super) fn change_with(
        &self,
        place: Place,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        match words {
            ["mkdir", "--parents", path] | ["mkdir", "--parents", "--", path] => {
                self.make_folder(place, path).map(Some)
            }
            ["install", "--directory", mode, path] if is_mode(mode) => {
                self.make_folder(place, path).map(Some)
            }
            ["install", mode, "/dev/null", path] if is_mode(mode) => {
                self.install_empty(place, path, mode, Missing::Fail).map(Some)
            }
            ["install", "-D", mode, "/dev/null", path] if is_mode(mode) => {
                self.install_empty(place, path, mode, Missing::Make).map(Some)
            }
            ["rm" | "mv" | "cp" | "ln", ..] => self.change_names_at(place, words),
            ["curl" | "tar", ..] => self.fetch_with(place, words),
            ["find", path, "-maxdepth", "0", "-type", "f", "-exec", inner @ .., "{}", ";"] => {
                self.change_with(place, &[inner, &[*path]].concat())
            }
            ["chmod", mode, path] | ["chmod", "--", mode, path] => {
                let mode = mode.trim_start_matches('0').to_owned();
                self.change_attributes(place, path, |old| Attributes { mode, ..old }).map(Some)
            }
            ["chown", "--no-dereference", owner, path] => {
                let owner = (*owner).to_owned();
                self.change_attributes(place, path, |old| Attributes { owner, ..old }).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn make_folder(&self, place: Place, path: &str) -> Result<Output, NodeError> {
        let made = self.files_of(place).map(|files| files.make_inner(path));
        Ok(match made {
            Some(Ok(_)) => done(""),
            _ => fail(1, format!("cannot create the folder `{path}`")),
        })
    }

    fn install_empty(
        &self,
        place: Place,
        path: &str,
        mode: &str,
        missing: Missing,
    ) -> Result<Output, NodeError> {
        if let Some(failed) = self.put(place, path, "", missing)? {
            return Ok(failed);
        }
        self.set_attributes(place, path, Some(&Attributes::of_mode(mode)))?;
        Ok(done(""))
    }

    fn change_attributes(
        &self,
        place: Place,
        path: &str,
        change: impl FnOnce(Attributes) -> Attributes,
    ) -> Result<Output, NodeError> {
        if !self.has_file(place, path) {
            return Ok(fail(1, format!("there is no `{path}`")));
        }
        let attributes = change(self.attributes(place, path));
        self.set_attributes(place, path, Some(&attributes))?;
        Ok(done(""))
    }

    /// Runs `pct push` or `pct pull`, which need a container that runs.
    pub(super) fn pct_copy(
        &self,
        word: &str,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        let [from, to, options @ ..] = words else { return Ok(None) };
        let guest = Place::Guest(vmid);
        let (source, target) = match word {
            "push" => (Place::Node, guest),
            _ => (guest, Place::Node),
        };
        let mut attributes = Attributes { mode: MODE.to_owned(), owner: OWNER.to_owned() };
        for pair in options.chunks(2) {
            let (user, group) = attributes.owner.split_once(':').unwrap_or_default();
            match pair {
                ["--perms", mode] => attributes.mode = mode.trim_start_matches('0').to_owned(),
                ["--user", user] => attributes.owner = format!("{user}:{group}"),
                ["--group", group] => attributes.owner = format!("{user}:{group}"),
                _ => return Ok(None),
            }
        }
        if let Err(why) = self.reach(guest) {
            return Ok(Some(fail(255, why)));
        }
        let Some(bytes) = self.bytes(source, from) else {
            return Ok(Some(fail(255, format!("cannot read `{from}`"))));
        };
        self.put_copy(target, to, &bytes, &attributes).map(Some)
    }

    fn put_copy(
        &self,
        place: Place,
        path: &str,
        bytes: &[u8],
        attributes: &Attributes,
    ) -> Result<Output, NodeError> {
        let is_made = path.starts_with("/tmp/") || path.starts_with("/run/");
        let missing = if is_made { Missing::Make } else { Missing::Fail };
        // A lab runs what is copied: it needs its mode.
        let mode = u32::from_str_radix(&attributes.mode, 8).unwrap_or(0o644);
        let put = |files: Tree| files.put_bytes(path, bytes, mode, missing).ok();
        if self.files_of(place).and_then(put).is_none() {
            return Ok(fail(255, format!("cannot create `{path}`")));
        }
        self.set_attributes(place, path, Some(attributes))?;
        Ok(done(""))
    }
}

pub(super) fn is_mode(word: &str) -> bool {
    let digits = word.strip_prefix("--mode=");
    digits.is_some_and(|d| d.len() == 4 && d.bytes().all(|b| matches!(b, b'0'..=b'7')))
}

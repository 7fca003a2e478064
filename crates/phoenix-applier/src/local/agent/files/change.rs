//! Replaces and removes whole files in a virtual machine.
//!
//! A new file is made beside the old one under a name that nobody can foresee, is given what it holds by
//! standard input, is brought to the disk, and takes the place of the old one by one rename. What the old
//! one holds is compared just before that: two calls lie between, and in that time the machine itself may
//! change it, which is overwritten then.

use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;

use phoenix_planner::location::Location;
use phoenix_planner::probe::Output;
use rustix::fs::MemfdFlags;

use super::super::{Agent, Silence};
use super::{FOLDER, LIMIT, LINK, Links, REGULAR, Stat, last_words};
use crate::local::program::Excess;
use crate::local::read::Unread;
use crate::local::temp::hidden_name;
use crate::node::{Expect, NodeError};

/// Bits of a mode that a new file gets: never those that lend the owner's rights.
const PERMISSIONS: u32 = 0o1777;

/// What link(2) says when the name is taken.
const TAKEN: &str = ": File exists";

/// A change of one file in a machine.
struct Change<'a> {
    agent: &'a Agent<'a>,
    at: &'a Location,
    expect: Expect<'a>,
}

/// Where a file really is, and what is there.
struct Target {
    folder: String,
    path: String,
    present: Option<Stat>,
}

impl Agent<'_> {
    /// Makes a file in the machine hold a text. A symbolic link stays, and the file that it leads to is replaced.
    pub(in crate::local) fn write(
        &self,
        at: &Location,
        expect: Expect<'_>,
        text: &str,
        mode: u32,
    ) -> Result<Output, NodeError> {
        tracing::debug!(%at, bytes = text.len(), "write");
        Change { agent: self, at, expect }.write(text, mode).map(|()| silence())
    }

    /// Removes a file in the machine; a symbolic link is removed itself.
    pub(in crate::local) fn remove(
        &self,
        at: &Location,
        expect: Expect<'_>,
    ) -> Result<Output, NodeError> {
        tracing::debug!(%at, "remove");
        Change { agent: self, at, expect }.remove().map(|()| silence())
    }
}

impl Change<'_> {
    fn write(&self, text: &str, mode: u32) -> Result<(), NodeError> {
        if text.len() as u64 > LIMIT {
            let why = "the text is larger than 1 MiB, more than a guest agent is handed";
            return Err(self.refused(why));
        }
        let target = self.target()?;
        let new = self.new_file(&target, text, mode)?;
        let done = self.take_place(&target, &new);
        if done.is_err() {
            // Whatever has failed is told; that this stays behind is not worth another word.
            self.agent.quick(&["rm", "--force", "--", &new]).ok();
        }
        done
    }

    fn remove(&self) -> Result<(), NodeError> {
        let path = self.at.path.as_str();
        self.check(path)?;
        self.must(&["rm", "--", path])?;
        self.must(&["sync", "--", folder_of(path)])
    }

    /// Finds where the file really is; folders that are missing above a new one are made.
    fn target(&self) -> Result<Target, NodeError> {
        let mut path = self.at.path.as_str().to_owned();
        let mut stats = self.look(&path)?;
        if stats.1.is_some_and(|stat| stat.is(LINK)) {
            path = self.real_path(&path)?;
            stats = self.look(&path)?;
        }
        let (folder_stat, present) = stats;
        let folder = folder_of(&path).to_owned();
        match (present, self.expect) {
            (Some(_), Expect::Absent) | (None, Expect::Text(_)) => return Err(self.stale()),
            (Some(stat), _) if stat.is(FOLDER) => return Err(self.refused("it is a folder")),
            (Some(stat), _) if !stat.is(REGULAR) => {
                return Err(self.refused("it is no regular file"));
            }
            _ => {}
        }
        if folder_stat.is_none() {
            self.must(&["mkdir", "--parents", "--", &folder])?;
        }
        Ok(Target { folder, path, present })
    }

    /// Returns the states of a file's folder and of the file itself.
    fn look(&self, path: &str) -> Result<(Option<Stat>, Option<Stat>), NodeError> {
        let folder = format!("{}/.", folder_of(path).trim_end_matches('/'));
        let stats = self.agent.stats(&[&folder, path], Links::Stay);
        let stats = stats.map_err(|silence| self.broken(silence))?;
        let state = |path: &str| match stats.of(path) {
            Ok(stat) => Ok(Some(stat)),
            Err(Unread::Absent) => Ok(None),
            Err(Unread::Unreadable(why)) => Err(self.refused(&why)),
        };
        Ok((state(&folder)?, state(path)?))
    }

    fn real_path(&self, path: &str) -> Result<String, NodeError> {
        let words = ["readlink", "--canonicalize-missing", "--no-newline", "--", path];
        let output = self.done(&words)?;
        if output.success() && output.stdout.starts_with('/') {
            return Ok(output.stdout);
        }
        Err(self.failed(&output))
    }

    /// Makes the new file beside the old one, with its owner and mode.
    fn new_file(&self, target: &Target, text: &str, mode: u32) -> Result<String, NodeError> {
        let io = |source| NodeError::File { at: self.at.clone(), source };
        let name = hidden_name().map_err(io)?;
        let new = format!("{}/{name}", target.folder.trim_end_matches('/'));
        let mode = target.present.map_or(mode, |stat| stat.mode) & PERMISSIONS;
        let mut words = vec!["install".to_owned(), format!("--mode={mode:04o}")];
        if let Some(Stat { user, group, .. }) = target.present {
            words.extend([format!("--owner={user}"), format!("--group={group}")]);
        }
        words.extend(["--no-target-directory", "--", "/dev/stdin", &new].map(str::to_owned));
        let input = in_memory(text).map_err(io)?;
        let made = self.agent.exec(&words, Some(input), self.agent.limit, Excess::Drop);
        let made = made.map_err(|silence| self.broken(silence))?.output;
        if !made.success() {
            self.agent.quick(&["rm", "--force", "--", &new]).ok();
            return Err(self.failed(&made));
        }
        Ok(new)
    }

    fn take_place(&self, target: &Target, new: &str) -> Result<(), NodeError> {
        self.must(&["sync", "--", new])?;
        if self.expect == Expect::Absent {
            self.link(target, new)?;
        } else {
            self.check(&target.path)?;
            self.must(&["mv", "--force", "--no-target-directory", "--", new, &target.path])?;
        }
        self.must(&["sync", "--", &target.folder])
    }

    /// Gives the new file its name, unless there is something by now.
    fn link(&self, target: &Target, new: &str) -> Result<(), NodeError> {
        let linked = self.done(&["ln", "--no-target-directory", "--", new, &target.path])?;
        if linked.success() {
            return self.must(&["rm", "--", new]);
        }
        let is_taken = linked.stderr.lines().any(|line| line.trim_end().ends_with(TAKEN));
        Err(if is_taken { self.stale() } else { self.failed(&linked) })
    }

    /// Insists on what the file must hold.
    fn check(&self, path: &str) -> Result<(), NodeError> {
        let Expect::Text(expected) = self.expect else { return Ok(()) };
        let path = path.parse().map_err(|_| self.stale())?;
        let at = Location { path, ..self.at.clone() };
        // Its kind was seen already, or is told by what it holds.
        let found = Stat { mode: REGULAR, size: 0, user: 0, group: 0 };
        let text = self.agent.text(&at, Ok(found)).map_err(|silence| self.broken(silence))?;
        if text.is_ok_and(|text| text == expected) { Ok(()) } else { Err(self.stale()) }
    }

    fn must(&self, words: &[&str]) -> Result<(), NodeError> {
        let output = self.done(words)?;
        if output.success() { Ok(()) } else { Err(self.failed(&output)) }
    }

    fn done(&self, words: &[&str]) -> Result<Output, NodeError> {
        let argv = words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let ended = self.agent.exec(&argv, None, self.agent.limit, Excess::Drop);
        ended.map(|ended| ended.output).map_err(|silence| self.broken(silence))
    }

    fn stale(&self) -> NodeError {
        NodeError::Stale { at: self.at.clone() }
    }

    fn refused(&self, why: &str) -> NodeError {
        NodeError::Refused(format!("cannot change {}: {why}", self.at))
    }

    fn failed(&self, output: &Output) -> NodeError {
        NodeError::File { at: self.at.clone(), source: io::Error::other(last_words(output)) }
    }

    fn broken(&self, silence: Silence) -> NodeError {
        match silence {
            Silence::Unreachable(why) => NodeError::Unreachable { place: self.at.place, why },
            Silence::Lost(source) => NodeError::File { at: self.at.clone(), source },
        }
    }
}

/// Returns a file with a text that is in memory only: nobody else sees it on its way to `qm`.
fn in_memory(text: &str) -> io::Result<OwnedFd> {
    let memory = rustix::fs::memfd_create("phoenix", MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(memory);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}

fn folder_of(path: &str) -> &str {
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    if folder.is_empty() { "/" } else { folder }
}

fn silence() -> Output {
    Output { exit: 0, stdout: String::new(), stderr: String::new() }
}

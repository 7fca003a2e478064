//! Files in a virtual machine, read and written by programs in there: GNU's coreutils and findutils.

mod change;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phoenix_planner::location::Location;
use phoenix_planner::probe::{Answer, Output, Probe};

use super::answer::Ended;
use super::{Agent, Silence};
use crate::local::program::Excess;
use crate::local::read::Unread;

/// The largest file that is read or written: `qm guest exec` hands over no more input.
const LIMIT: u64 = 1 << 20;

/// The kind of a file in its mode, and two of the kinds; see inode(7).
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// What tools say of a path at which there is nothing.
const NOTHING: [&str; 2] = [": No such file or directory", ": Not a directory"];

/// What stat(1) says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    mode: u32,
    size: u64,
    user: u32,
    group: u32,
}

impl Stat {
    fn is(self, kind: u32) -> bool {
        self.mode & KIND == kind
    }
}

/// Whose state is asked: that of a symbolic link, or of what it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Stay,
    Follow,
}

impl Agent<'_> {
    /// Returns the answers to all probes of the machine.
    ///
    /// A call takes most of two seconds, so that all files are looked at by one; and when the agent is silent
    /// once, it is not asked again.
    pub(in crate::local) fn ask(&self, probes: &[&Probe]) -> Vec<(Probe, Answer)> {
        let mut answers = Vec::new();
        let mut stats = None;
        for probe in probes {
            let answer = self.ask_one(probe, probes, &mut stats);
            if let Answer::Unreachable(why) = answer {
                return probes
                    .iter()
                    .map(|probe| ((*probe).clone(), Answer::Unreachable(why.clone())))
                    .collect();
            }
            answers.push(((*probe).clone(), answer));
        }
        answers
    }

    fn ask_one(&self, probe: &Probe, all: &[&Probe], stats: &mut Option<Stats>) -> Answer {
        let at = match probe {
            Probe::File(at) | Probe::List(at) => at,
            Probe::Run { argv, .. } => return self.ask_program(argv),
        };
        let stats = match stats {
            Some(stats) => stats,
            None => match self.stats(&paths(all), Links::Follow) {
                Ok(found) => stats.insert(found),
                Err(silence) => return silent(silence),
            },
        };
        let found = stats.of(at.path.as_str());
        let answer = match probe {
            Probe::List(_) => self.names(at, found).map(|read| read.map(Answer::Names)),
            _ => self.text(at, found).map(|read| read.map(Answer::Text)),
        };
        answer.map_or_else(silent, |read| read.unwrap_or_else(Answer::from))
    }

    /// Looks at many paths by one call.
    fn stats(&self, paths: &[&str], links: Links) -> Result<Stats, Silence> {
        let mut words = vec!["stat", r"--printf=%f %s %u %g %n\0"];
        words.extend((links == Links::Follow).then_some("--dereference"));
        words.push("--");
        words.extend(paths);
        let output = self.quick(&words)?.output;
        let mut stats = Stats { found: read_stats(&output.stdout), wrong: None };
        stats.wrong = output.stderr.lines().find(|line| !says_nothing(line)).map(str::to_owned);
        if output.stdout.is_empty() && output.stderr.is_empty() && !output.success() {
            stats.wrong = Some(format!("stat(1) ended with status {}", output.exit));
        }
        Ok(stats)
    }

    /// Reads a file of which stat(1) has told.
    fn text(
        &self,
        at: &Location,
        found: Result<Stat, Unread>,
    ) -> Result<Result<String, Unread>, Silence> {
        let large = || Err(because(&format!("it is larger than {} MiB", LIMIT >> 20)));
        match found {
            Err(why) => return Ok(Err(why)),
            Ok(stat) if stat.is(FOLDER) => return Ok(Err(because("it is a folder"))),
            Ok(stat) if !stat.is(REGULAR) => return Ok(Err(because("it is no regular file"))),
            Ok(stat) if stat.size > LIMIT => return Ok(large()),
            Ok(_) => {}
        }
        let Ended { output, is_cut } =
            self.quick(&["base64", "--wrap=0", "--", at.path.as_str()])?;
        if !output.success() {
            return Ok(Err(unread(&output)));
        }
        let whole = STANDARD.decode(output.stdout.trim_end()).ok().filter(|_| !is_cut);
        let Some(bytes) = whole else { return Ok(Err(because("it did not arrive whole"))) };
        if bytes.len() as u64 > LIMIT {
            return Ok(large());
        }
        Ok(String::from_utf8(bytes).map_err(|_| because("it is not UTF-8 text")))
    }

    fn names(
        &self,
        at: &Location,
        found: Result<Stat, Unread>,
    ) -> Result<Result<Vec<String>, Unread>, Silence> {
        match found {
            Err(why) => return Ok(Err(why)),
            Ok(stat) if !stat.is(FOLDER) => return Ok(Err(because("it is no folder"))),
            Ok(_) => {}
        }
        let path = at.path.as_str();
        let words = ["find", "-H", path, "-mindepth", "1", "-maxdepth", "1", "-printf", r"%f\0"];
        let Ended { output, is_cut } = self.quick(&words)?;
        if !output.success() || is_cut {
            return Ok(Err(unread(&output)));
        }
        let names = output.stdout.split_terminator('\0').map(str::to_owned);
        let mut names = names.collect::<Vec<_>>();
        names.sort();
        Ok(Ok(names))
    }

    /// Runs a program that only answers, or that handles one file.
    fn quick(&self, words: &[&str]) -> Result<Ended, Silence> {
        let argv = words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        self.exec(&argv, None, self.limit, Excess::Kill)
    }
}

/// What stat(1) has said of several paths.
struct Stats {
    found: BTreeMap<String, Stat>,
    /// What it said of those that are missing, unless it is that there is nothing.
    wrong: Option<String>,
}

impl Stats {
    fn of(&self, path: &str) -> Result<Stat, Unread> {
        match (self.found.get(path), &self.wrong) {
            (Some(stat), _) => Ok(*stat),
            (None, None) => Err(Unread::Absent),
            (None, Some(why)) => Err(because(&format!("it cannot be looked at: {why}"))),
        }
    }
}

fn read_stats(text: &str) -> BTreeMap<String, Stat> {
    let line = |line: &str| {
        let mut words = line.splitn(5, ' ');
        let mode = u32::from_str_radix(words.next()?, 16).ok()?;
        let size = words.next()?.parse().ok()?;
        let user = words.next()?.parse().ok()?;
        let group = words.next()?.parse().ok()?;
        Some((words.next()?.to_owned(), Stat { mode, size, user, group }))
    };
    text.split_terminator('\0').filter_map(line).collect()
}

/// Returns the paths of all files and folders that are asked for.
fn paths<'p>(probes: &[&'p Probe]) -> Vec<&'p str> {
    let path = |probe: &&'p Probe| match probe {
        Probe::File(at) | Probe::List(at) => Some(at.path.as_str()),
        Probe::Run { .. } => None,
    };
    probes.iter().filter_map(path).collect()
}

fn says_nothing(line: &str) -> bool {
    NOTHING.iter().any(|end| line.trim_end().ends_with(end))
}

fn because(why: &str) -> Unread {
    Unread::Unreadable(why.to_owned())
}

/// Says why a tool could not read what was there a moment ago.
fn unread(output: &Output) -> Unread {
    if says_nothing(&output.stderr) {
        return Unread::Absent;
    }
    because(&format!("reading it failed: {}", last_words(output)))
}

fn last_words(output: &Output) -> String {
    let said = output.stderr.lines().rev().find(|line| !line.trim().is_empty());
    said.map_or_else(|| format!("it ended with status {}", output.exit), str::to_owned)
}

fn silent(silence: Silence) -> Answer {
    match silence {
        Silence::Unreachable(why) => Answer::Unreachable(why),
        // Nothing is wrong with the file that would have to be mended.
        Silence::Lost(error) => {
            Answer::Unreachable(format!("its guest agent was asked in vain: {error}"))
        }
    }
}

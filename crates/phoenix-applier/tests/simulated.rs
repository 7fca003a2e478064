//! Plays transcripts on captured nodes.
//!
//! A case is a folder below `tests/simulated`: `transcript.txt`, and, if it needs them, files in `node` that are laid
//! over the node of `_base`, and in `links` symbolic links that nobody wants in a working tree: each line a path and
//! where it leads. Every line of a transcript that begins with `$` is something that is done, and what
//! follows is what comes of it. `SIMULATED_BLESS=1` writes the transcripts anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod folders;
mod simulated_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use folders::lay;
use phoenix_applier::{Effect, Expect, Node, NodeError, SimulatedNode};
use phoenix_formats::nginx::{SET_LISTEN_HELPER, SET_LISTEN_HELPER_NAME};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output, Probe};
use simulated_support::{cases, contents, scratch};

#[test]
fn transcripts_are_as_recorded() {
    let folders = fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> =
        folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "_base");
    names.sort();
    assert!(!names.is_empty());
    let failed: Vec<String> = names.iter().filter_map(|name| check(name).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Plays one case; returns what is not as it was recorded.
fn check(name: &str) -> Result<(), String> {
    let case = cases().join(name);
    let scratch = scratch();
    if case.join("node").is_dir() {
        lay(&case.join("node"), scratch.path());
    }
    for line in fs::read_to_string(case.join("links")).unwrap_or_default().lines() {
        let (path, target) = line.split_once(' ').expect("a path and where it leads");
        let path = scratch.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }
    let recorded = fs::read_to_string(case.join("transcript.txt")).unwrap();
    let played = Stage::new(scratch.path(), &case).play(&recorded);
    if std::env::var_os("SIMULATED_BLESS").is_some() {
        fs::write(case.join("transcript.txt"), &played).unwrap();
        return Ok(());
    }
    let same = recorded == played;
    let diff = || similar_lines(&recorded, &played);
    if same { Ok(()) } else { Err(format!("{name}:\n{}", diff())) }
}

/// Shows the lines that only one of two texts has, which is enough to find the place.
fn similar_lines(recorded: &str, played: &str) -> String {
    let pairs = recorded.lines().zip(played.lines());
    let first = pairs.take_while(|(one, two)| one == two).count();
    let show = |text: &str, sign: &str| {
        text.lines().skip(first).take(8).map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    format!("from line {}\n{}{}", first + 1, show(recorded, "-"), show(played, "+"))
}

/// A node that a transcript is played on.
struct Stage<'a> {
    folder: &'a Path,
    case: &'a Path,
    node: SimulatedNode,
    before: BTreeMap<String, String>,
}

impl<'a> Stage<'a> {
    fn new(folder: &'a Path, case: &'a Path) -> Self {
        let node = SimulatedNode::open(folder).unwrap();
        let mut stage = Self { folder, case, node, before: BTreeMap::new() };
        stage.before = stage.now();
        stage
    }

    fn now(&self) -> BTreeMap<String, String> {
        contents(self.folder)
    }

    /// Does what a transcript says; returns it with what comes of it now.
    fn play(mut self, recorded: &str) -> String {
        let mut played = String::new();
        for line in recorded.lines().filter(|line| line.starts_with(['$', '#']) || line.is_empty())
        {
            let text = match line.strip_prefix("$ ") {
                Some(command) => self.act(command),
                None => String::new(),
            };
            played += line;
            played += "\n";
            // An empty line would end an answer, so none is in it.
            played.extend(text.lines().map(|line| format!("  {line}\n").replace("  \n", "  .\n")));
        }
        played
    }

    fn act(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        match words.as_slice() {
            ["ask", place, argv @ ..] => {
                let argv = argv.iter().map(|&word| word.to_owned()).collect();
                shown(&self.ask(Probe::Run { place: place.parse().unwrap(), argv }))
            }
            ["run", place, argv @ ..] => {
                let argv: Vec<String> = argv.iter().map(|&word| self.filled(word)).collect();
                let place: Place = place.parse().unwrap();
                let ran = self.node.perform(Effect::Run { place, argv: &argv });
                ran.map_or_else(|error| refused(&error), |output| shown(&Answer::Ran(output)))
            }
            ["cat", place, path] => shown(&self.ask(Probe::File(at(place, path)))),
            ["ls", place, path] => shown(&self.ask(Probe::List(at(place, path)))),
            ["write", place, path, file] => {
                let text = fs::read_to_string(self.case.join(file)).unwrap();
                self.write(&at(place, path), Expect::Anything, &text)
            }
            ["replace", place, path, rest @ ..] => self.replace(&at(place, path), &rest.join(" ")),
            ["helper", place] => {
                let path = format!("/usr/local/sbin/{SET_LISTEN_HELPER_NAME}");
                self.write(&at(place, &path), Expect::Absent, SET_LISTEN_HELPER)
            }
            ["rm", place, path] => {
                let removed = self
                    .node
                    .perform(Effect::Remove { at: &at(place, path), expect: Expect::Anything });
                removed.map_or_else(|error| refused(&error), |_| String::new())
            }
            ["reopen"] => {
                self.node = SimulatedNode::open(self.folder).unwrap();
                String::new()
            }
            ["changes"] => self.changes(),
            _ => panic!("no command of a transcript: {command}"),
        }
    }

    /// Puts the digest of a guest's configuration where a command asks for it.
    fn filled(&mut self, word: &str) -> String {
        let Some(vmid) = word.strip_prefix("DIGEST-OF-") else { return word.to_owned() };
        let path = format!("/etc/pve/lxc/{vmid}.conf");
        match self.ask(Probe::File(Location::node(&path))) {
            Answer::Text(text) => phoenix_formats::lxc_conf::LxcConf::parse(&text).digest(),
            answer => panic!("{answer:?}"),
        }
    }

    fn ask(&mut self, probe: Probe) -> Answer {
        self.node.answer(&BTreeSet::from([probe.clone()])).remove(&probe).unwrap()
    }

    /// Replaces one text by another; `\n` in both is a line feed.
    fn replace(&mut self, at: &Location, rest: &str) -> String {
        let Answer::Text(before) = self.ask(Probe::File(at.clone())) else {
            panic!("{at} is no text")
        };
        let (old, new) = rest.split_once(" => ").expect("old => new");
        let (old, new) = (old.replace("\\n", "\n"), new.replace("\\n", "\n"));
        assert!(before.contains(&old), "{at} does not hold {old}");
        self.write(at, Expect::Text(&before), &before.replace(&old, &new))
    }

    fn write(&mut self, at: &Location, expect: Expect<'_>, text: &str) -> String {
        let written = self.node.perform(Effect::Write { at, expect, text, mode: 0o755 });
        written.map_or_else(|error| refused(&error), |_| String::new())
    }

    /// Shows what is not as it was at the last look, and looks.
    fn changes(&mut self) -> String {
        let after = self.now();
        let before = std::mem::replace(&mut self.before, after.clone());
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
        changed.map(|name| change(name, before.get(name), after.get(name))).collect()
    }
}

fn change(name: &str, before: Option<&String>, after: Option<&String>) -> String {
    if name.ends_with(SET_LISTEN_HELPER_NAME) {
        return format!("+ {name}\n");
    }
    let only_in = |text: Option<&String>, other: Option<&String>, sign: &str| {
        let other: BTreeSet<&str> = other.map_or("", |text| text).lines().collect();
        let lines = text.map_or("", |text| text).lines().filter(|line| !other.contains(line));
        lines.map(|line| format!("  {sign} {line}\n")).collect::<String>()
    };
    let sign = match (before, after) {
        (None, _) => '+',
        (_, None) => '-',
        _ => '~',
    };
    format!("{sign} {name}\n{}{}", only_in(before, after, "-"), only_in(after, before, "+"))
}

fn at(place: &str, path: &str) -> Location {
    Location { place: place.parse().unwrap(), path: path.parse().unwrap() }
}

fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Text(text) => text.clone(),
        Answer::Names(names) => names.join(" "),
        Answer::Ran(Output { exit, stdout, stderr }) => {
            let exit = if *exit == 0 { String::new() } else { format!("exit {exit}\n") };
            let said = stderr.lines().map(|line| format!("! {line}\n")).collect::<String>();
            format!("{exit}{stdout}{said}")
        }
        Answer::Addresses(_) | Answer::Connected => "no answer of a node".to_owned(),
        Answer::Absent => "absent".to_owned(),
        Answer::Unreadable(why) => format!("unreadable: {why}"),
        Answer::Unreachable(why) => format!("unreachable: {why}"),
    }
}

fn refused(error: &NodeError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(format!("error: {error}"), |text, cause| format!("{text}: {cause}"))
}

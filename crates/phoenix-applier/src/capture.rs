//! Writes facts to a folder in the layout of a captured node.
//!
//! Files go to their own paths below `fs/` or `guests/<id>/fs/`; the live rules, the node's name and who
//! runs go where the simulated node looks for them; every other answer of a program goes to
//! `answers.json`, word for word. A file that readlink(1) answers to be a link is written as one. What was
//! absent or could not be asked is not written.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Facts, Output, Probe};
use serde_json::{Value, json};

/// Writes the answers to a folder and returns how many there were.
pub fn capture(facts: &Facts, folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder.join("fs"))?;
    let mut answers = Vec::new();
    let mut count = 0;
    for (probe, answer) in facts.iter() {
        count += 1;
        match (probe, answer) {
            (Probe::File(at), Answer::Text(text)) => write(&path(folder, at), text)?,
            (Probe::List(at), Answer::Names(_)) => fs::create_dir_all(path(folder, at))?,
            (Probe::Run { place, argv }, Answer::Ran(output)) => {
                run(folder, *place, argv, output, &mut answers)?;
            }
            _ => count -= 1,
        }
    }
    for (at, target) in links(facts) {
        link(folder, &at, &target)?;
    }
    write_json(&folder.join("answers.json"), &Value::from(answers))?;
    write_json(&folder.join("node.json"), &node(facts))?;
    Ok(count)
}

fn path(folder: &Path, at: &Location) -> PathBuf {
    let root = match at.place {
        Place::Node => folder.join("fs"),
        Place::Guest(vmid) => folder.join("guests").join(vmid.to_string()).join("fs"),
    };
    root.join(at.path.relative())
}

fn run(
    folder: &Path,
    place: Place,
    argv: &[String],
    output: &Output,
    answers: &mut Vec<Value>,
) -> io::Result<()> {
    match argv.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["iptables-save"] => write(&folder.join("live/iptables.save"), &output.stdout),
        // The simulated node says these itself, and says something else after an apply.
        ["hostname"] | ["pct", "list"] | ["readlink" | "ss", ..] => Ok(()),
        ["ip", ..] if place != Place::Node => Ok(()),
        _ => {
            answers.push(json!({
                "place": place.to_string(),
                "argv": argv,
                "exit": output.exit,
                "stdout": output.stdout,
                "stderr": output.stderr,
            }));
            Ok(())
        }
    }
}

/// Returns the files that are links, each with where it leads.
fn links(facts: &Facts) -> BTreeMap<Location, Location> {
    let mut links = BTreeMap::new();
    for (probe, answer) in facts.iter() {
        let (Probe::Run { place, argv }, Answer::Ran(output)) = (probe, answer) else { continue };
        let lines = output.stdout.lines().collect::<Vec<_>>();
        let paths = argv.strip_prefix(["readlink", "-f", "--"].map(str::to_owned).as_slice());
        // A path without a target prints no line: then no line tells which path it belongs to.
        let Some(paths) = paths.filter(|paths| paths.len() == lines.len()) else { continue };
        let at = |path: &str| Some(Location { place: *place, path: path.parse().ok()? });
        let pairs = paths.iter().zip(lines).filter(|(path, line)| path != line);
        links.extend(pairs.filter_map(|(path, line)| Some((at(path)?, at(line)?))));
    }
    links
}

/// Makes a file that has been written a link to another, which gets its text if it has none.
fn link(folder: &Path, at: &Location, target: &Location) -> io::Result<()> {
    let (from, to) = (path(folder, at), path(folder, target));
    // The folder above may be the link, and what is in it is in its place then.
    if !from.is_file() || from.canonicalize().ok() == to.canonicalize().ok() {
        return Ok(());
    }
    if !to.exists() {
        fs::create_dir_all(to.parent().unwrap_or(folder))?;
        fs::copy(&from, &to)?;
    }
    fs::remove_file(&from)?;
    let up = at.path.as_str().matches('/').count().saturating_sub(1);
    symlink(Path::new(&"../".repeat(up)).join(target.path.relative()), from)
}

/// Returns the description of the node: its name, and who runs.
fn node(facts: &Facts) -> Value {
    let argv = ["pct", "list"].map(str::to_owned);
    let table = facts.ran(Place::Node, &argv).map_or("", |output| output.stdout.as_str());
    let running = table.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let vmid = words.next()?;
        (words.next() == Some("running")).then(|| vmid.to_owned())
    });
    let mut object = BTreeMap::new();
    if let Some(name) = facts.ran(Place::Node, &["hostname".to_owned()]) {
        object.insert("name", Value::from(name.stdout.trim()));
    }
    object.insert("running", Value::from(running.collect::<Vec<_>>()));
    json!(object)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

fn write_json(path: &Path, value: &Value) -> io::Result<()> {
    write(path, &(serde_json::to_string_pretty(value).map_err(io::Error::other)? + "\n"))
}

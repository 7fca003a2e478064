//! Writes facts to a folder in the layout of a captured node.
//!
//! Files go to their own paths below `fs/` or `guests/<id>/fs/`; the live rules, the node's name and who
//! runs go where the simulated node looks for them; every other answer of a program goes to
//! `answers.json`, word for word. A file that was read through a symbolic link is written where it
//! really is, with the link to it: both names must go on being one file. What was absent or could not
//! be asked is not written.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use phoenix_planner::kind;
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
            (Probe::File(at), Answer::Text(text)) => file(folder, at, &real(facts, at), text)?,
            (Probe::List(at), Answer::Names(_)) => fs::create_dir_all(path(folder, at))?,
            (Probe::Run { place, argv }, Answer::Ran(output)) => {
                run(folder, *place, argv, output, &mut answers)?;
            }
            _ => count -= 1,
        }
    }
    write_json(&folder.join("answers.json"), &Value::from(answers))?;
    write_json(&folder.join("node.json"), &node(facts))?;
    Ok(count)
}

/// Returns where a file really is.
fn real(facts: &Facts, at: &Location) -> Location {
    let Place::Guest(vmid) = at.place else { return at.clone() };
    let real = kind::real_paths(facts, vmid).remove(at.path.as_str());
    let real = real.and_then(|path| path.parse().ok());
    real.map_or_else(|| at.clone(), |path| Location::guest(vmid, path))
}

fn file(folder: &Path, at: &Location, real: &Location, text: &str) -> io::Result<()> {
    write(&path(folder, real), text)?;
    if at == real {
        return Ok(());
    }
    let link = path(folder, at);
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    symlink(between(at, real), link)
}

/// Returns the way from a file's folder to another file of the same place.
fn between(from: &Location, to: &Location) -> PathBuf {
    let (from, to) = (from.path.relative(), to.path.relative());
    let shared = from.split('/').zip(to.split('/')).take_while(|(a, b)| a == b).count();
    let up = from.split('/').skip(shared + 1).map(|_| "..");
    up.chain(to.split('/').skip(shared)).collect()
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
        // From where somebody was connected is not what the node is.
        ["printenv", ..] => Ok(()),
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

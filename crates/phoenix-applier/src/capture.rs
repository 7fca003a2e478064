//! Writes facts to a folder in the layout of a captured node.
//!
//! Files go to their own paths below `fs/` or `guests/<id>/fs/`, and a path that leads elsewhere
//! becomes a link; the live rules, the node's name and who runs go where the simulated node looks for
//! them; every other answer of a program goes to `answers.json`, word for word. What was absent or
//! could not be asked is not written.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use phoenix_planner::location::{AbsolutePath, Location, Place};
use phoenix_planner::probe::{Answer, Facts, Output, Probe};
use serde_json::{Value, json};

/// Writes the answers to a folder and returns how many there were.
pub fn capture(facts: &Facts, folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder.join("fs"))?;
    let mut answers = Vec::new();
    let mut count = 0;
    let links = links(facts);
    for (link, target) in &links {
        make_link(&path(folder, link), target.as_str())?;
    }
    for (probe, answer) in facts.iter() {
        count += 1;
        match (probe, answer) {
            (Probe::File(at), Answer::Text(_)) if links.contains_key(at) => {}
            (Probe::File(at), Answer::Text(text)) => write(&path(folder, at), text)?,
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

/// Returns the paths that lead elsewhere with their targets: the answers of `readlink`, of which a
/// line belongs to a path only when there is one for each.
fn links(facts: &Facts) -> BTreeMap<Location, AbsolutePath> {
    let mut links = BTreeMap::new();
    for (probe, answer) in facts.iter() {
        let (Probe::Run { place, argv }, Answer::Ran(output)) = (probe, answer) else { continue };
        let [program, _, _, paths @ ..] = argv.as_slice() else { continue };
        let targets = output.stdout.lines().collect::<Vec<_>>();
        if program != "readlink" || targets.len() != paths.len() {
            continue;
        }
        for (path, target) in paths.iter().zip(targets).filter(|(path, target)| path != target) {
            let (Ok(path), Ok(target)) = (path.parse(), target.parse()) else { continue };
            links.insert(Location { place: *place, path }, target);
        }
    }
    links
}

/// Makes a link with an absolute target, which is resolved inside the captured root.
fn make_link(path: &Path, target: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    symlink(target, path)
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
        // What a guest shows of itself changes with an apply: an answer kept would hide it.
        ["ip", ..] if place != Place::Node => Ok(()),
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

/// Returns the description of the node: who runs.
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

//! Writes facts to a folder in the layout of a captured node.
//!
//! Files go to their own paths below `fs/` or `guests/<id>/fs/`; the live rules, the node's name and who
//! runs go where the simulated node looks for them; every other answer of a program goes to
//! `answers.json`, word for word. A file that was read through a symbolic link is written where it
//! really is, with the link to it: both names must go on being one file. What was absent or could not
//! be asked is not written.

mod features;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use phoenix_formats::iproute::{Rule, read_rules, read_table};
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
    let Place::Guest(vmid) = at.place else { return linked(facts, at) };
    let real = kind::real_paths(facts, vmid).remove(at.path.as_str());
    let real = real.and_then(|path| path.parse().ok());
    real.map_or_else(|| at.clone(), |path| Location::guest(vmid, path))
}

/// Returns where a file of the node really is, as far as it was asked: a link of one step.
fn linked(facts: &Facts, at: &Location) -> Location {
    let argv = ["readlink", "--", at.path.as_str()].map(str::to_owned);
    let link = facts.ran(Place::Node, &argv).filter(|output| output.success());
    let parent = at.path.as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
    let target = link.and_then(|output| absolute(parent, output.stdout.trim()).parse().ok());
    target.map_or_else(|| at.clone(), |path| Location { path, ..at.clone() })
}

/// Returns a link's target without `.` and `..`.
fn absolute(parent: &str, target: &str) -> String {
    let from = if target.starts_with('/') { "" } else { parent };
    let mut parts = Vec::new();
    for part in from.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.iter().map(|part| format!("/{part}")).collect()
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
        Place::Guest(vmid) | Place::Vm(vmid) => {
            folder.join("guests").join(vmid.to_string()).join("fs")
        }
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
    let words = argv.iter().map(String::as_str).collect::<Vec<_>>();
    if features::keep(folder, place, &words, output)? {
        return Ok(());
    }
    match words[..] {
        ["iptables-save"] => write(&folder.join("live/iptables.save"), &output.stdout),
        ["readlink", "--", at] if place == Place::Node && output.success() => {
            link(folder, at, output.stdout.trim())
        }
        // The simulated node says these itself, and says something else after an apply.
        ["hostname"]
        | ["pct" | "qm", "list"]
        | ["qm", "guest", "cmd", _, "ping"]
        | ["readlink", "-f" | "--", ..]
        | ["ss" | "dpkg-query", ..] => Ok(()),
        ["systemctl", _, unit] if place == Place::Node => unit_state(folder, unit, output),
        ["systemctl", ..] if place != Place::Node && !output.success() => Ok(()),
        // From where somebody was connected is not what the node is.
        ["printenv", ..] => Ok(()),
        ["ip", ..] if place != Place::Node => guest_state(folder, place, argv, output),
        ["cat" | "nft", ..] if place != Place::Node => guest_state(folder, place, argv, output),
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

/// Makes a link of the node; one that a file was read through is there by now.
fn link(folder: &Path, at: &str, target: &str) -> io::Result<()> {
    let at = folder.join("fs").join(at.trim_start_matches('/'));
    if at.symlink_metadata().is_ok() {
        return Ok(());
    }
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent)?;
    }
    symlink(target, at)
}

/// Notes what a running guest has in force for its public interface, as the simulated node notes it.
fn guest_state(folder: &Path, place: Place, argv: &[String], output: &Output) -> io::Result<()> {
    let (name, text) = match argv.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cat", ..] if output.stdout.split_whitespace().any(|value| value != "0") => {
            ("arp", output.stdout.clone())
        }
        ["ip", "-json", "rule", "show"] => {
            let rules = read_rules(&output.stdout).unwrap_or_default().into_iter();
            let line =
                |rule: Rule| Some(format!("{} {} {}\n", rule.priority, rule.source?, rule.table));
            ("rules", rules.filter_map(line).collect())
        }
        ["ip", "-json", "route", "show", "table", table] => {
            let mut routes = read_table(&output.stdout).unwrap_or_default();
            routes.sort();
            let lines = routes.iter().map(|route| format!("{table} {route}\n"));
            ("routes", lines.collect())
        }
        ["nft", ..] if output.success() => ("nft", output.stdout.clone()),
        _ => return Ok(()),
    };
    if text.is_empty() {
        return Ok(());
    }
    write(&folder.join("live/guests").join(place.to_string()).join(name), &text)
}

/// Notes what is not as it should be with a unit: a word a line.
fn unit_state(folder: &Path, unit: &str, output: &Output) -> io::Result<()> {
    let word = output.stdout.trim();
    if !matches!(word, "disabled" | "inactive" | "failed") {
        return Ok(());
    }
    let path = folder.join("live/units").join(unit);
    let present = fs::read_to_string(&path).unwrap_or_default();
    write(&path, &format!("{present}{word}\n"))
}

/// Returns the packages that are installed, of those that were asked for.
fn packages(facts: &Facts) -> Vec<String> {
    let installed = |(probe, answer): (&Probe, &Answer)| match (probe, answer) {
        (Probe::Run { place: Place::Node, argv }, Answer::Ran(output))
            if argv[0] == "dpkg-query" =>
        {
            let name = argv.last().cloned();
            name.filter(|_| output.success() && output.stdout.trim() == "installed")
        }
        _ => None,
    };
    facts.iter().filter_map(installed).collect()
}

/// Returns a guest that has no nft(8), by its answer.
fn without_nft((probe, answer): (&Probe, &Answer)) -> Option<String> {
    match (probe, answer) {
        (Probe::Run { place: place @ Place::Guest(_), argv }, Answer::Ran(output))
            if argv[0] == "nft" && output.exit > 1 =>
        {
            Some(place.to_string())
        }
        _ => None,
    }
}

/// Returns a machine whose guest agent did not answer, though it could be asked.
fn without_agent((probe, answer): (&Probe, &Answer)) -> Option<String> {
    let (Probe::Run { place: Place::Node, argv }, Answer::Ran(output)) = (probe, answer) else {
        return None;
    };
    match argv.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["qm", "guest", "cmd", vmid, "ping"] if !output.success() => Some(vmid.to_owned()),
        _ => None,
    }
}

/// Returns the guests that a program lists as running: `pct` has the status in the second column, and `qm`
/// behind the name, which may hold blanks.
fn running(facts: &Facts, program: &str) -> Vec<String> {
    let argv = [program, "list"].map(str::to_owned);
    let table = facts.ran(Place::Node, &argv).map_or("", |output| output.stdout.as_str());
    let row = |line: &str| {
        let words = line.split_whitespace().collect::<Vec<_>>();
        let status = if program == "pct" { words.get(1) } else { words.iter().rev().nth(3) };
        (status == Some(&"running")).then(|| words.first().map(|vmid| (*vmid).to_owned())).flatten()
    };
    table.lines().filter_map(row).collect()
}

/// Returns the description of the node: its name, who runs, and what is installed.
fn node(facts: &Facts) -> Value {
    let mut running = running(facts, "pct");
    running.extend(self::running(facts, "qm"));
    let mut object = BTreeMap::new();
    if let Some(name) = facts.ran(Place::Node, &["hostname".to_owned()]) {
        object.insert("name", Value::from(name.stdout.trim()));
    }
    let now = facts.ran(Place::Node, &["date", "+%s"].map(str::to_owned));
    if let Some(now) = now.and_then(|output| output.stdout.trim().parse::<u64>().ok()) {
        object.insert("now", Value::from(now));
    }
    object.insert("running", Value::from(running));
    let packages = packages(facts);
    if !packages.is_empty() {
        object.insert("packages", Value::from(packages));
    }
    let without = facts.iter().filter_map(without_nft).collect::<Vec<_>>();
    if !without.is_empty() {
        object.insert("without_nftables", Value::from(without));
    }
    let silent = facts.iter().filter_map(without_agent).collect::<Vec<_>>();
    if !silent.is_empty() {
        object.insert("without_agent", Value::from(silent));
    }
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

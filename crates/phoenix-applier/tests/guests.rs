//! A whole fleet from an empty node: in rounds, and stopped after every single change.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_applier::{Event, Flow, Node, Outcome, SimulatedNode, apply, observe};
use phoenix_planner::desired::Desired;
use phoenix_planner::kind;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::operation::{Operation, Run};
use phoenix_planner::plan::{Plan, Verb};
use phoenix_planner::source::{FileKind, Sources};
use serde_json::Value;
use tempfile::TempDir;

/// More plans than a fleet of twelve containers can need, one for each action.
const MOST: usize = 200;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/upstream-empty")
}

fn desired() -> Desired {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        if let Ok(text) = fs::read_to_string(example().join(kind.file_name())) {
            sources.0.insert(kind, text.into());
        }
    }
    load(&sources, Strictness::Lenient).desired.unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn empty_node() -> TempDir {
    let folder = TempDir::new().unwrap();
    copy(&example().join("node"), folder.path());
    folder
}

fn plan(desired: &Desired, node: &mut dyn Node) -> Plan {
    let facts = observe(desired, node);
    kind::plan(desired, &facts).unwrap()
}

/// Applies at most so many changes of every plan until nothing is left; returns every program that was run.
fn settle(at_a_time: usize) -> Vec<Vec<String>> {
    let (desired, folder) = (desired(), empty_node());
    let mut programs = Vec::new();
    for _ in 0..MOST {
        let mut node = SimulatedNode::open(folder.path()).unwrap();
        let next = plan(&desired, &mut node);
        if next.is_empty() {
            return programs;
        }
        let operations = next.steps().flat_map(|step| &step.action.operations);
        programs.extend(operations.filter_map(|operation| match operation {
            Operation::Run(Run { argv, .. }) => Some(argv.clone()),
            _ => None,
        }));
        let mut done = 0;
        let report = apply(&next, &mut node, &mut |event| {
            // What is only asked or reloaded leaves nothing from which the next plan could go on.
            let changed = matches!(event, Event::Ended { action, .. } if action.verb != Verb::Do);
            done += usize::from(changed);
            if done >= at_a_time { Flow::Stop } else { Flow::Continue }
        });
        for (address, outcome) in report.outcomes() {
            let fine = matches!(outcome, Outcome::Done | Outcome::LeftOut);
            assert!(fine, "{address}: {}", outcome.message());
        }
    }
    panic!("it does not settle");
}

#[test]
fn an_empty_node_settles() {
    settle(usize::MAX);
}

#[test]
fn it_settles_when_it_is_stopped_after_every_change() {
    settle(1);
}

#[test]
fn every_program_of_proxmox_is_called_as_it_can_be() {
    let text = include_str!("corpus/commands.json");
    let commands: Value = serde_json::from_str(text).unwrap();
    let programs = settle(usize::MAX);
    let known = |argv: &&Vec<String>| commands["commands"].get(&argv[0]).is_some();
    let called = programs.iter().filter(known).collect::<Vec<_>>();
    let faults = called.iter().filter_map(|argv| fault(&commands, argv)).collect::<Vec<_>>();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mut verbs = BTreeMap::new();
    called
        .iter()
        .for_each(|argv| *verbs.entry(format!("{} {}", argv[0], argv[1])).or_insert(0) += 1);
    for verb in ["create", "clone", "set", "resize", "template", "snapshot", "start"] {
        assert!(verbs.contains_key(&format!("pct {verb}")), "{verbs:?}");
    }
}

#[test]
fn what_cannot_be_called_is_found() {
    let commands: Value = serde_json::from_str(include_str!("corpus/commands.json")).unwrap();
    for wrong in [
        "pct create 100",
        "pct create 100 x --nonsense 1",
        "pct create 99 x",
        "pct create 100 x --memory many",
        "pct create 100 x --cores 9000",
        "pct create 100 x --mp256 /a,mp=/b",
        "pct resize 100 home 8G",
        "pct fly 100",
    ] {
        let argv = wrong.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(fault(&commands, &argv).is_some(), "{wrong}");
    }
}

/// Returns what is wrong with a call by Proxmox VE's own description of the command.
fn fault(commands: &Value, argv: &[String]) -> Option<String> {
    let found = |why: &str| Some(format!("{}: {why}", argv.join(" ")));
    let command = &commands["commands"][&argv[0]][&argv[1]];
    let (Some(positional), Some(options)) =
        (command["positional"].as_array(), command["options"].as_object())
    else {
        return found("there is no such command");
    };
    let at = argv[2..].iter().position(|word| word.starts_with("--")).unwrap_or(argv.len() - 2);
    let (words, rest) = argv[2..].split_at(at);
    if words.len() != positional.len() {
        return found("a wrong number of arguments");
    }
    let wrong = words.iter().zip(positional).find_map(|(word, schema)| value_fault(schema, word));
    if let Some(why) = wrong {
        return found(&why);
    }
    for pair in rest.chunks(2) {
        let [name, value] = pair else { return found("an option without a value") };
        let Some(schema) = option(options, name.trim_start_matches('-')) else {
            return found(&format!("no option {name}"));
        };
        if let Some(why) = value_fault(schema, value) {
            return found(&why);
        }
    }
    None
}

fn option<'a>(options: &'a serde_json::Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(schema) = options.get(name) {
        return Some(schema);
    }
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let schema = options.get(&format!("{}[n]", name.strip_suffix(digits)?))?;
    let (_, last) = schema["indices"].as_str()?.split_once("..")?;
    (digits.parse::<u32>().ok()? <= last.parse().ok()?).then_some(schema)
}

fn value_fault(schema: &Value, value: &str) -> Option<String> {
    let wrong = || Some(format!("`{value}` does not fit"));
    let number = value.parse::<u64>().ok();
    match schema["type"].as_str() {
        Some("integer") if number.is_none() => return wrong(),
        Some("boolean") if !["0", "1"].contains(&value) => return wrong(),
        _ => {}
    }
    let beyond = |limit: &str, is_beyond: fn(u64, u64) -> bool| {
        schema[limit].as_u64().zip(number).is_some_and(|(limit, n)| is_beyond(n, limit))
    };
    if beyond("minimum", |n, low| n < low) || beyond("maximum", |n, high| n > high) {
        return wrong();
    }
    let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
    if value.len() as u64 > longest {
        return wrong();
    }
    let words = schema["enum"].as_array()?;
    if words.iter().any(|word| word == value) { None } else { wrong() }
}

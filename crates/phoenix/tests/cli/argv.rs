//! Every call of `qm` in an example is one that the real program takes, and every call that phoenix makes is in
//! an example.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::{Copy, folders, root};

/// The subcommands that phoenix uses, with their arguments and options as Proxmox VE declares them.
fn commands() -> Value {
    let file = root().join("crates/phoenix/tests/corpus/qm-commands.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn every_call_of_qm_is_one_that_it_takes() {
    let commands = commands();
    let mut seen = BTreeSet::new();
    for name in folders("examples") {
        if !root().join("examples").join(&name).join("node").is_dir() {
            continue;
        }
        for argv in calls(&Copy::of(&name)) {
            if let Err(why) = check(&commands, &argv) {
                panic!("{name}: {}: {why}", argv.join(" "));
            }
            seen.insert(argv[1].clone());
        }
    }
    let known = commands.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(seen, known, "a call of an example is not known, or a known one is in no example");
}

#[test]
fn a_call_that_it_does_not_take_is_found() {
    let commands = commands();
    let check = |line: &str| check(&commands, &words(line));
    assert_eq!(check("qm set 1001 --cores 4 --onboot"), Ok(()));
    for line in [
        "qm set 1001 --cores",
        "qm set 1001 --cores 0",
        "qm set 1001 --colour red",
        "qm set 1001 --net32 virtio",
        "qm set 1001 --ostype debian",
        "qm start",
        "qm start 1",
        "qm start 1001 1002",
        "qm resize 1001 scsi99 32G",
        "qm frobnicate 1001",
    ] {
        assert!(check(line).is_err(), "{line}");
    }
}

/// Returns the calls of `qm` in the plan of an example.
fn calls(copy: &Copy) -> Vec<Vec<String>> {
    let plan = copy.phoenix(&["plan", "--format", "json"]).exits(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let actions = plan["actions"].as_array().unwrap().iter();
    let commands = actions.flat_map(|action| action["commands"].as_array().unwrap());
    let lines = commands.map(|line| line.as_str().unwrap());
    lines.filter_map(|line| line.strip_prefix("$ ")).map(words).filter(|a| a[0] == "qm").collect()
}

/// Splits a shown line: words with blanks stand in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words
}

fn check(commands: &Value, argv: &[String]) -> Result<(), String> {
    let [_, verb, rest @ ..] = argv else { return Err("no subcommand".to_owned()) };
    let command = commands.get(verb).ok_or("no such subcommand")?;
    let positional = command["positional"].as_array().unwrap();
    if rest.len() < positional.len() {
        return Err("arguments are missing".to_owned());
    }
    let (arguments, options) = rest.split_at(positional.len());
    for (schema, argument) in positional.iter().zip(arguments) {
        value(schema, argument)?;
    }
    let mut options = options.iter().peekable();
    while let Some(option) = options.next() {
        let name = option.strip_prefix("--").ok_or(format!("`{option}` is too many"))?;
        let schema = find(&command["options"], name).ok_or(format!("no option `{name}`"))?;
        match options.next_if(|next| !next.starts_with("--")) {
            Some(given) => value(schema, given)?,
            None if schema["value"] == "optional" => {}
            None => return Err(format!("`{name}` needs a value")),
        }
    }
    Ok(())
}

/// Returns an option by its name; `net0` is one of `net[n]`.
fn find<'a>(options: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(schema) = options.get(name) {
        return Some(schema);
    }
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name.strip_prefix(family)?.parse::<u32>().ok()?;
    let schema = options.get(format!("{family}[n]"))?;
    let (first, last) = schema["indices"].as_str()?.split_once("..")?;
    (first.parse().ok()?..=last.parse().ok()?).contains(&number).then_some(schema)
}

fn value(schema: &Value, given: &str) -> Result<(), String> {
    let wrong = || format!("`{given}` is not taken: {schema}");
    let number = given.parse::<f64>();
    let taken = match schema["type"].as_str() {
        Some("integer") => given.parse::<i64>().is_ok(),
        Some("number") => number.is_ok(),
        Some("boolean") => matches!(given, "0" | "1"),
        _ => true,
    };
    let within = |bound: &str, holds: fn(f64, f64) -> bool| match (schema[bound].as_f64(), &number)
    {
        (Some(bound), Ok(number)) => holds(*number, bound),
        _ => true,
    };
    let words = schema["enum"].as_array();
    let listed = words.is_none_or(|words| words.iter().any(|word| word == given));
    let short = schema["maxLength"].as_u64().is_none_or(|most| given.len() as u64 <= most);
    let ranged = within("minimum", |n, least| n >= least) && within("maximum", |n, most| n <= most);
    if taken && listed && short && ranged { Ok(()) } else { Err(wrong()) }
}

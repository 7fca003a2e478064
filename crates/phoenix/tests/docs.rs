//! The documentation says what the program does: its options, exit codes, fields and previews.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use phoenix::args::Cli;
use phoenix_planner::load::{Strictness, load};
use phoenix_planner::schema::schema;
use phoenix_planner::source::{FileKind, Sources};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with everything that is wrong at once.
fn none_wrong(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

/// Returns the part of a page below the heading that begins with `heading`, up to the next of its rank.
fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let start = page.find(&format!("\n{heading}\n"))? + 1;
    let rest = &page[start + heading.len()..];
    let rank = heading.split(' ').next().unwrap_or("##");
    Some(rest.find(&format!("\n{rank} ")).map_or(rest, |end| &rest[..end]))
}

/// Returns the words in back-ticks of a text.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns the first word of every row of the tables in a text, where it stands in back-ticks.
fn rows(text: &str) -> BTreeSet<String> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next());
    cells.map(str::to_owned).collect()
}

fn long_options(command: &clap::Command) -> BTreeSet<String> {
    let shown = command.get_arguments().filter(|argument| !argument.is_global_set());
    shown.filter_map(|argument| Some(format!("--{}", argument.get_long()?))).collect()
}

/// The option that clap adds to every verb.
const HELP: &str = "--help";

#[test]
fn every_verb_option_and_value_is_in_the_manual() {
    let page = read("docs/commands.md");
    let mut wrong = Vec::new();
    let mut check = |heading: String, options: BTreeSet<String>, values: Vec<String>| {
        let Some(section) = section(&page, &heading) else {
            wrong.push(format!("no section {heading:?}"));
            return;
        };
        let named = rows(section).into_iter().filter(|cell| cell.starts_with("--"));
        let named = named.collect::<BTreeSet<_>>();
        let missing = options.difference(&named).map(|option| format!("{heading}: no {option}"));
        let invented =
            named.difference(&options).map(|option| format!("{heading}: {option} is not there"));
        wrong.extend(missing.chain(invented));
        let has = |value: &String| code(section).iter().any(|word| word == value);
        wrong.extend(
            values.iter().filter(|value| !has(value)).map(|v| format!("{heading}: no `{v}`")),
        );
    };
    let cli = Cli::command();
    let everywhere = cli.get_arguments().filter_map(|a| Some(format!("--{}", a.get_long()?)));
    let everywhere = everywhere.chain([HELP, "--version"].map(str::to_owned)).collect();
    check("## Options of every verb".to_owned(), everywhere, Vec::new());
    for verb in cli.get_subcommands() {
        let values = verb.get_arguments().flat_map(clap::Arg::get_possible_values);
        let values = values.map(|value| value.get_name().to_owned());
        let values = values.filter(|value| value != "true" && value != "false").collect();
        check(format!("## `phoenix {}`", verb.get_name()), long_options(verb), values);
    }
    none_wrong("docs/commands.md", &wrong);
}

#[test]
fn every_exit_code_is_in_the_manual() {
    let source = include_str!("../src/exit.rs");
    let codes = source.lines().filter_map(|line| {
        let (variant, code) = line.trim().strip_suffix(',')?.split_once(" => ")?;
        // What a program in a lab ends with is none of phoenix's own codes.
        (variant.starts_with("Self::") && code.parse::<u8>().is_ok()).then_some(code)
    });
    let page = read("docs/commands.md");
    let named = rows(section(&page, "## Exit codes").unwrap());
    assert_eq!(codes.map(str::to_owned).collect::<BTreeSet<_>>(), named);
}

/// Returns the fields of every object of a schema, by the object's place: `lxc_configs.*.firewall`.
fn objects(place: &str, schema: &Value, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let below = |name: &str| {
        if place.ends_with(".json") { name.to_owned() } else { format!("{place}.{name}") }
    };
    for alternative in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        objects(place, alternative, found);
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        found.insert(place.to_owned(), properties.keys().cloned().collect());
        for (name, property) in properties {
            objects(&below(name), property, found);
        }
    }
    for inner in ["additionalProperties", "items"] {
        if let Some(schema) = schema.get(inner) {
            objects(&below("*"), schema, found);
        }
    }
}

#[test]
fn every_field_is_in_the_manual() {
    let mut known = BTreeMap::new();
    for kind in FileKind::ALL {
        let schema = serde_json::from_str(&schema(kind)).unwrap();
        objects(kind.file_name(), &schema, &mut known);
    }
    let page = read("docs/configuration.md");
    let mut wrong = Vec::new();
    let mut described = BTreeSet::new();
    for part in page.split("\nPlace: ").skip(1) {
        let (line, rest) = part.split_once('\n').unwrap();
        let part = rest.split("\n#").next().unwrap_or(rest);
        let named = rows(part);
        for place in code(line) {
            described.insert(place.to_owned());
            let Some(fields) = known.get(place) else {
                wrong.push(format!("{place} is not in any schema"));
                continue;
            };
            wrong.extend(fields.difference(&named).map(|field| format!("{place}: no {field}")));
            wrong.extend(named.difference(fields).map(|f| format!("{place}: {f} is not there")));
        }
    }
    let missing = known.keys().filter(|place| !described.contains(*place));
    wrong.extend(missing.map(|place| format!("nothing about {place}")));
    none_wrong("docs/configuration.md", &wrong);
}

/// Returns the blocks of a page that are fenced with these words.
fn blocks<'a>(page: &'a str, fence: &str) -> Vec<&'a str> {
    let fence = format!("```{fence}\n");
    page.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_example_of_the_manual_is_valid() {
    let page = read("docs/configuration.md");
    let mut sources = Sources::default();
    for block in blocks(&page, "jsonc") {
        let name = block.lines().next().unwrap_or_default().trim_start_matches("// ");
        let kind = FileKind::ALL.into_iter().find(|kind| kind.file_name() == name);
        sources.files.insert(kind.expect("the block begins with its file's name"), block.into());
    }
    let loaded = load(&sources, Strictness::Strict);
    let problems = loaded.problems.iter().map(|problem| problem.message.clone());
    none_wrong("docs/configuration.md", &problems.collect::<Vec<_>>());
    assert!(loaded.desired.is_some());
}

/// Replaces digests, which change with every plan and say nothing to a reader.
fn without_digest(line: &str) -> String {
    let is_digest = |word: &str| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = line.split(' ').map(|word| {
        if is_digest(word.trim_matches(['(', ')'])) { "DIGEST".to_owned() } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Marks lines of a preview that were left out.
const LEFT_OUT: &str = "…";

#[test]
fn previews_are_what_phoenix_prints() {
    let example = root().join("examples/macvlan-upgrade");
    let output = Command::new(env!("CARGO_BIN_EXE_phoenix"))
        .args(["plan", "--config"])
        .arg(&example)
        .arg("--node-dir")
        .arg(example.join("node"))
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    let printed = printed.lines().map(without_digest).collect::<Vec<_>>();
    let mut wrong = Vec::new();
    for path in pages() {
        for block in blocks(&read(&path), "text plan") {
            let mut rest = printed.iter();
            for line in block.lines().filter(|line| line.trim() != LEFT_OUT) {
                if !rest.any(|printed| *printed == without_digest(line)) {
                    wrong.push(format!("{path}: {line}"));
                }
            }
        }
    }
    none_wrong("not in the plan of examples/macvlan-upgrade, or not in this order", &wrong);
}

/// Returns the paths of all pages, from the workspace's root.
fn pages() -> Vec<String> {
    let mut pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folder is there");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names = names.filter(|name| name.ends_with(".md"));
        pages.extend(names.map(|name| format!("{folder}/{name}")));
    }
    pages.sort();
    pages
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in pages() {
        let page = read(&path);
        let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let file = target.split('#').next().unwrap_or_default();
            let base = root().join(&path);
            if !file.is_empty() && !base.parent().is_some_and(|folder| folder.join(file).exists()) {
                wrong.push(format!("{path}: {target}"));
            }
        }
    }
    none_wrong("links that lead nowhere", &wrong);
}

/// What every crate may use without a reason.
const SPINE: [&str; 10] = [
    "clap",
    "insta",
    "ipnet",
    "miette",
    "petgraph",
    "serde",
    "serde_json",
    "similar",
    "tempfile",
    "tracing",
];

/// Returns the crates that the manifests of the workspace name, without its own and the spine.
fn dependencies() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("crates")).expect("the folder is there").flatten() {
        let manifest = std::fs::read_to_string(entry.path().join("Cargo.toml")).unwrap_or_default();
        for part in manifest.split("\n[").filter(|part| part.contains("dependencies]")) {
            let names = part.lines().skip(1).filter_map(|line| Some(line.split_once(" = ")?.0));
            found.extend(names.map(str::to_owned));
        }
    }
    found.retain(|name| !SPINE.contains(&name.as_str()) && !name.starts_with("phoenix"));
    found
}

#[test]
fn every_dependency_beyond_the_spine_has_its_reason() {
    assert_eq!(dependencies(), rows(&read("docs/decisions/0009-dependencies.md")));
}

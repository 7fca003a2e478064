//! Every folder of `examples/` is documentation and test at once: its plan is as committed, its
//! apply settles, and nothing that is not phoenix's is lost.

use std::fs::File;
use std::path::Path;

use crate::reversed;
use crate::support::{Copy, Run, compare, each, folders, root};

/// The operator's files, whose line numbers a plan names.
const DECLARED: [&str; 4] = [
    "phoenix_hypervisor_config.json",
    "phoenix_lxc_configs.json",
    "phoenix_vm_configs.json",
    "certificate-manifest.json",
];

#[test]
fn every_example_plans_applies_and_settles() {
    each(with_a_node("examples"), |name| {
        let copy = Copy::of(name);
        plans_as_committed(name, &copy);
        does_not_depend_on_the_order_of_members(name, &copy);
        applies_and_settles(name, &copy);
        keeps_what_is_foreign(name, &copy);
    });
}

#[test]
fn the_upgrade_has_its_other_forms() {
    let copy = Copy::of("macvlan-upgrade");
    for format in ["md", "json", "dot"] {
        let plan = copy.phoenix(&["plan", "--format", format]).exits(0);
        assert_eq!(plan.stderr, "", "{format}");
        compare("examples/macvlan-upgrade", format, &plan.stdout);
    }
}

#[test]
fn broken_input_is_refused_with_reasons() {
    each(folders("examples/broken-input"), |name| {
        is_refused(name, &Copy::of(&format!("broken-input/{name}")));
    });
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    const LENGTH: u64 = 100 << 20;
    let copy = Copy::of("macvlan-upgrade");
    // The file has no blocks on the disk: only its length is large.
    File::create(copy.path().join(DECLARED[1])).unwrap().set_len(LENGTH).unwrap();
    is_refused("too-large", &copy);
}

fn is_refused(name: &str, copy: &Copy) {
    let before = copy.node();
    for verb in ["plan", "apply"] {
        let run = copy.phoenix(&[verb]).exits(1);
        assert_eq!(run.stdout, "", "{verb} of {name} has a result");
        assert!(before == copy.node(), "{verb} has changed the node of {name}");
        compare("examples/broken-input", name, &run.shown());
    }
}

fn with_a_node(folder: &str) -> Vec<String> {
    let has_node = |name: &String| root().join(folder).join(name).join("node").is_dir();
    folders(folder).into_iter().filter(has_node).collect()
}

fn plans_as_committed(name: &str, copy: &Copy) {
    let before = copy.node();
    let plan = copy.phoenix(&["plan"]).exits(0);
    assert_eq!(plan, copy.phoenix(&["plan"]), "{name} plans differently the second time");
    assert!(before == copy.node(), "planning has changed the node of {name}");
    compare(&format!("examples/{name}"), "plan", &plan.shown());
}

fn applies_and_settles(name: &str, copy: &Copy) {
    let report = copy.phoenix(&["apply", "--yes"]);
    let again = copy.phoenix(&["plan", "--detailed-exitcode"]);
    let shown = format!("{}\n--- plan again: {}", report.stdout, again.shown());
    compare(&format!("examples/{name}"), "apply", &shown);
    let _ = report.exits(0);
    assert_eq!(again.stdout.lines().last(), Some("No changes."), "{name} does not settle");
    let _ = again.exits(0);
}

/// JSON objects have no order, and comments mean nothing.
fn does_not_depend_on_the_order_of_members(name: &str, copy: &Copy) {
    let plan = copy.phoenix(&["plan"]);
    let other = Copy::of(name);
    for file in DECLARED.into_iter().filter(|file| other.path().join(file).exists()) {
        other.write(file, &reversed::members(&other.read(file)));
    }
    let of_other = other.phoenix(&["plan"]);
    assert_eq!(without_lines(&plan), without_lines(&of_other), "{name} depends on the order");
}

/// Returns the result without the line numbers behind the operator's files.
fn without_lines(run: &Run) -> String {
    let mut text = run.stdout.clone();
    for file in DECLARED {
        let mark = format!("{file}:");
        let mut parts = text.split(&mark);
        let first = parts.next().unwrap_or_default().to_owned();
        let rest = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
        text = rest.fold(first, |text, part| text + file + part);
    }
    text
}

/// Every line of `kept.txt`, `PATH: LINE`, is still in that file of the node.
fn keeps_what_is_foreign(name: &str, copy: &Copy) {
    if !copy.path().join("kept.txt").exists() {
        return;
    }
    for kept in copy.read("kept.txt").lines().filter(|line| !line.is_empty()) {
        let (path, line) = kept.split_once(": ").unwrap();
        let text = copy.read(Path::new("node").join(path).to_str().unwrap());
        assert!(text.lines().any(|found| found == line), "{name} loses from {path}: {line}");
    }
}

//! Firewall files with what PVE reads in them, warns of and saves, recorded from the real program.
//!
//! `NAME.fw` is the file; `NAME.expected.json` holds `kind`, `with_cluster` (a file with the names of the cluster),
//! `parsed`, `warnings` and `saved`. The words of warnings and faults are our own: only their places are compared.

#![expect(clippy::unwrap_used, reason = "a missing or broken fixture must stop the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use phoenix_formats::firewall::{FwFile, Level};
use serde_json::Value;

#[expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]
fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/fw");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> =
        paths.filter(|path| path.to_string_lossy().ends_with(".expected.json")).collect();
    cases.sort();
    cases
}

/// Reads the file of a case as the case asks.
fn parse(case: &Path, expected: &Value) -> FwFile {
    let folder = case.parent().unwrap();
    let cluster = expected["with_cluster"].as_str();
    let cluster =
        cluster.map(|name| FwFile::parse(Level::Cluster, &read(&folder.join(name)), None));
    let level = match expected["kind"].as_str().unwrap() {
        "cluster" => Level::Cluster,
        "host" => Level::Host,
        _ => Level::Guest,
    };
    let text = read(&folder.join(expected["file"].as_str().unwrap()));
    FwFile::parse(level, &text, cluster.as_ref())
}

/// Replaces the words of every fault, so that only the property at fault is compared.
fn without_words(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return match value {
            Value::Array(list) => list.iter().map(without_words).collect(),
            other => other.clone(),
        };
    };
    let faults = |value: &Value| value.as_object().unwrap().keys().cloned().collect();
    map.iter()
        .map(|(key, value)| {
            (key.clone(), if key == "errors" { faults(value) } else { without_words(value) })
        })
        .collect()
}

/// Returns the numbers of the lines that the recorded warnings name.
fn lines(warnings: &Value) -> BTreeSet<usize> {
    let texts = warnings.as_array().unwrap().iter().filter_map(Value::as_str);
    texts.filter_map(|text| text.split_once("(line ")?.1.split_once(')')?.0.parse().ok()).collect()
}

/// Sorts the options, whose order PVE leaves to chance.
fn sorted_options(saved: &Value) -> Option<String> {
    let saved = saved.as_str()?;
    let Some(rest) = saved.strip_prefix("[OPTIONS]\n\n") else { return Some(saved.to_owned()) };
    let (options, rest) = rest.split_once("\n\n").unwrap();
    let mut options: Vec<_> = options.lines().collect();
    options.sort_unstable();
    Some(format!("[OPTIONS]\n\n{}\n\n{rest}", options.join("\n")))
}

fn check(case: &Path) -> Result<(), String> {
    let expected: Value = serde_json::from_str(&read(case)).unwrap();
    let file = parse(case, &expected);
    let view = serde_json::to_value(&file).unwrap();
    let ours: BTreeSet<_> = file.warnings().iter().map(|warning| warning.line).collect();
    let pairs = [
        ("ok", view["ok"].clone(), expected["ok"].clone()),
        ("parsed", without_words(&view["parsed"]), without_words(&expected["parsed"])),
        ("warnings", serde_json::json!(ours), serde_json::json!(lines(&expected["warnings"]))),
        (
            "saved",
            serde_json::json!(sorted_options(&view["saved"])),
            serde_json::json!(sorted_options(&expected["saved"])),
        ),
    ];
    let wrong = pairs.into_iter().find(|(_, ours, theirs)| ours != theirs);
    wrong.map_or(Ok(()), |(what, ours, theirs)| {
        Err(format!("{what}\n  is       {ours}\n  expected {theirs}"))
    })
}

#[test]
fn reads_every_recorded_file_as_pve_does() {
    let cases = cases();
    assert_eq!(cases.len(), 267, "cases are missing");
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            check(case).err().map(|why| format!("{}: {why}", case.file_name().unwrap().display()))
        })
        .collect();
    assert!(failed.is_empty(), "{} cases differ:\n{}", failed.len(), failed.join("\n"));
}

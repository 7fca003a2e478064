//! What the operator's files may hold, and what phoenix says about what they may not.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};
use phoenix_planner::load::{Loaded, Strictness, load};
use phoenix_planner::problem::{Problem, Severity};
use phoenix_planner::source::{FileKind, Sources};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// The least of each file that is valid, for cases that are about another.
const EMPTY: &str = "{}\n";

#[expect(clippy::disallowed_methods, reason = "tests read their cases")]
fn read_sources(folder: &Path) -> Sources {
    let mut sources = Sources::default();
    for kind in FileKind::ALL {
        match std::fs::read_to_string(folder.join(kind.file_name())) {
            Ok(text) => drop(sources.0.insert(kind, text)),
            Err(_) if kind.is_required() => drop(sources.0.insert(kind, EMPTY.to_owned())),
            Err(_) => {}
        }
    }
    sources
}

#[expect(clippy::disallowed_methods, reason = "tests read their cases")]
fn cases(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(CRATE).join("tests").join(folder)).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    paths.sort();
    paths
}

fn render(problem: &Problem) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none());
    let mut text = String::new();
    handler.with_width(100).with_links(false).render_report(&mut text, problem).unwrap();
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn report(loaded: &Loaded) -> String {
    let mut text = loaded.problems.iter().map(render).collect::<Vec<_>>().join("\n");
    for unmanaged in &loaded.unmanaged {
        let file = unmanaged.origin.file.file_name();
        writeln!(text, "{:?}: {file}#{}", unmanaged.reason, unmanaged.origin.pointer).unwrap();
    }
    text
}

fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(Path::new(CRATE).join("../../snapshots/load"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn invalid_files_are_explained() {
    for folder in cases("invalid") {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let loaded = load(&read_sources(&folder), Strictness::Lenient);
        let errors = loaded.count(Severity::Error);
        assert_eq!(loaded.desired.is_none(), errors > 0, "{name}: desired and errors disagree");
        assert!(!loaded.problems.is_empty(), "{name}: nothing is said about it");
        check(&name, &report(&loaded));
    }
}

fn upstream() -> Sources {
    read_sources(&Path::new(CRATE).join("tests/upstream"))
}

#[test]
fn a_real_operators_files_are_accepted() {
    let loaded = load(&upstream(), Strictness::Strict);
    check("upstream", &report(&loaded));
    let desired = loaded.desired.expect("the files of a real operator have no errors");
    assert_eq!(desired.containers.len(), 12);
    assert_eq!(desired.vms.len(), 3);
}

//! `phoenix validate`: checks the operator's files.

use std::collections::BTreeMap;

use phoenix_planner::load::{Loaded, Reason, Unmanaged};
use phoenix_planner::problem::Severity;
use phoenix_planner::source::Sources;

use crate::args::Places;
use crate::exit::Exit;
use crate::places::DeclaredPlaces;
use crate::{complain, out, session};

pub(crate) fn run(places: &Places) -> Exit {
    let Some((sources, loaded)) = session::load_files(places) else { return Exit::Error };
    complain::about_problems(&loaded);
    out::result(&report(&sources, &loaded));
    if loaded.desired.is_some() { Exit::Done } else { Exit::Error }
}

fn report(sources: &Sources, loaded: &Loaded) -> String {
    let places = DeclaredPlaces::of(sources);
    let mut lines = Vec::new();
    for (reason, title) in [
        (Reason::Later, "Known, and not managed yet:"),
        (Reason::Unknown, "Not managed by phoenix, left alone:"),
    ] {
        let fields = unmanaged(loaded, reason, &places);
        if !fields.is_empty() {
            lines.push(title.to_owned());
            lines.extend(fields.into_iter().map(|field| format!("  {field}")));
            lines.push(String::new());
        }
    }
    let count = |severity, noun: &str| match loaded.count(severity) {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    };
    lines.push(format!(
        "{}, {}.",
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning")
    ));
    lines.join("\n") + "\n"
}

/// Returns the fields that are left alone, one line for a field of many guests.
fn unmanaged(loaded: &Loaded, reason: Reason, places: &DeclaredPlaces) -> Vec<String> {
    let mut fields = BTreeMap::<_, Vec<&Unmanaged>>::new();
    for field in loaded.unmanaged.iter().filter(|field| field.reason == reason) {
        fields.entry((field.origin.file, pattern(&field.origin.pointer))).or_default().push(field);
    }
    let line = |((file, pattern), all): (_, Vec<&Unmanaged>)| {
        let file: phoenix_planner::source::FileKind = file;
        let first = all.first().and_then(|field| places.line(&field.origin)).unwrap_or(1);
        let times = if all.len() > 1 { format!(", {} times", all.len()) } else { String::new() };
        format!("{}:{first} {pattern}{times}", file.file_name()).trim_end().to_owned()
    };
    fields.into_iter().map(line).collect()
}

/// Returns a pointer with `*` for numbers: `/lxc_configs/*/ports`.
fn pattern(pointer: &str) -> String {
    let part = |part: &str| {
        let number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if number { "*".to_owned() } else { part.replace("~1", "/").replace("~0", "~") }
    };
    pointer.split('/').map(part).collect::<Vec<_>>().join("/")
}

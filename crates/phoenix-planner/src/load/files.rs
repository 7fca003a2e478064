//! The operator's files while they are read: texts, values made of them, and the places in them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::finding::{Finding, Findings, Spot};
use super::{Loaded, Unmanaged};
use crate::check::Wholeness;
use crate::desired::Desired;
use crate::json::{self, Fault, Parsed, Places};
use crate::problem::{Problem, Related, Severity, SourceFile};
use crate::source::{FileKind, Origin, Sources};

/// How many problems are kept: nobody reads more, and showing each costs a look at the whole file.
const MOST_PROBLEMS: usize = 1000;

/// One file: its text, and what could be read of it.
struct File {
    source: SourceFile,
    /// Found when something is to be shown: mostly there is nothing.
    places: OnceCell<Places>,
    content: Content,
}

/// What is known of a file's text.
enum Content {
    /// It is plain JSON with nothing wrong; a [`Value`] of it is made when somebody needs one.
    Plain,
    /// What could be read of it.
    Read(Option<Value>),
}

impl File {
    fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(Arc::clone(self.source.text())))
    }

    fn is_read(&self) -> bool {
        !matches!(self.content, Content::Read(None))
    }

    /// Returns the text, if it is plain JSON.
    fn plain_text(&self) -> Option<&str> {
        matches!(self.content, Content::Plain).then_some(&**self.source.text())
    }

    fn value(&mut self) -> Option<&mut Value> {
        if let Some(text) = self.plain_text() {
            self.content = Content::Read(json::plain(text));
        }
        match &mut self.content {
            Content::Read(value) => value.as_mut(),
            Content::Plain => None,
        }
    }
}

/// Returns what a text holds, and what is wrong with it.
fn read(text: Option<&Arc<str>>) -> (Content, Vec<Fault>) {
    match text {
        None => (Content::Read(None), Vec::new()),
        Some(text) if json::is_plain(text) => (Content::Plain, Vec::new()),
        Some(text) => {
            let Parsed { value, faults } = json::parse(text);
            (Content::Read(value), faults)
        }
    }
}

pub(super) struct Files {
    files: BTreeMap<FileKind, File>,
    problems: Vec<Problem>,
}

impl Files {
    pub(super) fn read(sources: &Sources) -> Self {
        let mut all = Self { files: BTreeMap::new(), problems: Vec::new() };
        for kind in FileKind::ALL {
            let text = sources.files.get(&kind);
            let source = SourceFile::new(kind, text.cloned().unwrap_or_default());
            let (content, faults) = read(text);
            all.problems.extend(faults.into_iter().map(|fault| syntax(&source, fault)));
            let file = File { source, places: OnceCell::new(), content };
            if text.is_some() || kind.is_required() {
                all.files.insert(kind, file);
            }
        }
        all
    }

    pub(super) fn report_missing(&self, findings: &mut Findings) {
        let missing = |file: &&File| !file.is_read() && !self.has_problem(file.source.kind);
        for file in self.files.values().filter(missing) {
            let kind = file.source.kind;
            findings.push(
                Finding::error(Origin::file(kind), format!("`{}` is missing", kind.file_name()))
                    .label("phoenix cannot do without it")
                    .help("Name its folder: `phoenix --config DIR`."),
            );
        }
    }

    fn has_problem(&self, kind: FileKind) -> bool {
        self.problems.iter().any(|problem| problem.file() == kind)
    }

    /// Returns whether the files of guests could be read; one that is not there has no guests.
    pub(super) fn wholeness(&self) -> Wholeness {
        let kinds = [FileKind::Containers, FileKind::Vms];
        let whole = kinds.iter().all(|kind| self.has(*kind) || !self.files.contains_key(kind));
        if whole { Wholeness::Whole } else { Wholeness::Partial }
    }

    pub(super) fn has(&self, kind: FileKind) -> bool {
        self.files.get(&kind).is_some_and(File::is_read)
    }

    pub(super) fn plain_text(&self, kind: FileKind) -> Option<&str> {
        self.files.get(&kind)?.plain_text()
    }

    pub(super) fn value(&mut self, kind: FileKind) -> Option<&mut Value> {
        self.files.get_mut(&kind)?.value()
    }

    fn resolve(&self, finding: Finding) -> Option<Problem> {
        let file = self.files.get(&finding.origin.file)?;
        let span = match finding.spot {
            Spot::Value => file.places().value(&finding.origin.pointer),
            Spot::Name => file.places().name(&finding.origin.pointer),
        };
        let related = finding.related.iter().filter_map(|(origin, label)| {
            let file = self.files.get(&origin.file)?;
            let span = file.places().value(&origin.pointer);
            Some(Related::new(file.source.clone(), span, label.clone()))
        });
        let mut problem =
            Problem::new(finding.severity, file.source.clone(), span, finding.message);
        problem.related = related.collect();
        problem.label = finding.label;
        problem.help = finding.help;
        Some(problem)
    }

    pub(super) fn finish(
        mut self,
        desired: Desired,
        findings: Findings,
        unmanaged: Vec<Unmanaged>,
    ) -> Loaded {
        let mut problems = std::mem::take(&mut self.problems);
        problems
            .extend(findings.into_vec().into_iter().filter_map(|finding| self.resolve(finding)));
        problems.sort_by(|a, b| {
            let place = |p: &Problem| (p.file(), p.span.start, p.span.end, p.severity);
            place(a).cmp(&place(b)).then_with(|| a.message.cmp(&b.message))
        });
        let broken = problems.iter().any(|problem| problem.severity == Severity::Error);
        problems.truncate(MOST_PROBLEMS);
        Loaded { desired: (!broken).then_some(desired), problems, unmanaged }
    }
}

fn syntax(source: &SourceFile, fault: Fault) -> Problem {
    let mut problem = Problem::new(Severity::Error, source.clone(), fault.span, fault.message);
    problem.label = fault.label;
    problem.help = Some(fault.help);
    let related = fault.related.map(|(span, label)| Related::new(source.clone(), span, label));
    problem.related = related.into_iter().collect();
    problem
}

//! What is wrong with the operator's files, with the place and with what to type instead.

mod secret;

use std::fmt;
use std::sync::{Arc, OnceLock};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};

use crate::json::Span;
use crate::source::FileKind;

/// How far apart two places may be, in lines, to be shown in one excerpt.
const MOST_LINES_BETWEEN: usize = 6;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is planned until it is repaired.
    Error,
    /// It is probably not what was meant.
    Warning,
    /// Worth knowing.
    Advice,
}

/// One of the operator's files with its text, shared by all its problems.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    pub(crate) kind: FileKind,
    shared: Arc<Shared>,
}

/// What is made of a text when its first problem is shown: most texts have none.
#[derive(Debug)]
struct Shared {
    text: Arc<str>,
    named: OnceLock<NamedSource<String>>,
    line_starts: OnceLock<Vec<usize>>,
}

/// Returns a text of the operator's as it may be shown around a problem, without secrets.
pub fn showable(text: &str) -> String {
    secret::blanked(text)
}

impl SourceFile {
    pub(crate) fn new(kind: FileKind, text: Arc<str>) -> Self {
        let (named, line_starts) = (OnceLock::new(), OnceLock::new());
        Self { kind, shared: Arc::new(Shared { text, named, line_starts }) }
    }

    /// Returns the text as the operator wrote it.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.shared.text
    }

    /// Returns the text as it may be shown.
    fn named(&self) -> &NamedSource<String> {
        self.shared.named.get_or_init(|| {
            // miette finds no line in an empty text, so that a missing file has one empty line.
            let text = if self.shared.text.is_empty() { "\n" } else { &self.shared.text };
            NamedSource::new(self.kind.file_name(), secret::blanked(text))
        })
    }

    fn line(&self, at: usize) -> usize {
        let ends = || self.shared.text.match_indices('\n').map(|(end, _)| end + 1);
        let starts = || std::iter::once(0).chain(ends()).collect();
        self.shared.line_starts.get_or_init(starts).partition_point(|start| *start <= at)
    }
}

/// A second place that belongs to a problem, such as the first of two equal addresses.
#[derive(Debug, Clone)]
pub struct Related {
    source: SourceFile,
    /// Where.
    pub span: Span,
    /// What stands there: a lower-case fragment.
    pub label: String,
}

impl Related {
    pub(crate) fn new(source: SourceFile, span: Span, label: String) -> Self {
        Self { source, span, label }
    }

    /// Returns which file it is in.
    pub fn file(&self) -> FileKind {
        self.source.kind
    }

    /// Returns the number of its line, counted from 1.
    pub fn line(&self) -> usize {
        self.source.line(self.span.start)
    }
}

impl fmt::Display for Related {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl std::error::Error for Related {}

impl Diagnostic for Related {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source.named())
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(labeled(&self.label, &self.span))))
    }
}

/// One thing that is wrong, or worth knowing, about the operator's files.
#[derive(Debug, Clone)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub span: Span,
    /// What it is: a lower-case fragment.
    pub message: String,
    /// What stands at the place: a lower-case fragment.
    pub label: String,
    /// What to type: a sentence.
    pub help: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
    source: SourceFile,
}

impl Problem {
    pub(crate) fn new(severity: Severity, source: SourceFile, span: Span, message: String) -> Self {
        Self {
            severity,
            source,
            span,
            message,
            label: String::new(),
            help: None,
            related: Vec::new(),
        }
    }

    /// Returns which file it is in.
    pub fn file(&self) -> FileKind {
        self.source.kind
    }

    /// Returns the number of its line, counted from 1.
    pub fn line(&self) -> usize {
        self.source.line(self.span.start)
    }

    /// Tells whether a place is shown in the same excerpt: everything between two labels is printed.
    fn is_near(&self, related: &Related) -> bool {
        self.file() == related.file() && self.line().abs_diff(related.line()) <= MOST_LINES_BETWEEN
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Advice => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source.named())
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let near = self.related.iter().filter(|related| self.is_near(related));
        let others = near.map(|related| labeled(&related.label, &related.span));
        let own = LabeledSpan::new_primary_with_span(text(&self.label), source_span(&self.span));
        Some(Box::new(std::iter::once(own).chain(others)))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let mut far = self.related.iter().filter(|related| !self.is_near(related)).peekable();
        far.peek()?;
        Some(Box::new(far.map(|related| related as &dyn Diagnostic)))
    }
}

fn labeled(label: &str, span: &Span) -> LabeledSpan {
    LabeledSpan::new_with_span(text(label), source_span(span))
}

fn text(label: &str) -> Option<String> {
    (!label.is_empty()).then(|| label.to_owned())
}

fn source_span(span: &Span) -> SourceSpan {
    SourceSpan::from(span.clone())
}

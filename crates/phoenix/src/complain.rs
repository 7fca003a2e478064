//! Says what is wrong, on standard error: the place, the cause, and what to type instead.

use std::io::{self, IsTerminal};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};
use phoenix_planner::load::Loaded;
use phoenix_planner::problem::{Severity, showable};
use phoenix_planner::refusal::{Cause, Refusal};

use crate::out;
use crate::places::DeclaredPlaces;

/// Columns of a complaint: fixed, so that what is said does not depend on the terminal.
const WIDTH: usize = 100;

/// Says one thing that is wrong.
pub(crate) fn about(complaint: &dyn Diagnostic) {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = handler().render_report(&mut text, complaint);
    out::say(text.trim_end());
}

/// Says everything that is wrong with the operator's files, or worth knowing.
pub(crate) fn about_problems(loaded: &Loaded) {
    for problem in &loaded.problems {
        about(problem);
    }
}

/// Says every error in the operator's files, and of warnings only how many there are: they are the
/// business of `phoenix validate`, and must not hide a plan.
pub(crate) fn about_errors(loaded: &Loaded) {
    for problem in loaded.problems.iter().filter(|problem| problem.severity == Severity::Error) {
        about(problem);
    }
    match loaded.count(Severity::Warning) {
        0 => {}
        1 => out::say("1 warning about the operator's files: `phoenix validate` shows it."),
        n => out::say(&format!(
            "{n} warnings about the operator's files: `phoenix validate` shows them."
        )),
    }
}

/// Says why no plan can be made.
pub(crate) fn about_refusals(refusals: &[Refusal], places: &DeclaredPlaces) {
    for refusal in refusals {
        about(&Complaint::of(refusal, places));
    }
}

fn handler() -> GraphicalReportHandler {
    let theme = match (out::colours(&io::stderr()), io::stderr().is_terminal()) {
        (true, _) => GraphicalTheme::unicode(),
        (false, true) => GraphicalTheme::unicode_nocolor(),
        (false, false) => GraphicalTheme::none(),
    };
    GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false)
}

/// A refusal with the text that it points into.
#[derive(Debug)]
struct Complaint {
    message: String,
    help: String,
    place: Option<(NamedSource<String>, LabeledSpan)>,
}

impl Complaint {
    fn of(refusal: &Refusal, places: &DeclaredPlaces) -> Self {
        let place = match &refusal.cause {
            Cause::Declared(origin) => places.span(origin).map(|(text, span)| {
                let name = origin.file.file_name();
                let label = LabeledSpan::new_with_span(None, span);
                (NamedSource::new(name, showable(text)), label)
            }),
            Cause::File(..) | Cause::Node => None,
        };
        Self { message: refusal.to_string(), help: refusal.help.clone(), place }
    }
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Complaint {}

impl Diagnostic for Complaint {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(&self.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|(source, _)| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, label) = self.place.as_ref()?;
        Some(Box::new(std::iter::once(label.clone())))
    }
}

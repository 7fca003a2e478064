//! Problems while they are collected: by JSON pointer, without spans.

use crate::problem::Severity;
use crate::source::Origin;

/// Which part of a member a finding points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    Value,
    Name,
}

/// A problem whose place is not looked up yet.
#[derive(Debug, Clone)]
#[must_use = "a finding that is not pushed is never shown"]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) origin: Origin,
    pub(crate) spot: Spot,
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
    pub(crate) related: Vec<(Origin, String)>,
}

impl Finding {
    pub(crate) fn new(severity: Severity, origin: Origin, message: impl Into<String>) -> Self {
        let (label, help, related) = (String::new(), None, Vec::new());
        let message = message.into();
        Self { severity, origin, spot: Spot::Value, message, label, help, related }
    }

    pub(crate) fn error(origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, origin, message)
    }

    pub(crate) fn warning(origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, origin, message)
    }

    pub(crate) fn advice(origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Advice, origin, message)
    }

    pub(crate) fn at_name(self) -> Self {
        Self { spot: Spot::Name, ..self }
    }

    pub(crate) fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    pub(crate) fn with(mut self, origin: Origin, label: impl Into<String>) -> Self {
        self.related.push((origin, label.into()));
        self
    }
}

/// All findings of one load.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// Returns whether something has been said about this very place, so that nothing follows from what
    /// could not be read.
    pub(crate) fn touches(&self, origin: &Origin) -> bool {
        self.0.iter().any(|finding| finding.origin == *origin)
    }

    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.0
    }
}

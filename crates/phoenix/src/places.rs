//! Finds declared values in the operator's files.

use std::collections::BTreeMap;
use std::ops::Range;

use phoenix_planner::json::{self, Places};
use phoenix_planner::source::{FileKind, Origin, Sources};

/// The operator's files with the place of every value in them.
pub(crate) struct DeclaredPlaces {
    files: BTreeMap<FileKind, (String, Places)>,
}

impl DeclaredPlaces {
    /// Finds the places of all values.
    pub(crate) fn of(sources: &Sources) -> Self {
        let read =
            |(kind, text): (&FileKind, &String)| (*kind, (text.clone(), json::parse(text).places));
        Self { files: sources.0.iter().map(read).collect() }
    }

    /// Returns the text of the file and the bytes of a value in it, or of what is nearest around it.
    pub(crate) fn span(&self, origin: &Origin) -> Option<(&str, Range<usize>)> {
        let (text, places) = self.files.get(&origin.file)?;
        Some((text, places.value(&origin.pointer)))
    }

    /// Returns the line of a value, counted from 1.
    pub(crate) fn line(&self, origin: &Origin) -> Option<usize> {
        let (text, span) = self.span(origin)?;
        Some(text[..span.start].matches('\n').count() + 1)
    }
}

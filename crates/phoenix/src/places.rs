//! Finds declared values in the operator's files.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use phoenix_planner::json::Places;
use phoenix_planner::source::{FileKind, Origin, Sources};

/// The operator's files with the place of every value in them.
pub(crate) struct DeclaredPlaces {
    files: BTreeMap<FileKind, Declared>,
}

/// One file. A plan that finds nothing to do asks for no line, so none is looked for before.
struct Declared {
    text: Arc<str>,
    places: Places,
    /// Where the lines begin, in bytes.
    lines: OnceCell<Vec<usize>>,
}

impl Declared {
    fn span(&self, origin: &Origin) -> Range<usize> {
        self.places.value(&origin.pointer)
    }

    fn line(&self, at: usize) -> usize {
        let ends = || self.text.match_indices('\n').map(|(end, _)| end + 1);
        let starts = self.lines.get_or_init(|| std::iter::once(0).chain(ends()).collect());
        starts.partition_point(|start| *start <= at)
    }
}

impl DeclaredPlaces {
    /// Finds the places of all values.
    pub(crate) fn of(sources: &Sources) -> Self {
        let declared = |text: &Arc<str>| Declared {
            text: Arc::clone(text),
            places: Places::of(Arc::clone(text)),
            lines: OnceCell::new(),
        };
        Self { files: sources.files.iter().map(|(kind, text)| (*kind, declared(text))).collect() }
    }

    /// Returns the text of the file and the bytes of a value in it, or of what is nearest around it.
    pub(crate) fn span(&self, origin: &Origin) -> Option<(&str, Range<usize>)> {
        let file = self.files.get(&origin.file)?;
        Some((&file.text, file.span(origin)))
    }

    /// Returns the line of a value, counted from 1.
    pub(crate) fn line(&self, origin: &Origin) -> Option<usize> {
        let file = self.files.get(&origin.file)?;
        Some(file.line(file.span(origin).start))
    }
}

//! From files to declared types, with the fields that phoenix does not know and those it leaves alone.

use serde::de::DeserializeOwned;

use super::files::Files;
use super::finding::Findings;
use super::{Reason, Strictness, Unmanaged, container, repair, typo};
use crate::source::{FileKind, Origin};

pub(super) struct Reader<'a> {
    files: &'a mut Files,
    strictness: Strictness,
    pub(super) findings: Findings,
    pub(super) unmanaged: Vec<Unmanaged>,
    pub(super) has_unknown_guest: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: &'a mut Files, strictness: Strictness, findings: Findings) -> Self {
        Self { files, strictness, findings, unmanaged: Vec::new(), has_unknown_guest: false }
    }

    pub(super) fn read<T: DeserializeOwned + Default>(&mut self, file: FileKind) -> T {
        if let Some(declared) = self.read_at_once(file) {
            return declared;
        }
        let Some(value) = self.files.value(file) else {
            return T::default();
        };
        if file == FileKind::Containers {
            self.has_unknown_guest = container::drop_bad_numbers(value, &mut self.findings);
        }
        let (declared, unknown) = match typo::read::<T>(file, value) {
            (Some(declared), unknown) => (declared, unknown),
            (None, _) => {
                let declared = repair::read::<T>(file, value, &mut self.findings);
                (declared, typo::read::<T>(file, value).1)
            }
        };
        // It has been read, and is as large as what was read from it.
        value.take();
        self.note_unknown(file, unknown);
        declared
    }

    /// Reads a type straight from the text: a file of ten thousand guests is not taken to pieces first.
    /// Returns `None` when something is wrong.
    fn read_at_once<T: DeserializeOwned>(&mut self, file: FileKind) -> Option<T> {
        let (declared, unknown) = typo::read_text::<T>(file, self.files.plain_text(file)?)?;
        self.note_unknown(file, unknown);
        Some(declared)
    }

    fn note_unknown(&mut self, file: FileKind, unknown: Vec<Origin>) {
        typo::report(file, &unknown, self.strictness, &mut self.findings);
        let note = |origin| Unmanaged { origin, reason: Reason::Unknown };
        self.unmanaged.extend(unknown.into_iter().map(note));
    }

    /// Notes fields that phoenix does nothing with yet.
    pub(super) fn note_later(&mut self, places: impl IntoIterator<Item = Origin>) {
        self.unmanaged
            .extend(places.into_iter().map(|origin| Unmanaged { origin, reason: Reason::Later }));
    }
}

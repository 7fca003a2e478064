//! Saved plans: what `plan --out` writes and `apply FILE` insists on.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::args::Format;
use crate::session::Selection;

/// The version of the file: raised when an older phoenix would go wrong on it.
const FORMAT: u32 = 1;

/// A plan that was reviewed. It holds what was shown, not how to do it: apply plans again and goes
/// ahead only when the digest is the same, so that a stale plan can never run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedPlan {
    format: u32,
    /// The digest of the plan.
    pub digest: String,
    /// Which part of the whole plan it is.
    pub selection: Selection,
    text: String,
    md: String,
    json: String,
    dot: String,
}

impl SavedPlan {
    /// Returns a saved plan from its previews.
    pub(crate) fn new(
        digest: String,
        selection: Selection,
        preview: impl Fn(Format) -> String,
    ) -> Self {
        let [text, md, json, dot] =
            [Format::Text, Format::Md, Format::Json, Format::Dot].map(preview);
        Self { format: FORMAT, digest, selection, text, md, json, dot }
    }

    /// Returns the preview that was shown.
    pub(crate) fn preview(&self, format: Format) -> &str {
        match format {
            Format::Text => &self.text,
            Format::Md => &self.md,
            Format::Json => &self.json,
            Format::Dot => &self.dot,
        }
    }

    /// Writes the plan, readable by its owner alone.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        write_whole(path, &text, 0o600)
    }

    /// Reads a saved plan.
    pub(crate) fn read(path: &Path) -> Result<Self, SavedPlanError> {
        let failed = |source| SavedPlanError::Read { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(failed)?;
        let plan: Self = serde_json::from_str(&text)
            .map_err(|source| SavedPlanError::Form { path: path.to_owned(), source })?;
        if plan.format == FORMAT { Ok(plan) } else { Err(SavedPlanError::Version(plan.format)) }
    }
}

/// Makes a file hold exactly this text, or leaves it as it is.
pub(crate) fn write_whole(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Why a saved plan cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum SavedPlanError {
    /// It cannot be read.
    #[error("cannot read the plan `{path}`", path = path.display())]
    Read {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no plan.
    #[error("`{path}` is not a saved plan", path = path.display())]
    #[diagnostic(help("Save one with `phoenix plan --out FILE`."))]
    Form {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another phoenix has written it.
    #[error("the plan has format {0}, this phoenix reads format {FORMAT}")]
    #[diagnostic(help("Plan again with this phoenix."))]
    Version(u32),
}

//! One file: its options, its verdict, and edits of its lines.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;

use super::check::{Checked, Checker, Finding, Weight};
use super::lines::{Piece, Pieces, shown, split};
use super::setting::Setting;
use super::table;
use crate::Warning;
use crate::lines::{lines, push_line, usual_end};

/// One option of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfOption<'a> {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// The name, which is the long option of the command line without its dashes.
    pub name: Cow<'a, str>,
    /// What stands behind the `=`, without quotes; nothing when there is no `=`.
    pub value: Option<Cow<'a, str>>,
    /// What it says; nothing when phoenix does not understand it, or dnsmasq does not.
    pub setting: Option<Setting<'a>>,
}

/// What `dnsmasq --test` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It accepts the configuration.
    Accepted,
    /// It depends on the machine: a server is given by name, which must resolve.
    Depends,
    /// It refuses the configuration, and dnsmasq does not start.
    Refused,
}

/// A file of dnsmasq's configuration, every byte kept.
///
/// Its options are read again from its text whenever they are asked for, and borrow from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsmasqConf {
    text: String,
    pieces: Pieces,
    checked: Checked,
}

/// Says why a file is not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The line would not be read back as this option.
    #[error("`{0}` cannot be written as one line")]
    Form(String),
}

impl DnsmasqConf {
    /// Reads a file by itself: the files that it includes are not looked at.
    pub fn parse(text: &str) -> Self {
        let conf = Self::unchecked(text);
        let mut checker = Checker::default();
        let mut checked = checker.file(&conf.pieces);
        checked.findings.extend(checker.finish().into_iter().map(|(_, finding)| finding));
        checked.findings.sort_by_key(|finding| finding.line);
        conf.with(checked)
    }

    /// Cuts a file, of which nothing is found to be wrong yet.
    pub(super) fn unchecked(text: &str) -> Self {
        Self { text: text.to_owned(), pieces: Pieces::cut(text), checked: Checked::default() }
    }

    /// Returns what there is to check.
    pub(super) fn pieces(&self) -> &Pieces {
        &self.pieces
    }

    /// Returns the file with what was found in it.
    pub(super) fn with(self, checked: Checked) -> Self {
        Self { checked, ..self }
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the options, in order.
    pub fn options(&self) -> impl Iterator<Item = ConfOption<'_>> {
        self.closed().map(|(index, piece)| {
            let (name, value) = split(piece.text);
            let name = table::find(name).map_or_else(|| shown(name), |(name, ..)| (*name).into());
            let setting = self.setting(index, piece);
            ConfOption { line: piece.line, name, value: value.map(shown), setting }
        })
    }

    /// Returns what the options say, as far as phoenix understands them, with their lines.
    pub fn settings(&self) -> impl Iterator<Item = (usize, Setting<'_>)> {
        self.settings_of(|_| true)
    }

    /// Returns what the options with some names say.
    pub(super) fn settings_of(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (usize, Setting<'_>)> {
        let wanted = self.closed().filter(move |(_, piece)| wanted(split(piece.text).0));
        wanted.filter_map(|(index, piece)| Some((piece.line, self.setting(index, piece)?)))
    }

    /// Says whether a flag such as `bogus-priv` is set.
    pub fn has(&self, name: &str) -> bool {
        let named = |piece: Piece<'_>| piece.text.starts_with(name) && split(piece.text).0 == name;
        self.closed().any(|(_, piece)| named(piece))
    }

    /// Returns the pieces that are options, numbered with the others from 0.
    fn closed(&self) -> impl Iterator<Item = (usize, Piece<'_>)> {
        self.pieces.iter().enumerate().filter(|(_, piece)| !piece.unclosed)
    }

    fn setting<'a>(&self, index: usize, piece: Piece<'a>) -> Option<Setting<'a>> {
        if self.checked.refused.contains(&index) {
            return None;
        }
        let (name, value) = split(piece.text);
        Setting::read(name, value).ok().flatten()
    }

    /// Returns what `dnsmasq --test` says of the file by itself.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.checked.findings)
    }

    /// Returns why dnsmasq refuses the file, or may refuse it, by line; dnsmasq itself stops at the first.
    pub fn problems(&self) -> Vec<Warning> {
        self.warnings_where(|weight| weight != Weight::Wrong)
    }

    /// Returns everything that is wrong with the file, by line: what dnsmasq refuses, and what it accepts and does not
    /// do.
    pub fn warnings(&self) -> Vec<Warning> {
        self.warnings_where(|_| true)
    }

    fn warnings_where(&self, wanted: impl Fn(Weight) -> bool) -> Vec<Warning> {
        let found = self.checked.findings.iter().filter(|finding| wanted(finding.weight));
        found.map(Finding::warning).collect()
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.checked.findings
    }

    /// Returns the text without these lines; numbers of lines that have no option are ignored.
    #[must_use = "the file itself is not changed"]
    pub fn without_lines(&self, gone: &BTreeSet<usize>) -> String {
        let options = self.closed().map(|(_, piece)| piece.line);
        let gone: BTreeSet<usize> = options.filter(|line| gone.contains(line)).collect();
        let kept = lines(&self.text).filter(|line| !gone.contains(&line.number));
        kept.flat_map(|line| [line.text, line.end]).collect()
    }

    /// Returns the text with one more option at its end.
    ///
    /// # Errors
    ///
    /// Says that the line would be read as something else: the value is quoted when that helps.
    pub fn with_option(&self, name: &str, value: Option<&str>) -> Result<String, EditError> {
        let line = option_line(name, value)?;
        let mut text = self.text.clone();
        push_line(&mut text, &line, usual_end(&self.text));
        Ok(text)
    }
}

/// Returns the line of an option, its value quoted if it has to be.
fn option_line(name: &str, value: Option<&str>) -> Result<String, EditError> {
    let plain = value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
    if reads_as(&plain, name, value) {
        return Ok(plain);
    }
    let escaped = value.map(|value| value.replace('\\', "\\\\").replace('"', "\\\""));
    let quoted = escaped.map(|value| format!("{name}=\"{value}\""));
    quoted.filter(|line| reads_as(line, name, value)).ok_or(EditError::Form(plain))
}

fn reads_as(line: &str, name: &str, value: Option<&str>) -> bool {
    let pieces = Pieces::cut(line);
    let mut read = pieces.iter();
    let (Some(piece), None) = (read.next(), read.next()) else { return false };
    let (own_name, own_value) = split(piece.text);
    let one_line = !piece.unclosed && !line.contains(['\n', '\r', '\0']);
    one_line && own_name == name && own_value.map(shown).as_deref() == value
}

/// Returns the verdict that follows from what was found.
pub(super) fn verdict<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Verdict {
    let verdicts = findings.into_iter().map(|finding| match finding.weight {
        Weight::Wrong => Verdict::Accepted,
        Weight::Depends => Verdict::Depends,
        Weight::Refused => Verdict::Refused,
    });
    verdicts.max().unwrap_or(Verdict::Accepted)
}

/// What `phoenix inspect dnsmasq` shows of a file.
impl Serialize for DnsmasqConf {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut view = serializer.serialize_struct("DnsmasqConf", 4)?;
        view.serialize_field("ok", &(self.verdict() == Verdict::Accepted))?;
        view.serialize_field("verdict", &self.verdict())?;
        view.serialize_field("entries", &self.options().collect::<Vec<_>>())?;
        view.serialize_field("warnings", &self.warnings())?;
        view.end()
    }
}

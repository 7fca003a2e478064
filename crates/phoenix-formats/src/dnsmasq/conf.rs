//! One file: its options, its verdict, and edits of its lines.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;

use super::check::{Checker, Finding, Weight};
use super::lines::{Piece, pieces, shown, split};
use super::setting::Setting;
use super::table;
use crate::Warning;
use crate::lines::{lines, push_line, usual_end};

/// One option of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfOption {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// The name, which is the long option of the command line without its dashes.
    pub name: Cow<'static, str>,
    /// What stands behind the `=`, without quotes; nothing when there is no `=`.
    pub value: Option<String>,
    /// What it says; nothing when phoenix does not understand it, or dnsmasq does not.
    pub setting: Option<Setting>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsmasqConf {
    text: String,
    options: Vec<ConfOption>,
    findings: Vec<Finding>,
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
        let mut checker = Checker::default();
        let mut conf = Self::parse_with(text, &mut checker);
        conf.findings.extend(checker.finish().into_iter().map(|(_, finding)| finding));
        conf.findings.sort_by_key(|finding| finding.line);
        conf
    }

    /// Reads a file with what `checker` knows of those before it.
    pub(super) fn parse_with(text: &str, checker: &mut Checker) -> Self {
        let mut conf = Self { text: text.to_owned(), options: Vec::new(), findings: Vec::new() };
        for piece in pieces(text) {
            conf.option(&piece, checker);
        }
        conf
    }

    fn option(&mut self, piece: &Piece<'_>, checker: &mut Checker) {
        if piece.is_rest {
            let message = "the line is too long: dnsmasq reads its rest as another line";
            self.findings.push(Finding::new(piece.line, Weight::Wrong, message));
        }
        if piece.unclosed {
            let message = "a quote is not closed";
            return self.findings.push(Finding::new(piece.line, Weight::Refused, message));
        }
        let (name, value) = split(&piece.text);
        let known = table::find(name);
        let setting = checker.check(piece.line, (name, known), value, &mut self.findings);
        let name = known.map_or_else(
            || Cow::Owned(shown(name).into_owned()),
            |(known, ..)| Cow::Borrowed(*known),
        );
        let value = value.map(|value| shown(value).into_owned());
        self.options.push(ConfOption { line: piece.line, name, value, setting });
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the options, in order.
    pub fn options(&self) -> &[ConfOption] {
        &self.options
    }

    /// Returns what the options say, as far as phoenix understands them, with their lines.
    pub fn settings(&self) -> impl Iterator<Item = (usize, &Setting)> {
        self.options.iter().filter_map(|option| Some((option.line, option.setting.as_ref()?)))
    }

    /// Says whether a flag such as `bogus-priv` is set.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.name == name)
    }

    /// Returns what `dnsmasq --test` says of the file by itself.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.findings)
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
        let found = self.findings.iter().filter(|finding| wanted(finding.weight));
        found.map(Finding::warning).collect()
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the text without these lines; numbers of lines that have no option are ignored.
    #[must_use = "the file itself is not changed"]
    pub fn without_lines(&self, gone: &BTreeSet<usize>) -> String {
        let options: BTreeSet<usize> = self.options.iter().map(|option| option.line).collect();
        let kept = lines(&self.text)
            .filter(|line| !(gone.contains(&line.number) && options.contains(&line.number)));
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
    let mut read = pieces(line);
    let (Some(piece), None) = (read.next(), read.next()) else { return false };
    let (own_name, own_value) = split(&piece.text);
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
        view.serialize_field("entries", &self.options)?;
        view.serialize_field("warnings", &self.warnings())?;
        view.end()
    }
}

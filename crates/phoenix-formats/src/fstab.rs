//! Static table of file systems: fstab(5), as libmount reads it (measured with findmnt(8) of util-linux 2.38).
//!
//! Owns the entries of one file ([`Fstab`]) and edits of whole lines. Deliberately not understood: what the options
//! mean, tags such as `UUID=`, and comments, which stay where they are.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Warning;
use crate::lines::{lines, push_line, usual_end};

/// One line that names a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// What is mounted: a device, a tag, or `SERVER:PATH`.
    pub source: String,
    /// Where it is mounted.
    pub target: String,
    /// The type of the file system.
    pub kind: String,
    /// The options, by commas; empty when the line has none.
    pub options: String,
}

impl Entry {
    /// Returns whether an option is among the options.
    pub fn has_option(&self, option: &str) -> bool {
        self.options.split(',').any(|own| own == option)
    }
}

/// A file in the form of fstab(5), every byte kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fstab {
    text: String,
    entries: Vec<Entry>,
    warnings: Vec<Warning>,
}

impl Fstab {
    /// Reads a file; a line that libmount ignores is a warning.
    pub fn parse(text: &str) -> Self {
        let mut table = Self { text: text.to_owned(), entries: Vec::new(), warnings: Vec::new() };
        for line in lines(text) {
            match read(line.number, line.text) {
                Ok(entry) => table.entries.extend(entry),
                Err(why) => table.warnings.push(Warning::new(line.number, why)),
            }
        }
        table
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the lines that libmount ignores with an error.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the text with some lines replaced, or removed where there is nothing for them, and others appended.
    /// Lines are numbered from 1; numbers beyond the end change nothing.
    pub fn edit(&self, changed: &BTreeMap<usize, Option<String>>, appended: &[String]) -> String {
        let mut text = String::with_capacity(self.text.len());
        for line in lines(&self.text) {
            match changed.get(&line.number) {
                None => text.extend([line.text, line.end]),
                Some(Some(new)) => text.extend([new.as_str(), line.end]),
                Some(None) => {}
            }
        }
        let end = usual_end(&self.text).to_owned();
        appended.iter().for_each(|line| push_line(&mut text, line, &end));
        text
    }
}

/// Returns a line that is read back as these values, and is neither dumped nor checked when the machine starts.
/// Blanks, line ends, `#` and backslashes stand as octal numbers.
pub fn line(source: &str, target: &str, kind: &str, options: &str) -> String {
    format!("{} {} {} {} 0 0", escaped(source), escaped(target), escaped(kind), escaped(options))
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' | '#' | '\\' => {
            format!("\\{:03o}", u32::from(c))
        }
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// Reads a line: nothing for one that is empty or a comment.
fn read(number: usize, text: &str) -> Result<Option<Entry>, String> {
    let text = text.trim_start_matches(BLANKS);
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let mut rest = text;
    let mut next = || {
        let end = rest.find(BLANKS).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind.trim_start_matches(BLANKS);
        (!word.is_empty()).then_some(word)
    };
    let (Some(source), Some(target), Some(kind)) = (next(), next(), next()) else {
        return Err(
            "it has less than a source, a target and a type: libmount ignores it".to_owned()
        );
    };
    let options = next().unwrap_or_default();
    // How often it is dumped, and in which order it is checked. What stands behind that does not count.
    for word in [next(), next()].into_iter().flatten() {
        let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!(
                "`{word}` behind the options is no number: libmount ignores the line"
            ));
        }
    }
    let [source, target, kind, options] = [source, target, kind, options].map(decoded);
    Ok(Some(Entry { line: number, source, target, kind, options }))
}

/// What stands between the words of a line.
const BLANKS: [char; 2] = [' ', '\t'];

/// Returns a word with its octal numbers as the bytes that they are.
fn decoded(word: &str) -> String {
    let bytes = word.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 4).filter(|_| *byte == b'\\');
        let number = digits.and_then(octal);
        out.push(number.unwrap_or(*byte));
        at += if number.is_some() { 4 } else { 1 };
    }
    // Bytes that are no text are left as the numbers that they are written as.
    String::from_utf8(out).unwrap_or_else(|_| word.to_owned())
}

fn octal(digits: &[u8]) -> Option<u8> {
    let value = |digit: &u8| matches!(digit, b'0'..=b'7').then(|| u32::from(digit - b'0'));
    let number = digits.iter().try_fold(0, |number, digit| Some(number * 8 + value(digit)?));
    u8::try_from(number?).ok()
}

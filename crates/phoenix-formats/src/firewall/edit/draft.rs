//! A file in the making: its lines, and what is put in place of them and after them.

use std::collections::BTreeMap;

use super::super::file::{FwFile, LineKind, Section};
use super::super::text::{is_space, truthy};

/// The lines of a file with changes noted, none of which moves another line.
pub(super) struct Draft<'a> {
    file: &'a FwFile,
    text: &'a str,
    head: Vec<String>,
    changes: BTreeMap<usize, Change>,
}

#[derive(Default)]
struct Change {
    place: Place,
    after: Vec<String>,
}

#[derive(Default)]
enum Place {
    #[default]
    Kept,
    Removed,
    Replaced(String),
}

impl<'a> Draft<'a> {
    /// Begins with the lines as they are. A file of a single `0` is an empty one to PVE, and here.
    pub(super) fn new(file: &'a FwFile) -> Self {
        let text = if truthy(&file.text) { file.text.as_str() } else { "" };
        Self { file, text, head: Vec::new(), changes: BTreeMap::new() }
    }

    pub(super) fn remove(&mut self, line: usize) {
        self.changes.entry(line).or_default().place = Place::Removed;
    }

    pub(super) fn replace(&mut self, line: usize, text: String) {
        self.changes.entry(line).or_default().place = Place::Replaced(text);
    }

    fn present(&self, line: usize) -> Option<&'a str> {
        self.text.split_inclusive('\n').nth(line)
    }

    /// Replaces what stands after the colon, without the blanks around it.
    pub(super) fn replace_value(&mut self, line: usize, value: &str) {
        let present = self.present(line).unwrap_or_default().trim_end_matches('\n');
        let (key, old) = present.split_once(':').unwrap_or((present, ""));
        let trimmed = old.trim_matches(is_space);
        let text = match old.split_once(trimmed).filter(|_| !trimmed.is_empty()) {
            Some((before, after)) => format!("{key}:{before}{value}{after}"),
            None => format!("{key}: {value}"),
        };
        self.replace(line, text);
    }

    pub(super) fn insert_after(&mut self, line: Option<usize>, text: String) {
        match line {
            Some(line) => self.changes.entry(line).or_default().after.push(text),
            None => self.head.push(text),
        }
    }

    /// Returns the line after which the content of a section begins: its header, or the last blank line below it.
    pub(super) fn start_of(&self, section: &Section) -> Option<usize> {
        // Rules add up, so the first header will do; of sets and groups only the last one counts.
        let index = match section {
            Section::Rules => self.file.sections.iter().position(|present| present == section),
            _ => self.file.sections.iter().rposition(|present| present == section),
        };
        let header = self
            .file
            .lines
            .iter()
            .position(|line| line.kind == LineKind::Header && line.section == index)?;
        let blank = self.file.lines[header + 1..]
            .iter()
            .take_while(|line| line.kind == LineKind::Blank)
            .count();
        // The last blank line before another header keeps the two sections apart.
        let skipped = match self.file.lines.get(header + 1 + blank).map(|line| line.kind) {
            Some(LineKind::Header) => blank.saturating_sub(1).min(1),
            Some(_) => blank,
            None => blank.min(1),
        };
        Some(header + skipped)
    }

    /// Adds lines at the end of a section, which is made where PVE would save it if it is not there.
    pub(super) fn append(&mut self, section: &Section, lines: Vec<String>) {
        let within = |index: usize| self.file.sections.get(index) == Some(section);
        let mut content = self.file.lines.iter().enumerate().rev();
        let last = content.find(|(_, line)| {
            matches!(line.kind, LineKind::Content(_)) && line.section.is_some_and(within)
        });
        match last.map(|(index, _)| index).or_else(|| self.start_of(section)) {
            Some(line) => lines.into_iter().for_each(|text| self.insert_after(Some(line), text)),
            None => self.create(section, lines),
        }
    }

    fn create(&mut self, section: &Section, lines: Vec<String>) {
        let at = self.place_for(section);
        let before = at.checked_sub(1);
        let is_filled = |index| self.present(index).is_some_and(|line| !line.chars().all(is_space));
        let (gap_before, gap_after) = (before.is_some_and(is_filled), is_filled(at));
        let gap = |wanted: bool| wanted.then(String::new);
        let block = gap(gap_before)
            .into_iter()
            .chain([title(section), String::new()])
            .chain(lines)
            .chain(gap(gap_after));
        block.collect::<Vec<_>>().into_iter().for_each(|text| self.insert_after(before, text));
    }

    /// Returns the line before which a new section stands: options first, groups last, and comments that stand right
    /// above a header stay with it.
    fn place_for(&self, section: &Section) -> usize {
        let lines = &self.file.lines;
        let header =
            |line: usize| lines[line].section.and_then(|index| self.file.sections.get(index));
        let is_later = |line: &usize| {
            lines[*line].kind == LineKind::Header
                && header(*line).is_some_and(|other| rank(other) > rank(section))
        };
        if *section == Section::Options {
            // Lines above the first header are in no section and would come to life below a new one.
            let first =
                lines.iter().position(|line| line.kind == LineKind::Header).unwrap_or(lines.len());
            return lines[..first]
                .iter()
                .rposition(|line| line.kind == LineKind::Lost)
                .map_or(0, |line| line + 1);
        }
        let Some(next) = (0..lines.len()).find(is_later) else { return lines.len() };
        let comments =
            lines[..next].iter().rev().take_while(|line| line.kind == LineKind::Comment).count();
        next - comments
    }

    pub(super) fn render(self) -> String {
        let mut text = String::with_capacity(self.file.text.len());
        self.head.iter().for_each(|line| push_line(&mut text, line));
        let mut changes = self.changes.iter().peekable();
        for (number, present) in self.text.split_inclusive('\n').enumerate() {
            match changes.next_if(|(line, _)| **line == number) {
                Some((_, change)) => change.render(present, &mut text),
                None => text.push_str(present),
            }
        }
        text
    }
}

impl Change {
    fn render(&self, present: &str, text: &mut String) {
        match &self.place {
            Place::Kept => text.push_str(present),
            Place::Removed => {}
            Place::Replaced(line) => push_line(text, line),
        }
        self.after.iter().for_each(|line| push_line(text, line));
    }
}

fn push_line(text: &mut String, line: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
}

fn title(section: &Section) -> String {
    match section {
        Section::Options => "[OPTIONS]".to_owned(),
        Section::Aliases => "[ALIASES]".to_owned(),
        Section::Ipset(name) => format!("[IPSET {name}]"),
        Section::Rules => "[RULES]".to_owned(),
        Section::Group(name) => format!("[group {name}]"),
    }
}

fn rank(section: &Section) -> usize {
    match section {
        Section::Options => 0,
        Section::Aliases => 1,
        Section::Ipset(_) => 2,
        Section::Rules => 3,
        Section::Group(_) => 4,
    }
}

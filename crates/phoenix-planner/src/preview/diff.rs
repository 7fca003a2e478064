//! Differences between texts, with three lines of context.

use similar::{ChangeTag, TextDiff};

use crate::location::Location;
use crate::operation::{Operation, Shown};
use crate::plan::Action;

/// Unchanged lines shown on either side of a change: enough to find the place, as diff(1) has it.
const CONTEXT: usize = 3;

/// Returns the difference of every file that an action writes, with its header line.
pub fn file_diffs(action: &Action) -> Vec<(String, Vec<String>)> {
    action.operations.iter().filter_map(operation_diff).collect()
}

/// Returns the difference of the file that an operation writes, with its header line.
pub(super) fn operation_diff(operation: &Operation) -> Option<(String, Vec<String>)> {
    let own = |at: &Location, text: &str, what: &str| {
        let header = format!("{at} ({what}phoenix's own, {} lines)", text.lines().count());
        Some((header, Vec::new()))
    };
    let (at, before, after) = match operation {
        Operation::Remove { at, before, shown: Shown::NameOnly } => {
            return own(at, before, "removed, ");
        }
        Operation::Write(write) if write.shown == Shown::NameOnly => {
            return own(&write.at, &write.after, "");
        }
        Operation::Write(write) if write.shown == Shown::AsAttribute => return None,
        Operation::Write(write) => (&write.at, write.before.as_deref(), Some(write.after.as_str())),
        Operation::Transform(t) => (&t.at, Some(t.before.as_str()), Some(t.after.as_str())),
        Operation::Remove { at, before, .. } => (at, Some(before.as_str()), None),
        Operation::Run(_) | Operation::Check(_) | Operation::Edit { .. } | Operation::Link(_) => {
            return None;
        }
    };
    let what = match (before, after) {
        (None, _) => " (new file)",
        (_, None) => " (removed)",
        _ => "",
    };
    let lines = file_diff(before.unwrap_or_default(), after.unwrap_or_default());
    Some((format!("{at}{what}"), lines))
}

/// Returns the changed lines of a text with their context, each with its sign.
///
/// A hunk begins with `@@ LINE @@` and the nearest line above that opens a section. A line that ends
/// in CR shows it as `\r`; a last line without end is marked, as diff(1) does.
pub fn file_diff(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let mut headers = Headers::of(before);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(CONTEXT) {
        let Some(first) = group.first() else { continue };
        if !before.is_empty() {
            lines.push(headers.at(first.old_range().start));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            lines.push(shown_line(change.tag(), change.value()));
            if change.missing_newline() {
                lines.push("\\ no line end at the end of the file".to_owned());
            }
        }
    }
    lines
}

/// The lines of a text, gone through once for the headers of all hunks.
struct Headers<'a> {
    lines: std::str::Lines<'a>,
    passed: usize,
    section: Option<&'a str>,
}

impl<'a> Headers<'a> {
    fn of(text: &'a str) -> Self {
        Self { lines: text.lines(), passed: 0, section: None }
    }

    /// Returns the header of the hunk that begins behind so many lines: the hunks come in order.
    fn at(&mut self, start: usize) -> String {
        let opens = |line: &&str| line.starts_with('[') || line.trim_end().ends_with('{');
        let until = self.lines.by_ref().take(start.saturating_sub(self.passed));
        self.section = until.filter(opens).last().or(self.section);
        self.passed = self.passed.max(start);
        match self.section {
            Some(section) => format!("@@ {} @@ {}", start + 1, section.trim()),
            None => format!("@@ {} @@", start + 1),
        }
    }
}

/// Returns an unchanged line that sets an environment without its value: it is mostly a secret, and
/// stands here only as context.
fn without_value(line: &str) -> Option<String> {
    let (key, value) = line.split_once([':', '='])?;
    let key = key.trim();
    let is_environment = key == "env" || key.starts_with("lxc.environment");
    let name = value.split('=').next().unwrap_or_default();
    is_environment.then(|| format!("{key}:{name}=…"))
}

fn shown_line(tag: ChangeTag, value: &str) -> String {
    let sign = match tag {
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
        ChangeTag::Equal => ' ',
    };
    let line = value.strip_suffix('\n').unwrap_or(value);
    let hidden = if tag == ChangeTag::Equal { without_value(line) } else { None };
    let line = hidden.as_deref().unwrap_or(line);
    // A control character of a file must not steer the terminal of the one who reads the plan.
    let line = line.chars().flat_map(|c| match c {
        '\t' => vec!['\t'],
        c if c.is_control() => c.escape_default().collect(),
        c => vec![c],
    });
    format!("{sign}{}", line.collect::<String>()).trim_end_matches(' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::file_diff;

    #[test]
    fn one_line_of_a_long_file_is_shown_in_few() {
        let line = |number: usize| format!("    directive_{number} value;\n");
        let before = format!("server {{\n{}}}\n", (0..2000).map(line).collect::<String>());
        let after = before.replace("directive_1000 value", "directive_1000 other");
        let shown = file_diff(&before, &after);
        // With the line that names the file it must stay within 12.
        assert!(shown.len() <= 11, "{shown:#?}");
        assert_eq!(shown[0], "@@ 999 @@ server {");
        assert_eq!(shown[4..6], ["-    directive_1000 value;", "+    directive_1000 other;"]);
    }

    #[test]
    fn a_control_character_does_not_reach_the_terminal() {
        let shown = file_diff("a\n", "\u{1b}[31ma\r\n");
        assert_eq!(shown[1..], ["-a", "+\\u{1b}[31ma\\r"]);
    }
}

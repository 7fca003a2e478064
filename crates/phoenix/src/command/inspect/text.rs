//! The form for a person: the file's own lines, and below each what phoenix understood of it.

use phoenix_formats::Warning;

/// A file with what is to be said about its lines.
pub(super) struct Annotated<'a> {
    /// The file's text.
    pub(super) text: &'a str,
    /// What phoenix understood: numbers of lines, counted from 1, and a few words.
    pub(super) notes: Vec<(usize, String)>,
    /// What is wrong.
    pub(super) warnings: Vec<Warning>,
    /// What there is in the file, for the last line.
    pub(super) counts: Vec<String>,
}

/// The width of the numbers; longer ones push the line to the right.
const WIDTH: usize = 5;

impl Annotated<'_> {
    /// Prints the lines, each with its notes (`|`) and warnings (`!`) below it, and what was counted.
    pub(super) fn render(mut self) -> String {
        self.notes.sort_by_key(|(line, _)| *line);
        self.warnings.sort_by_key(|warning| warning.line);
        let mut notes = self.notes.iter().peekable();
        let mut warnings = self.warnings.iter().peekable();
        let mut out = String::new();
        for (index, line) in self.text.split_terminator('\n').enumerate() {
            let number = index + 1;
            out += format!("{number:>WIDTH$}  {}", printable(line)).trim_end();
            out.push('\n');
            while let Some((_, note)) = notes.next_if(|(line, _)| *line <= number) {
                out += &below('|', note);
            }
            while let Some(warning) = warnings.next_if(|warning| warning.line <= number) {
                out += &below('!', &format!("line {}: {}", warning.line, warning.message));
            }
        }
        for warning in warnings {
            out += &below('!', &warning.message);
        }
        out + &format!("\n{}\n", self.total())
    }

    fn total(&self) -> String {
        let warnings = count(self.warnings.len(), "warning", "warnings");
        let counts = self.counts.iter().map(String::as_str).chain([warnings.as_str()]);
        format!("{}.", counts.collect::<Vec<_>>().join(", "))
    }
}

fn below(sign: char, words: &str) -> String {
    format!("{:>WIDTH$}    {sign} {}\n", "", printable(words))
}

/// Returns a text that does nothing to a terminal: a file may hold anything.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.strip_suffix('\r').unwrap_or(text).chars() {
        match c {
            '\t' => shown.push('\t'),
            _ if c.is_control() => shown.extend(c.escape_default()),
            _ => shown.push(c),
        }
    }
    shown
}

/// Returns a number with its noun.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Joins words of which some may be empty.
pub(super) fn sentence(parts: impl IntoIterator<Item = Option<String>>) -> String {
    let words = parts.into_iter().flatten().filter(|part| !part.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

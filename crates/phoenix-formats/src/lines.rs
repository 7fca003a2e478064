//! Physical lines of a file with their ends, so that an edit can keep every byte of the others.

/// One line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Number of the line, counted from 1.
    pub(crate) number: usize,
    /// The line without its end.
    pub(crate) text: &'a str,
    /// The end: a line feed, perhaps with a carriage return before it, or nothing at the end of the file.
    pub(crate) end: &'a str,
}

/// Returns the lines of a file; together they are the whole text.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.split_inclusive('\n').enumerate().map(|(index, whole)| {
        let bare = whole.strip_suffix('\n').unwrap_or(whole);
        // Without a line feed a carriage return belongs to the line.
        let bare =
            if bare.len() < whole.len() { bare.strip_suffix('\r').unwrap_or(bare) } else { bare };
        let (text, end) = whole.split_at(bare.len());
        Line { number: index + 1, text, end }
    })
}

/// Appends a line of its own to a text, which may lack its last line end.
pub(crate) fn push_line(text: &mut String, line: &str, end: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    text.push_str(line);
    text.push_str(end);
}

/// Returns the line end that a file uses: that of its first line, or a line feed.
pub(crate) fn usual_end(text: &str) -> &str {
    lines(text).map(|line| line.end).find(|end| !end.is_empty()).unwrap_or("\n")
}

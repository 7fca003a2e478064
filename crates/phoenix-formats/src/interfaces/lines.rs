//! Logical lines: physical ones joined where a backslash ends them.

/// One logical line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logical {
    /// Number of its first line, counted from 1.
    pub(super) first: usize,
    /// Number of its last line.
    pub(super) last: usize,
    /// The text without line ends, continuation backslashes and surrounding white space.
    pub(super) text: String,
}

/// Joins the lines of a file and leaves out empty ones and comments.
///
/// A comment is never continued: its backslash is a part of it.
pub(super) fn logical(text: &str) -> Vec<Logical> {
    let mut joined = Vec::new();
    let mut open: Option<Logical> = None;
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if open.is_none() && is_nothing(line) {
            continue;
        }
        let continued = line.strip_suffix('\\');
        let mut current =
            open.take().unwrap_or(Logical { first: index + 1, last: 0, text: String::new() });
        current.last = index + 1;
        current.text.push_str(continued.unwrap_or(line));
        match continued {
            Some(_) => open = Some(current),
            None => joined.push(current),
        }
    }
    joined.extend(open);
    joined.retain_mut(trim);
    joined
}

fn is_nothing(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

fn trim(line: &mut Logical) -> bool {
    line.text = line.text.trim().to_owned();
    !line.text.is_empty()
}

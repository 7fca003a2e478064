//! What a name must look like to be asked for: RFC 952 and RFC 1123, as hosts(5) says.

/// Says why a text is not a host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// The name is empty, or longer than DNS can carry.
    #[error("it must have 1 to 253 characters")]
    Length,
    /// Two dots stand together, or one at an end, or a part is too long.
    #[error("each part between the dots must have 1 to 63 characters")]
    Part,
    /// A character is neither a letter of ASCII nor a digit, `-` or `_`.
    #[error("only letters, digits, `-` and `.` may stand in it")]
    Character,
    /// A part begins or ends with `-`.
    #[error("a part may not begin or end with `-`")]
    Hyphen,
}

/// The longest name that fits into a question of DNS.
const LONGEST_NAME: usize = 253;

/// The longest part of a name between two dots.
const LONGEST_PART: usize = 63;

/// Says why a text is not a host name; nothing when it is one.
///
/// A `_` is let through: it is no part of a host name, and yet in use, and programs take it.
pub fn host_name_problem(name: &str) -> Option<NameProblem> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Some(NameProblem::Length);
    }
    name.as_bytes().split(|byte| *byte == b'.').find_map(part_problem)
}

fn part_problem(part: &[u8]) -> Option<NameProblem> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if part.is_empty() || part.len() > LONGEST_PART {
        Some(NameProblem::Part)
    } else if !part.iter().copied().all(fits) {
        Some(NameProblem::Character)
    } else {
        (part.starts_with(b"-") || part.ends_with(b"-")).then_some(NameProblem::Hyphen)
    }
}

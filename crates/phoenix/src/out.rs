//! The terminal: the one place of the workspace that prints.
//!
//! Standard output carries results only, standard error everything else, so that a result can be
//! piped. A reader that goes away (`phoenix plan | head`) is no error.

use std::io::{self, IsTerminal, Write};

/// Writes a result to standard output.
pub(crate) fn result(text: &str) {
    let mut stdout = io::stdout().lock();
    // A closed pipe means that the reader has seen enough.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Writes a preview to standard output, in colour when a person watches.
pub(crate) fn preview(text: &str) {
    if colours(&io::stdout()) { result(&painted(text)) } else { result(text) }
}

/// Writes a line of talk to standard error.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a preview to standard error, for a command whose result is something else.
pub(crate) fn say_preview(text: &str) {
    if colours(&io::stderr()) { say(&painted(text)) } else { say(text) }
}

/// Asks a question on standard error; only `y` or `yes` means yes.
pub(crate) fn ask(question: &str) -> bool {
    let _ = write!(io::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer).is_ok();
    read && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Returns whether there is a person to ask.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Returns whether a stream may be coloured: a terminal, and `NO_COLOR` is not set (no-color.org).
pub(crate) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Colours the lines of a preview by their sign; the sign stays, as colour alone means nothing.
fn painted(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", painted_line(line))).collect()
}

fn painted_line(line: &str) -> String {
    const GREEN: u8 = 32;
    const YELLOW: u8 = 33;
    const RED: u8 = 31;
    const CYAN: u8 = 36;
    let body = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let colour = match body.chars().next() {
        Some('+') => GREEN,
        Some('~') => YELLOW,
        Some('-') => RED,
        Some('@' | '$') => CYAN,
        _ => return line.to_owned(),
    };
    format!("\u{1b}[{colour}m{line}\u{1b}[0m")
}

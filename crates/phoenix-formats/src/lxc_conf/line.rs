//! What one line of the file is, before it is known in which section it stands.

use crate::property::check::{self, is_blank, is_white};

/// One line without its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// White space only.
    Blank,
    /// `[pve:pending]`.
    Pending,
    /// `[NAME]`, the head of a snapshot.
    Snapshot(&'a str),
    /// `[special:NAME]`, the head of a section that Proxmox VE keeps for itself.
    Special,
    /// `#` and the rest, still encoded.
    Comment(&'a str),
    /// A pair that looks like one of LXC's own.
    Raw { key: &'a str, value: &'a str },
    /// `description:` and the rest, still encoded.
    Description(&'a str),
    /// The state of an unfinished snapshot.
    Snapstate(&'a str),
    /// The list of settings to delete.
    Delete(&'a str),
    /// Any other `key: value`.
    Setting { key: &'a str, value: &'a str },
    /// Nothing that Proxmox VE can read.
    Unreadable,
}

impl<'a> Line<'a> {
    /// Returns what the line is in a container's file; the order of the attempts is Proxmox VE's.
    pub(crate) fn read(line: &'a str) -> Self {
        if is_blank(line) {
            return Self::Blank;
        }
        head(line, "pve:pending")
            .or_else(|| line.strip_prefix('#').map(Self::Comment))
            .or_else(|| raw(line))
            .or_else(|| filled(line, "description:").map(Self::Description))
            .or_else(|| snapstate(line))
            .or_else(|| filled(line, "delete:").map(Self::Delete))
            .or_else(|| setting(line, is_key))
            .unwrap_or(Self::Unreadable)
    }

    /// Returns what the line is in a virtual machine's file: there are no raw keys, and other heads.
    pub(crate) fn read_machine(line: &'a str) -> Self {
        if is_blank(line) {
            return Self::Blank;
        }
        head(line, "pending")
            .or_else(|| special(line))
            .or_else(|| line.strip_prefix('#').map(Self::Comment))
            .or_else(|| filled(line, "description:").map(Self::Description))
            .or_else(|| snapstate(line))
            .or_else(|| filled(line, "delete:").map(Self::Delete))
            .or_else(|| setting(line, check::is_machine_key))
            .unwrap_or(Self::Unreadable)
    }
}

fn special(line: &str) -> Option<Line<'_>> {
    let name = line.trim_end_matches(is_white).strip_prefix('[')?.strip_suffix(']')?;
    name.eq_ignore_ascii_case("special:cloudinit").then_some(Line::Special)
}

fn head<'a>(line: &'a str, pending: &str) -> Option<Line<'a>> {
    let name = line.trim_end_matches(is_white).strip_prefix('[')?.strip_suffix(']')?;
    if name.eq_ignore_ascii_case(pending) {
        return Some(Line::Pending);
    }
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let letter = name.starts_with(|c: char| c.is_ascii_alphabetic());
    (letter && name.len() >= 2 && name.bytes().all(inner)).then_some(Line::Snapshot(name))
}

fn raw(line: &str) -> Option<Line<'_>> {
    let key_char =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    if !line.starts_with("lxc.") {
        return None;
    }
    let end = line.find(|c| !key_char(c))?;
    let (key, rest) = line.split_at(end);
    let name = key.strip_prefix("lxc.")?;
    let value = match rest.strip_prefix(':') {
        Some(value) => value,
        None => rest.trim_start_matches(is_white).strip_prefix('=')?,
    };
    (!name.is_empty()).then(|| Line::Raw { key, value: value.trim_matches(is_white) })
}

fn filled<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.trim_matches(is_white);
    (!value.is_empty()).then_some(value)
}

// Proxmox VE looks for this one anywhere in the line.
fn snapstate(line: &str) -> Option<Line<'_>> {
    let line = line.trim_end_matches(is_white);
    let state = ["prepare", "delete"].into_iter().find(|state| line.ends_with(state))?;
    let before = line.strip_suffix(state)?.trim_end_matches(is_white);
    before.ends_with("snapstate:").then_some(Line::Snapstate(state))
}

fn setting(line: &str, is_key: fn(&str) -> bool) -> Option<Line<'_>> {
    let (key, rest) = line.split_once(':')?;
    let value = rest.trim_matches(is_white);
    // White space alone is a value too: its last character.
    let value = if value.is_empty() { rest.get(rest.len().checked_sub(1)?..)? } else { value };
    is_key(key).then_some(Line::Setting { key, value })
}

/// A letter, then letters and `_`, then digits.
fn is_key(key: &str) -> bool {
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    plain && name.starts_with(|c: char| c.is_ascii_lowercase())
}

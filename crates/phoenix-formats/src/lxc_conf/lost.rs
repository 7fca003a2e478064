//! The lines that Proxmox VE drops when it writes the file, whether it warns about them or not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::LxcConf;
use super::line::Line;
use super::raw_key::RawKey;
use super::read::Place;
use super::section::SHADOWED;
use super::volume;

/// A line that is not in the file any more after Proxmox VE's next write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostLine {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// The line itself, without its end.
    pub text: String,
    /// Why it is lost: a lower-case fragment.
    pub reason: String,
}

/// Returns the lost lines in the file's order; white space and section heads do not count.
pub(super) fn lost(conf: &LxcConf) -> Vec<LostLine> {
    let lines = placed(conf.text());
    let last = last_settings(&lines);
    let used = volume::used(conf.main());
    let reason = |placed: &Placed<'_>| match superseded(placed, &last) {
        Some(reason) => Some(reason.to_owned()),
        None => dropped(placed, &used),
    };
    let lost = lines.iter().filter_map(|placed| {
        let text = placed.text.trim_end_matches('\r').to_owned();
        reason(placed).map(|reason| LostLine { line: placed.number, text, reason })
    });
    lost.collect()
}

/// Stands for the head of the main section, which has none.
const MAIN: usize = 0;

struct Placed<'a> {
    number: usize,
    text: &'a str,
    line: Line<'a>,
    place: Place<'a>,
    /// The line that opened this place, or [`MAIN`]: only a place's last opening counts.
    opening: usize,
}

fn placed(text: &str) -> Vec<Placed<'_>> {
    let mut place = Place::Main;
    let mut opening = MAIN;
    let lines = text.split('\n').enumerate().map(|(index, text)| {
        let line = Line::read(text);
        if let Some(opened) = Place::opened_by(line) {
            place = opened;
            opening = index + 1;
        }
        Placed { number: index + 1, text, line, place, opening }
    });
    lines.collect()
}

/// The last openings of all places, and the last line of each of its settings.
struct Last<'a> {
    openings: BTreeSet<usize>,
    settings: BTreeMap<(usize, &'a str), usize>,
}

fn last_settings<'a>(lines: &[Placed<'a>]) -> Last<'a> {
    let heads = lines.iter().filter(|placed| placed.opening == placed.number);
    let opened: BTreeMap<Place<'_>, usize> = heads.map(|head| (head.place, head.opening)).collect();
    let openings = opened.into_values().chain([MAIN]).collect();
    let mut last = Last { openings, settings: BTreeMap::new() };
    for placed in lines {
        if let Some(key) = key_of(placed.line) {
            last.settings.insert((placed.opening, key), placed.number);
        }
    }
    last
}

fn key_of(line: Line<'_>) -> Option<&str> {
    match line {
        Line::Setting { key, .. } => Some(key),
        Line::Delete(_) => Some("delete"),
        Line::Snapstate(_) => Some("snapstate"),
        _ => None,
    }
}

fn superseded(placed: &Placed<'_>, last: &Last<'_>) -> Option<&'static str> {
    if matches!(placed.line, Line::Blank | Line::Pending | Line::Snapshot(_) | Line::Special) {
        return None;
    }
    if !last.openings.contains(&placed.opening) {
        return Some("the section is begun again further down, and only that one counts");
    }
    let key = key_of(placed.line)?;
    let line = last.settings.get(&(placed.opening, key));
    (line != Some(&placed.number)).then_some("the same key is set again further down")
}

fn dropped(placed: &Placed<'_>, used: &BTreeSet<String>) -> Option<String> {
    let reason = match (placed.line, placed.place) {
        (Line::Unreadable, _) => "it cannot be read",
        (Line::Snapstate(_), Place::Main) => "it belongs into a snapshot",
        (Line::Delete(_), Place::Pending) => return None,
        (Line::Delete(_), _) => "it belongs into `[pve:pending]`",
        (Line::Raw { key, .. }, _) => match RawKey::of(key) {
            RawKey::Unknown => "it is not a key that Proxmox VE keeps",
            RawKey::Refused(why) => why,
            RawKey::Kept | RawKey::Deprecated(_) => return None,
        },
        (Line::Setting { key, .. }, _) if SHADOWED.contains(&key) => {
            "Proxmox VE never writes this key"
        }
        (Line::Setting { key, value }, Place::Main)
            if key.starts_with("unused") && used.contains(value) =>
        {
            "the volume is in use"
        }
        _ => return None,
    };
    Some(reason.to_owned())
}

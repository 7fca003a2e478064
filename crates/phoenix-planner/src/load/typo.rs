//! Fields that phoenix does not know: typos of known ones, and those that are simply not its business.

use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

use super::Strictness;
use super::finding::{Finding, Findings};
use crate::problem::Severity;
use crate::schema::{known_fields, schema_value};
use crate::source::{FileKind, Origin};

/// The longest name that is compared: comparing takes time that grows with the square of it.
const LONGEST_NAME: usize = 40;

/// Words of Proxmox VE or of other tools for fields that have another name here.
const SYNONYMS: &[(&str, &str)] = &[
    ("address", "ip"),
    ("description", "comment"),
    ("destination", "dest"),
    ("dport", "port"),
    ("dst", "dest"),
    ("enable", "enabled"),
    ("gateway", "gw"),
    ("hostname", "name"),
    ("icmp-type", "icmp_type"),
    ("interface", "iface"),
    ("macaddr", "mac_address"),
    ("memory", "memory_mb"),
    ("nameserver", "nameservers"),
    ("name", "hostname"),
    ("onboot", "start_at_boot"),
    ("ports", "port"),
    ("protocol", "proto"),
    ("src", "source"),
    ("swap", "swap_mb"),
];

/// Reads a declared type, unless something has a wrong type; with the places of all fields that it does
/// not have, as far as it could be read.
pub(super) fn read<T: DeserializeOwned>(file: FileKind, value: &Value) -> (Option<T>, Vec<Origin>) {
    let mut unknown = Vec::new();
    let declared = serde_ignored::deserialize(value, |path| unknown.push(origin(file, &path)));
    (declared.ok(), unknown)
}

/// Reads a declared type from plain JSON; `None` when something has a wrong type.
pub(super) fn read_text<T: DeserializeOwned>(
    file: FileKind,
    text: &str,
) -> Option<(T, Vec<Origin>)> {
    let mut unknown = Vec::new();
    let mut text = serde_json::Deserializer::from_str(text);
    let note = |path: Path<'_>| unknown.push(origin(file, &path));
    let declared = serde_ignored::deserialize(&mut text, note).ok()?;
    Some((declared, unknown))
}

/// Notes the unknown fields that look like a typo of a known one.
pub(super) fn report(
    file: FileKind,
    unknown: &[Origin],
    strictness: Strictness,
    findings: &mut Findings,
) {
    if unknown.is_empty() {
        return;
    }
    let schema = schema_value(file);
    for place in unknown {
        findings.extend(typo(place, &schema, strictness));
    }
}

fn origin(file: FileKind, path: &Path<'_>) -> Origin {
    match path {
        Path::Root => Origin::file(file),
        Path::Seq { parent, index } => origin(file, parent).at(index),
        Path::Map { parent, key } => origin(file, parent).at(key),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => origin(file, parent),
    }
}

fn typo(origin: &Origin, schema: &Value, strictness: Strictness) -> Option<Finding> {
    let (parent, name) = origin.pointer.rsplit_once('/')?;
    // Such names are comments by custom.
    if name.starts_with(['_', '$', '#', '~']) {
        return None;
    }
    let steps = parent.split('/').skip(1).collect::<Vec<_>>();
    let known = known_fields(schema, &steps);
    let is_rule = steps.iter().any(|step| matches!(*step, "rules" | "global_firewall_rules"));
    let finding = |severity, message| Finding::new(severity, origin.clone(), message).at_name();
    match meant(name, &known) {
        Some(meant) if is_rule => Some(
            finding(Severity::Error, format!("a rule has no field `{name}`"))
                .label("without it the rule would match more than meant")
                .help(format!("Write `{meant}`.")),
        ),
        Some(meant) => Some(
            finding(strictness.of_typos(), format!("phoenix does not know `{name}` here"))
                .label("left alone")
                .help(format!("Did you mean `{meant}`?")),
        ),
        None if is_rule => Some(
            finding(Severity::Warning, format!("a rule has no field `{name}`"))
                .label("the rule applies without it")
                .help(format!("Remove it. A rule has {}.", listed(&known))),
        ),
        None => None,
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let synonym = SYNONYMS.iter().find(|(wrong, _)| *wrong == name).map(|(_, right)| right);
    let named = synonym.and_then(|right| known.iter().find(|known| *known == right));
    named.copied().or_else(|| nearest(name, known))
}

/// Returns the word that a text probably was meant to be: equal but for letter case and `-`, or one
/// typing mistake away (two in words of six letters and more).
pub(super) fn nearest<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    if text.len() > LONGEST_NAME {
        return None;
    }
    let text = plain(text);
    let alike = words.iter().filter(|word| word.len().abs_diff(text.len()) <= allowed(word));
    let near = alike.map(|word| (strsim::osa_distance(&text, &plain(word)), *word));
    near.filter(|(distance, word)| *distance <= allowed(word)).min().map(|(_, word)| word)
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

fn allowed(word: &str) -> usize {
    match word.len() {
        0..=3 => 0,
        4..=5 => 1,
        _ => 2,
    }
}

//! What PVE reports of a file, and the file as PVE saves it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::{Map, Value, json};

use super::file::{Alias, FwFile, IpsetEntry, ParsedRule};
use super::rule::RuleKind;
use super::scope::Level;
use super::text::push_comment;

impl Serialize for FwFile {
    /// Writes `ok`, `parsed`, `warnings` and `saved`; with `ok: false` the last and `parsed` are null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ok = self.failure.is_none();
        let mut view = serializer.serialize_struct("FwFile", 4)?;
        view.serialize_field("ok", &ok)?;
        view.serialize_field("parsed", &ok.then(|| self.parsed()))?;
        view.serialize_field("warnings", &self.warnings)?;
        view.serialize_field("saved", &self.saved())?;
        view.end()
    }
}

impl FwFile {
    /// Returns what PVE reads, with the keys and values that PVE uses.
    fn parsed(&self) -> Value {
        let mut view = Map::new();
        if self.is_void() {
            return Value::Object(view);
        }
        let options = self
            .options
            .iter()
            .map(|entry| (entry.key.to_owned(), Value::from(entry.value.as_str())));
        view.insert("options".to_owned(), Value::Object(options.collect()));
        view.insert("rules".to_owned(), self.rules.iter().map(rule_view).collect());
        if self.reads.aliases {
            view.insert("aliases".to_owned(), map_view(&self.aliases, alias_view));
        }
        if self.reads.ipsets {
            view.insert(
                "ipset".to_owned(),
                map_view(&self.ipsets, |set| set.iter().map(entry_view).collect()),
            );
        }
        if self.level != Level::Host || !self.ipset_comments.is_empty() {
            view.insert("ipset_comments".to_owned(), json!(self.ipset_comments));
        }
        if self.reads.groups {
            view.insert(
                "groups".to_owned(),
                map_view(&self.groups, |rules| rules.iter().map(rule_view).collect()),
            );
            view.insert("group_comments".to_owned(), json!(self.group_comments));
        }
        Value::Object(view)
    }

    /// Returns the file as PVE would save it, options in the order of their keys (PVE's own order is random).
    ///
    /// `None` when PVE would remove the file, because nothing is left in it, or cannot save it.
    pub fn saved(&self) -> Option<String> {
        let kept = |rule: &ParsedRule| !matches!(rule.rule.kind, RuleKind::Other(_));
        let savable = self.rules.iter().chain(self.groups.values().flatten()).all(kept);
        if self.failure.is_some() || !savable {
            return None;
        }
        let mut text = String::new();
        self.save_options(&mut text);
        if self.level != Level::Host {
            self.save_aliases(&mut text);
            self.save_ipsets(&mut text);
        }
        if !self.rules.is_empty() {
            let rules = self.rules.iter().map(|rule| rule.rule.to_string());
            save_section(&mut text, "RULES", None, rules);
        }
        for (name, rules) in &self.groups {
            let rules = rules.iter().map(|rule| rule.rule.line_in_group());
            save_section(&mut text, &format!("group {name}"), self.group_comments.get(name), rules);
        }
        (!text.is_empty()).then_some(text)
    }

    fn save_options(&self, text: &mut String) {
        let options: BTreeMap<_, _> =
            self.options.iter().map(|entry| (entry.key, &entry.value)).collect();
        if !options.is_empty() {
            let lines = options.into_iter().map(|(key, value)| format!("{key}: {value}"));
            save_section(text, "OPTIONS", None, lines);
        }
    }

    fn save_aliases(&self, text: &mut String) {
        if !self.aliases.is_empty() {
            save_section(text, "ALIASES", None, self.aliases.values().map(Alias::line_text));
        }
    }

    fn save_ipsets(&self, text: &mut String) {
        for (name, entries) in &self.ipsets {
            // The first of equal entries stays.
            let by_cidr: BTreeMap<_, _> =
                entries.iter().rev().map(|entry| (&entry.cidr, entry)).collect();
            let lines = by_cidr.into_values().map(IpsetEntry::line_text);
            save_section(text, &format!("IPSET {name}"), self.ipset_comments.get(name), lines);
        }
    }
}

impl Alias {
    /// Returns the line as PVE saves it.
    pub(super) fn line_text(&self) -> String {
        let mut line = format!("{} {}", self.name, self.cidr);
        push_comment(&mut line, self.comment.as_deref());
        line
    }
}

impl IpsetEntry {
    /// Returns the line as PVE saves it.
    pub(super) fn line_text(&self) -> String {
        let mut line = if self.nomatch { "!" } else { "" }.to_owned();
        line.push_str(self.cidr.as_deref().unwrap_or_default());
        push_comment(&mut line, self.comment.as_deref());
        line
    }
}

fn save_section(
    text: &mut String,
    title: &str,
    comment: Option<&String>,
    lines: impl Iterator<Item = String>,
) {
    let comment = comment.map_or(String::new(), |comment| format!(" # {comment}"));
    text.extend(["[", title, "]", &comment, "\n\n"]);
    lines.for_each(|line| text.extend([line.as_str(), "\n"]));
    text.push('\n');
}

fn map_view<T>(map: &BTreeMap<String, T>, view: impl Fn(&T) -> Value) -> Value {
    Value::Object(map.iter().map(|(name, value)| (name.clone(), view(value))).collect())
}

fn put(view: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        view.insert(key.to_owned(), value.into());
    }
}

fn rule_view(parsed: &ParsedRule) -> Value {
    let rule = &parsed.rule;
    let mut view = Map::new();
    put(&mut view, "type", Some(rule.kind.as_str()));
    put(&mut view, "action", Some(rule.action.word()));
    put(&mut view, "enable", Some(if rule.enabled { "1" } else { "0" }));
    put(&mut view, "macro", rule.action.macro_name());
    let texts = [
        ("iface", &rule.iface),
        ("source", &rule.source),
        ("dest", &rule.dest),
        ("proto", &rule.proto),
        ("dport", &rule.dport),
        ("sport", &rule.sport),
        ("log", &rule.log),
        ("icmp-type", &rule.icmp_type),
        ("comment", &rule.comment),
    ];
    texts.into_iter().for_each(|(key, value)| put(&mut view, key, value.as_deref()));
    put(&mut view, "ipversion", parsed.version.map(|version| version.as_str()));
    let errors: Map<_, _> =
        parsed.errors.iter().map(|(key, why)| (key.to_string(), why.as_str().into())).collect();
    put(&mut view, "errors", (!errors.is_empty()).then_some(errors));
    Value::Object(view)
}

fn alias_view(alias: &Alias) -> Value {
    let mut view = Map::new();
    if !alias.name.is_empty() {
        put(&mut view, "name", Some(alias.name.as_str()));
        put(&mut view, "cidr", Some(alias.cidr.as_str()));
        put(&mut view, "ipversion", Some(if alias.cidr.contains(':') { "6" } else { "4" }));
        put(&mut view, "comment", alias.comment.as_deref());
    }
    Value::Object(view)
}

fn entry_view(entry: &IpsetEntry) -> Value {
    let mut view = Map::new();
    view.insert("cidr".to_owned(), json!(entry.cidr));
    put(&mut view, "nomatch", entry.nomatch.then_some("1"));
    put(&mut view, "comment", entry.comment.as_deref());
    put(&mut view, "errors", entry.error.as_deref().map(|why| json!({ "cidr": why })));
    Value::Object(view)
}

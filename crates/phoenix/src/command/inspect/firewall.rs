//! `.fw` files: what each line is, and which rules are kept and never applied.

use phoenix_formats::firewall::{Action, FwFile, IpsetEntry, ParsedRule, Rule, RuleKind};

use super::text::{Annotated, count, sentence};

pub(super) fn firewall(file: &FwFile) -> String {
    let rules = || file.rules().iter().chain(file.groups().values().flatten());
    let never = rules().filter(|rule| rule.rule.enabled && !rule.is_applied()).count();
    let mut counts = vec![
        count(file.options().len(), "option", "options"),
        count(rules().count(), "rule", "rules"),
    ];
    if never > 0 {
        counts.push(format!("{never} of them never applied"));
    }
    let mut warnings = file.warnings().to_vec();
    if let Some(failure) = file.failure() {
        warnings.push(phoenix_formats::Warning::new(1, failure));
    }
    Annotated { text: file.text(), notes: notes(file), warnings, counts }.render()
}

fn notes(file: &FwFile) -> Vec<(usize, String)> {
    let options = file.options().iter();
    let options =
        options.map(|option| (option.line, format!("option `{}`: {}", option.key, option.value)));
    let aliases = file.aliases().values();
    let aliases =
        aliases.map(|alias| (alias.line, format!("alias `{}`: {}", alias.name, alias.cidr)));
    let sets = file.ipsets().iter().flat_map(|(name, entries)| {
        entries.iter().map(move |found| (found.line, entry(name, found)))
    });
    let own = file.rules().iter().map(|rule| (rule.line, described(rule)));
    let groups = file.groups().iter().flat_map(|(name, rules)| {
        rules.iter().map(move |rule| (rule.line, format!("group `{name}`, {}", described(rule))))
    });
    options.chain(aliases).chain(sets).chain(own).chain(groups).collect()
}

fn entry(set: &str, entry: &IpsetEntry) -> String {
    let address = entry.cidr.as_deref().unwrap_or("nothing");
    let inside = if entry.nomatch { "without" } else { "with" };
    match &entry.error {
        Some(error) => format!("set `{set}` {inside} {address}, left out: {error}"),
        None => format!("set `{set}` {inside} {address}"),
    }
}

/// Says what a rule does, and if it does nothing why.
fn described(parsed: &ParsedRule) -> String {
    let words = rule(&parsed.rule);
    if !parsed.errors.is_empty() {
        let errors = parsed.errors.values().map(String::as_str).collect::<Vec<_>>().join("; ");
        return format!("kept, never applied: {errors} ({words})");
    }
    if parsed.rule.enabled { words } else { format!("switched off: {words}") }
}

fn rule(rule: &Rule) -> String {
    let optional = |value: &Option<String>, words: &str| {
        value.as_ref().map(|value| format!("{words} {value}"))
    };
    let what = match &rule.action {
        Action::Plain(verdict) => verdict.to_string(),
        Action::Macro(name, verdict) => format!("{verdict} {name}"),
        Action::Group(name) => format!("the rules of group `{name}`"),
        Action::Unknown(word) => format!("unknown action `{word}`"),
    };
    let direction = match rule.kind {
        RuleKind::In => "incoming:",
        RuleKind::Out => "outgoing:",
        RuleKind::Forward => "passed on (ignored by the iptables backend):",
        RuleKind::Group => "both ways:",
        RuleKind::Other(_) => "unknown direction:",
    };
    sentence([
        Some(direction.to_owned()),
        Some(what),
        rule.proto.clone(),
        optional(&rule.icmp_type, "type"),
        optional(&rule.dport, "to port"),
        optional(&rule.sport, "from port"),
        optional(&rule.source, "from"),
        optional(&rule.dest, "to"),
        optional(&rule.iface, "on"),
        optional(&rule.log, "logged as"),
    ])
}

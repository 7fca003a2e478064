//! What changes in a file, in a phrase.

use std::collections::BTreeMap;

use phoenix_formats::firewall::{FwFile, OptionEntry, Rule};

/// How many names are told; of more only their number.
const MOST_NAMES: usize = 3;

/// How many options are told beside those that decide about packets; of more only their number.
const MOST_OPTIONS: usize = 2;

/// What a name stands for, in an order of its own.
type Named = BTreeMap<String, Vec<String>>;

/// Returns which options change, how many rules come and go, and which names.
pub(super) fn reason(before: &FwFile, after: &FwFile) -> String {
    let mut parts = options(before, after);
    parts.extend(rules(before, after));
    parts.extend(names(("alias", "aliases"), &aliases(before), &aliases(after)));
    parts.extend(names(("set", "sets"), &ipsets(before), &ipsets(after)));
    parts.extend(names(("group", "groups"), &groups(before), &groups(after)));
    if parts.is_empty() {
        let plain = |file: &FwFile| file.rules().iter().map(|r| r.rule.clone()).collect::<Vec<_>>();
        let same = plain(before) == plain(after);
        parts.push(if same { "comments" } else { "order of rules" }.to_owned());
    }
    parts.join(", ")
}

fn options(before: &FwFile, after: &FwFile) -> Vec<String> {
    let options = after.options().iter();
    let changed = options.filter(|o| before.option(o.key) != Some(o.value.as_str()));
    let deciding = |key: &str| key == "enable" || key.starts_with("policy_");
    let (first, rest) = changed.partition::<Vec<_>, _>(|option| deciding(option.key));
    let said = |option: &&OptionEntry| format!("{} {}", option.key, option.value);
    let mut parts = first.iter().map(said).collect::<Vec<_>>();
    if rest.len() > MOST_OPTIONS {
        parts.push(format!("{} other options", rest.len()));
    } else {
        parts.extend(rest.iter().map(said));
    }
    parts
}

fn rules(before: &FwFile, after: &FwFile) -> Option<String> {
    let count = |of: &FwFile, other: &FwFile| {
        let stands = |rule: &Rule| other.rules().iter().any(|r| r.rule == *rule);
        of.rules().iter().filter(|rule| !stands(&rule.rule)).count()
    };
    match (count(after, before), count(before, after)) {
        (0, 0) => None,
        (new, 0) => Some(format!("{new} rule{} added", plural(new))),
        (0, old) => Some(format!("{old} rule{} removed", plural(old))),
        (new, old) => Some(format!("{new} rule{} added, {old} removed", plural(new))),
    }
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

fn aliases(file: &FwFile) -> Named {
    let aliases = file.aliases().iter();
    aliases.map(|(name, alias)| (name.clone(), vec![alias.cidr.clone()])).collect()
}

fn ipsets(file: &FwFile) -> Named {
    let sets = file.ipsets().iter().map(|(name, entries)| {
        let entries = entries.iter().map(|e| format!("{}{:?}", e.nomatch, e.cidr));
        let mut entries = entries.collect::<Vec<_>>();
        entries.sort();
        (name.clone(), entries)
    });
    sets.collect()
}

fn groups(file: &FwFile) -> Named {
    let groups = file.groups().iter().map(|(name, rules)| {
        (name.clone(), rules.iter().map(|rule| rule.rule.to_string()).collect())
    });
    groups.collect()
}

fn names((one, many): (&str, &str), before: &Named, after: &Named) -> Vec<String> {
    let new = after.keys().filter(|name| !before.contains_key(*name)).collect::<Vec<_>>();
    let differs = |name: &&String| before.get(*name).is_some_and(|old| *old != after[*name]);
    let changed = after.keys().filter(differs).collect::<Vec<_>>();
    let gone = before.keys().filter(|name| !after.contains_key(*name)).collect::<Vec<_>>();
    let said = [(new, "added"), (changed, "changed"), (gone, "removed")].map(|(names, what)| {
        let listed = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" and ");
        match names.len() {
            0 => None,
            1 => Some(format!("{one} {listed} {what}")),
            count if count > MOST_NAMES => Some(format!("{count} {many} {what}")),
            _ => Some(format!("{many} {listed} {what}")),
        }
    });
    said.into_iter().flatten().collect()
}

//! Whether what rules name is there: aliases, sets of addresses, security groups.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::Vmid;
use phoenix_formats::firewall::{
    Action, FwFile, Level, Names, ParsedRule, Rule, RuleProblem, Scope,
};

use super::file::Change;
use super::host_path;
use crate::desired::{Definitions, Desired, Located};
use crate::load::firewall::field;
use crate::location::Location;
use crate::observed::Observed;
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;
use crate::source::Origin;

/// Where guests' files and the cluster's are.
const FIREWALL_FOLDER: &str = "/etc/pve/firewall";
/// Where the files of all nodes of the cluster are.
const NODES_FOLDER: &str = "/etc/pve/nodes";

/// Asks for every file that may use a name, where names are to be removed.
pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    if !removes(desired) {
        return Vec::new();
    }
    let folders = [FIREWALL_FOLDER, NODES_FOLDER].map(|folder| Probe::List(Location::node(folder)));
    let files = users(facts).into_keys().map(Probe::File);
    folders.into_iter().chain(files).collect()
}

fn removes(desired: &Desired) -> bool {
    desired.firewall.as_ref().is_some_and(|firewall| firewall.definitions.removes())
}

/// Returns the files of all guests and nodes, as the folders show them.
fn users(facts: &Facts) -> BTreeMap<Location, Level> {
    let guests = facts.names(&Location::node(FIREWALL_FOLDER)).iter().filter_map(|name| {
        name.strip_suffix(".fw")?.parse::<Vmid>().ok()?;
        Some((Location::node(&format!("{FIREWALL_FOLDER}/{name}")), Level::Guest))
    });
    let is_plain =
        |name: &&String| !name.contains(['/', '\0']) && !matches!(name.as_str(), "" | "." | "..");
    let nodes = facts.names(&Location::node(NODES_FOLDER)).iter().filter(is_plain);
    let nodes =
        nodes.map(|name| (Location::node(&format!("{NODES_FOLDER}/{name}/host.fw")), Level::Host));
    guests.chain(nodes).collect()
}

/// Refuses the removal of names that a file of another guest or node still uses.
pub(super) fn still_used(
    observed: &Observed<'_>,
    present: &FwFile,
    after: &FwFile,
    changes: &[&Change],
) -> Vec<Refusal> {
    let Some(firewall) = observed.desired.firewall.as_ref().filter(|_| removes(observed.desired))
    else {
        return Vec::new();
    };
    let mut files = users(observed.facts);
    if let Some(own) = observed.node_name() {
        files.retain(|at, _| at.path.as_str() != format!("{NODES_FOLDER}/{own}/host.fw"));
    }
    files.insert(host_path(), Level::Host);
    let changed = |at: &Location| changes.iter().find(|change| change.at == *at);
    let used = files.into_iter().filter_map(|(at, level)| {
        let text = match changed(&at) {
            Some(change) => Some(change.after.as_str()),
            None => observed.facts.text(&at),
        };
        let rule = new_faults(level, text?, present, after).into_iter().next()?;
        Some(in_use(&firewall.origin, &at, &rule))
    });
    used.collect()
}

fn in_use(origin: &Origin, at: &Location, rule: &str) -> Refusal {
    let message = format!("a name cannot go that {at} still uses: `{rule}`");
    let help = "Change what uses it first, or take the name out of `removed`.";
    Refusal::declared(&origin.at("removed"), message, help)
}

/// Returns the rules and entries of sets of a file that Proxmox VE does not apply. What is turned off
/// is not one of them.
pub(super) fn faults(file: &FwFile) -> BTreeSet<String> {
    let group = Scope::group().with_cluster(Names::of(file));
    let is_faulty = |rule: &ParsedRule, scope: &Scope| {
        rule.rule.enabled && !(rule.errors.is_empty() && rule.rule.check(scope).is_empty())
    };
    let rules = file.rules().iter().filter(|rule| is_faulty(rule, file.scope()));
    let grouped = file.groups().values().flatten().filter(|rule| is_faulty(rule, &group));
    let entries = file.ipsets().values().flatten().filter(|entry| entry.error.is_some());
    let entries = entries.map(|entry| entry.cidr.clone().unwrap_or_default());
    rules.chain(grouped).map(|rule| rule.rule.to_string()).chain(entries).collect()
}

/// Returns what Proxmox VE does not apply beside one cluster's file, and does beside another.
fn new_faults(level: Level, text: &str, good: &FwFile, bad: &FwFile) -> Vec<String> {
    if level == Level::Cluster {
        return Vec::new();
    }
    let of = |cluster| faults(&FwFile::parse(level, text, Some(cluster)));
    let bad = of(bad);
    if bad.is_empty() { Vec::new() } else { bad.difference(&of(good)).cloned().collect() }
}

/// Returns whether Proxmox VE does not apply something of a file beside one cluster's file that it does
/// beside another.
pub(super) fn has_new_fault(level: Level, text: &str, good: &FwFile, bad: &FwFile) -> bool {
    !new_faults(level, text, good, bad).is_empty()
}

/// What is declared of a file, for [`check`].
pub(super) struct Declared<'a> {
    pub(super) rules: Option<&'a Vec<Located<Rule>>>,
    pub(super) definitions: &'a Definitions,
}

/// Refuses rules that Proxmox VE would not apply in this file, such as one that names an alias which
/// the node does not have, and removals of names that something in the file uses; what needs no node is
/// checked when the operator's files are read. `kept` is the file before anything is removed.
pub(super) fn check(
    declared: &Declared<'_>,
    kept: &FwFile,
    after: &FwFile,
    at: &Location,
    origin: &Origin,
) -> Result<(), Vec<Refusal>> {
    let in_group = Scope::group().with_cluster(Names::of(after));
    let grouped =
        declared.definitions.groups.values().filter_map(|group| group.value.rules.as_ref());
    let grouped = grouped.flatten().map(|rule| (rule, &in_group));
    let rules = declared.rules.into_iter().flatten().map(|rule| (rule, after.scope()));
    let mut refusals =
        rules.chain(grouped).filter_map(|(rule, scope)| unapplied(rule, scope)).collect::<Vec<_>>();
    refusals.extend(bad_entries(declared.definitions, after));
    if refusals.is_empty() {
        refusals.extend(misplaced(declared, after, at));
        refusals.extend(first_new_fault(after, kept).map(|rule| in_use(origin, at, &rule)));
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Returns what Proxmox VE would not apply any more, when something has been removed.
fn first_new_fault(after: &FwFile, kept: &FwFile) -> Option<String> {
    if after.text() == kept.text() {
        return None;
    }
    faults(after).difference(&faults(kept)).next().cloned()
}

/// Returns whether a rule names a group, or an alias or a set, none of which begins with a digit: all
/// others were judged when the operator's files were read.
fn names_something(rule: &Rule) -> bool {
    let addresses = [&rule.source, &rule.dest].into_iter().flatten();
    let is_address = |text: &String| text.starts_with(|c: char| c.is_ascii_digit());
    matches!(rule.action, Action::Group(_)) || !addresses.into_iter().all(is_address)
}

fn unapplied(rule: &Located<Rule>, scope: &Scope) -> Option<Refusal> {
    if !names_something(&rule.value) {
        return None;
    }
    let problem = rule.value.check(scope).into_iter().next()?;
    let help = "Correct the rule, or declare what it names: `aliases`, `ipsets` or `groups`.";
    let RuleProblem { property, .. } = problem;
    let message = format!("Proxmox VE would not apply this rule: {problem}");
    Some(Refusal::declared(&rule.origin.at(field(property)), message, help))
}

fn bad_entries(definitions: &Definitions, after: &FwFile) -> Vec<Refusal> {
    let sets = definitions.ipsets.iter().filter_map(|(name, set)| {
        let error = after.ipsets().get(name)?.iter().find_map(|entry| entry.error.as_ref())?;
        let message = format!("Proxmox VE would leave an entry out of this set: {error}");
        let help = "Correct the entry, or declare the alias that it names.";
        Some(Refusal::declared(&set.origin, message, help))
    });
    sets.collect()
}

/// A file is read from top to bottom: what stands below the rule that names it does not exist for it.
fn misplaced(declared: &Declared<'_>, after: &FwFile, at: &Location) -> Option<Refusal> {
    let is_declared = |parsed: &&ParsedRule| {
        let mut rules = declared.rules.into_iter().flatten();
        !parsed.errors.is_empty() && rules.any(|rule| rule.value.same_meaning(&parsed.rule))
    };
    let rule = after.rules().iter().find(is_declared)?;
    let message = "it names what is defined only further down, so Proxmox VE would not apply it";
    let help = "Move `[ALIASES]` and `[IPSET …]` above `[RULES]` in the file, then plan again.";
    Some(Refusal::file(at, Some(rule.line), message, help))
}

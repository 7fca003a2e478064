//! One `.fw` file: the edits that make it say what is declared, and the action that writes it.

use std::borrow::Cow;

use phoenix_formats::Vmid;
use phoenix_formats::firewall::{FwEdit, FwFile, IpsetEntry, Level, Rule};

use super::cluster::Cluster;
use super::names::has_new_fault;
use super::reason::reason;
use crate::address::Address;
use crate::desired::{Definitions, Located, Options, Policy};
use crate::location::Location;
use crate::operation::{Operation, Write};
use crate::plan::{Action, Disruption, Verb};
use crate::refusal::Refusal;
use crate::source::Origin;

/// Permission bits of a `.fw` file; the cluster file system sets its own anyway.
const FILE_MODE: u32 = 0o640;

/// Whose file it is.
pub(super) struct Owner<'a> {
    pub(super) address: Address,
    pub(super) at: Location,
    pub(super) origin: &'a Origin,
    pub(super) guest: Option<Vmid>,
}

/// Whether there is a file already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Absent,
}

impl Presence {
    /// Tells from a file's text.
    pub(super) fn of(text: Option<&str>) -> Self {
        if text.is_some() { Self::There } else { Self::Absent }
    }
}

/// A file that changes.
#[derive(Debug, Clone)]
pub(super) struct Change {
    level: Level,
    pub(super) at: Location,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) action: Action,
}

impl Change {
    /// Returns the change between two states of a file; `None` when they are the same.
    pub(super) fn between(
        owner: Owner<'_>,
        presence: Presence,
        before: &FwFile,
        after: &FwFile,
    ) -> Option<Self> {
        if before.text() == after.text() {
            return None;
        }
        let there = presence == Presence::There;
        let (level, at) = (before.level(), owner.at);
        let text = there.then(|| before.text().to_owned());
        let write = Write::new(at.clone(), text, after.text().to_owned(), FILE_MODE);
        let action = Action {
            address: owner.address,
            verb: if there { Verb::Change } else { Verb::Add },
            reason: reason(before, after),
            disruption: Disruption::None,
            guest: owner.guest,
            origin: Some(owner.origin.clone()),
            attributes: Vec::new(),
            notes: Vec::new(),
            operations: vec![Operation::Write(write)],
        };
        let [before, after] = [before, after].map(|file| file.text().to_owned());
        Some(Self { level, at, before, after, action })
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// Returns whether the file names what the cluster's present file does not define.
    pub(super) fn needs_names_of(&self, cluster: &Cluster) -> bool {
        has_new_fault(self.level, &self.after, &cluster.after, &cluster.present)
    }

    /// Returns whether the file as it is names what the cluster's file will not define any more.
    pub(super) fn used_names_gone_from(&self, cluster: &Cluster) -> bool {
        has_new_fault(self.level, &self.before, &cluster.present, &cluster.after)
    }
}

/// Makes a file say something, or tells why that cannot be. What it may name is what the `cluster`
/// defines, beside which it was read; for the cluster's own file that is itself.
pub(super) fn edited<'a>(
    present: &'a FwFile,
    at: &Location,
    edits: &[FwEdit],
    cluster: Option<&FwFile>,
) -> Result<Cow<'a, FwFile>, Vec<Refusal>> {
    let text = present.edit(edits).map_err(|error| {
        let help = "Mend the file by hand, then plan again.";
        vec![Refusal::file(at, None, error.to_string(), help)]
    })?;
    if text == present.text() {
        return Ok(Cow::Borrowed(present));
    }
    Ok(Cow::Owned(FwFile::parse(present.level(), &text, cluster)))
}

/// Returns the edits that set the options which the file does not have, or has with another value.
pub(super) fn option_edits<'a>(
    present: &FwFile,
    options: impl Iterator<Item = (&'static str, &'a str)>,
) -> Vec<FwEdit> {
    let differs = |(key, value): &(&str, &str)| match present.option(key) {
        Some(old) if *key == "log_ratelimit" => rate_limit(old) != rate_limit(value),
        old => old != Some(value),
    };
    let set = |(key, value): (&str, &str)| FwEdit::SetOption {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    options.filter(differs).map(set).collect()
}

/// Returns declared options as pairs.
pub(super) fn pairs(options: &Options) -> impl Iterator<Item = (&'static str, &str)> {
    options.iter().map(|(key, value)| (*key, value.as_str()))
}

/// Returns what is declared of a file's options: whether it is on, the policies for what comes in and goes
/// out, and the others.
pub(super) fn all_options(
    enabled: Option<bool>,
    (policy_in, policy_out): (Option<Policy>, Option<Policy>),
    options: &Options,
) -> impl Iterator<Item = (&'static str, &str)> {
    let own = [
        ("enable", enabled.map(|on| if on { "1" } else { "0" })),
        ("policy_in", policy_in.map(Policy::as_str)),
        ("policy_out", policy_out.map(Policy::as_str)),
    ];
    own.into_iter().filter_map(|(key, value)| Some((key, value?))).chain(pairs(options))
}

/// Returns what a `log_ratelimit` says, with Proxmox VE's defaults for what it does not.
fn rate_limit(text: &str) -> (bool, &str, &str) {
    let (mut enabled, mut rate, mut burst) = (true, "1/second", "5");
    for part in text.split(',') {
        match part.split_once('=').unwrap_or(("enable", part)) {
            ("rate", value) => rate = value,
            ("burst", value) => burst = value,
            (_, value) => {
                let off = ["0", "off", "no", "false"];
                enabled = !off.iter().any(|word| word.eq_ignore_ascii_case(value));
            }
        }
    }
    (enabled, rate, burst)
}

/// Returns the edits that make and change what rules can name.
pub(super) fn definition_edits(definitions: &Definitions) -> Vec<FwEdit> {
    let aliases = definitions.aliases.values().map(|alias| FwEdit::SetAlias(alias.value.clone()));
    let ipset = |(name, entries): (&String, &Located<Vec<IpsetEntry>>)| FwEdit::SetIpset {
        name: name.clone(),
        entries: entries.value.clone(),
    };
    let mut edits = aliases.chain(definitions.ipsets.iter().map(ipset)).collect::<Vec<_>>();
    for (name, group) in &definitions.groups {
        if let Some(rules) = &group.value.rules {
            edits.push(FwEdit::SetGroup { name: name.clone(), rules: plain(rules) });
        }
        if let Some(comment) = &group.value.comment {
            let (name, comment) = (name.clone(), comment.clone());
            edits.push(FwEdit::SetGroupComment { name, comment });
        }
    }
    edits
}

/// Returns the edits that remove what rules can name.
pub(super) fn removal_edits(definitions: &Definitions) -> Vec<FwEdit> {
    let names = |of: &[Located<String>]| of.iter().map(|n| n.value.clone()).collect::<Vec<_>>();
    let groups = names(&definitions.removed_groups).into_iter();
    let ipsets = names(&definitions.removed_ipsets).into_iter();
    let aliases = names(&definitions.removed_aliases).into_iter();
    let groups = groups.map(|name| FwEdit::RemoveGroup { name });
    let ipsets = ipsets.map(|name| FwEdit::RemoveIpset { name });
    groups.chain(ipsets).chain(aliases.map(|name| FwEdit::RemoveAlias { name })).collect()
}

/// Returns the edit that sets declared rules.
pub(super) fn rule_edit(rules: Option<&Vec<Located<Rule>>>) -> Option<FwEdit> {
    rules.map(|rules| FwEdit::SetRules(plain(rules)))
}

fn plain(rules: &[Located<Rule>]) -> Vec<Rule> {
    rules.iter().map(|rule| rule.value.clone()).collect()
}

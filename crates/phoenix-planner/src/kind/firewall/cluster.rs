//! The cluster's file, in one writing or in two: what rules name first, everything else after the files
//! whose rules name it.

use std::borrow::Cow;

use phoenix_formats::firewall::{FwEdit, FwFile};

use super::cluster_path;
use super::file::{
    Change, Owner, Presence, all_options, definition_edits, edited, option_edits, removal_edits,
    rule_edit,
};
use super::names::{Declared, check, faults, has_new_fault};
use crate::address::Address;
use crate::desired::ClusterFirewall;
use crate::observed::Observed;
use crate::refusal::Refusal;

/// Names that have a meaning to Proxmox VE itself: defining one decides about packets at once.
const BUILT_IN: [&str; 3] = ["local_network", "management", "blacklist"];

/// The cluster's file from the first state to the last.
pub(super) struct Cluster {
    pub(super) present: FwFile,
    pub(super) after: FwFile,
    /// The writing of what rules name, where other files need it before the rest may be written.
    pub(super) defined: Option<Change>,
    /// The writing of everything else.
    pub(super) whole: Option<Change>,
}

/// Returns the cluster's file as it shall be.
pub(super) fn after(observed: &Observed<'_>, present: &FwFile) -> Result<FwFile, Vec<Refusal>> {
    let Some(firewall) = &observed.desired.firewall else { return Ok(present.clone()) };
    let absent = observed.facts.text(&cluster_path()).is_none();
    let definitions = &firewall.definitions;
    if absent && firewall.enabled == Some(false) && definitions.defines_nothing() {
        return Ok(present.clone());
    }
    let at = cluster_path();
    let mut edits = option_edits(present, options(firewall));
    edits.extend(definition_edits(definitions));
    edits.extend(rule_edit(firewall.rules.as_ref()));
    let kept = edited(present, &at, &edits, None)?;
    let after = edited(&kept, &at, &removal_edits(definitions), None)?;
    let declared = Declared { rules: firewall.rules.as_ref(), definitions };
    check(&declared, &kept, &after, &at, &firewall.origin)?;
    Ok(after.into_owned())
}

fn options(firewall: &ClusterFirewall) -> impl Iterator<Item = (&'static str, &str)> {
    let ClusterFirewall { enabled, policy_in, policy_out, options, .. } = firewall;
    all_options(*enabled, (*policy_in, *policy_out), options)
}

impl Cluster {
    /// Takes the two ends, and finds out whether `files` need a state in between.
    pub(super) fn new(
        observed: &Observed<'_>,
        present: FwFile,
        after: FwFile,
        files: &[&Change],
    ) -> Self {
        let Some(firewall) = &observed.desired.firewall else {
            return Self { present, after, defined: None, whole: None };
        };
        let presence = Presence::of(observed.facts.text(&cluster_path()));
        let middle = middle(firewall, &present, &after, files);
        let address = Address::new("firewall", "cluster");
        let owner =
            |address| Owner { address, at: cluster_path(), origin: &firewall.origin, guest: None };
        let Some(middle) = middle else {
            let whole = Change::between(owner(address), presence, &present, &after);
            return Self { present, after, defined: None, whole };
        };
        let defined = owner(address.part("definitions"));
        let mut defined = Change::between(defined, presence, &present, &middle);
        let note = "first, since rules of other files name what it defines";
        defined.iter_mut().for_each(|change| change.action.notes.push(note.to_owned()));
        let whole = Change::between(owner(address), Presence::There, &middle, &after);
        Self { present, after, defined, whole }
    }
}

/// Returns the file with what is newly defined and nothing else changed, where other files need it.
///
/// What has a meaning to Proxmox VE itself is left for the last writing, unless something names it.
fn middle(
    firewall: &ClusterFirewall,
    present: &FwFile,
    after: &FwFile,
    files: &[&Change],
) -> Option<FwFile> {
    let fits = |file: &FwFile| {
        let serves = |change: &&Change| !has_new_fault(change.level(), &change.after, after, file);
        files.iter().all(serves) && faults(file).is_subset(&faults(present))
    };
    if fits(present) {
        return None;
    }
    let new = definition_edits(&firewall.definitions);
    let new = new.into_iter().filter(|edit| is_new(edit, present)).collect::<Vec<_>>();
    let harmless = new.iter().filter(|edit| !BUILT_IN.contains(&name(edit))).cloned();
    let choices = [harmless.collect::<Vec<_>>(), new];
    let made =
        choices.iter().filter_map(|edits| edited(present, &cluster_path(), edits, None).ok());
    let made = made.map(Cow::into_owned);
    made.into_iter().find(|file| file.text() != present.text() && fits(file))
}

fn is_new(edit: &FwEdit, present: &FwFile) -> bool {
    match edit {
        FwEdit::SetAlias(alias) => {
            !present.aliases().contains_key(&alias.name.to_ascii_lowercase())
        }
        FwEdit::SetIpset { name, .. } => !present.ipsets().contains_key(name),
        FwEdit::SetGroup { name, .. } | FwEdit::SetGroupComment { name, .. } => {
            !present.groups().contains_key(name)
        }
        _ => false,
    }
}

fn name(edit: &FwEdit) -> &str {
    match edit {
        FwEdit::SetAlias(alias) => &alias.name,
        FwEdit::SetIpset { name, .. } | FwEdit::SetGroup { name, .. } => name,
        _ => "",
    }
}

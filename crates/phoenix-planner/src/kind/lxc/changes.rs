//! What differs between a container's configuration and what is declared, and the action that settles it.

use std::collections::BTreeSet;

use phoenix_formats::lxc_conf::{Edit, LostLine, LxcConf};
use phoenix_formats::property::PropertyText;

use super::calls::{pct_set, resize, write_raw};
use super::keys::KeyChange;
use super::present::is_left;
use super::{address, attribute, features, inside, keys, live, mounts, net0, public, raw, startup};
use crate::desired::Container;
use crate::observed::{Observed, config_path};
use crate::plan::{Action, Attribute, Disruption, Draft, Verb};
use crate::refusal::Refusal;

/// Everything that differs for one container.
pub(super) struct Changes {
    pub(super) mounts: mounts::Mounts,
    keys: Vec<KeyChange>,
    pub(super) public: Option<public::Change>,
    pub(super) raw: raw::Change,
    /// The line that runs phoenix's program at every start.
    hook: Option<Edit>,
}

impl Changes {
    pub(super) fn of(
        observed: &Observed<'_>,
        container: &Container,
        conf: &LxcConf,
        folders: &mounts::Folders,
    ) -> Result<Self, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut keys = keys::changes(container, conf);
        keys.extend(startup::change(container, conf));
        keys.extend(features::change(container, conf));
        match net0::change(observed, container, conf) {
            Ok(change) => keys.extend(change),
            Err(refusal) => refusals.push(refusal),
        }
        let public = public::change(observed, container, conf).unwrap_or_else(|more| {
            refusals.extend(more);
            None
        });
        let mut mounts =
            mounts::changes(observed, container, conf, folders).unwrap_or_else(|more| {
                refusals.extend(more);
                mounts::Mounts::default()
            });
        if let Some(size) = &container.making.size {
            let root = PropertyText::parse(conf.get("rootfs").unwrap_or_default());
            refusals.extend(mounts.grow("rootfs", &root, size.value, &size.origin).err());
        }
        keys.append(&mut mounts.keys);
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let raw = raw::change(container, conf);
        Ok(Self { mounts, keys, public, raw, hook: hook(observed, container, conf) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.public.is_none()
            && self.raw.is_empty()
            && self.hook.is_none()
            && self.mounts.grown.is_empty()
    }

    /// Returns why a container must be restarted, if it runs.
    pub(super) fn restart(
        &self,
        observed: &Observed<'_>,
        container: &Container,
    ) -> Option<&'static str> {
        match &self.public {
            Some(change) => change.needs_restart().then_some("for its public interface"),
            None => live::lag(observed, container),
        }
    }

    /// Reports what is already declared to the node and waits for the container's next start.
    pub(super) fn report_waiting(&self, container: &Container, conf: &LxcConf, draft: &mut Draft) {
        let changing = self.keys.iter().map(|change| change.key.as_str()).collect::<BTreeSet<_>>();
        let pending = conf.pending();
        let set =
            pending.entries().map(|(key, value)| (key.to_owned(), format!("{key} = {value}")));
        let deleted = pending.deletions().into_iter();
        let deleted = deleted.map(|d| (d.key.clone(), format!("{} removed", d.key)));
        let waits = |key: &str| !changing.contains(key) && keys::declares(container, key);
        for (_, what) in set.chain(deleted).filter(|(key, _)| waits(key)) {
            draft.defer(
                address(container.vmid),
                format!("{what}: waits for the container's next start"),
            );
        }
    }

    fn reason(&self) -> String {
        let mut reasons = Vec::new();
        reasons.extend(self.public.as_ref().map(public::Change::reason));
        reasons.extend(self.keys.iter().map(KeyChange::reason));
        reasons.extend(self.mounts.reasons());
        reasons.extend(self.raw.reason());
        if reasons.is_empty() {
            return "what runs at every start".to_owned();
        }
        // Two say what it is about; the details stand below.
        const SHOWN: usize = 2;
        let more = reasons.len().saturating_sub(SHOWN);
        reasons.truncate(SHOWN);
        let more = if more > 0 { format!(", {more} more") } else { String::new() };
        reasons.join(", ") + &more
    }

    /// Returns what the change of a running container costs.
    fn class(&self) -> Option<Disruption> {
        let of_keys = self.keys.iter().map(|key| key.class);
        let of_public = self.public.as_ref().map(public::Change::class);
        let grows = (!self.mounts.grown.is_empty()).then_some(Disruption::Live);
        let waits = (!self.raw.is_empty()).then_some(Disruption::Pending).max(grows);
        of_keys.chain(of_public).chain(waits).max()
    }

    /// Returns the action that settles all of them.
    pub(super) fn action(
        &self,
        container: &Container,
        conf: &LxcConf,
        running: bool,
    ) -> Result<Action, Vec<Refusal>> {
        let Self { mounts, keys, public, raw, hook } = self;
        let mut attributes = keys.iter().flat_map(|k| k.attributes(running)).collect::<Vec<_>>();
        attributes.extend(public.as_ref().map(public::Change::attribute));
        attributes.extend(mounts.attributes());
        attributes.extend(raw.attributes(running));
        attributes.extend(hook.as_ref().and_then(hook_attribute));
        let edits = public.iter().flat_map(public::Change::edits).chain(raw.edits());
        let edits = edits.chain(hook.clone());
        let at = config_path(container.vmid);
        let after = conf.edit(&edits.collect::<Vec<_>>()).map_err(|error| {
            vec![Refusal::file(&at, None, error.to_string(), "Mend the line by hand.")]
        })?;
        let reason = self.reason();
        let class = self.class().filter(|_| running);
        let mut operations = Vec::new();
        operations.extend(write_raw(&at, conf.text(), &after));
        operations.extend(pct_set(container.vmid, keys, public.as_ref(), conf, &after, &at));
        operations.extend(
            mounts.grown.iter().map(|(key, _, size)| resize(&at, container.vmid, key, *size)),
        );
        Ok(Action {
            address: address(container.vmid),
            verb: Verb::Change,
            reason,
            disruption: class.unwrap_or(Disruption::None),
            guest: Some(container.vmid),
            origin: Some(container.origin.clone()),
            attributes,
            notes: lost_lines(conf),
            operations,
        })
    }
}

/// Returns the edit of the line that runs phoenix's program at every start, if it is to come or to go.
fn hook(observed: &Observed<'_>, container: &Container, conf: &LxcConf) -> Option<Edit> {
    if inside::wants_hook(observed, container) {
        inside::add_hook(conf)
    } else if is_left(container, conf) {
        inside::take_hook(conf)
    } else {
        None
    }
}

/// Returns what else a write of Proxmox VE does to a configuration.
fn lost_lines(conf: &LxcConf) -> Vec<String> {
    let note = |lost: LostLine| {
        format!("Proxmox VE drops line {} at its next write: {}", lost.line, lost.text.trim())
    };
    conf.lost().into_iter().map(note).collect()
}

fn hook_attribute(edit: &Edit) -> Option<Attribute> {
    match edit {
        Edit::AddRaw { key, value } => {
            let mut shown = attribute(key, None, Some(value.clone()));
            shown.notes.push("LXC runs it in the container before its init".to_owned());
            Some(shown)
        }
        Edit::RemoveRaw { key, value } => Some(attribute(key, Some(value.clone()), None)),
        _ => None,
    }
}

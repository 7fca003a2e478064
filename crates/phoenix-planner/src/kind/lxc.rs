//! Containers: the configuration of a container that exists, and its restart where one is due.
//!
//! Everything that `pct set` takes goes into one call; raw `lxc.*` lines, which it does not take,
//! are edited in the file before, so that the call's `--digest` is known when the plan is made.
//! Creating containers is not understood yet: one that is not there is deferred.

mod conflicts;
mod features;
mod inside;
mod keys;
mod live;
mod net0;
mod public;
mod raw;
mod restart;
mod startup;

use std::collections::BTreeSet;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::{Edit, LostLine, LxcConf};

pub(super) use self::conflicts::undeclared_owner;
use self::inside::{Inside, Power, Predicted};
use self::keys::KeyChange;
pub(crate) use self::live::links_probe;
pub(super) use self::public::is_marked;
pub(crate) use self::public::{bypasses_node, shares_subnet};
pub(super) use self::restart::{SETTLE, ensure_running, planned};
use crate::address::Address;
use crate::desired::{Container, Desired, PublicKind};
use crate::location::Location;
use crate::observed::{Observed, config_path};
use crate::operation::{Operation, Run, Write};
use crate::plan::{Action, Attribute, Disruption, Draft, Edge, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

/// Permission bits of a guest's configuration; the cluster file system sets its own anyway.
const CONFIG_MODE: u32 = 0o640;

/// Returns the address of a container.
pub(crate) fn address(vmid: Vmid) -> Address {
    Address::new("lxc", vmid)
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let public = desired.containers.values().filter(|container| container.public.is_some());
    let there = public.filter(|container| facts.text(&config_path(container.vmid)).is_some());
    let configs = desired.containers.keys().map(|vmid| Probe::File(config_path(*vmid)));
    let routes = desired.containers.values().filter_map(public::route_probe);
    let inside = there.clone().flat_map(|container| match &container.public {
        Some(public) if public.enabled => inside::probes(container, facts),
        _ => inside::left_probes(container),
    });
    let marked = desired.containers.values().filter(|container| {
        container.public.is_none()
            && facts.text(&config_path(container.vmid)).is_some_and(is_marked)
    });
    let left = marked.flat_map(inside::left_probes);
    let links = there.clone().map(links_probe);
    let of_guests = links.chain(inside).chain(left);
    configs.chain(routes).chain(of_guests).chain([public::capability_probe()]).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let mut refusals = conflicts::find(observed);
    for container in observed.in_order() {
        if let Some(conf) = observed.config(container.vmid) {
            if let Some(lock) = conf.lock() {
                draft.defer(
                    address(container.vmid),
                    format!(
                        "locked ({lock}): wait until that has ended, or see `pct unlock {}`",
                        container.vmid
                    ),
                );
                continue;
            }
            refusals.extend(plan_one(observed, container, conf, draft).err().unwrap_or_default());
        }
    }
    for vmid in observed.desired.containers.keys() {
        if observed.config(*vmid).is_none() {
            draft.defer(address(*vmid), "not created yet");
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn plan_one(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    let running = observed.is_running(container.vmid);
    let changes = Changes::of(observed, container, conf)?;
    changes.raw.report(container.vmid, draft);
    let restart = changes.restart(observed, container).filter(|_| running);
    let restarts = changes.public.as_ref().is_some_and(public::Change::needs_restart);
    if running && restart.is_none() {
        changes.report_waiting(container, conf, draft);
    }
    let rules = draft.find(&Address::new("firewall", container.vmid));
    // A port that Proxmox VE's firewall guards must not be plugged without its rules.
    let guarded = container.public.as_ref().is_some_and(|public| public.kind == PublicKind::Veth);
    let edge = if guarded { Edge::Needs } else { Edge::After };
    let mut before = rules.into_iter().map(|id| (id, edge)).collect::<Vec<_>>();
    let power = match (running, &restart) {
        (true, Some(_)) => Power::Restarts,
        (true, None) => Power::Runs,
        (false, _) => Power::Stopped,
    };
    let inside = Inside::of(observed, container, power, draft);
    let guards = inside.as_ref().filter(|_| running).map(|i| i.plan_guards(&before, draft));
    before.extend(guards.into_iter().flatten());
    let mut predicted = Predicted::of(observed, conf.text(), &[]);
    if !changes.is_empty() {
        let action = changes.into_action(container, conf, running)?;
        predicted = Predicted::of(observed, conf.text(), &action.operations);
        before = vec![(draft.add(action, &before), Edge::Needs)];
    }
    if let Some(inside) = inside.as_ref().filter(|_| running) {
        let route = inside.plan_route(&before, draft)?;
        before.extend(route);
    }
    match restart {
        Some(reason) => restart::plan(observed, container, conf, reason, &before, draft),
        None if restarts => drop(ensure_running(observed, container, draft)),
        None => {}
    }
    if let Some(inside) = inside.filter(|_| !running) {
        inside.plan_stopped(&predicted, draft)?;
    }
    if is_left(container, conf) {
        inside::remove(observed, container, draft);
    }
    Ok(())
}

/// Returns whether a container may still have what belonged to a public interface.
fn is_left(container: &Container, conf: &LxcConf) -> bool {
    let disabled = container.public.as_ref().is_some_and(|public| !public.enabled);
    disabled || container.public.is_none() && is_marked(conf.text())
}

/// Everything that differs for one container.
struct Changes {
    keys: Vec<KeyChange>,
    public: Option<public::Change>,
    raw: raw::Change,
    /// The line that runs phoenix's program at every start.
    hook: Option<Edit>,
}

impl Changes {
    fn of(
        observed: &Observed<'_>,
        container: &Container,
        conf: &LxcConf,
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
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let raw = raw::change(container, conf);
        let hook = if inside::wants_hook(observed, container) {
            inside::add_hook(conf)
        } else if is_left(container, conf) {
            inside::take_hook(conf)
        } else {
            None
        };
        Ok(Self { keys, public, raw, hook })
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.public.is_none() && self.raw.is_empty() && self.hook.is_none()
    }

    /// Returns why a container must be restarted, if it runs.
    fn restart(&self, observed: &Observed<'_>, container: &Container) -> Option<&'static str> {
        match &self.public {
            Some(change) => change.needs_restart().then_some("for its public interface"),
            None => live::lag(observed, container),
        }
    }

    /// Reports what is already declared to the node and waits for the container's next start.
    fn report_waiting(&self, container: &Container, conf: &LxcConf, draft: &mut Draft) {
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

    fn into_action(
        self,
        container: &Container,
        conf: &LxcConf,
        running: bool,
    ) -> Result<Action, Vec<Refusal>> {
        let Self { keys, public, raw, hook } = self;
        let mut attributes = keys.iter().flat_map(|k| k.attributes(running)).collect::<Vec<_>>();
        attributes.extend(public.as_ref().map(public::Change::attribute));
        attributes.extend(raw.attributes(running));
        attributes.extend(hook.as_ref().and_then(hook_attribute));
        let edits = public.iter().flat_map(public::Change::edits).chain(raw.edits());
        let edits = edits.chain(hook.clone());
        let at = config_path(container.vmid);
        let after = conf.edit(&edits.collect::<Vec<_>>()).map_err(|error| {
            vec![Refusal::file(&at, None, error.to_string(), "Mend the line by hand.")]
        })?;
        let mut reason = reason(&keys, public.as_ref(), &raw);
        if reason.is_empty() {
            reason = "what runs at every start".to_owned();
        }
        let of_keys =
            keys.iter().map(|k| k.class).chain(public.as_ref().map(public::Change::class));
        let waits = (!raw.is_empty()).then_some(Disruption::Pending);
        let class = of_keys.chain(waits).max().filter(|_| running);
        let mut operations = Vec::new();
        operations.extend(write_raw(&at, conf.text(), &after));
        operations.extend(pct_set(container.vmid, &keys, public.as_ref(), conf, &after, &at));
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

fn write_raw(at: &Location, before: &str, after: &str) -> Option<Operation> {
    (before != after).then(|| {
        let (before, after) = (Some(before.to_owned()), after.to_owned());
        Operation::Write(Write::new(at.clone(), before, after, CONFIG_MODE))
    })
}

/// Returns the calls of `pct set`: one, and before it one that clears what is pending where a
/// deletion would otherwise lose against it.
fn pct_set(
    vmid: Vmid,
    keys: &[KeyChange],
    public: Option<&public::Change>,
    conf: &LxcConf,
    text: &str,
    at: &Location,
) -> Vec<Operation> {
    let mut set =
        keys.iter().filter_map(|k| Some((k.key.clone(), k.after.clone()?))).collect::<Vec<_>>();
    let mut delete =
        keys.iter().filter(|k| k.after.is_none()).map(|k| k.key.clone()).collect::<Vec<_>>();
    match public.and_then(public::Change::pct) {
        Some((key, Some(value))) => set.push((key, value)),
        Some((key, None)) => delete.push(key),
        None => {}
    }
    if set.is_empty() && delete.is_empty() {
        return Vec::new();
    }
    set.sort();
    delete.sort();
    let call = |words: Vec<String>| {
        let argv = ["pct", "set"].map(str::to_owned).into_iter().chain([vmid.to_string()]);
        let mut run = Run::on_node(argv.chain(words).collect());
        run.touches = Some(at.clone());
        Operation::Run(run)
    };
    let reverted = delete.iter().filter(|key| conf.pending().get(key).is_some());
    let reverted = reverted.cloned().collect::<Vec<_>>();
    let mut words = set.into_iter().flat_map(|(k, v)| [format!("--{k}"), v]).collect::<Vec<_>>();
    if !delete.is_empty() {
        words.extend(["--delete".to_owned(), delete.join(",")]);
    }
    if reverted.is_empty() {
        let digest = LxcConf::parse(text).digest();
        words.extend(["--digest".to_owned(), digest]);
        return vec![call(words)];
    }
    vec![call(vec!["--revert".to_owned(), reverted.join(",")]), call(words)]
}

fn reason(keys: &[KeyChange], public: Option<&public::Change>, raw: &raw::Change) -> String {
    let mut reasons = Vec::new();
    reasons.extend(public.map(public::Change::reason));
    reasons.extend(keys.iter().map(KeyChange::reason));
    reasons.extend(raw.reason());
    // Two say what it is about; the details stand below.
    const SHOWN: usize = 2;
    let more = reasons.len().saturating_sub(SHOWN);
    reasons.truncate(SHOWN);
    let more = if more > 0 { format!(", {more} more") } else { String::new() };
    reasons.join(", ") + &more
}

/// Returns an attribute of an action.
fn attribute(name: &str, before: Option<String>, after: Option<String>) -> Attribute {
    let verb = match (&before, &after) {
        (None, _) => Verb::Add,
        (_, None) => Verb::Remove,
        _ => Verb::Change,
    };
    Attribute { verb, name: name.to_owned(), before, after, class: None, notes: Vec::new() }
}

//! Containers: the configuration of a container that exists, and its restart where one is due.
//!
//! Everything that `pct set` takes goes into one call; raw `lxc.*` lines, which it does not take,
//! are edited in the file before, so that the call's `--digest` is known when the plan is made.

mod conflicts;
mod create;
mod features;
mod inside;
mod keys;
mod lifecycle;
mod live;
mod mounts;
mod net0;
mod public;
mod raw;
mod restart;
mod startup;

use std::collections::BTreeSet;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::{Edit, LostLine, LxcConf};
use phoenix_formats::property::PropertyText;

pub(super) use self::conflicts::undeclared_owner;
pub(super) use self::create::needed;
use self::inside::{Inside, Power, Predicted};
use self::keys::KeyChange;
pub(super) use self::keys::is_on;
pub(super) use self::lifecycle::is_template;
pub(crate) use self::live::links_probe;
pub(super) use self::public::is_marked;
pub(crate) use self::public::{bypasses_node, shares_subnet};
pub(super) use self::restart::{
    SETTLE, delete_now, ensure_running, planned, restart_now, start_now, stop_now,
};
use super::guests::{After, Progress, Standing};
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

/// Returns what declared containers would take away from others.
pub(super) fn conflicts(observed: &Observed<'_>) -> Vec<Refusal> {
    conflicts::find(observed)
}

/// Adds the snapshots of what is complete, when everything else is planned.
pub(super) fn plan_snapshots(
    observed: &Observed<'_>,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    lifecycle::plan_complete(observed, draft);
    Ok(())
}

/// Plans one container, and returns what it is at the end of the plan.
pub(super) fn plan_guest(
    observed: &Observed<'_>,
    container: &Container,
    progress: &Progress,
    draft: &mut Draft,
) -> Result<Standing, Vec<Refusal>> {
    let vmid = container.vmid;
    let Some(conf) = observed.config(vmid) else {
        return create::plan(observed, container, progress, draft);
    };
    if let Some(lock) = conf.lock() {
        let why = format!("locked ({lock}): wait until that has ended, or see `pct unlock {vmid}`");
        draft.defer(address(vmid), why);
        return Ok(Standing::unknown("it is locked"));
    }
    let starts = observed.is_to_run(vmid) && !observed.is_running(vmid) && !is_template(conf);
    let start = address(vmid).part("start");
    if starts {
        match progress.gate(observed, needed(container), draft) {
            Ok(after) => draft.hold(start.clone(), after),
            Err(why) => draft.defer(start.clone(), why),
        }
        // Its interfaces must not come up before its rules are there.
        let rules = draft.find(&Address::new("firewall", vmid));
        draft.hold(start, rules.into_iter().map(|id| (id, Edge::Needs)).collect());
    }
    let folders = mounts::folders(observed, container, Some(conf), draft)?;
    plan_one(observed, container, conf, &folders, draft)?;
    if starts {
        ensure_running(observed, container, draft);
    }
    Ok(standing(observed, container, conf, progress, draft))
}

fn standing(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
    progress: &Progress,
    draft: &mut Draft,
) -> Standing {
    let vmid = container.vmid;
    if !is_template(conf) && lifecycle::waits_for_inside(observed, container, progress, draft) {
        return Standing::unknown("it is no template yet");
    }
    if container.making.is_template || is_template(conf) {
        let own = draft.of_guest(vmid).into_iter().map(|id| (id, Edge::After)).collect::<After>();
        let made = lifecycle::plan_template(observed, container, &own, draft);
        return Standing { runs: made.clone(), cloned: made };
    }
    let power = planned(container, draft).map(|id| (id, Edge::Needs));
    let inside = progress.inside.holds_up(observed, vmid);
    let runs = if let Some(why) = inside.filter(|_| observed.is_running(vmid) || power.is_some()) {
        Err(why.to_owned())
    } else if observed.is_running(vmid) || power.is_some() {
        let own = draft.of_guest(vmid).into_iter().map(|id| (id, Edge::After));
        Ok(power.into_iter().chain(own.filter(|own| power.is_none_or(|p| p.0 != own.0))).collect())
    } else if draft.is_deferred(&address(vmid).part("start")) {
        Err("it cannot be started yet".to_owned())
    } else {
        Err("it is stopped, and not declared to start".to_owned())
    };
    let complete = lifecycle::complete_name(observed, container);
    let cloned = match complete {
        Some(name) if conf.snapshots().contains_key(&name) => Ok(After::new()),
        Some(name) => Err(format!("its snapshot `{name}` is still to be made")),
        None if runs.is_ok() => Err(create::runs_and_has_no_snapshot()),
        None => Ok(draft.of_guest(vmid).into_iter().map(|id| (id, Edge::After)).collect()),
    };
    Standing { runs, cloned }
}

fn plan_one(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
    folders: &mounts::Folders,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    let running = observed.is_running(container.vmid);
    let changes = Changes::of(observed, container, conf, folders)?;
    changes.raw.report(container.vmid, draft);
    if !changes.raw.is_empty() {
        note_ids(container, draft);
    }
    for why in changes.mounts.waiting.iter().chain(&in_place(container, conf)) {
        draft.defer(address(container.vmid), why.as_str());
    }
    let restart = changes.restart(observed, container).filter(|_| running);
    let restarts = changes.public.as_ref().is_some_and(public::Change::needs_restart);
    if running && restart.is_none() {
        changes.report_waiting(container, conf, draft);
    }
    let rules = draft.find(&Address::new("firewall", container.vmid));
    // A port that Proxmox VE's firewall guards must not be plugged without its rules.
    let guarded = container.public.as_ref().is_some_and(|public| public.kind == PublicKind::Veth);
    let edge = if guarded { Edge::Needs } else { Edge::After };
    let before = rules.into_iter().map(|id| (id, edge)).chain(folders.after.iter().copied());
    let mut before = before.collect::<Vec<_>>();
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

/// Says what root needs for a container to start whose ids are the node's own.
fn note_ids(container: &Container, draft: &mut Draft) {
    for (file, line) in container.making.id_maps.owned() {
        let vmid = container.vmid;
        draft.note(format!("container {vmid} starts only when {file} has `{line}`: LXC gives no ids away that root does not own"));
    }
}

/// Returns what is declared and cannot be changed where the container is, with what it would take.
fn in_place(container: &Container, conf: &LxcConf) -> Vec<String> {
    let vmid = container.vmid;
    let mut all = Vec::new();
    let unprivileged = is_on(conf.get("unprivileged").unwrap_or_default());
    if container.making.unprivileged.as_ref().is_some_and(|own| own.value != unprivileged) {
        all.push(format!("`unprivileged` cannot be changed in place: back it up with `vzdump {vmid}`, destroy it, and restore it with `pct restore {vmid} FILE --unprivileged {}`", u8::from(!unprivileged)));
    }
    let root = PropertyText::parse(conf.get("rootfs").unwrap_or_default());
    let storage = root.bare().and_then(mounts::storage_of);
    if let (Some(wanted), Some(present)) = (&container.making.storage, storage)
        && wanted.value != present
    {
        all.push(format!("its root file system is on `{present}`: stop it, and move it with `pct move-volume {vmid} rootfs {}`", wanted.value));
    }
    all
}

/// Everything that differs for one container.
struct Changes {
    mounts: mounts::Mounts,
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
        let hook = if inside::wants_hook(observed, container) {
            inside::add_hook(conf)
        } else if is_left(container, conf) {
            inside::take_hook(conf)
        } else {
            None
        };
        Ok(Self { mounts, keys, public, raw, hook })
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.public.is_none()
            && self.raw.is_empty()
            && self.hook.is_none()
            && self.mounts.grown.is_empty()
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
        let mut reason = reason(&keys, &mounts, public.as_ref(), &raw);
        if reason.is_empty() {
            reason = "what runs at every start".to_owned();
        }
        let of_keys =
            keys.iter().map(|k| k.class).chain(public.as_ref().map(public::Change::class));
        let grows = (!mounts.grown.is_empty()).then_some(Disruption::Live);
        let waits = (!raw.is_empty()).then_some(Disruption::Pending).max(grows);
        let class = of_keys.chain(waits).max().filter(|_| running);
        let mut operations = Vec::new();
        operations.extend(write_raw(&at, conf.text(), &after));
        operations.extend(pct_set(container.vmid, &keys, public.as_ref(), conf, &after, &at));
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

fn resize(at: &Location, vmid: Vmid, key: &str, size: u64) -> Operation {
    let words = ["pct", "resize", &vmid.to_string(), key, &format!("{size}G")];
    let mut run = Run::on_node(words.map(str::to_owned).to_vec());
    run.touches = Some(at.clone());
    Operation::Run(run)
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

fn reason(
    keys: &[KeyChange],
    mounts: &mounts::Mounts,
    public: Option<&public::Change>,
    raw: &raw::Change,
) -> String {
    let mut reasons = Vec::new();
    reasons.extend(public.map(public::Change::reason));
    reasons.extend(keys.iter().map(KeyChange::reason));
    reasons.extend(mounts.reasons());
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

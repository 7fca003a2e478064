//! Making a container: from a template, or as a clone of another one.
//!
//! What Proxmox VE writes into the new configuration is not known before, so that raw lines are edited into
//! what is there then. What is inside a container that is not there cannot be seen: that is left to the next
//! plan, and a container that needs it is not started before.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::{Edit, LxcConf};
use phoenix_formats::property::PropertyText;

use super::super::guests::{After, Progress, Standing};
use super::super::template;
use super::{address, attribute, features, lifecycle, mounts, net0, raw, restart, startup};
use crate::check::is_unprivileged;
use crate::desired::{Container, Located};
use crate::observed::{Observed, config_path};
use crate::operation::{Operation, Run};
use crate::plan::{Action, ActionId, Attribute, Disruption, Draft, Edge, Verb};
use crate::refusal::Refusal;

/// What a container is made from.
enum Source {
    /// A template, as `pct create` takes it.
    Template(String),
    /// Another container, by its snapshot where it has one.
    Clone { from: Vmid, snapshot: Option<String> },
}

/// Plans a container that is not there.
pub(super) fn plan(
    observed: &Observed<'_>,
    container: &Container,
    progress: &Progress,
    draft: &mut Draft,
) -> Result<Standing, Vec<Refusal>> {
    let (source, after) = match before(observed, container, progress, draft)? {
        Ok(found) => found,
        Err(why) => {
            draft.defer(address(container.vmid), format!("not created: {why}"));
            return Ok(Standing::unknown("it is not created yet"));
        }
    };
    let action = match &source {
        Source::Template(volume) => from_template(observed, container, volume),
        Source::Clone { from, snapshot } => clone(observed, container, *from, snapshot.as_deref()),
    };
    let id = draft.add(action.map_err(|refusal| vec![refusal])?, &after);
    lifecycle::plan_first(observed, container, id, draft);
    Ok(standing(observed, container, progress, (id, after), draft))
}

fn standing(
    observed: &Observed<'_>,
    container: &Container,
    progress: &Progress,
    (id, after): (ActionId, After),
    draft: &mut Draft,
) -> Standing {
    let vmid = container.vmid;
    let waits = lifecycle::waits_for_inside(observed, container, progress, draft);
    if container.making.is_template && !waits {
        let made = lifecycle::plan_template(observed, container, &[(id, Edge::Needs)], draft);
        return Standing { runs: made.clone(), cloned: made };
    }
    let exists = format!("known when container {vmid} exists");
    let start = address(vmid).part("start");
    let public = container.public.as_ref().is_some_and(|public| public.enabled);
    if public {
        draft.defer(address(vmid).part("net1"), exists.as_str());
    }
    if observed.is_to_run(vmid) && (public || is_filtered(container)) {
        draft.defer(start.clone(), exists);
    }
    draft.hold(start.clone(), after);
    let runs = match restart::ensure_running(observed, container, draft) {
        Some(start) => match progress.inside.holds_up(observed, vmid) {
            Some(why) => Err(why.to_owned()),
            None => Ok(vec![(start, Edge::Needs)]),
        },
        None if draft.is_deferred(&start) => Err("it is started when it exists".to_owned()),
        None => Err("it is not declared to start".to_owned()),
    };
    let cloned = match (lifecycle::complete_name(observed, container), &runs) {
        _ if waits => Err("it is no template yet".to_owned()),
        (Some(name), _) => Err(format!("its snapshot `{name}` is still to be made")),
        (None, Ok(_)) => Err(runs_and_has_no_snapshot()),
        (None, Err(_)) => Ok(vec![(id, Edge::Needs)]),
    };
    Standing { runs, cloned }
}

/// A clone begins with the rules of its source, and must not run before it has its own.
fn is_filtered(container: &Container) -> bool {
    container.firewall.as_ref().is_some_and(|firewall| firewall.enabled == Some(true))
}

/// Says why a container that runs cannot be cloned.
pub(super) fn runs_and_has_no_snapshot() -> String {
    "it runs, and has no snapshot to clone: declare `is_template` or `template_snapshot_name`"
        .to_owned()
}

/// Returns what the container is made from and what comes before it, or why it has to wait.
fn before(
    observed: &Observed<'_>,
    container: &Container,
    progress: &Progress,
    draft: &mut Draft,
) -> Result<Result<(Source, After), String>, Vec<Refusal>> {
    let found = source(observed, container, progress, draft);
    let (source, mut after) = match found {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let storage = container.making.storage.as_ref().map(|storage| storage.value.as_str());
    let missing = storage.and_then(|storage| missing_storage(observed, storage));
    let of_mounts = || container.mounts.iter().find_map(|m| mounts::missing_storage(observed, m));
    if let Some(why) = missing.or_else(of_mounts) {
        return Ok(Err(why));
    }
    match progress.gate(observed, needed(container), draft) {
        Ok(edges) => after.extend(edges),
        Err(why) => return Ok(Err(why)),
    }
    let folders = mounts::folders(observed, container, draft)?;
    if let Some(why) = folders.missing.into_values().next() {
        return Ok(Err(why));
    }
    after.extend(folders.after);
    let rules = draft.find(&crate::address::Address::new("firewall", container.vmid));
    after.extend(rules.map(|id| (id, Edge::After)));
    Ok(Ok((source, after)))
}

/// Returns the guests that a container needs to run, without what it is cloned from.
pub(in super::super) fn needed(container: &Container) -> impl Iterator<Item = &Located<Vmid>> {
    let source = container.making.source.as_ref().map(|source| &source.origin);
    container.dependencies.iter().filter(move |needed| Some(&needed.origin) != source)
}

/// Returns why a storage cannot take a container's volumes, if it cannot.
pub(super) fn missing_storage(observed: &Observed<'_>, storage: &str) -> Option<String> {
    match observed.storages.get(storage) {
        None => Some(format!(
            "this node has no storage `{storage}`; see `pvesm status` and `pvesm add`"
        )),
        Some(entry) if !entry.is_enabled() => Some(format!("storage `{storage}` is disabled")),
        Some(entry) if !entry.holds("rootdir") => Some(format!(
            "storage `{storage}` is not for containers: `pvesm set {storage} --content` with `rootdir`"
        )),
        Some(_) => None,
    }
}

fn source(
    observed: &Observed<'_>,
    container: &Container,
    progress: &Progress,
    draft: &mut Draft,
) -> Result<(Source, After), String> {
    let making = &container.making;
    if let Some(prebuilt) = &making.prebuilt
        && let Some(volume) = template::prebuilt(observed, &prebuilt.value)
    {
        return Ok((Source::Template(volume), After::new()));
    }
    if let Some(from) = &making.source {
        let after = progress.source(from.value)?;
        let snapshot = observed.config(from.value).and_then(|conf| {
            let source = observed.desired.containers.get(&from.value)?;
            let name = lifecycle::complete_name(observed, source)?;
            conf.snapshots().contains_key(&name).then_some(name)
        });
        return Ok((Source::Clone { from: from.value, snapshot }, after));
    }
    if let Some(template) = &making.template {
        let (volume, after) = template::ensure(observed, container, &template.value, draft)?;
        return Ok((Source::Template(volume), after));
    }
    match &making.prebuilt {
        Some(prebuilt) => Err(format!("no storage has the template `{}`", prebuilt.value)),
        None => {
            Err("neither `template` nor `clone_from_ctid` says what it is made from".to_owned())
        }
    }
}

/// Returns the declared settings of a new container, sorted; the host name is not among them.
fn settings(
    observed: &Observed<'_>,
    container: &Container,
) -> Result<Vec<(String, String)>, Refusal> {
    let empty = LxcConf::parse("");
    let number = |key: &str, value: Option<String>| Some((key.to_owned(), value?));
    let mut all = vec![
        number("memory", container.memory.as_ref().map(|l| l.value.to_string())),
        number("swap", container.swap.as_ref().map(|l| l.value.to_string())),
        number("cores", container.cores.as_ref().map(|l| l.value.to_string())),
        number("onboot", container.onboot.as_ref().map(|l| u8::from(l.value).to_string())),
        number("net0", net0::of_new(observed, container)?),
    ];
    let changes = [startup::change(container, &empty), features::change(container, &empty)];
    all.extend(changes.into_iter().flatten().map(|change| Some((change.key, change.after?))));
    let servers = container.nameservers.as_ref().filter(|servers| !servers.value.is_empty());
    let servers = servers.map(|l| l.value.iter().map(ToString::to_string).collect::<Vec<_>>());
    all.push(number("nameserver", servers.map(|servers| servers.join(" "))));
    all.extend(mounts::of_new(container).into_iter().map(Some));
    let mut all = all.into_iter().flatten().collect::<Vec<_>>();
    all.sort();
    Ok(all)
}

fn words(settings: Vec<(String, String)>) -> impl Iterator<Item = String> {
    settings.into_iter().flat_map(|(key, value)| [format!("--{key}"), value])
}

fn from_template(
    observed: &Observed<'_>,
    container: &Container,
    volume: &str,
) -> Result<Action, Refusal> {
    let mut all = settings(observed, container)?;
    let making = &container.making;
    let storage = making.storage.as_ref().map(|storage| storage.value.clone());
    match (storage, &making.size) {
        (Some(storage), Some(size)) => {
            all.push(("rootfs".into(), format!("{storage}:{}", size.value)));
        }
        (Some(storage), None) => all.push(("storage".into(), storage)),
        (None, Some(size)) => all.push(("rootfs".into(), format!("local:{}", size.value))),
        (None, None) => {}
    }
    all.extend(container.hostname.as_ref().map(|name| ("hostname".into(), name.value.clone())));
    let unprivileged = u8::from(is_unprivileged(observed.desired, container.vmid));
    all.push(("unprivileged".into(), unprivileged.to_string()));
    all.sort();
    let head = ["pct", "create", &container.vmid.to_string(), volume].map(str::to_owned);
    let create = run(container, head.into_iter().chain(words(all)).collect());
    let edits = raw::edits_of_new(container);
    let operations = [create].into_iter().chain(edit(container, edits)).collect();
    Ok(action(container, format!("from {}", file_of(volume)), operations))
}

fn file_of(volume: &str) -> &str {
    volume.rsplit('/').next().unwrap_or(volume)
}

fn clone(
    observed: &Observed<'_>,
    container: &Container,
    from: Vmid,
    snapshot: Option<&str>,
) -> Result<Action, Refusal> {
    let vmid = container.vmid.to_string();
    let mut options = vec![("full".to_owned(), "1".to_owned())];
    options.extend(container.hostname.as_ref().map(|name| ("hostname".into(), name.value.clone())));
    options.extend(snapshot.map(|name| ("snapname".to_owned(), name.to_owned())));
    let storage = container.making.storage.as_ref();
    options.extend(storage.map(|storage| ("storage".to_owned(), storage.value.clone())));
    let head = ["pct", "clone", &from.to_string(), &vmid].map(str::to_owned);
    let mut operations = vec![run(container, head.into_iter().chain(words(options)).collect())];
    let all = settings(observed, container)?;
    if !all.is_empty() {
        let head = ["pct", "set", &vmid].map(str::to_owned);
        operations.push(run(container, head.into_iter().chain(words(all)).collect()));
    }
    if let Some(size) = grown(observed, container, from) {
        let words = ["pct", "resize", &vmid, "rootfs", &format!("{size}G")];
        operations.push(run(container, words.map(str::to_owned).to_vec()));
    }
    let source = observed.desired.containers.get(&from);
    let public = source.is_some_and(|source| source.public.is_some());
    // A second machine with the same address is the last thing that a network needs.
    let foreign = Edit::RawUnder { prefix: "lxc.net.1.".to_owned(), pairs: Vec::new() };
    let edits = public.then_some(foreign).into_iter().chain(raw::edits_of_new(container));
    operations.extend(edit(container, edits.collect()));
    let reason = match snapshot {
        Some(snapshot) => format!("clone of {from}, snapshot {snapshot}"),
        None => format!("clone of {from}"),
    };
    Ok(action(container, reason, operations))
}

/// Returns the size in GiB that a clone grows to, unless it has it from its source; where that is not
/// known, the next plan sees.
fn grown(observed: &Observed<'_>, container: &Container, from: Vmid) -> Option<u64> {
    let wanted = container.making.size.as_ref()?.value;
    let present = match observed.config(from) {
        Some(conf) => {
            let root = PropertyText::parse(conf.get("rootfs").unwrap_or_default());
            mounts::bytes(root.get("size")?)?
        }
        None => {
            let source = observed.desired.containers.get(&from)?;
            u128::from(source.making.size.as_ref()?.value) << 30
        }
    };
    (u128::from(wanted) << 30 > present).then_some(wanted)
}

fn run(container: &Container, argv: Vec<String>) -> Operation {
    let mut run = Run::on_node(argv);
    run.touches = Some(config_path(container.vmid));
    Operation::Run(run)
}

fn edit(container: &Container, edits: Vec<Edit>) -> Option<Operation> {
    (!edits.is_empty()).then(|| Operation::Edit { at: config_path(container.vmid), edits })
}

fn action(container: &Container, reason: String, operations: Vec<Operation>) -> Action {
    let edited = operations.iter().flat_map(|operation| match operation {
        Operation::Edit { edits, .. } => edits.as_slice(),
        _ => &[],
    });
    let attributes = edited.flat_map(shown).collect();
    Action {
        address: address(container.vmid),
        verb: Verb::Add,
        reason,
        disruption: Disruption::None,
        guest: Some(container.vmid),
        origin: Some(container.origin.clone()),
        attributes,
        notes: Vec::new(),
        operations,
    }
}

fn shown(edit: &Edit) -> Vec<Attribute> {
    match edit {
        Edit::AddRaw { key, value } => vec![attribute(key, None, Some(value.clone()))],
        Edit::RawUnder { pairs, .. } => {
            pairs.iter().map(|(key, value)| attribute(key, None, Some(value.clone()))).collect()
        }
        _ => Vec::new(),
    }
}

//! `template/FILE`: the template that a container is made from, on a storage of the node.

use phoenix_formats::storage_cfg::StorageCfg;

use super::guests::After;
use crate::address::Address;
use crate::desired::{Container, Desired, Template};
use crate::location::Place;
use crate::observed::{Observed, config_path, storages_path};
use crate::operation::{Operation, Run};
use crate::plan::{Action, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};

/// The content of a storage that holds templates.
const CONTENT: &str = "vztmpl";

fn list_argv(storage: &str) -> Argv {
    argv(["pveam", "list", storage])
}

fn available_argv() -> Argv {
    argv(["pveam", "available"])
}

fn exists_argv(path: &str) -> Argv {
    argv(["readlink", "--canonicalize-existing", "--", path])
}

/// Returns the containers that are to be made.
fn missing<'a>(desired: &'a Desired, facts: &'a Facts) -> impl Iterator<Item = &'a Container> {
    let containers = desired.containers.values();
    containers.filter(|container| facts.text(&config_path(container.vmid)).is_none())
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let run = |argv| Probe::Run { place: Place::Node, argv };
    let mut probes = vec![Probe::File(storages_path())];
    let from_file = |container: &&Container| {
        container.making.template.is_some() || container.making.prebuilt.is_some()
    };
    let storages = StorageCfg::parse(facts.text(&storages_path()).unwrap_or_default());
    if facts.knows(&probes[0]) && missing(desired, facts).any(|container| from_file(&container)) {
        let holding =
            storages.iter().filter(|(_, entry)| entry.is_enabled() && entry.holds(CONTENT));
        probes.extend(holding.map(|(name, _)| run(list_argv(name))));
        probes.push(run(available_argv()));
    }
    let templates = missing(desired, facts).filter_map(|one| one.making.template.as_ref());
    let paths = templates.filter_map(|template| match &template.value {
        Template::Path(path) => Some(run(exists_argv(path.as_str()))),
        Template::Volume { .. } => None,
    });
    probes.into_iter().chain(paths).collect()
}

/// Returns the volume of a prebuilt template, where a storage has it.
pub(super) fn prebuilt(observed: &Observed<'_>, file: &str) -> Option<String> {
    let mut names = observed.storages.iter().map(|(name, _)| name);
    names.find_map(|name| has(observed, name, file).then(|| format!("{name}:{CONTENT}/{file}")))
}

fn has(observed: &Observed<'_>, storage: &str, file: &str) -> bool {
    let volume = format!("{storage}:{CONTENT}/{file}");
    let listed = observed.facts.ran(Place::Node, &list_argv(storage));
    let mut lines = listed.filter(|output| output.success()).map_or("", |o| &o.stdout).lines();
    lines.any(|line| line.split_whitespace().next() == Some(volume.as_str()))
}

/// Returns the name of a template as `pct create` takes it, with what makes it be there; or why it is not.
pub(super) fn ensure(
    observed: &Observed<'_>,
    container: &Container,
    template: &Template,
    draft: &mut Draft,
) -> Result<(String, After), String> {
    let path = match template {
        Template::Path(path) => path.as_str(),
        Template::Volume { storage, file } => {
            return on_storage(observed, container, storage, file, draft);
        }
    };
    if let Some(volume) = observed.storages.template_volume(path)
        && let Some((storage, file)) = volume.split_once(":vztmpl/")
    {
        return on_storage(observed, container, storage, file, draft);
    }
    let found = observed.facts.ran(Place::Node, &exists_argv(path));
    match found.is_some_and(|output| output.success()) {
        true => Ok((path.to_owned(), After::new())),
        false => Err(format!("there is no `{path}`, and no storage of templates has this folder")),
    }
}

fn on_storage(
    observed: &Observed<'_>,
    container: &Container,
    storage: &str,
    file: &str,
    draft: &mut Draft,
) -> Result<(String, After), String> {
    let entry = observed.storages.get(storage);
    if !entry.is_some_and(|entry| entry.is_enabled() && entry.holds(CONTENT)) {
        return Err(format!(
            "this node has no storage `{storage}` for templates; see `pvesm status`"
        ));
    }
    let volume = format!("{storage}:{CONTENT}/{file}");
    if has(observed, storage, file) {
        return Ok((volume, After::new()));
    }
    let address = Address::new("template", file);
    let id = match draft.find(&address) {
        Some(id) => id,
        None => draft.add(download(observed, container, storage, file, address), &[]),
    };
    Ok((volume, vec![(id, Edge::Needs)]))
}

fn download(
    observed: &Observed<'_>,
    container: &Container,
    storage: &str,
    file: &str,
    address: Address,
) -> Action {
    let index = observed.facts.ran(Place::Node, &available_argv());
    let index = index.filter(|output| output.success()).map_or("", |output| &output.stdout);
    let known = index.lines().any(|line| line.split_whitespace().any(|word| word == file));
    let run = |words| Operation::Run(Run::on_node(words));
    let update = (!known).then(|| run(argv(["pveam", "update"])));
    let download = run(argv(["pveam", "download", storage, file]));
    Action {
        address,
        verb: Verb::Add,
        reason: format!("containers are made from it, and {storage} does not have it"),
        disruption: Disruption::None,
        guest: None,
        origin: container.making.template.as_ref().map(|template| template.origin.clone()),
        attributes: Vec::new(),
        notes: Vec::new(),
        operations: update.into_iter().chain([download]).collect(),
    }
}

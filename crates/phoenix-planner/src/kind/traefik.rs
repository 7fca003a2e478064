//! `lxc/ID/traefik`: the proxy's two files. What is static it reads when it starts, what is dynamic at once.
//!
//! Both are phoenix's own and compared by what they say: comments, order and style change nothing. What the
//! operator wants beyond it is declared and laid over it. One of the name that somebody else has written, and
//! that says something else, is refused.
//! Traefik itself comes into the container by [`program`], where one is declared, and runs by the unit of [`service`].

mod fetch;
mod files;
mod program;
mod service;

use phoenix_formats::yaml::Yaml;

pub(crate) use self::files::DASHBOARD;
use self::files::{dynamic, is_own, render, settings};
use super::attribute;
use super::feature::{Guest, TRAEFIK, TRUSTED_CA, asked, at, ready, to_ask};
use super::step_ca;
use crate::desired::Desired;
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{Operation, Write};
use crate::plan::{ActionId, Attribute, Disruption, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

/// What Traefik reads when it starts.
const STATIC: &str = "/etc/traefik/traefik.yml";
/// The folder of what it reads at once.
const FOLDER: &str = "/etc/traefik/dynamic";
/// The routes.
const DYNAMIC: &str = "/etc/traefik/dynamic/phoenix.yml";
/// Where it keeps the certificates that it gets: Traefik refuses a file that others can read.
const STORAGE: &str = "/etc/traefik/acme.json";
const STORAGE_MODE: &str = "600";

/// Permission bits of the files: no secret is in them.
const MODE: u32 = 0o644;

/// What comes before an action.
type After = Vec<(ActionId, Edge)>;

fn storage_argv() -> Argv {
    argv(["stat", "--format=%a", STORAGE])
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let of = |place: Place| {
        let files = [STATIC, DYNAMIC].map(|path| Probe::File(at(place, path)));
        let own = files.into_iter().chain([asked(place, storage_argv())]);
        own.chain(service::probes(place)).chain(program::probes(desired, place))
    };
    to_ask(TRAEFIK, desired, facts).flat_map(of).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    for guest in ready(TRAEFIK, observed, draft) {
        refusals.extend(plan_one(&guest, draft).err().unwrap_or_default());
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn plan_one(guest: &Guest<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    if !guest.sees(STATIC) {
        draft.defer(guest.address(TRAEFIK), "nobody can look into the container");
        return Ok(());
    }
    let files = Files::of(guest)?;
    let mut after = guest.before(draft);
    after.extend(earlier(guest, draft));
    let program = program::plan(guest, &after, draft);
    let mut changed = Vec::new();
    match program {
        program::Standing::Planned(id) => changed.push(id),
        program::Standing::Mended(id) => after.push((id, Edge::Needs)),
        _ => {}
    }
    changed.extend(files.plan(guest, &after, draft));
    service::plan(guest, &program, &changed, &after, draft);
    Ok(())
}

/// The files that differ.
struct Files {
    /// What makes the storage what Traefik takes.
    storage: Option<Operation>,
    settings: Option<Write>,
    routes: Option<Write>,
    shown: Vec<Attribute>,
}

impl Files {
    fn of(guest: &Guest<'_>) -> Result<Self, Vec<Refusal>> {
        let desired = guest.observed.desired;
        let wanted = dynamic(desired);
        let changes = (change(guest, STATIC, &settings(desired)), change(guest, DYNAMIC, &wanted));
        let (settings, routes) = match changes {
            (Ok(settings), Ok(routes)) => (settings, routes),
            (settings, routes) => {
                let refusals = [settings.err(), routes.err()].into_iter().flatten();
                return Err(refusals.flatten().collect());
            }
        };
        let shown = routes.as_ref().map(|_| routes_changed(guest.text(DYNAMIC), &wanted));
        let storage = desired.trust.authority.as_ref().and_then(|_| storage(guest));
        Ok(Self { storage, settings, routes, shown: shown.unwrap_or_default() })
    }

    /// Adds their change; returns it when what Traefik reads at its start is among them.
    fn plan(self, guest: &Guest<'_>, after: &After, draft: &mut Draft) -> Option<ActionId> {
        let restart = self.storage.is_some() || self.settings.is_some();
        let is_new = guest.text(STATIC).is_none();
        let (verb, reason) = match (is_new, restart) {
            (true, _) => (Verb::Add, "its configuration and routes"),
            (_, true) => (Verb::Change, "its configuration"),
            (_, false) => (Verb::Change, "its routes"),
        };
        // The routes come first: a restart finds them.
        let writes = self.routes.into_iter().chain(self.settings).map(Operation::Write);
        let operations = self.storage.into_iter().chain(writes).collect::<Vec<_>>();
        if operations.is_empty() {
            return None;
        }
        let mut action = guest.action(guest.address(TRAEFIK), verb, reason, operations);
        action.attributes = self.shown;
        action.disruption = if restart { Disruption::None } else { Disruption::Live };
        let id = draft.add(action, after);
        restart.then_some(id)
    }
}

/// What must be trusted and answer before the proxy asks for certificates.
fn earlier(guest: &Guest<'_>, draft: &Draft) -> After {
    let authority = guest.observed.desired.trust.authority.as_ref();
    let of_authority = authority.map(|authority| step_ca::planned(authority, draft));
    let trust = draft.find(&guest.address(TRUSTED_CA));
    let ids = of_authority.into_iter().flatten().map(|(id, _)| id).chain(trust);
    ids.map(|id| (id, Edge::After)).collect()
}

/// Returns the writing of a file that says something else; refuses one that is not phoenix's.
fn change(guest: &Guest<'_>, path: &str, wanted: &Yaml) -> Result<Option<Write>, Vec<Refusal>> {
    let present = guest.text(path);
    let same = present.is_some_and(|text| Yaml::parse(text).as_ref() == Ok(wanted));
    let blank = present.is_none_or(|text| text.trim().is_empty());
    if same {
        return Ok(None);
    }
    if !blank && !present.is_some_and(is_own) {
        let message = "this file has the name of phoenix's own, and phoenix has not written it";
        let help = "Declare what it says in `traefik`, move it away, then plan again.";
        return Err(vec![Refusal::file(&at(guest.place, path), Some(1), message, help)]);
    }
    let before = present.map(str::to_owned);
    Ok(Some(Write::new(at(guest.place, path), before, render(wanted), MODE)))
}

/// Returns what makes the storage what Traefik takes. Nobody reads it: it holds private keys.
fn storage(guest: &Guest<'_>) -> Option<Operation> {
    let state = guest.ran(&storage_argv())?;
    match (state.success(), state.stdout.trim()) {
        (true, STORAGE_MODE) => None,
        (true, _) => Some(guest.run(argv(["chmod", "0600", STORAGE]))),
        (false, _) => Some(guest.run(argv(["install", "-D", "--mode=0600", "/dev/null", STORAGE]))),
    }
}

/// Returns the routes that come, go, and lead elsewhere.
fn routes_changed(present: Option<&str>, wanted: &Yaml) -> Vec<Attribute> {
    let before = present.and_then(|text| Yaml::parse(text).ok()).unwrap_or(Yaml::Null);
    let (before, after) = (files::routes(&before), files::routes(wanted));
    let mut names = before.keys().chain(after.keys()).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    let differs = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let shown = differs.map(|name| {
        let [before, after] = [&before, &after].map(|routes| routes.get(name).cloned());
        attribute(&format!("route {name}"), before, after)
    });
    shown.collect()
}

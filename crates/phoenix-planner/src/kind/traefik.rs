//! `lxc/ID/traefik`: the proxy's two files. What is static it reads when it starts, what is dynamic at once.
//!
//! Both are phoenix's own and compared by what they say: comments, order and style change nothing. What the
//! operator wants beyond it is declared and laid over it. One of the name that somebody else has written, and
//! that says something else, is refused.
//!
//! Deliberately not understood: how Traefik itself comes into the container.

mod files;

use phoenix_formats::yaml::Yaml;

pub(crate) use self::files::DASHBOARD;
use self::files::{dynamic, is_own, render, settings};
use super::attribute;
use super::feature::{Guest, TRAEFIK, TRUSTED_CA, asked, at, ready, to_ask};
use super::step_ca;
use crate::desired::Desired;
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{Check, Operation, Want, Write};
use crate::plan::{ActionId, Attribute, Disruption, Draft, Edge, Service, Verb};
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

const UNIT: &str = "traefik.service";

/// Permission bits of the files: no secret is in them.
const MODE: u32 = 0o644;

/// How often the service is looked at after a restart, and the seconds in between.
const ATTEMPTS: u32 = 5;
const PAUSE: u32 = 2;

/// What systemctl(1) says of a unit that is not there.
const NO_UNIT: &str = "not-found";

fn systemctl(word: &str) -> Argv {
    argv(["systemctl", word, UNIT])
}

fn storage_argv() -> Argv {
    argv(["stat", "--format=%a", STORAGE])
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let of = |place: Place| {
        let runs = [systemctl("is-active"), systemctl("is-enabled"), storage_argv()];
        let files = [STATIC, DYNAMIC].map(|path| Probe::File(at(place, path)));
        runs.map(|argv| asked(place, argv)).into_iter().chain(files)
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
    let desired = guest.observed.desired;
    if !guest.sees(STATIC) {
        draft.defer(guest.address(TRAEFIK), "nobody can look into the container");
        return Ok(());
    }
    let (settings, routes) = (settings(desired), dynamic(desired));
    let (changed_settings, changed_routes) =
        match (change(guest, STATIC, &settings), change(guest, DYNAMIC, &routes)) {
            (Ok(settings), Ok(routes)) => (settings, routes),
            (settings, routes) => {
                let refusals = [settings.err(), routes.err()].into_iter().flatten();
                return Err(refusals.flatten().collect());
            }
        };
    let mut after = guest.before(draft);
    after.extend(earlier(guest, draft));
    let restart =
        changed_settings.is_some() || desired.trust.authority.is_some() && storage(guest).is_some();
    let mut operations = Vec::new();
    let mut attributes = Vec::new();
    if desired.trust.authority.is_some() {
        operations.extend(storage(guest));
    }
    if let Some(write) = changed_routes {
        attributes.extend(routes_changed(guest.text(DYNAMIC), &routes));
        operations.push(Operation::Write(write));
    }
    let is_new = guest.text(STATIC).is_none();
    operations.extend(changed_settings.map(Operation::Write));
    if operations.is_empty() {
        return plan_service(guest, None, &after, draft);
    }
    let (verb, reason) = match (is_new, restart) {
        (true, _) => (Verb::Add, "its configuration and routes"),
        (_, true) => (Verb::Change, "its configuration"),
        (_, false) => (Verb::Change, "its routes"),
    };
    let mut action = guest.action(guest.address(TRAEFIK), verb, reason, operations);
    action.attributes = attributes;
    action.disruption = if restart { Disruption::None } else { Disruption::Live };
    let id = draft.add(action, &after);
    plan_service(guest, restart.then_some(id), &after, draft)
}

/// What must be trusted and answer before the proxy asks for certificates.
fn earlier(guest: &Guest<'_>, draft: &Draft) -> Vec<(ActionId, Edge)> {
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

/// Adds the one restart that what is static needs, or the start of a service that is down.
fn plan_service(
    guest: &Guest<'_>,
    changed: Option<ActionId>,
    after: &[(ActionId, Edge)],
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    let address = guest.address(TRAEFIK).part("service");
    let says = |word| guest.ran(&systemctl(word)).map(|output| output.stdout.trim().to_owned());
    if says("is-enabled").is_none_or(|said| said == NO_UNIT || said.is_empty()) {
        let why = format!("there is no {UNIT} in the container: install Traefik there");
        draft.defer(address, why);
        return Ok(());
    }
    let stopped = says("is-active").is_none_or(|said| said != "active");
    let disabled = says("is-enabled").is_none_or(|said| said == "disabled");
    let reason = match (changed, stopped, disabled) {
        (_, true, _) => "it does not run",
        (Some(_), ..) => "its configuration has changed",
        (None, _, true) => "it does not start with the container",
        _ => return Ok(()),
    };
    let mut words = Vec::new();
    words.extend(disabled.then_some("enable"));
    words.extend((changed.is_some() || stopped).then_some("restart"));
    let mut operations =
        words.into_iter().map(|word| guest.run(systemctl(word))).collect::<Vec<_>>();
    operations.push(Operation::Check(Check {
        probe: asked(guest.place, systemctl("is-active")),
        want: Want::Success,
        attempts: ATTEMPTS,
        pause: PAUSE,
    }));
    let mut action = guest.action(address, Verb::Do, reason, operations);
    action.disruption = Disruption::RestartService(Service::Traefik);
    let after = after.iter().copied().chain(changed.map(|id| (id, Edge::Needs)));
    draft.add(action, &after.collect::<Vec<_>>());
    Ok(())
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

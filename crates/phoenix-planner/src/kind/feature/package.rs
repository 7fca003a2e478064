//! Packages of Debian in guests: those that are missing are installed, unless there is no way to them.

use super::guest::{Guest, asked, noun};
use crate::kind::attribute;
use crate::kind::package;
use crate::location::Place;
use crate::operation::Operation;
use crate::plan::{ActionId, Attribute, Draft, Edge};
use crate::probe::{Argv, Facts, Probe, argv};

/// The name of the attribute that stands for a package.
const PACKAGE: &str = "package";

/// What stands in the way of an installation: a lower-case fragment.
pub(in crate::kind) type Obstacle = String;

/// Asks for the way to the outside, by which packages come.
fn way_out() -> Argv {
    argv(["ip", "-json", "route", "get", "8.8.8.8"])
}

/// Returns what is asked about packages in a guest.
pub(in crate::kind) fn probes<'a>(
    place: Place,
    names: impl IntoIterator<Item = &'a str>,
    facts: &Facts,
) -> Vec<Probe> {
    let states = names.into_iter().map(|name| asked(place, package::state_argv(name)));
    let mut probes = states.collect::<Vec<_>>();
    let missing = |probe: &Probe| match probe {
        Probe::Run { place, argv } => facts.ran(*place, argv).is_some_and(|o| !o.success()),
        _ => false,
    };
    if probes.iter().any(missing) {
        probes.push(asked(place, way_out()));
    }
    probes
}

/// Returns the packages that are missing and that nothing earlier in the plan installs, or what stands in
/// the way of installing them.
pub(in crate::kind) fn missing<'n>(
    guest: &Guest<'_>,
    names: impl IntoIterator<Item = &'n str>,
    draft: &Draft,
) -> Result<Vec<&'n str>, Obstacle> {
    let mut missing = Vec::new();
    for name in names {
        let Some(state) = guest.ran(&package::state_argv(name)) else {
            return Err(format!("nobody can look into {}", whole(guest)));
        };
        match state.exit {
            0 | 1 if state.stdout.trim() == "installed" => {}
            0 | 1 if is_planned(guest, name, draft) => {}
            0 | 1 => missing.push(name),
            _ => return Err(with(guest, "has no dpkg(1), by which packages are found")),
        }
    }
    let offline = guest.ran(&way_out()).is_some_and(|output| !output.success());
    if offline && !missing.is_empty() {
        return Err(with(guest, "has no way to the outside"));
    }
    Ok(missing)
}

fn whole(guest: &Guest<'_>) -> String {
    format!("the {}", noun(guest.place))
}

fn with(guest: &Guest<'_>, what: &str) -> Obstacle {
    format!("{} {what}", whole(guest))
}

fn is_planned(guest: &Guest<'_>, name: &str, draft: &Draft) -> bool {
    !planned(guest, [name], draft).is_empty()
}

/// Returns the actions of the plan that install some of these packages, for what needs them.
pub(in crate::kind) fn planned<'n>(
    guest: &Guest<'_>,
    names: impl IntoIterator<Item = &'n str>,
    draft: &Draft,
) -> Vec<(ActionId, Edge)> {
    let names = names.into_iter().collect::<Vec<_>>();
    let of_guest = draft.find_all(|address| address.guest() == Some(guest.vmid));
    let brings = |id: &ActionId| {
        let brought = draft.action(*id).attributes.iter().filter(|a| a.name == PACKAGE);
        brought.filter_map(|a| a.after.as_deref()).any(|name| names.contains(&name))
    };
    of_guest.into_iter().filter(brings).map(|id| (id, Edge::Needs)).collect()
}

/// Returns what installs packages in a guest.
pub(in crate::kind) fn installs(guest: &Guest<'_>, names: &[&str]) -> Vec<Operation> {
    if names.is_empty() {
        return Vec::new();
    }
    package::installs_all(guest.place, names)
}

/// Returns how packages that are installed are shown.
pub(in crate::kind) fn attributes(names: &[&str]) -> Vec<Attribute> {
    names.iter().map(|name| attribute(PACKAGE, None, Some((*name).to_owned()))).collect()
}

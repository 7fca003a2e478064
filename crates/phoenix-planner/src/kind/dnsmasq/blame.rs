//! Which line is the reason that a name is not answered as declared.

use phoenix_formats::dnsmasq::{Domain, Loaded, Setting};
use phoenix_formats::hosts::Hosts;

use super::OWN;
use super::reading::HOSTS;
use super::verify::place;
use crate::refusal::Refusal;
use crate::source::Origin;

/// Returns the refusal at the line of the operator that speaks of a name, or at the declaration.
pub(super) fn refusal(
    name: &str,
    message: String,
    loaded: &Loaded,
    hosts: &Hosts,
    origin: &Origin,
) -> Refusal {
    let help = "Remove this line, or declare the same.";
    if let Some((path, line)) = line_with(loaded, |setting| gives(setting, name)) {
        return Refusal::file(&place(&path), Some(line), message, help);
    }
    if let Some(entry) = hosts.entries().iter().find(|entry| entry.has(name)) {
        return Refusal::file(&place(HOSTS), Some(entry.line), message, help);
    }
    if let Some((path, line)) = line_with(loaded, |setting| is_about(setting, name)) {
        return Refusal::file(&place(&path), Some(line), message, help);
    }
    Refusal::declared(origin, message, "Look at the files that dnsmasq reads on the node.")
}

/// Finds the first line of the operator's files that says something.
fn line_with(loaded: &Loaded, says: impl Fn(&Setting<'_>) -> bool) -> Option<(String, usize)> {
    let foreign = loaded.files().iter().filter(|(path, _)| path != OWN);
    let mut lines = foreign.flat_map(|(path, conf)| conf.settings().map(move |s| (path, s)));
    let found = lines.find(|(_, (_, setting))| says(setting));
    found.map(|(path, (line, _))| (path.clone(), line))
}

/// Returns whether a line is a record of this very name.
fn gives(setting: &Setting<'_>, name: &str) -> bool {
    match setting {
        Setting::HostRecord { names, .. } => names.iter().any(|own| own == name),
        Setting::Cname { aliases, .. } => aliases.iter().any(|alias| alias == name),
        Setting::InterfaceName { name: own, .. } => own == name,
        _ => false,
    }
}

/// Returns whether a line is about a domain that holds the name.
fn is_about(setting: &Setting<'_>, name: &str) -> bool {
    match setting {
        Setting::Address { domains, .. } => domains.iter().any(|domain| holds(domain, name)),
        Setting::Server { domains, .. } => {
            domains.iter().any(|domain| *domain != Domain::All && holds(domain, name))
        }
        _ => false,
    }
}

fn holds(domain: &Domain<'_>, name: &str) -> bool {
    match domain {
        Domain::All => true,
        Domain::Unqualified => !name.contains('.'),
        Domain::Under(above) => name == above || is_below(name, above),
        Domain::Ending(end) => name.ends_with(&**end),
    }
}

/// Returns whether a name is below another one.
pub(super) fn is_below(name: &str, above: &str) -> bool {
    name.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'))
}

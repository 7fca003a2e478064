//! The public interface as a running container has it: its configuration may be ahead of it.
//!
//! That is so after an apply that was interrupted before the restart, or whose restart failed. Other
//! keys that wait for a restart are the operator's choice; without this one nothing after it works.

use phoenix_formats::iproute::{Link, read_links};

use crate::desired::{Container, PublicInterface};
use crate::location::Place;
use crate::observed::Observed;
use crate::probe::{Argv, Facts, Probe, argv};

fn links_argv() -> Argv {
    argv(["ip", "-json", "-details", "address", "show"])
}

/// Returns the question which interfaces a container has.
pub(crate) fn links_probe(container: &Container) -> Probe {
    Probe::Run { place: Place::Guest(container.vmid), argv: links_argv() }
}

/// Returns the public interface of a running container, or that it has none; `None` when it could not
/// be asked.
fn present(facts: &Facts, container: &Container) -> Option<Option<Link>> {
    let output = facts.ran(Place::Guest(container.vmid), &links_argv())?;
    let links = read_links(&output.stdout).ok().filter(|_| output.success())?;
    Some(links.into_iter().find(|link| link.name == PublicInterface::NAME))
}

/// Returns why a container whose configuration is right must be restarted all the same.
pub(super) fn lag(observed: &Observed<'_>, container: &Container) -> Option<&'static str> {
    let wanted = container.public.as_ref()?;
    let link = present(observed.facts, container)?;
    match link {
        None if wanted.enabled => Some("its public interface is configured, and not there yet"),
        Some(link) if wanted.enabled && !is_as_wanted(&link, wanted) => {
            Some("its public interface is still another one")
        }
        Some(link) if !wanted.enabled && wanted.mac.is_some() && link.mac == wanted.mac => {
            Some("its public interface is not configured any more, and still there")
        }
        _ => None,
    }
}

fn is_as_wanted(link: &Link, wanted: &PublicInterface) -> bool {
    let has_ip = link.addresses.iter().any(|address| address.net.addr() == wanted.ip.addr());
    has_ip && wanted.mac.is_none_or(|mac| link.mac == Some(mac))
}

/// Returns whether a running container has a macvlan, whose fixed MAC a dying network namespace can
/// hold on to; `configured` is what its configuration says, where it could not be asked.
pub(super) fn holds_mac(observed: &Observed<'_>, container: &Container, configured: bool) -> bool {
    match present(observed.facts, container) {
        Some(link) => link.is_some_and(|link| link.kind.as_deref() == Some("macvlan")),
        None => configured,
    }
}

//! `lxc/ID/nginx/package`: its packages, and its first start.
//!
//! Debian starts nginx as it installs it, with a site of its own on port 80; with a configuration that does not start,
//! the installation fails (both measured). So it is installed while its unit is masked until the next boot, and
//! started when the sites that are not wanted are gone.

use phoenix_formats::Vmid;

use super::super::feature::package as packages;
use super::{ENABLED, Server, UNIT, service, tls};
use crate::desired::Nginx;
use crate::location::Place;
use crate::operation::{Operation, Run};
use crate::plan::{ActionId, Draft, Verb};
use crate::probe::{Argv, Facts, Probe, argv};

/// What Debian's package serves until something else is said.
const DEBIANS_SITE: &str = "default";

fn names(nginx: &Nginx) -> impl Iterator<Item = &str> {
    nginx.packages.iter().map(String::as_str)
}

pub(super) fn probes(vmid: Vmid, nginx: &Nginx, facts: &Facts) -> Vec<Probe> {
    packages::probes(Place::Guest(vmid), names(nginx), facts)
}

/// Makes systemd start the unit for nobody, until the next boot at most.
fn mask() -> Argv {
    argv(["systemctl", "mask", "--runtime", UNIT])
}

/// Takes that back.
pub(super) fn unmask() -> Argv {
    argv(["systemctl", "unmask", "--runtime", UNIT])
}

/// Returns the installation that is planned.
pub(super) fn planned(server: &Server<'_>, draft: &Draft) -> Option<ActionId> {
    draft.find(&server.address().part("package"))
}

/// Adds what installs those that are missing; returns whether anything is missing.
pub(super) fn plan(server: &Server<'_>, draft: &mut Draft) -> bool {
    let address = server.address().part("package");
    let missing = match packages::missing(&server.guest, names(server.declared), draft) {
        Ok(missing) if missing.is_empty() => return false,
        Ok(missing) => missing,
        Err(why) => {
            draft.defer(address, format!("not all installed: {why}"));
            return true;
        }
    };
    let installs = packages::installs(&server.guest, &missing);
    let starts = !server.is_active();
    let operations = if starts { around(server, installs) } else { installs };
    let reason = match missing.len() {
        1 => "1 package".to_owned(),
        count => format!("{count} packages"),
    };
    let mut action = server.guest.action(address, Verb::Add, reason, operations);
    action.attributes = packages::attributes(&missing);
    if starts && server.has_files() {
        action.notes.push(note(server.declared).to_owned());
    }
    let after = server.guest.before(draft);
    draft.add(action, &after);
    true
}

fn note(nginx: &Nginx) -> &'static str {
    if nginx.removed.contains(DEBIANS_SITE) {
        "it starts with Debian's configuration and without Debian's site, until its own files come"
    } else {
        "it serves Debian's site until its own files come: `removed_sites` takes that away"
    }
}

/// Keeps it from being started before the sites that are not wanted are gone.
fn around(server: &Server<'_>, installs: Vec<Operation>) -> Vec<Operation> {
    let mask = Run { undo: Some(unmask()), ..Run::at(server.place(), mask()) };
    let removed = server.declared.removed.iter().map(|name| format!("{ENABLED}/{name}"));
    let removed = removed.map(|path| server.run(argv(["rm", "--force", "--", &path])));
    let mut operations = vec![Operation::Run(mask)];
    operations.extend(installs);
    operations.extend(removed);
    operations.push(server.run(unmask()));
    operations.push(server.run(super::systemctl("enable")));
    // One that was there before may wait for its certificates, and starts when they have come.
    if tls::missing(server, &server.present()).is_empty() {
        operations.push(server.run(super::systemctl("restart")));
        operations.push(service::is_active(server));
    }
    operations
}

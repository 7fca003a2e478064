//! `lxc/ID/nginx`: the web server of a container: its packages, files and sites, and its service.
//!
//! It takes two turns. The packages come first, and nginx starts with what Debian brings, without Debian's site: so it
//! runs when a certificate's command reloads it, and serves nobody what nobody meant. The files come in the next turn,
//! when what they replace is known and the certificates that they name are there. They are written together, tested as
//! nginx itself does, and taken back together.
//!
//! A declared file is owned whole. Where a public interface wants it to listen on all interfaces, the text that is
//! written has that edit, so that [`super::nginx_site`] finds nothing to do.

mod files;
mod package;
mod service;
mod tls;
mod wanted;

use phoenix_formats::Vmid;

use self::wanted::Wanted;
use super::feature::guest::{Standing, standing};
use super::feature::{Guest, NGINX, asked, at, to_ask};
use super::{lxc, nginx_site};
use crate::address::Address;
use crate::desired::{Desired, Nginx};
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::Observed;
use crate::operation::{Link, Operation, Run};
use crate::plan::Draft;
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

/// Its unit.
pub(crate) const UNIT: &str = "nginx.service";

/// Where sites are, and the links to those that are served (Debian's layout).
const AVAILABLE: &str = "/etc/nginx/sites-available";
const ENABLED: &str = "/etc/nginx/sites-enabled";

/// How often the service is looked at after a start, and the seconds in between.
const ATTEMPTS: u32 = 5;
const PAUSE: u32 = 2;

/// Returns the address of a container's web server.
pub(super) fn address(vmid: Vmid) -> Address {
    lxc::address(vmid).part(NGINX)
}

fn systemctl(word: &str) -> Argv {
    argv(["systemctl", word, UNIT])
}

fn link_of(vmid: Vmid, name: &str) -> Location {
    at(Place::Guest(vmid), &format!("{ENABLED}/{name}"))
}

fn target_of(name: &str) -> AbsolutePath {
    format!("{AVAILABLE}/{name}").parse().expect("a site's name is one part of a path")
}

/// A running container with a web server.
#[derive(Clone, Copy)]
struct Server<'a> {
    guest: Guest<'a>,
    declared: &'a Nginx,
}

impl<'a> Server<'a> {
    fn of(guest: Guest<'a>) -> Option<Self> {
        let declared = guest.observed.desired.trust.nginx.get(&guest.vmid)?;
        Some(Self { guest, declared })
    }

    fn address(&self) -> Address {
        address(self.guest.vmid)
    }

    /// Returns whether more than the package and the service is declared.
    fn has_files(&self) -> bool {
        self.declared.has_files()
    }

    /// Returns what systemctl(1) says to a question; empty when it does not answer.
    fn says(&self, word: &str) -> &'a str {
        self.guest.ran(&systemctl(word)).map_or("", |output| output.stdout.trim())
    }

    fn is_active(&self) -> bool {
        self.says("is-active") == "active"
    }

    /// Returns whether there is such a unit: systemd says `not-found`, before 255 nothing at all.
    fn is_known(&self) -> bool {
        !matches!(self.says("is-enabled"), "" | "not-found")
    }

    /// Returns what a name in the folder of links names; `Err` when something else has the name.
    fn link(&self, name: &str) -> Result<Option<&'a str>, ()> {
        let vmid = self.guest.vmid;
        let Probe::Run { argv, .. } = Link::probe(&link_of(vmid, name)) else { return Ok(None) };
        match self.guest.ran(&argv).filter(|output| output.success()) {
            Some(output) => Ok(Some(output.stdout.trim_end_matches('\n'))),
            None => {
                let names = self.guest.observed.facts.names(&at(Place::Guest(vmid), ENABLED));
                if names.iter().any(|other| other == name) { Err(()) } else { Ok(None) }
            }
        }
    }

    fn wanted(&self) -> Wanted {
        let container = self.guest.observed.desired.containers.get(&self.guest.vmid);
        Wanted::of(container, self.declared, self.guest.vmid, self.guest.observed.facts)
    }

    fn run(&self, argv: Argv) -> Operation {
        self.guest.run(argv)
    }

    fn place(&self) -> Place {
        Place::Guest(self.guest.vmid)
    }

    /// Takes a mask away that an installation has left when it was interrupted.
    fn unmask(&self) -> Option<Operation> {
        let is_masked = self.says("is-enabled") == "masked-runtime";
        is_masked.then(|| self.run(package::unmask()))
    }

    /// Runs a word of systemctl(1) that another takes back.
    fn undoable(&self, word: &str, undo: &str) -> Operation {
        let run = Run::at(self.place(), systemctl(word));
        Operation::Run(Run { undo: Some(systemctl(undo)), ..run })
    }
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let guests = to_ask(NGINX, desired, facts).filter_map(Place::vmid);
    guests.flat_map(|vmid| of_one(vmid, desired, facts)).collect()
}

fn of_one(vmid: Vmid, desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let Some(nginx) = desired.trust.nginx.get(&vmid) else { return Vec::new() };
    let mut probes = package::probes(vmid, nginx, facts);
    probes
        .extend(["is-active", "is-enabled"].map(|word| asked(Place::Guest(vmid), systemctl(word))));
    probes.push(asked(Place::Guest(vmid), nginx_site::sockets_argv()));
    probes.push(Probe::List(at(Place::Guest(vmid), ENABLED)));
    let sites = nginx.enabled.iter().chain(&nginx.removed);
    probes.extend(sites.map(|name| Link::probe(&link_of(vmid, name))));
    let files = nginx.files.keys().cloned();
    probes.extend(files.map(|path| Probe::File(Location::guest(vmid, path))));
    probes.extend(wanted::probes(desired.containers.get(&vmid), nginx, vmid, facts));
    probes
}

/// Returns the running containers with a web server, in order.
fn servers<'a>(observed: &'a Observed<'a>) -> Vec<Server<'a>> {
    let all = observed.desired.trust.nginx.iter();
    let running = all.filter(|(vmid, _)| standing(observed, **vmid) == Standing::Ready);
    let server = |(vmid, declared): (&Vmid, &'a Nginx)| {
        let guest =
            Guest { vmid: *vmid, place: Place::Guest(*vmid), origin: &declared.origin, observed };
        Server { guest, declared }
    };
    running.map(server).collect()
}

/// Adds the packages, and the start of a service that is down: before the certificates, whose commands reload it.
pub(super) fn plan_first(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    for guest in super::feature::ready(NGINX, observed, draft) {
        let Some(server) = Server::of(guest) else { continue };
        if !package::plan(&server, draft) {
            service::plan_start(&server, draft);
        }
    }
    Ok(())
}

/// Adds the files, with the links and the service that read them.
pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    for server in servers(observed) {
        files::plan(&server, draft);
    }
    Ok(())
}

/// Returns whether the service and its sockets are kept with files that are declared.
pub(super) fn keeps(desired: &Desired, vmid: Vmid) -> bool {
    desired.trust.nginx.get(&vmid).is_some_and(Nginx::has_files)
}

/// Returns whether a declared web server is not yet what it is to be when the plan is done.
pub(super) fn is_unfinished(desired: &Desired, vmid: Vmid, draft: &Draft) -> bool {
    let (whole, package) = (address(vmid), address(vmid).part("package"));
    let waits = draft.is_deferred(&whole) || draft.is_deferred(&package);
    desired.trust.nginx.contains_key(&vmid) && (waits || draft.find(&package).is_some())
}

/// Returns whether a file is one that is declared as a whole.
pub(super) fn owns(desired: &Desired, vmid: Vmid, path: &AbsolutePath) -> bool {
    desired.trust.nginx.get(&vmid).is_some_and(|nginx| nginx.files.contains_key(path))
}

/// Lays what is declared over a container's disk.
pub(super) fn lay<'a>(desired: &'a Desired, vmid: Vmid, disk: &mut nginx_site::Disk<'a>) {
    if let Some(nginx) = desired.trust.nginx.get(&vmid) {
        wanted::lay(nginx, disk);
    }
}

/// Returns the sockets for which a container's files ask as they are declared; none without files.
pub(crate) fn asked_sockets(observed: &Observed<'_>, vmid: Vmid) -> Vec<String> {
    let Some(nginx) = observed.desired.trust.nginx.get(&vmid) else { return Vec::new() };
    if nginx.files.is_empty() {
        return Vec::new();
    }
    let container = observed.desired.containers.get(&vmid);
    Wanted::of(container, nginx, vmid, observed.facts).sockets()
}

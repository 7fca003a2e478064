//! nginx inside a container with a public interface: its sites listen on all interfaces.
//!
//! The edit is that of `phoenix_formats::nginx`; in the container the Perl helper of the spec makes
//! it, and its result must be the planned bytes. Other directives are not managed.

mod helper;
mod reading;

use std::collections::BTreeMap;

use phoenix_formats::Vmid;
use phoenix_formats::nginx::{
    Loaded, Rewrite, Socket, listen_on_all_interfaces, listening_sockets,
};

pub(super) use self::reading::{Disk, Reading, probes as reading_probes, resolved};
use super::{lxc, nginx};
use crate::address::Address;
use crate::desired::{Container, Desired, PublicInterface};
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::Observed;
use crate::operation::{Check, Operation, Run, Transform, Want};
use crate::plan::{Action, ActionId, Attribute, Disruption, Draft, Edge, Service, Verb};
use crate::probe::{Answer, Argv, Facts, Probe, argv};
use crate::refusal::Refusal;
use crate::want;

/// The ports that a public interface serves (spec, 3.4).
pub(crate) const PORTS: [u16; 2] = [80, 443];
/// How long nginx may take to open its sockets after a restart: 10 seconds.
pub(super) const SETTLE: (u32, u32) = (10, 1);

pub(crate) fn sockets_argv() -> Argv {
    argv(["ss", "-Hltn"])
}

/// Returns the containers with a public interface, each with it.
pub(super) fn public(desired: &Desired) -> impl Iterator<Item = (&Container, &PublicInterface)> {
    let of = |c: &'_ Container| c.public.as_ref().is_some_and(|public| public.enabled);
    let containers = desired.containers.values().filter(move |c| of(c));
    containers.filter_map(|c| Some((c, c.public.as_ref()?)))
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let of_one = |(container, public): (&Container, &PublicInterface)| {
        let disk = Disk::new(container.vmid, facts);
        let mut probes = reading::probes(&public.nginx_sites, &disk);
        probes.push(Probe::Run { place: Place::Guest(container.vmid), argv: sockets_argv() });
        probes.push(Probe::File(helper::place(container.vmid)));
        probes
    };
    let there = |c: &Container| facts.text(&crate::observed::config_path(c.vmid)).is_some();
    let left = desired.containers.values().filter(|container| helper::has_left(container, facts));
    let helpers = left.map(|container| Probe::File(helper::place(container.vmid)));
    public(desired).filter(|(c, _)| there(c)).flat_map(of_one).chain(helpers).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    for (container, public) in public(observed.desired) {
        if observed.unlocked(container.vmid).is_some() {
            refusals.extend(plan_one(observed, container, public, draft).err());
        }
    }
    for container in
        observed.desired.containers.values().filter(|c| helper::has_left(c, observed.facts))
    {
        helper::remove(observed, container, draft);
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn plan_one(
    observed: &Observed<'_>,
    container: &Container,
    public: &PublicInterface,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    // What is read then is not there before the declared files are.
    if draft.is_deferred(&nginx::address(container.vmid)) {
        return Ok(());
    }
    let mut reading = reading(observed, container);
    let mut earlier = Vec::new();
    for path in &public.nginx_sites {
        // A file that is declared as a whole is written with the edit in it.
        if nginx::owns(observed.desired, container.vmid, path) {
            rewrite(&mut reading, path);
            continue;
        }
        let Some(site) = Site::read(observed, container, path, &reading, draft)? else { continue };
        let Rewrite { text, changes, problems } = site.rewrite(&reading);
        for problem in &problems {
            draft.defer(site.address.clone(), format!("{} {problem}", site.at));
        }
        if !problems.is_empty() || changes.is_empty() {
            continue;
        }
        reading.replace(path, &text);
        earlier.push((site, text, changes.len()));
    }
    add(observed, container, &reading, earlier, draft);
    Ok(())
}

/// Returns what a container's nginx reads when the files that are declared for it are there.
fn reading(observed: &Observed<'_>, container: &Container) -> Reading {
    let sites = container.public.as_ref().map_or(&[][..], |public| &public.nginx_sites);
    let mut disk = Disk::new(container.vmid, observed.facts);
    nginx::lay(observed.desired, container.vmid, &mut disk);
    Reading::of(&disk, sites)
}

/// Has a site listen on all interfaces, as far as it can.
fn rewrite(reading: &mut Reading, path: &AbsolutePath) {
    let rewrite = reading
        .loaded_path(path)
        .and_then(|loaded| reading.loaded().listen_on_all_interfaces(&loaded));
    if let Some(rewrite) = rewrite {
        reading.replace(path, &rewrite.text);
    }
}

/// One site's file, as it is.
struct Site {
    address: Address,
    at: Location,
    path: AbsolutePath,
    text: String,
}

impl Site {
    /// Reads a site's file; says why there is none.
    fn read(
        observed: &Observed<'_>,
        container: &Container,
        path: &AbsolutePath,
        reading: &Reading,
        draft: &mut Draft,
    ) -> Result<Option<Self>, Refusal> {
        let at = Location::guest(container.vmid, path.clone());
        let address = lxc::address(container.vmid).part("nginx").part(path.file_name());
        let text = match observed.facts.answer(&Probe::File(at.clone())) {
            Answer::Text(text) => text,
            Answer::Absent => {
                draft.defer(address, format!("{at} is not there"));
                return Ok(None);
            }
            Answer::Unreachable(why) => {
                draft.defer(address, format!("{at} cannot be read: {why}"));
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let conf = phoenix_formats::nginx::NginxConf::parse(&text);
        if let Some(problem) = conf.problems().first() {
            let help = "Mend the file until `nginx -t` takes it, then plan again.";
            return Err(Refusal::file(&at, Some(problem.line), problem.message.clone(), help));
        }
        let loads = reading.loads(path);
        if !loads && !observed.is_running(container.vmid) {
            // It may be read by a link, and only the container can say where links lead.
            draft.defer(address, "whether nginx reads it cannot be seen before the container runs");
            return Ok(None);
        }
        if !loads {
            draft.note(format!("{at} is not included by the container's nginx.conf: nginx does not serve it, and `nginx -t` proves nothing about it"));
        }
        Ok(Some(Self { address, at, path: path.clone(), text }))
    }

    fn rewrite(&self, reading: &Reading) -> Rewrite {
        let loaded = reading.loaded();
        let among_others = reading.loaded_path(&self.path);
        among_others
            .and_then(|path| loaded.listen_on_all_interfaces(&path))
            .unwrap_or_else(|| listen_on_all_interfaces(&self.text))
    }
}

/// Adds the actions: every changed site tests nginx, the last one restarts it.
fn add(
    observed: &Observed<'_>,
    container: &Container,
    reading: &Reading,
    sites: Vec<(Site, String, usize)>,
    draft: &mut Draft,
) {
    // A container is started for what is to be done in it, never for its own sake.
    let up = if sites.is_empty() { None } else { lxc::ensure_running(observed, container, draft) };
    let runs = observed.is_running(container.vmid) || up.is_some();
    let earlier = [lxc::planned(container, draft), draft.find(&nginx::address(container.vmid))];
    let mut needs = earlier.into_iter().flatten().map(|id| (id, Edge::Needs)).collect::<Vec<_>>();
    let last = sites.len().saturating_sub(1);
    // Installed by the first site, which the others need.
    let mut install = helper::install(observed, container);
    for (number, (site, after, changed)) in sites.into_iter().enumerate() {
        if !runs {
            draft.defer(site.address, "the container is stopped and not declared to start at boot");
            continue;
        }
        let mut operations = edit(container, &site, after, install.take());
        if number == last {
            operations.extend(restart(container, reading));
        }
        let id = draft.add(change(container, &site, changed, number == last, operations), &needs);
        needs.push((id, Edge::Needs));
    }
    if needs.is_empty() && runs && !nginx::keeps(observed.desired, container.vmid) {
        stale_sockets(observed, container, reading, draft);
    }
}

fn edit(
    container: &Container,
    site: &Site,
    after: String,
    install: Option<Operation>,
) -> Vec<Operation> {
    let argv_of = [helper::place(container.vmid).path.to_string(), site.path.to_string()].to_vec();
    let transform =
        Transform { at: site.at.clone(), before: site.text.clone(), after, argv: argv_of };
    let test = Check { probe: test_probe(container), want: Want::Success, attempts: 1, pause: 0 };
    install.into_iter().chain([Operation::Transform(transform), Operation::Check(test)]).collect()
}

/// The test changes nothing: it is a question.
fn test_probe(container: &Container) -> Probe {
    Probe::Run { place: Place::Guest(container.vmid), argv: argv(["nginx", "-t"]) }
}

/// A reload would keep the old sockets and say nothing (measured), so nginx is restarted, and its
/// sockets are compared with what its files ask for.
fn restart(container: &Container, reading: &Reading) -> Vec<Operation> {
    let place = Place::Guest(container.vmid);
    let restart = argv(["systemctl", "restart", "nginx.service"]);
    let run = Run { undo: Some(restart.clone()), ..Run::at(place, restart) };
    let mut operations = vec![Operation::Run(run)];
    operations.extend(shows_sockets(container, &reading.loaded()));
    operations
}

/// Returns the check that the ports of public interfaces listen as nginx's files ask.
pub(super) fn shows_sockets(container: &Container, loaded: &Loaded) -> Option<Operation> {
    let sockets = asked(loaded);
    (!sockets.is_empty()).then(|| sockets_check(container, Want::Sockets(sockets)))
}

/// Returns a check of what a container listens on.
pub(super) fn sockets_check(container: &Container, want: Want) -> Operation {
    let probe = Probe::Run { place: Place::Guest(container.vmid), argv: sockets_argv() };
    Operation::Check(Check { probe, want, attempts: SETTLE.0, pause: SETTLE.1 })
}

/// Returns the sockets of the public ports that nginx's files ask for.
fn asked(loaded: &Loaded) -> Vec<String> {
    let public = |socket: &Socket| match socket {
        Socket::Dual(port) => PORTS.contains(port),
        Socket::Tcp(ip, port) => PORTS.contains(port) && !ip.is_loopback(),
        Socket::Unix(_) => false,
    };
    loaded.sockets().iter().filter(|socket| public(socket)).map(ToString::to_string).collect()
}

fn change(
    container: &Container,
    site: &Site,
    changed: usize,
    restarts: bool,
    operations: Vec<Operation>,
) -> Action {
    Action {
        address: site.address.clone(),
        verb: Verb::Change,
        reason: format!("listen on all interfaces ({})", counted(changed, "line")),
        disruption: if restarts {
            Disruption::RestartService(Service::Nginx)
        } else {
            Disruption::None
        },
        guest: Some(container.vmid),
        origin: container.public.as_ref().map(|public| public.origin.clone()),
        attributes: Vec::<Attribute>::new(),
        notes: Vec::new(),
        operations,
    }
}

/// Adds a restart of nginx whose files are right and whose sockets are not, as after a reload.
fn stale_sockets(
    observed: &Observed<'_>,
    container: &Container,
    reading: &Reading,
    draft: &mut Draft,
) {
    let loaded = reading.loaded();
    let wanted = Want::Sockets(asked(&loaded));
    let probe = Probe::Run { place: Place::Guest(container.vmid), argv: sockets_argv() };
    let answer = observed.facts.answer(&probe);
    let Answer::Ran(output) = &answer else { return };
    let Err(why) = want::holds(&wanted, &answer) else { return };
    // Without any socket on these ports nginx is down or serves something else: not ours to start.
    if !output.success() || !serves_public_ports(&output.stdout) {
        return;
    }
    let Some(site) = container.public.as_ref().and_then(|public| public.nginx_sites.first()) else {
        return;
    };
    let action = Action {
        address: lxc::address(container.vmid).part("nginx").part(site.file_name()),
        verb: Verb::Do,
        reason: "its sockets are not those of its files".to_owned(),
        disruption: Disruption::RestartService(Service::Nginx),
        guest: Some(container.vmid),
        origin: None,
        attributes: Vec::new(),
        notes: vec![why],
        operations: restart(container, reading),
    };
    draft.add(action, &[]);
}

fn serves_public_ports(ss: &str) -> bool {
    listening_sockets(ss).iter().any(|socket| match socket {
        Socket::Dual(port) | Socket::Tcp(_, port) => PORTS.contains(port),
        Socket::Unix(_) => false,
    })
}

/// Returns whether it is known that a container has no nginx: its files can be read, and there is no
/// nginx.conf among them.
pub(super) fn is_absent(observed: &Observed<'_>, vmid: Vmid) -> bool {
    observed.facts.answer(&Probe::File(reading::main_file(vmid))) == Answer::Absent
}

/// Returns whether a container has a site that cannot be made to listen on all interfaces.
pub(super) fn is_refused(observed: &Observed<'_>, container: &Container) -> bool {
    let sites = container.public.as_ref().map_or(&[][..], |public| &public.nginx_sites);
    let reading = reading(observed, container);
    let loaded = reading.loaded();
    let rewrites = sites.iter().filter_map(|path| {
        let path = reading.loaded_path(path)?;
        loaded.listen_on_all_interfaces(&path)
    });
    rewrites.into_iter().any(|rewrite| !rewrite.problems.is_empty())
}

/// Returns what a container's nginx reads once the planned changes of its sites are made.
pub(super) fn planned_reading(observed: &Observed<'_>, container: &Container) -> Reading {
    let sites = container.public.as_ref().map_or(&[][..], |public| &public.nginx_sites);
    let mut reading = reading(observed, container);
    for path in sites {
        rewrite(&mut reading, path);
    }
    reading
}

/// Returns the actions on a container's sites that are already planned.
pub(super) fn planned(container: &Container, draft: &Draft) -> Vec<ActionId> {
    let nginx = lxc::address(container.vmid).part("nginx");
    draft.find_all(|address| address.is_within(&nginx))
}

/// Returns the listening sockets of a container as it answered, if it did.
pub(super) fn live_sockets(observed: &Observed<'_>, vmid: Vmid) -> Option<String> {
    let output = observed.facts.ran(Place::Guest(vmid), &sockets_argv())?;
    output.success().then(|| output.stdout.clone())
}

/// Returns the ports of public interfaces for which nginx's files ask, once the planned changes are made.
pub(crate) fn asked_ports(observed: &Observed<'_>, container: &Container) -> Vec<u16> {
    let sockets = planned_reading(observed, container).loaded().sockets();
    let asks = |port: &u16| {
        sockets.iter().any(|socket| match socket {
            Socket::Dual(other) => other == port,
            Socket::Tcp(ip, other) => other == port && !ip.is_loopback(),
            Socket::Unix(_) => false,
        })
    };
    PORTS.into_iter().filter(asks).collect()
}

fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// What nginx reads, path by path.
pub(super) type Texts = BTreeMap<String, String>;

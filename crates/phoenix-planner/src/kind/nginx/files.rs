//! `lxc/ID/nginx`: its files and links, tested and put to use in one action.

use super::super::attribute;
use super::super::feature::asked;
use super::super::nginx_site::{Disk, Reading};
use super::wanted::{self, Wanted};
use super::{ENABLED, Server, link_of, package, service, target_of, tls};
use crate::location::Location;
use crate::operation::{Check, Link, Operation, Want, Write};
use crate::plan::{Attribute, Draft, Edge, Verb};
use crate::probe::{Answer, Probe, argv};

/// Permission bits of new files: no secret is in them.
const MODE: u32 = 0o644;

impl Server<'_> {
    /// Returns what nginx reads now.
    pub(super) fn present(&self) -> Reading {
        let Self { guest, .. } = self;
        let container = guest.observed.desired.containers.get(&guest.vmid);
        let sites = wanted::public_sites(container);
        Reading::of(&Disk::new(guest.vmid, guest.observed.facts), sites)
    }

    /// Returns the writing of every file that is not as wanted.
    fn writes(&self, wanted: &Wanted) -> Vec<Operation> {
        let write = |(path, after): (&crate::location::AbsolutePath, &String)| {
            let before = self.guest.text(path.as_str());
            let at = Location::guest(self.guest.vmid, path.clone());
            let write = || Write::new(at, before.map(str::to_owned), after.clone(), MODE);
            (before != Some(after.as_str())).then(|| Operation::Write(write()))
        };
        wanted.texts.iter().filter_map(write).collect()
    }

    /// Returns the changes of links, or the first name that something else has.
    fn links(&self) -> Result<Vec<Operation>, String> {
        let taken = |name: &str| {
            format!("{ENABLED}/{name} is no link: move it to where it belongs, then plan again")
        };
        let mut links = Vec::new();
        let mut change = |name: &str, after: Option<String>| {
            let before = self.link(name).map_err(|()| taken(name))?.map(str::to_owned);
            if before != after {
                let at = link_of(self.guest.vmid, name);
                links.push(Operation::Link(Link { at, before, after }));
            }
            Ok::<_, String>(())
        };
        for name in &self.declared.removed {
            change(name, None)?;
        }
        for name in &self.declared.enabled {
            change(name, Some(target_of(name).to_string()))?;
        }
        Ok(links)
    }

    /// Returns what takes away the links that go, as far as there are any.
    pub(super) fn unlinks(&self) -> Vec<Operation> {
        let unlink = |name: &String| {
            let before = self.link(name).ok()??.to_owned();
            let at = link_of(self.guest.vmid, name);
            Some(Operation::Link(Link { at, before: Some(before), after: None }))
        };
        self.declared.removed.iter().filter_map(unlink).collect()
    }

    /// Returns why a file cannot be looked at, if one cannot.
    fn unseen(&self) -> Option<String> {
        let seen = |at: &Location| {
            let answer = self.guest.observed.facts.answer(&Probe::File(at.clone()));
            match answer {
                Answer::Text(_) | Answer::Absent => None,
                Answer::Unreachable(why) | Answer::Unreadable(why) => {
                    Some(format!("{at} cannot be read: {why}"))
                }
                _ => Some(format!("{at} was not looked at")),
            }
        };
        let mut files = self.declared.files.keys();
        files.find_map(|path| seen(&Location::guest(self.guest.vmid, path.clone())))
    }
}

/// Returns whether files or links are to be changed, as far as that can be told.
pub(super) fn are_due(server: &Server<'_>) -> bool {
    let wanted = server.wanted();
    let changes = !server.writes(&wanted).is_empty() || server.links().is_ok_and(|l| !l.is_empty());
    changes && tls::missing(server, &wanted.reading).is_empty()
}

/// Adds the action, or says what it waits for.
pub(super) fn plan(server: &Server<'_>, draft: &mut Draft) {
    if !server.has_files() {
        return;
    }
    let wanted = server.wanted();
    for (path, problem) in &wanted.problems {
        let at = Location::guest(server.guest.vmid, path.clone());
        draft.defer(server.address().part(path.file_name()), format!("{at} {problem}"));
    }
    match changes(server, &wanted, draft) {
        Ok(None) => service::plan_sockets(server, draft),
        Ok(Some((operations, after))) => add(server, &wanted, operations, after, draft),
        Err(why) => draft.defer(server.address(), why),
    }
}

type After = Vec<(crate::plan::ActionId, Edge)>;

/// Returns what is to be changed, and what comes before it.
fn changes(
    server: &Server<'_>,
    wanted: &Wanted,
    draft: &Draft,
) -> Result<Option<(Vec<Operation>, After)>, String> {
    let package = package::planned(server, draft);
    if !server.is_known() || package.is_some() && !server.is_active() {
        return Err("written when its package is there".to_owned());
    }
    if let Some(why) = server.unseen() {
        return Err(why);
    }
    let mut operations = server.writes(wanted);
    operations.extend(server.links()?);
    if operations.is_empty() {
        return Ok(None);
    }
    let missing = tls::missing(server, &wanted.reading);
    let brought = tls::brought(server, missing, draft).map_err(|missing| missing.to_string())?;
    let of_guest = draft.of_guest(server.guest.vmid).into_iter().map(|id| (id, Edge::After));
    let needed = brought.into_iter().chain(package).map(|id| (id, Edge::Needs));
    let after = of_guest.chain(server.guest.before(draft)).chain(needed);
    Ok(Some((operations, after.collect())))
}

fn add(
    server: &Server<'_>,
    wanted: &Wanted,
    mut operations: Vec<Operation>,
    after: After,
    draft: &mut Draft,
) {
    let guest = &server.guest;
    let attributes = operations.iter().filter_map(link_attribute).collect::<Vec<_>>();
    let is_new = operations.iter().all(|operation| match operation {
        Operation::Write(write) => write.before.is_none(),
        Operation::Link(link) => link.before.is_none(),
        _ => true,
    });
    // The test changes nothing: it is a question.
    let test = asked(guest.place, argv(["nginx", "-t"]));
    let test = Check { probe: test, want: Want::Success, attempts: 1, pause: 0 };
    operations.push(Operation::Check(test));
    let sockets = wanted.sockets();
    let same =
        sockets == wanted::sockets(&server.present()) && service::live(server, &sockets).is_ok();
    let (takes_effect, disruption) = service::takes_effect(server, same);
    operations.extend(takes_effect);
    if !sockets.is_empty() {
        operations.push(service::shows(server, sockets));
    }
    operations.extend(service::enable(server));
    let verb = if is_new { Verb::Add } else { Verb::Change };
    let mut action = guest.action(server.address(), verb, "its files and sites", operations);
    action.attributes = attributes;
    action.disruption = disruption;
    action.notes.extend(listens(wanted.edited));
    draft.add(action, &after);
}

/// Shows which site comes or goes; the program says only what is made.
fn link_attribute(operation: &Operation) -> Option<Attribute> {
    let Operation::Link(Link { at, before, after }) = operation else { return None };
    let name = format!("site {}", at.path.file_name());
    Some(attribute(&name, before.clone(), after.clone()))
}

/// Says what differs from the operator's own text.
fn listens(edited: usize) -> Option<String> {
    match edited {
        0 => None,
        1 => Some(
            "1 `listen` line is written for all interfaces, for its public interface".to_owned(),
        ),
        n => Some(format!(
            "{n} `listen` lines are written for all interfaces, for its public interface"
        )),
    }
}

//! `lxc/ID/nginx/service`: the service, where its files are as declared.

use super::super::{feature::asked, nginx_site};
use super::{ATTEMPTS, PAUSE, Server, files, systemctl, tls};
use crate::operation::{Check, Operation, Run, Want};
use crate::plan::{Disruption, Draft, Service, Verb};
use crate::probe::Answer;
use crate::want;

/// Returns the check that it runs.
pub(super) fn is_active(server: &Server<'_>) -> Operation {
    Operation::Check(Check {
        probe: asked(server.guest.place, systemctl("is-active")),
        want: Want::Success,
        attempts: ATTEMPTS,
        pause: PAUSE,
    })
}

/// Adds the start of a service that is down or does not start with its container, unless its files come first.
pub(super) fn plan_start(server: &Server<'_>, draft: &mut Draft) {
    let disabled = matches!(server.says("is-enabled"), "disabled" | "masked-runtime");
    let stopped = !server.is_active();
    if !server.is_known() || !(stopped || disabled) || files::are_due(server) {
        return;
    }
    let address = server.address().part("service");
    if let Some(missing) = tls::missing(server, &server.present()).first().filter(|_| stopped) {
        draft.defer(address, format!("it cannot start yet: {missing}"));
        return;
    }
    // Its files may be still to come, but what goes must not be served until then.
    let mut operations = if stopped { server.unlinks() } else { Vec::new() };
    operations.extend(server.unmask());
    operations.extend(disabled.then(|| server.run(systemctl("enable"))));
    operations.extend(stopped.then(|| server.run(systemctl("restart"))));
    operations.push(is_active(server));
    let reason = if stopped { "it does not run" } else { "it does not start with the container" };
    let mut action = server.guest.action(address, Verb::Do, reason, operations);
    if stopped {
        action.disruption = Disruption::RestartService(Service::Nginx);
    }
    let after = server.guest.before(draft);
    draft.add(action, &after);
}

/// Adds a restart of a service whose files are right and whose sockets are not, as after a reload by hand.
pub(super) fn plan_sockets(server: &Server<'_>, draft: &mut Draft) {
    let wanted = server.wanted().sockets();
    if !server.is_active() || wanted.is_empty() {
        return;
    }
    let Err(why) = live(server, &wanted) else { return };
    let mut operations = vec![server.undoable("restart", "restart"), is_active(server)];
    operations.push(shows(server, wanted));
    let address = server.address().part("service");
    let reason = "its sockets are not those of its files";
    let mut action = server.guest.action(address, Verb::Do, reason, operations);
    action.disruption = Disruption::RestartService(Service::Nginx);
    action.notes.push(why);
    let after = server.guest.before(draft);
    draft.add(action, &after);
}

/// Returns nothing when nginx has these sockets, or when the container does not say.
pub(super) fn live(server: &Server<'_>, wanted: &[String]) -> Result<(), String> {
    let probe = asked(server.guest.place, nginx_site::sockets_argv());
    match server.guest.observed.facts.answer(&probe) {
        answer @ Answer::Ran(_) => want::holds(&Want::Sockets(wanted.to_vec()), &answer),
        _ => Ok(()),
    }
}

/// Returns the check that it listens.
pub(super) fn shows(server: &Server<'_>, wanted: Vec<String>) -> Operation {
    let (attempts, pause) = nginx_site::SETTLE;
    let probe = asked(server.guest.place, nginx_site::sockets_argv());
    Operation::Check(Check { probe, want: Want::Sockets(wanted), attempts, pause })
}

/// Returns what makes it read its files again: new sockets need a restart, for which a reload does not do
/// (measured); anything else is a reload, which nobody notices.
pub(super) fn takes_effect(
    server: &Server<'_>,
    same_sockets: bool,
) -> (Vec<Operation>, Disruption) {
    let mut operations = server.unmask().into_iter().collect::<Vec<_>>();
    if server.is_active() && same_sockets {
        operations.push(server.undoable("reload", "reload"));
        operations.push(is_active(server));
        return (operations, Disruption::Reload);
    }
    let undo = if server.is_active() { "restart" } else { "stop" };
    operations.push(server.undoable("restart", undo));
    operations.push(is_active(server));
    (operations, Disruption::RestartService(Service::Nginx))
}

/// Returns the enabling of a unit that does not start with the container: at the end, since it stays.
pub(super) fn enable(server: &Server<'_>) -> Option<Operation> {
    let disabled = matches!(server.says("is-enabled"), "disabled" | "masked-runtime");
    disabled.then(|| Operation::Run(Run::at(server.place(), systemctl("enable"))))
}

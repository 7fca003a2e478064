//! `lxc/101/public-route`: answers from the public address leave by the public interface, by a routing
//! table of its own.
//!
//! The container's default route stays where it is: a second one without a metric keeps a container from
//! starting, and with the first one alone the answers to clients beyond the subnet leave by the wrong
//! interface, where a strict rp_filter or a firewall that tracks connections drops them (measured).

use phoenix_formats::iproute::TableRoute;
use phoenix_formats::public_interface::{
    NETWORKD, NETWORKD_PATH, OwnTable, ROUTE_PATH, TABLE, is_own,
};

use super::arp::run_script;
use super::reading::{State, rules_probe, table_probe};
use super::{After, Inside, Power, check, write};
use crate::desired::{Container, PublicInterface};
use crate::location::Place;
use crate::operation::{OnFailure, Operation, Run, Want};
use crate::plan::{ActionId, Draft, Verb};
use crate::probe::{Argv, argv};
use crate::refusal::Refusal;

/// Permission bits of the files: everybody may read them.
const MODE: u32 = 0o644;

/// Returns the table that a public interface gets.
pub(super) fn table(public: &PublicInterface) -> OwnTable {
    let device = PublicInterface::NAME.to_owned();
    OwnTable { device, ip: public.ip, gateway: public.gateway }
}

fn wanted_rule(public: &PublicInterface) -> Want {
    Want::OwnRule { ip: public.ip.addr(), table: TABLE }
}

fn wanted_routes(public: &PublicInterface) -> Want {
    Want::Routes(table(public).routes().iter().map(ToString::to_string).collect())
}

/// Returns the checks that the rule and the table are in force.
pub(super) fn shows(container: &Container, public: &PublicInterface) -> [Operation; 2] {
    [
        check(rules_probe(container), wanted_rule(public)),
        check(table_probe(container), wanted_routes(public)),
    ]
}

pub(super) fn plan(
    inside: &Inside<'_>,
    after: &After,
    draft: &mut Draft,
) -> Result<Option<ActionId>, Vec<Refusal>> {
    let Inside { container, public, reading, .. } = inside;
    if reading.state.lacks_ip {
        let why = "the container has no ip(8) that knows rules: install iproute2 in it";
        draft.defer(inside.address("public-route"), why);
        return Ok(None);
    }
    foreign_default(inside)?;
    let text = table(public).render();
    let file = write(inside.at(ROUTE_PATH), reading.route.as_deref(), &text, MODE);
    let networkd = reading.runs_networkd.then_some(NETWORKD);
    let networkd = networkd
        .and_then(|text| write(inside.at(NETWORKD_PATH), reading.networkd.as_deref(), text, MODE));
    let lag = (inside.power == Power::Runs).then(|| lag(&reading.state, public)).flatten();
    if file.is_none() && networkd.is_none() && lag.is_none() {
        return Ok(None);
    }
    let verb = match (&file, &reading.route) {
        (Some(_), None) => Verb::Add,
        (None, _) if networkd.is_none() => Verb::Do,
        _ => Verb::Change,
    };
    let restart = (networkd.is_some() && inside.power == Power::Runs).then(|| restart(container));
    let writes = file.into_iter().chain(networkd).map(Operation::Write);
    let mut operations = writes.chain(restart).collect::<Vec<_>>();
    if inside.runs_on() {
        operations.extend(stale(container, &reading.state, Some(public)));
        operations.push(run_script(container));
        operations.extend(shows(container, public));
    }
    let reason = format!("own table for {}", public.ip.addr());
    let mut action = inside.action("public-route", reason, verb, operations);
    action.notes.extend(lag.filter(|_| verb == Verb::Do));
    Ok(Some(draft.add(action, after)))
}

/// Has networkd read its files again.
fn restart(container: &Container) -> Operation {
    let restart = argv(["systemctl", "restart", "systemd-networkd.service"]);
    Operation::Run(Run::at(Place::Guest(container.vmid), restart))
}

/// Returns what of the table is not in force, if anything.
fn lag(state: &State, public: &PublicInterface) -> Option<String> {
    let rules = state.rules.as_ref()?;
    let source = Some(ipnet::Ipv4Net::from(public.ip.addr()));
    let own = rules.iter().filter(|rule| rule.table == TABLE.to_string()).collect::<Vec<_>>();
    if own.len() != 1 || own.iter().any(|rule| rule.source != source) {
        return Some(format!("the rule for {} is not in force", public.ip.addr()));
    }
    (!is_same(state.table.as_deref()?, &table(public).routes()))
        .then(|| format!("table {TABLE} has other routes"))
}

fn is_same(present: &[TableRoute], wanted: &[TableRoute]) -> bool {
    present.len() == wanted.len() && wanted.iter().all(|route| present.contains(route))
}

/// Returns what takes out of force what is not wanted any more.
pub(super) fn stale(
    container: &Container,
    state: &State,
    public: Option<&PublicInterface>,
) -> Vec<Operation> {
    let wanted = public.map(|public| ipnet::Ipv4Net::from(public.ip.addr()));
    let of_table = state.rules.iter().flatten().filter(|rule| rule.table == TABLE.to_string());
    let old = of_table.filter_map(|rule| rule.source).filter(|source| Some(*source) != wanted);
    let number = TABLE.to_string();
    let mut runs = old
        .map(|source| {
            let from = if source.prefix_len() == 32 {
                source.addr().to_string()
            } else {
                source.to_string()
            };
            argv(["ip", "rule", "del", "from", &from, "lookup", &number])
        })
        .collect::<Vec<Argv>>();
    let routes = public.map(|public| table(public).routes()).unwrap_or_default();
    let present = state.table.as_deref().unwrap_or_default();
    if !present.is_empty() && !is_same(present, &routes) {
        runs.push(argv(["ip", "route", "flush", "table", &number]));
    }
    let place = Place::Guest(container.vmid);
    // Unplugging the interface can have taken the routes away before.
    let run = |argv| Run { on_failure: OnFailure::Continue, ..Run::at(place, argv) };
    runs.into_iter().map(|argv| Operation::Run(run(argv))).collect()
}

/// A default route in the table that phoenix has not put there is somebody's, and there is room for one.
fn foreign_default(inside: &Inside<'_>) -> Result<(), Vec<Refusal>> {
    let Inside { reading, public, container, .. } = inside;
    let ours = reading.route.as_deref().is_some_and(is_own);
    let routes = table(public).routes();
    let present = reading.state.table.iter().flatten();
    let mut foreign =
        present.filter(|route| route.destination.is_none() && !ours && !routes.contains(route));
    let Some(route) = foreign.next() else { return Ok(()) };
    Err(vec![Refusal::declared(
        &public.origin,
        format!(
            "routing table {TABLE} in container {} has another default route already: `{route}`",
            container.vmid
        ),
        format!(
            "phoenix needs table {TABLE} for the public interface: remove the route there, and what sets it."
        ),
    )])
}

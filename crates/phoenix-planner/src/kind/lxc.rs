//! Containers: the configuration of a container that exists, and its restart where one is due.
//!
//! Everything that `pct set` takes goes into one call; raw `lxc.*` lines, which it does not take,
//! are edited in the file before, so that the call's `--digest` is known when the plan is made.

mod calls;
mod changes;
mod conflicts;
mod create;
mod features;
mod ids;
mod inside;
mod keys;
mod lifecycle;
mod live;
mod mounts;
mod net0;
mod present;
mod public;
mod raw;
mod restart;
mod startup;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;

pub(super) use self::conflicts::undeclared_owner;
pub(super) use self::create::needed;
pub(crate) use self::ids::declared as declared_ids;
pub(super) use self::ids::{origin as ids_origin, own as own_ids, planned as planned_ids};
pub(super) use self::keys::is_on;
pub(super) use self::lifecycle::is_template;
pub(crate) use self::live::links_probe;
pub(super) use self::public::is_marked;
pub(crate) use self::public::{bypasses_node, shares_subnet};
pub(super) use self::restart::{
    SETTLE, delete_now, ensure_running, planned, restart_now, start_now, stop_now,
};
use super::attribute;
use super::guests::{After, Progress, Standing};
use crate::address::Address;
use crate::desired::{Container, Desired};
use crate::observed::{Observed, config_path};
use crate::plan::{Draft, Edge};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

/// Returns the address of a container.
pub(crate) fn address(vmid: Vmid) -> Address {
    Address::new("lxc", vmid)
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let public = desired.containers.values().filter(|container| container.public.is_some());
    let there = public.filter(|container| facts.text(&config_path(container.vmid)).is_some());
    let configs = desired.containers.keys().map(|vmid| Probe::File(config_path(*vmid)));
    let routes = desired.containers.values().filter_map(public::route_probe);
    let inside = there.clone().flat_map(|container| match &container.public {
        Some(public) if public.enabled => inside::probes(container, facts),
        _ => inside::left_probes(container),
    });
    let marked = desired.containers.values().filter(|container| {
        container.public.is_none()
            && facts.text(&config_path(container.vmid)).is_some_and(is_marked)
    });
    let left = marked.flat_map(inside::left_probes);
    let links = there.clone().map(links_probe);
    let of_guests = links.chain(inside).chain(left);
    configs.chain(routes).chain(of_guests).chain([public::capability_probe()]).collect()
}

/// Returns what declared containers would take away from others.
pub(super) fn conflicts(observed: &Observed<'_>) -> Vec<Refusal> {
    conflicts::find(observed)
}

/// Adds the snapshots of what is complete, when everything else is planned.
pub(super) fn plan_snapshots(
    observed: &Observed<'_>,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    lifecycle::plan_complete(observed, draft);
    Ok(())
}

/// Plans one container, and returns what it is at the end of the plan.
pub(super) fn plan_guest(
    observed: &Observed<'_>,
    container: &Container,
    progress: &Progress,
    draft: &mut Draft,
) -> Result<Standing, Vec<Refusal>> {
    let vmid = container.vmid;
    let Some(conf) = observed.config(vmid) else {
        return create::plan(observed, container, progress, draft);
    };
    if let Some(lock) = conf.lock() {
        let why = format!("locked ({lock}): wait until that has ended, or see `pct unlock {vmid}`");
        draft.defer(address(vmid), why);
        return Ok(Standing::unknown("it is locked"));
    }
    let starts = observed.is_to_run(vmid) && !observed.is_running(vmid) && !is_template(conf);
    let start = address(vmid).part("start");
    if starts {
        match progress.gate(observed, needed(container), draft) {
            Ok(after) => draft.hold(start.clone(), after),
            Err(why) => draft.defer(start.clone(), why),
        }
        // Its interfaces must not come up before its rules are there.
        let rules = draft.find(&Address::new("firewall", vmid));
        draft.hold(start, rules.into_iter().map(|id| (id, Edge::Needs)).collect());
    }
    let folders = mounts::folders(observed, container, draft)?;
    present::plan(observed, container, conf, &folders, draft)?;
    if starts {
        ensure_running(observed, container, draft);
    }
    Ok(standing(observed, container, conf, progress, draft))
}

fn standing(
    observed: &Observed<'_>,
    container: &Container,
    conf: &LxcConf,
    progress: &Progress,
    draft: &mut Draft,
) -> Standing {
    let vmid = container.vmid;
    if !is_template(conf) && lifecycle::waits_for_inside(observed, container, progress, draft) {
        return Standing::unknown("it is no template yet");
    }
    if container.making.is_template || is_template(conf) {
        let own = draft.of_guest(vmid).into_iter().map(|id| (id, Edge::After)).collect::<After>();
        let made = lifecycle::plan_template(observed, container, &own, draft);
        return Standing { runs: made.clone(), cloned: made };
    }
    let power = planned(container, draft).map(|id| (id, Edge::Needs));
    let inside = progress.inside.holds_up(observed, vmid);
    let runs = if let Some(why) = inside.filter(|_| observed.is_running(vmid) || power.is_some()) {
        Err(why.to_owned())
    } else if observed.is_running(vmid) || power.is_some() {
        let own = draft.of_guest(vmid).into_iter().map(|id| (id, Edge::After));
        Ok(power.into_iter().chain(own.filter(|own| power.is_none_or(|p| p.0 != own.0))).collect())
    } else if draft.is_deferred(&address(vmid).part("start")) {
        Err("it cannot be started yet".to_owned())
    } else {
        Err("it is stopped, and not declared to start".to_owned())
    };
    let complete = lifecycle::complete_name(observed, container);
    let cloned = match complete {
        Some(name) if conf.snapshots().contains_key(&name) => Ok(After::new()),
        Some(name) => Err(format!("its snapshot `{name}` is still to be made")),
        None if runs.is_ok() => Err(create::runs_and_has_no_snapshot()),
        None => Ok(draft.of_guest(vmid).into_iter().map(|id| (id, Edge::After)).collect()),
    };
    Standing { runs, cloned }
}

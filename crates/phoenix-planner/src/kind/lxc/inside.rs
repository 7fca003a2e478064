//! What a container needs inside for its public interface: the ARP settings, a routing table of its
//! own, and the rules that Proxmox VE's firewall cannot enforce there.
//!
//! All of it is made by one program of phoenix's, which LXC runs before the container's init, from two
//! files that it reads: so it is in force at every start, whoever configures the network later. While
//! a container runs and goes on running, the same is made at once. The program comes before the line
//! that names it, since LXC does not start a container whose hook is missing.

mod arp;
mod filter;
mod hook;
mod reading;
mod remove;
mod route;

pub(super) use self::hook::{
    Predicted, add as add_hook, take_away as take_hook, wanted as wants_hook,
};
use self::reading::Reading;
pub(super) use self::reading::{left_probes, probes};
pub(super) use self::remove::remove;
use super::{address, restart};
use crate::address::Address;
use crate::desired::{Container, PublicInterface};
use crate::location::Location;
use crate::observed::Observed;
use crate::operation::{Check, Operation, Write};
use crate::plan::{Action, ActionId, Disruption, Draft, Edge, Verb};
use crate::refusal::Refusal;

/// How long the container's own network may take after its start: 30 seconds.
const SETTLE: (u32, u32) = (15, 2);

/// What comes before an action.
type After = Vec<(ActionId, Edge)>;

/// What becomes of a container in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    /// It runs, and goes on running.
    Runs,
    /// It runs, and is restarted: what is in files is in force then.
    Restarts,
    /// It does not run.
    Stopped,
}

/// A container with a public interface.
pub(super) struct Inside<'a> {
    observed: &'a Observed<'a>,
    container: &'a Container,
    public: &'a PublicInterface,
    reading: Reading,
    power: Power,
}

impl<'a> Inside<'a> {
    /// Returns nothing for a container without an enabled public interface, or one into which nobody can
    /// look, which is reported.
    pub(super) fn of(
        observed: &'a Observed<'a>,
        container: &'a Container,
        power: Power,
        draft: &mut Draft,
    ) -> Option<Self> {
        let public = container.public.as_ref().filter(|public| public.enabled)?;
        match Reading::of(observed, container) {
            Ok(reading) => Some(Self { observed, container, public, reading, power }),
            Err(why) => {
                let what = format!("its files cannot be seen: {why}; apply again when it runs");
                draft.defer(address(container.vmid).part("public-route"), what);
                None
            }
        }
    }

    /// Adds what must be there before the interface is: ARP settings and the rules that guard it.
    pub(super) fn plan_guards(&self, after: &After, draft: &mut Draft) -> After {
        let arp = arp::plan(self, after, draft);
        let filter = filter::plan(self, after, draft);
        arp.into_iter().chain(filter).map(|id| (id, Edge::Needs)).collect()
    }

    /// Adds the routing table, which needs the interface.
    pub(super) fn plan_route(
        &self,
        after: &After,
        draft: &mut Draft,
    ) -> Result<After, Vec<Refusal>> {
        let route = route::plan(self, after, draft)?;
        Ok(route.into_iter().map(|id| (id, Edge::Needs)).collect())
    }

    /// Adds everything to a container that does not run: it is started for it, and its hook comes last.
    pub(super) fn plan_stopped(
        &self,
        conf: &Predicted,
        draft: &mut Draft,
    ) -> Result<(), Vec<Refusal>> {
        if self.reading.is_complete(self.observed, self.container, self.public, draft) {
            return Ok(());
        }
        let Some(start) = restart::ensure_running(self.observed, self.container, draft) else {
            let why = "the container is stopped and not declared to start at boot";
            draft.defer(address(self.container.vmid).part("public-route"), why);
            return Ok(());
        };
        let after = vec![(start, Edge::Needs)];
        let guards = self.plan_guards(&after, draft);
        let route = self.plan_route(&after, draft)?;
        let after = after.into_iter().chain(guards).chain(route).collect();
        hook::plan(self, conf, &after, draft);
        Ok(())
    }

    fn address(&self, part: &str) -> Address {
        address(self.container.vmid).part(part)
    }

    fn at(&self, path: &str) -> Location {
        at(self.container, path)
    }

    fn runs_on(&self) -> bool {
        self.power != Power::Restarts
    }

    fn action(&self, part: &str, reason: String, verb: Verb, operations: Vec<Operation>) -> Action {
        Action {
            address: self.address(part),
            verb,
            reason,
            disruption: if self.runs_on() { Disruption::Live } else { Disruption::None },
            guest: Some(self.container.vmid),
            origin: Some(self.public.origin.clone()),
            attributes: Vec::new(),
            notes: Vec::new(),
            operations,
        }
    }
}

/// Returns the checks that everything is in force, for the time after a start.
pub(super) fn shows_all(
    observed: &Observed<'_>,
    container: &Container,
    draft: &Draft,
) -> Vec<Operation> {
    let Some(public) = container.public.as_ref().filter(|public| public.enabled) else {
        return Vec::new();
    };
    let Ok(Reading { state, .. }) = Reading::of(observed, container) else { return Vec::new() };
    if !wants_hook(observed, container) {
        return Vec::new();
    }
    let route = (!state.lacks_ip).then(|| route::shows(container, public));
    let filter =
        draft.find(&address(container.vmid).part("nftables")).is_some() || state.is_loaded();
    let filter = filter.then(|| filter::shows(observed, container, draft));
    [arp::shows(container)].into_iter().chain(route.into_iter().flatten()).chain(filter).collect()
}

fn at(container: &Container, path: &str) -> Location {
    Location::guest(container.vmid, path.parse().expect("paths of phoenix are absolute"))
}

/// Returns the writing of a file, unless it is there as it should be.
fn write(at: Location, before: Option<&str>, after: &str, mode: u32) -> Option<Write> {
    let before = before.map(str::to_owned);
    (before.as_deref() != Some(after)).then(|| Write::new(at, before, after.to_owned(), mode))
}

fn check(probe: crate::probe::Probe, want: crate::operation::Want) -> Operation {
    Operation::Check(Check { probe, want, attempts: SETTLE.0, pause: SETTLE.1 })
}

//! `lxc/ID/base_setup` and `vm/ID/base_setup`: the operator's usual programs in a guest.

use super::feature::{BASE_SETUP, package, ready, to_ask};
use crate::desired::Desired;
use crate::observed::Observed;
use crate::plan::{Draft, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

fn packages(desired: &Desired) -> impl Iterator<Item = &str> {
    desired.trust.base_packages.iter().map(String::as_str)
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let guests = to_ask(BASE_SETUP, desired, facts);
    guests.flat_map(|place| package::probes(place, packages(desired), facts)).collect()
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    for guest in ready(BASE_SETUP, observed, draft) {
        let address = guest.address(BASE_SETUP);
        match package::missing(&guest, packages(observed.desired), draft) {
            Err(why) => draft.defer(address, format!("its packages are not all installed: {why}")),
            Ok(missing) if missing.is_empty() => {}
            Ok(missing) => {
                let operations = package::installs(&guest, &missing);
                let reason = match missing.len() {
                    1 => "1 package".to_owned(),
                    count => format!("{count} packages"),
                };
                let mut action = guest.action(address, Verb::Add, reason, operations);
                action.attributes = package::attributes(&missing);
                let after = guest.before(draft);
                draft.add(action, &after);
            }
        }
    }
    Ok(())
}

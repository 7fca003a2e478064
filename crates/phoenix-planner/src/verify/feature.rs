//! What a container must show that has a feature with a service: that the service is up.

use phoenix_formats::Vmid;

use crate::desired::Container;
use crate::kind::{STEP_CA, TRAEFIK, lxc};
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::Want;
use crate::probe::argv;
use crate::verify::{Check, Vantage, run};

/// The features that bring a service, with its unit.
const SERVICES: [(&str, &str); 2] = [(STEP_CA, "step-ca.service"), (TRAEFIK, "traefik.service")];

pub(super) fn checks(observed: &Observed<'_>, container: &Container) -> Vec<Check> {
    let trust = &observed.desired.trust;
    let has = |feature: &str| trust.with_feature(feature).any(|(vmid, _)| vmid == container.vmid);
    let services = SERVICES.into_iter().filter(|(feature, _)| has(feature));
    services.map(|(feature, unit)| service(container.vmid, feature, unit)).collect()
}

fn service(vmid: Vmid, feature: &str, unit: &str) -> Check {
    let ask = run(
        Place::Guest(vmid),
        argv(["systemctl", "is-active", unit]),
        Want::Says("active".to_owned()),
    );
    Check {
        address: lxc::address(vmid).part(feature).part("service"),
        title: format!("{unit} is active"),
        vantage: Vantage::Guest(vmid),
        ask,
        help: format!("Look at `pct exec {vmid} -- journalctl --unit {unit}`."),
    }
}

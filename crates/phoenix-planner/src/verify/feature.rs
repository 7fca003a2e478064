//! What a container must show that has a feature with a service: that the service is up.

use phoenix_formats::Vmid;

use crate::desired::Container;
use crate::kind::{NGINX, STEP_CA, TRAEFIK, lxc, nginx, nginx_site};
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::Want;
use crate::probe::argv;
use crate::verify::{Check, Vantage, run};

/// The features that bring a service, with its unit.
const SERVICES: [(&str, &str); 3] =
    [(NGINX, nginx::UNIT), (STEP_CA, "step-ca.service"), (TRAEFIK, "traefik.service")];

pub(super) fn checks(observed: &Observed<'_>, container: &Container) -> Vec<Check> {
    let trust = &observed.desired.trust;
    let has = |feature: &str| trust.with_feature(feature).any(|(vmid, _)| vmid == container.vmid);
    let services = SERVICES.into_iter().filter(|(feature, _)| has(feature));
    let services = services.map(|(feature, unit)| service(container.vmid, feature, unit));
    services.chain(sockets(observed, container.vmid)).collect()
}

/// Returns the check that nginx listens as the files ask that are declared for it.
fn sockets(observed: &Observed<'_>, vmid: Vmid) -> Option<Check> {
    let sockets = nginx::asked_sockets(observed, vmid);
    if sockets.is_empty() {
        return None;
    }
    Some(Check {
        address: lxc::address(vmid).part(NGINX).part("sockets"),
        title: format!("nginx listens on {}", sockets.join(", ")),
        vantage: Vantage::Guest(vmid),
        ask: run(Place::Guest(vmid), nginx_site::sockets_argv(), Want::Sockets(sockets)),
        help: "Run `phoenix apply`: it writes the declared files and restarts nginx.".to_owned(),
    })
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

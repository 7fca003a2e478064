//! What a container must show before the NAT to it goes.

use std::net::Ipv4Addr;

use phoenix_formats::nginx::{Loaded, Socket, listening_sockets};

use super::{address, before_proof, nginx_site};
use crate::desired::{Container, PublicInterface};
use crate::kind::{lxc, nginx};
use crate::observed::Observed;
use crate::plan::{Action, ActionId, Disruption, Draft, Verb};
use crate::{verify, want};

/// How long a route may take to be there: 10 seconds.
const SETTLE: (u32, u32) = (10, 1);

/// Who answers on a container's ports.
pub(super) struct Served {
    loaded: Loaded,
    live: Option<String>,
    internal: Ipv4Addr,
    /// A site could not be made to listen on all interfaces: then a port can be open everywhere and
    /// still not serve what it served.
    refused: bool,
    /// Its nginx is still to be installed, or to get its files.
    unfinished: bool,
    /// It is known that the container has no nginx: what else it serves shows when it runs.
    has_no_nginx: bool,
}

/// On which addresses a port is served.
enum On {
    Everywhere,
    InternalOnly,
    Nowhere,
    /// On those that the files tell of that are still to come.
    Later,
    /// Part of it may be served on the internal address only.
    Refused,
    /// Nothing that files tell of; the proof asks when the container runs.
    AtStart,
    /// Nobody can look: the container does not run, and its files cannot be read.
    Unknown,
}

impl Served {
    /// Reads which sockets nginx's files ask for, once the planned changes are made, and which the
    /// container has.
    pub(super) fn of(
        observed: &Observed<'_>,
        container: &Container,
        internal: Ipv4Addr,
        draft: &Draft,
    ) -> Self {
        let loaded = nginx_site::planned_reading(observed, container).loaded();
        let live = nginx_site::live_sockets(observed, container.vmid);
        let refused = nginx_site::is_refused(observed, container);
        let has_no_nginx = nginx_site::is_absent(observed, container.vmid);
        let unfinished = nginx::is_unfinished(observed.desired, container.vmid, draft);
        Self { loaded, live, internal, refused, unfinished, has_no_nginx }
    }

    /// Returns whether NAT to a port may go, and reports why not.
    pub(super) fn allows(&self, container: &Container, port: u16, draft: &mut Draft) -> bool {
        match self.on(port) {
            On::Everywhere | On::AtStart => true,
            On::InternalOnly => {
                let guest = lxc::address(container.vmid);
                let what = format!("{guest} serves port {port} on {} only", self.internal);
                draft.defer(address(port), what);
                false
            }
            On::Later => {
                let guest = lxc::address(container.vmid);
                draft.defer(address(port), format!("the nginx of {guest} is still to be set up"));
                false
            }
            On::Refused => {
                let guest = lxc::address(container.vmid);
                let what = format!("a site of {guest} cannot be made to listen on all interfaces");
                draft.defer(address(port), what);
                false
            }
            On::Unknown => {
                let guest = lxc::address(container.vmid);
                let what = format!("what {guest} serves cannot be seen before it runs");
                draft.defer(address(port), what);
                false
            }
            On::Nowhere => {
                draft.note(format!(
                    "nothing that phoenix can see in container {} listens on port {port}: the NAT to it serves nobody",
                    container.vmid
                ));
                true
            }
        }
    }

    fn on(&self, port: u16) -> On {
        if self.unfinished && nginx_site::PORTS.contains(&port) {
            return On::Later;
        }
        if self.refused && nginx_site::PORTS.contains(&port) {
            return On::Refused;
        }
        let asked =
            self.loaded.sockets().into_iter().filter(|socket| port_of(socket) == Some(port));
        let asked = asked.collect::<Vec<_>>();
        let live = self.live.as_deref().map(listening_sockets).unwrap_or_default();
        let live = live.into_iter().filter(|socket| port_of(socket) == Some(port));
        // What nginx's files ask for will be; only what nginx does not serve is as it is now.
        let sockets = if asked.is_empty() { live.collect() } else { asked };
        if sockets.iter().any(|socket| want::serves_others(socket, self.internal, port)) {
            On::Everywhere
        } else if sockets
            .iter()
            .any(|socket| matches!(socket, Socket::Tcp(ip, _) if *ip == self.internal))
        {
            On::InternalOnly
        } else if self.live.is_none() && self.has_no_nginx {
            On::AtStart
        } else if self.live.is_none() {
            On::Unknown
        } else {
            On::Nowhere
        }
    }
}

fn port_of(socket: &Socket) -> Option<u16> {
    match socket {
        Socket::Dual(port) | Socket::Tcp(_, port) => Some(*port),
        Socket::Unix(_) => None,
    }
}

/// Adds the proof; returns nothing when the container is stopped and shall stay so.
pub(super) fn plan(
    observed: &Observed<'_>,
    container: &Container,
    public: &PublicInterface,
    served: &Served,
    ports: Vec<u16>,
    draft: &mut Draft,
) -> Option<ActionId> {
    let up = lxc::ensure_running(observed, container, draft);
    if !observed.is_running(container.vmid) && up.is_none() {
        return None;
    }
    let mut operations = Vec::new();
    let (attempts, pause) = lxc::SETTLE;
    operations.extend(verify::interface(container, public).operation(attempts, pause));
    let (attempts, pause) = SETTLE;
    let gateway = verify::gateway(observed, container, public);
    operations.extend(gateway.and_then(|check| check.operation(attempts, pause)));
    // What the files ask for when the plan has changed them, not what they ask for by now.
    operations.extend(nginx_site::shows_sockets(container, &served.loaded));
    let not_only = verify::not_only_on(container, served.internal, ports);
    operations.extend(not_only.operation(attempts, pause));
    let action = Action {
        address: lxc::address(container.vmid).part("proof"),
        verb: Verb::Do,
        reason: "shows its interface, route and sockets before NAT goes".to_owned(),
        disruption: Disruption::None,
        guest: Some(container.vmid),
        origin: None,
        attributes: Vec::new(),
        notes: Vec::new(),
        operations,
    };
    let before = before_proof(container, draft);
    Some(draft.add(action, &before))
}

//! What an expert would say of a public interface, once.

use super::bypasses_node;
use super::lowering::{Lowering, pct_takes};
use crate::desired::{Container, PublicInterface, PublicKind};
use crate::kind::shim;
use crate::observed::Observed;

/// A declared interface on a node, and how it is lowered there.
pub(super) struct Subject<'a> {
    pub(super) observed: &'a Observed<'a>,
    pub(super) container: &'a Container,
    pub(super) wanted: &'a PublicInterface,
    pub(super) lowering: Lowering,
    /// Whether another interface of the container is in the same subnet.
    pub(super) shares_subnet: bool,
}

impl Subject<'_> {
    /// Returns the notes, one line each.
    pub(super) fn notes(&self) -> Vec<String> {
        let uplink = self.observed.uplinks(&self.wanted.bridge).join(", ");
        let mut notes = vec![format!("on {}, uplink {uplink}", self.wanted.bridge), self.form()];
        notes.extend(self.routing());
        notes.extend(self.firewall());
        notes
    }

    /// Says how this node takes the interface that the spec asks for in words of `pct set`.
    fn form(&self) -> String {
        let Self { observed, container, wanted, lowering, .. } = self;
        let asked = format!("pct set {} --net1 {}", container.vmid, wanted.spec_string());
        match lowering {
            Lowering::Pct => format!("as `{asked}`, which this node's pct takes{}", self.but()),
            Lowering::Raw if pct_takes(observed, wanted.kind.as_str()) => format!(
                "not as `{asked}`, but as lxc.net.1.* keys: `network.macvlan_attachment` is `lxc`"
            ),
            Lowering::Raw => {
                format!("`{asked}` is refused by this node's pct: written as lxc.net.1.* keys")
            }
            Lowering::Veth => {
                "as a veth port of the bridge, which Proxmox VE's firewall sees".to_owned()
            }
        }
    }

    /// Says what of the spec's string is not in the command.
    fn but(&self) -> String {
        let gateway = self.wanted.gateway.map(|_| "without `gw`, a second default route");
        let address = self.shares_subnet.then_some("with the address as a /32");
        let words = gateway.into_iter().chain(address).collect::<Vec<_>>().join(", and ");
        if words.is_empty() { words } else { format!(", {words}") }
    }

    fn routing(&self) -> Vec<String> {
        let (ip, subnet) = (self.wanted.ip.addr(), self.wanted.ip.trunc());
        let host_only = self
            .shares_subnet
            .then(|| format!("{ip}/32: another interface of the container is in {subnet}"));
        let gateway = self.wanted.gateway.map(|gateway| {
            format!("gw {gateway} is no default route of the container: answers from {ip} take it by a routing table of their own")
        });
        host_only.into_iter().chain(gateway).collect()
    }

    fn firewall(&self) -> Vec<String> {
        if !bypasses_node(self.wanted) {
            return Vec::new();
        }
        vec![
            format!(
                "Proxmox VE's firewall does not see this interface: lxc/{}/nftables keeps the same rules in the container",
                self.container.vmid
            ),
            self.reach_of_the_node(),
        ]
    }

    /// The node and the children of its own bridge hear each other by another child only.
    fn reach_of_the_node(&self) -> String {
        let (desired, ip) = (self.observed.desired, self.wanted.ip.addr());
        let bridge = &self.wanted.bridge;
        if shim::serves(desired, self.wanted) {
            return format!("the node, and guests routed through it, reach {ip} by shim/{bridge}");
        }
        let mode = match self.wanted.kind {
            PublicKind::Macvlan(mode) if desired.network.shim.is_some() => mode.as_str(),
            _ => "",
        };
        let why = if mode.is_empty() {
            String::new()
        } else {
            format!(", not even by a shim: its mode is `{mode}`")
        };
        format!(
            "the node, and guests routed through it, cannot reach {ip}{why}; `type: \"veth\"` has neither limit"
        )
    }
}

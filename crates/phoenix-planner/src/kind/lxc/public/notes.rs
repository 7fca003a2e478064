//! What an expert would say of a public interface, once.

use super::bypasses_node;
use super::lowering::{Lowering, pct_takes};
use crate::desired::{Container, PublicInterface};
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
        notes.extend(match self.lowering {
            Lowering::Pct => self.routing_as_declared(),
            Lowering::Raw | Lowering::Veth => self.routing(),
        });
        notes.extend(self.firewall());
        notes
    }

    /// Says how this node takes the interface that the spec asks for in words of `pct set`.
    fn form(&self) -> String {
        let Self { observed, container, wanted, lowering, .. } = self;
        let asked = format!("pct set {} --net1 {}", container.vmid, wanted.spec_string());
        match lowering {
            Lowering::Pct => format!("as `{asked}`, which this node's pct takes"),
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

    fn routing_as_declared(&self) -> Vec<String> {
        let gateway = self.wanted.gateway.map(|_| {
            "gw is a second default gateway: which of the two the container takes is the node's doing"
        });
        let subnet = self.shares_subnet.then_some(
            "another interface of the container is in the same subnet: internal traffic may leave by this one",
        );
        gateway.into_iter().chain(subnet).map(str::to_owned).collect()
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
        let ip = self.wanted.ip.addr();
        vec![
            format!(
                "Proxmox VE's firewall does not see this interface: lxc/{}/nftables keeps the same rules in the container",
                self.container.vmid
            ),
            format!(
                "the node, and guests routed through it, cannot reach {ip}; `type: \"veth\"` has neither limit"
            ),
        ]
    }
}

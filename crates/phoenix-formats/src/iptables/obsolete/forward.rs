//! Rules that lead traffic to the guest: DNAT, and REDIRECT in the guest's own namespace.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::command::mentions;
use super::super::ports::{PortRange, PortSet, Protocol};
use super::super::rule::Rule;
use super::super::spec::{Matched, Spec};
use super::super::target::{AddressRange, Target};
use super::every_port;
use super::reason::KeepReason;

/// What a rule is to the guest as a way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Forward {
    /// It does not lead to the guest.
    Foreign,
    /// It leads to the guest, and clients can go there directly.
    Obsolete { protocol: Protocol, ports: Vec<PortRange> },
    /// It leads to the guest and stays; the ports are those at the guest.
    Stays { reason: KeepReason, guest_ports: Vec<(Protocol, PortRange)> },
}

pub(super) struct Judge<'a> {
    pub(super) internal: Ipv4Addr,
    pub(super) local: &'a [Ipv4Addr],
    pub(super) accepted: &'a PortSet,
}

/// Where a rule leads, with the new ports.
struct Way {
    addresses: AddressRange,
    to: Option<PortRange>,
    shifted: bool,
}

impl Judge<'_> {
    pub(super) fn judge(&self, rule: &Rule) -> Forward {
        if rule.table != "nat" {
            return Forward::Foreign;
        }
        let spec = rule.spec();
        match self.way(&spec) {
            Some(way) if way.addresses.contains(self.internal) => self.judge_way(&spec, &way),
            Some(_) => Forward::Foreign,
            None if spec.unknown.iter().any(|word| mentions(word, self.internal)) => {
                stays(not_understood(&spec), every_port())
            }
            None => Forward::Foreign,
        }
    }

    fn way(&self, spec: &Spec) -> Option<Way> {
        let one = |address| AddressRange { first: address, last: address };
        match *spec.target.as_ref()? {
            Target::Dnat { addresses, ports, base } if addresses.is_some() || ports.is_some() => {
                let unchanged = || spec.destination.as_ref()?.single().map(one);
                Some(Way {
                    addresses: addresses.or_else(unchanged)?,
                    to: ports,
                    shifted: base.is_some(),
                })
            }
            Target::Redirect { ports } if self.local.contains(&self.internal) => {
                Some(Way { addresses: one(self.internal), to: ports, shifted: false })
            }
            _ => None,
        }
    }

    fn judge_way(&self, spec: &Spec, way: &Way) -> Forward {
        let serving = || guest_ports(spec, way);
        if let Some(reason) = self.general_objection(spec, way) {
            return stays(reason, serving());
        }
        let name = spec.protocol.as_ref().map_or("", |protocol| protocol.value.as_str());
        let Some(protocol) = Protocol::from_name(name) else {
            return stays(
                KeepReason::NotAccepted { protocol: name.to_owned(), ports: Vec::new() },
                Vec::new(),
            );
        };
        match self.port_objection(protocol, spec.dports.as_ref(), way) {
            Some(reason) => stays(reason, serving()),
            None => Forward::Obsolete { protocol, ports: served(spec.dports.as_ref()) },
        }
    }

    /// Says what is against removal whatever the ports are.
    fn general_objection(&self, spec: &Spec, way: &Way) -> Option<KeepReason> {
        if !spec.unknown.is_empty() {
            return Some(not_understood(spec));
        }
        let AddressRange { first, last } = way.addresses;
        if first != last {
            return Some(KeepReason::SeveralGuests { first, last });
        }
        if let Some(addresses) = spec.destination.as_ref().and_then(|matched| self.foreign(matched))
        {
            return Some(KeepReason::ForeignDestination { addresses });
        }
        let every_protocol = spec.protocol.as_ref().is_none_or(|protocol| protocol.negated);
        every_protocol.then_some(KeepReason::EveryProtocol)
    }

    /// Returns the destinations that are not this machine's own.
    ///
    /// `! -d A` keeps to what no `-d` at all would take, so it is no more foreign than that.
    fn foreign(&self, destination: &Matched<Vec<Ipv4Net>>) -> Option<Vec<Ipv4Net>> {
        let own = |net: &Ipv4Net| net.prefix_len() == 32 && self.local.contains(&net.addr());
        let foreign: Vec<_> = destination.value.iter().copied().filter(|net| !own(net)).collect();
        (!destination.negated && !foreign.is_empty()).then_some(foreign)
    }

    fn port_objection(
        &self,
        protocol: Protocol,
        dports: Option<&Matched<Vec<PortRange>>>,
        way: &Way,
    ) -> Option<KeepReason> {
        if let Some(Matched { negated: true, value }) = dports {
            return Some(KeepReason::EveryPortBut { ports: value.clone() });
        }
        let from = served(dports);
        if let Some(to) =
            way.to.filter(|&to| way.shifted || !from.iter().all(|&range| to.covers(range)))
        {
            return Some(self.translation(protocol, from, to));
        }
        let missing: Vec<_> =
            from.iter().flat_map(|&range| self.accepted.missing(protocol, range)).collect();
        let none_accepted = !from.iter().any(|&range| self.accepted.meets(protocol, range));
        match (missing.is_empty(), dports) {
            // Port 0 is never used, so a set from 1 on is all of them.
            (false, None) if missing == [PortRange::one(0)] => None,
            (true, _) => None,
            (false, None) => Some(KeepReason::EveryPort),
            (false, Some(_)) if none_accepted => {
                Some(KeepReason::NotAccepted { protocol: protocol.to_string(), ports: from })
            }
            (false, Some(_)) => Some(KeepReason::AlsoServes { ports: missing }),
        }
    }

    fn translation(&self, protocol: Protocol, from: Vec<PortRange>, to: PortRange) -> KeepReason {
        match self.accepted.meets(protocol, to) {
            true => KeepReason::Translates { from, to },
            false => KeepReason::NotAccepted { protocol: protocol.to_string(), ports: vec![to] },
        }
    }
}

/// Returns the ports that a rule serves; without a port match, all.
fn served(dports: Option<&Matched<Vec<PortRange>>>) -> Vec<PortRange> {
    dports.map_or_else(|| vec![PortRange::ALL], |matched| matched.value.clone())
}

/// Returns the ports at the guest that the rule leads to, at least.
fn guest_ports(spec: &Spec, way: &Way) -> Vec<(Protocol, PortRange)> {
    let positive = |matched: &&Matched<Vec<PortRange>>| !matched.negated;
    let ports = way.to.map_or_else(|| served(spec.dports.as_ref().filter(positive)), |to| vec![to]);
    let named = spec.protocol.as_ref().filter(|protocol| !protocol.negated);
    let protocols = match named.map(|protocol| Protocol::from_name(&protocol.value)) {
        Some(protocol) => protocol.into_iter().collect(),
        None => vec![Protocol::Tcp, Protocol::Udp],
    };
    protocols
        .into_iter()
        .flat_map(|protocol| ports.iter().map(move |&range| (protocol, range)))
        .collect()
}

fn not_understood(spec: &Spec) -> KeepReason {
    KeepReason::NotUnderstood { words: spec.unknown.clone() }
}

fn stays(reason: KeepReason, guest_ports: Vec<(Protocol, PortRange)>) -> Forward {
    Forward::Stays { reason, guest_ports }
}

//! What only one may have: numbers, addresses, Ethernet addresses, host names.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use phoenix_formats::{MacAddr, Vmid};

use crate::load::finding::{Finding, Findings};
use crate::source::Origin;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Claimed {
    Number(Vmid),
    Address(Ipv4Addr),
    Mac(MacAddr),
    /// In lower case: DNS does not tell letter case apart.
    HostName(String),
}

impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(vmid) => write!(f, "the number `{vmid}`"),
            Self::Address(address) => write!(f, "the address `{address}`"),
            Self::Mac(mac) => write!(f, "the Ethernet address `{mac}`"),
            Self::HostName(name) => write!(f, "the host name `{name}`"),
        }
    }
}

/// Collects who claims what.
#[derive(Debug, Default)]
pub(crate) struct Claims(BTreeMap<Claimed, Vec<(Origin, String)>>);

impl Claims {
    pub(crate) fn number(&mut self, vmid: Vmid, origin: &Origin, who: &str) {
        self.add(Claimed::Number(vmid), origin, who);
    }

    pub(crate) fn address(&mut self, address: Ipv4Addr, origin: &Origin, who: impl fmt::Display) {
        self.add(Claimed::Address(address), origin, who);
    }

    pub(crate) fn mac(&mut self, mac: MacAddr, origin: &Origin, who: impl fmt::Display) {
        self.add(Claimed::Mac(mac), origin, who);
    }

    pub(crate) fn host_name(&mut self, name: &str, origin: &Origin, who: impl fmt::Display) {
        self.add(Claimed::HostName(name.to_ascii_lowercase()), origin, who);
    }

    fn add(&mut self, claimed: Claimed, origin: &Origin, who: impl fmt::Display) {
        self.0.entry(claimed).or_default().push((origin.clone(), who.to_string()));
    }

    /// Notes every claim after the first.
    pub(crate) fn check(self, findings: &mut Findings) {
        for (claimed, owners) in self.0 {
            let mut owners = owners.into_iter();
            let Some((first, first_who)) = owners.next() else {
                continue;
            };
            for (origin, who) in owners {
                let finding = Finding::error(origin, format!("{claimed} is given twice"));
                findings.push(
                    finding
                        .label(format!("to {who}"))
                        .with(first.clone(), format!("and to {first_who}"))
                        .help(format!("Change one of the two; {}.", why(&claimed))),
                );
            }
        }
    }
}

fn why(claimed: &Claimed) -> &'static str {
    match claimed {
        Claimed::Number(_) => "containers and virtual machines share one range of numbers",
        Claimed::Address(_) => "an address belongs to one interface",
        Claimed::Mac(_) => "a bridge cannot tell the two apart",
        Claimed::HostName(_) => "DNS cannot tell the two apart",
    }
}

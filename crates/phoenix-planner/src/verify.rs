//! Whether what is declared is in force: the checks of `phoenix verify`, as data.
//!
//! A plan compares files and settings; a check looks at what follows from them: the link in the guest,
//! the socket, the answer of the DNS server, the connection. Each check knows from where it looks, what
//! it asks, what the answer must show ([`crate::want`] decides), and what to do when it does not.
//! `phoenix-applier` asks. What a container must show before NAT to it goes is the same catalogue.
//!
//! Deliberately not looked at: what only a plan tells, such as a container's memory or the time that a
//! certificate has left.

mod feature;
mod guest;
mod node;
mod outside;
mod public;
mod report;
mod vm;

use std::fmt;
use std::net::SocketAddr;

use phoenix_formats::Vmid;

pub(crate) use self::public::{gateway, interface, not_only_on};
pub use self::report::{Finding, Outcome, Summary, failures, json, summary, text};
use crate::address::Address;
use crate::desired::Desired;
use crate::location::Place;
use crate::observed::Observed;
use crate::operation::{self, Operation, Want};
use crate::preview::command_line;
use crate::probe::{Argv, Facts, Probe};
use crate::refusal::Refusal;

/// From where a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vantage {
    /// From the node.
    Node,
    /// From inside a container.
    Guest(Vmid),
    /// From inside a virtual machine.
    Vm(Vmid),
    /// From the machine on which phoenix itself runs.
    Here,
}

impl fmt::Display for Vantage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node => f.write_str("node"),
            Self::Guest(vmid) => write!(f, "lxc/{vmid}"),
            Self::Vm(vmid) => write!(f, "vm/{vmid}"),
            Self::Here => f.write_str("here"),
        }
    }
}

/// Which machine phoenix runs on, as seen from the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The node itself.
    Node,
    /// Another machine, which can reach what the node's clients can.
    Lan,
    /// Any machine, while the node is a captured folder.
    Captured,
}

/// A type of DNS record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Record {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
}

/// A question that the machine on which phoenix runs asks of the network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Is a TCP connection accepted here?
    Connect {
        /// Where.
        to: SocketAddr,
        /// The line with which a person asks the same.
        by_hand: String,
    },
    /// Which addresses does this server give to a name?
    Resolve {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: String,
        /// The type of record.
        record: Record,
    },
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { to, by_hand } => write!(f, "TCP to {to}, as by `{by_hand}`"),
            Self::Resolve { server, name, record } => {
                let record = if *record == Record::A { "A" } else { "AAAA" };
                write!(f, "DNS at {server}: {record} {name}")
            }
        }
    }
}

/// What a check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A probe of the node or a guest.
    Place {
        /// What is asked.
        probe: Probe,
        /// What the answer must show.
        want: Want,
    },
    /// A question to the network.
    Here {
        /// What is asked.
        question: Question,
        /// What the answer must show.
        want: Want,
    },
    /// Nothing more: it follows from what was read for the checks.
    Read {
        /// What was read.
        from: String,
        /// Nothing, or what is wrong: a lower-case fragment.
        found: Result<(), String>,
    },
    /// Nothing: it cannot be looked at, for this reason.
    Skip(String),
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The resource that it is about.
    pub address: Address,
    /// What is so when it is fine.
    pub title: String,
    /// From where it looks.
    pub vantage: Vantage,
    /// What it asks.
    pub ask: Ask,
    /// What to do when it fails: a sentence.
    pub help: String,
}

impl Check {
    /// Returns what the check looks at; nothing for one that is skipped.
    pub fn looked_at(&self) -> String {
        match &self.ask {
            Ask::Place { probe: Probe::Run { argv, .. }, .. } => {
                format!("`{}`", command_line(argv))
            }
            Ask::Place { probe: Probe::File(at) | Probe::List(at), .. } => at.path.to_string(),
            Ask::Here { question, .. } => question.to_string(),
            Ask::Read { from, .. } => from.clone(),
            Ask::Skip(_) => String::new(),
        }
    }

    /// Returns the check as a step of a plan; nothing for one that no node or guest answers.
    pub fn operation(self, attempts: u32, pause: u32) -> Option<Operation> {
        let Ask::Place { probe, want } = self.ask else { return None };
        Some(Operation::Check(operation::Check { probe, want, attempts, pause }))
    }

    /// Returns the check for a container that does not run.
    fn of_stopped(self) -> Self {
        match (&self.vantage, &self.ask) {
            (Vantage::Guest(_), Ask::Place { .. }) => self.skipped("the container does not run"),
            _ => self,
        }
    }

    fn skipped(self, why: &str) -> Self {
        Self { ask: Ask::Skip(why.to_owned()), ..self }
    }
}

/// Why nothing is asked of the network when the node is a captured folder.
const CAPTURED: &str = "captured node";

/// Returns every check of what is declared: first the node, then container by container.
///
/// # Errors
///
/// Says which files of the node cannot be used, as planning does.
pub fn checks(
    desired: &Desired,
    facts: &Facts,
    standing: Standing,
) -> Result<Vec<Check>, Vec<Refusal>> {
    let observed = Observed::new(desired, facts)?;
    let mut checks = node::checks(&observed);
    checks.extend(outside::records(desired, standing));
    for container in desired.containers.values() {
        let inside = guest::checks(&observed, container).into_iter();
        let inside = inside.chain(public::checks(&observed, container)?);
        let inside = inside.chain(feature::checks(&observed, container));
        let runs = observed.is_running(container.vmid);
        checks.extend(inside.map(|check| if runs { check } else { check.of_stopped() }));
        if observed.config(container.vmid).is_some() {
            let ports = public::ports(&observed, container);
            checks.extend(outside::ports(desired, container, &ports, standing));
        }
    }
    checks.extend(desired.vms.values().flat_map(|machine| vm::checks(&observed, machine)));
    checks.extend(outside::public_domain(desired, standing));
    Ok(checks)
}

/// Returns the checks that need no node: the ports of every public address, and the public domain.
pub fn from_here(desired: &Desired, standing: Standing) -> Vec<Check> {
    let containers = desired.containers.values();
    let ports = containers
        .flat_map(|container| outside::ports(desired, container, &outside::PORTS, standing));
    ports.chain(outside::public_domain(desired, standing)).collect()
}

/// Returns whether a check is about what an action at an address has changed.
///
/// An action for a guest is about all of that guest; one for the node about all of its kind.
pub fn concerns(check: &Check, action: &Address, guest: Option<Vmid>) -> bool {
    let kind = |address: &Address| {
        let kind = address.as_str().split('/').next().unwrap_or_default().to_owned();
        // A package is there for its service, which is there for its files.
        if matches!(kind.as_str(), "package" | "service") {
            address.as_str().rsplit('/').next().unwrap_or_default().to_owned()
        } else {
            kind
        }
    };
    match guest {
        Some(vmid) => {
            ["lxc", "vm"].iter().any(|kind| check.address.is_within(&Address::new(kind, vmid)))
        }
        None => {
            kind(&check.address) == kind(action)
                || kind(action) == "pve-firewall" && kind(&check.address) == "firewall"
        }
    }
}

fn run(place: Place, argv: Argv, want: Want) -> Ask {
    Ask::Place { probe: Probe::Run { place, argv }, want }
}

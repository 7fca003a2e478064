//! Why a rule goes or stays, in words for the operator.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::ports::{PortRange, Protocol, list};

/// Says why a rule goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoveReason {
    /// The guest answers these ports on its public interface.
    Reached {
        /// The protocol.
        protocol: Protocol,
        /// The ports.
        ports: Vec<PortRange>,
    },
    /// It lets a removed DNAT's traffic or its answers pass.
    Passage,
    /// It hides the clients of a removed DNAT from the guest, so that answers come back by the node.
    Hairpin,
    /// It deletes a rule that is removed.
    TwinOf {
        /// The line of that rule.
        line: usize,
    },
}

impl fmt::Display for RemoveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reached { protocol, ports } if *ports == [PortRange::ALL] => {
                write!(f, "the guest answers every {protocol} port on its own address")
            }
            Self::Reached { protocol, ports } => {
                write!(f, "the guest answers {protocol} {} on its own address", list(ports))
            }
            Self::Passage => f.write_str("it lets only traffic of removed NAT pass"),
            Self::Hairpin => f.write_str("it brings back only answers of removed NAT"),
            Self::TwinOf { line: 0 } => f.write_str("it deletes a rule that is removed"),
            Self::TwinOf { line } => {
                write!(f, "it deletes the rule of line {line}, which is removed")
            }
        }
    }
}

/// Says why a rule about the guest stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepReason {
    /// It also serves ports that the public rules do not accept, or that belong to nothing removed.
    AlsoServes {
        /// Those ports.
        ports: Vec<PortRange>,
    },
    /// It serves every port of its protocol.
    EveryPort,
    /// It serves every port but some (`! --dport`).
    EveryPortBut {
        /// The ports that it does not serve.
        ports: Vec<PortRange>,
    },
    /// It serves every protocol, or all but one.
    EveryProtocol,
    /// The public rules accept none of what it forwards.
    NotAccepted {
        /// The protocol's name.
        protocol: String,
        /// The guest's ports; empty when the protocol has none here.
        ports: Vec<PortRange>,
    },
    /// Clients use other ports than those of the guest.
    Translates {
        /// The ports that clients use.
        from: Vec<PortRange>,
        /// The guest's ports.
        to: PortRange,
    },
    /// It spreads traffic over several addresses.
    SeveralGuests {
        /// The lowest address.
        first: Ipv4Addr,
        /// The highest address.
        last: Ipv4Addr,
    },
    /// It also serves other addresses than the guest's.
    OtherGuests {
        /// All addresses that it serves.
        addresses: Vec<Ipv4Net>,
    },
    /// It takes traffic for addresses that are not the machine's own.
    ForeignDestination {
        /// Those addresses; empty when everything but some address is meant.
        addresses: Vec<Ipv4Net>,
    },
    /// A DNAT that stays needs it too.
    StillUsed,
    /// It stands in a chain that somebody made, which others may use.
    OwnChain {
        /// The chain.
        chain: String,
    },
    /// It deletes a rule that nothing here makes.
    NoTwin,
    /// It holds words whose meaning is not known.
    NotUnderstood {
        /// The words.
        words: Vec<String>,
    },
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlsoServes { ports } => write!(f, "it also serves {}", list(ports)),
            Self::EveryPort => f.write_str("it serves every port"),
            Self::EveryPortBut { ports } => write!(f, "it serves every port but {}", list(ports)),
            Self::EveryProtocol => f.write_str("it serves every protocol"),
            Self::NotAccepted { protocol, ports } if ports.is_empty() => {
                write!(f, "it serves {protocol}, which the public rules do not accept")
            }
            Self::NotAccepted { protocol, ports } => {
                write!(
                    f,
                    "it serves {protocol} {}, which the public rules do not accept",
                    list(ports)
                )
            }
            Self::Translates { from, to } => {
                write!(f, "its clients use {}, and the guest answers on {to}", list(from))
            }
            Self::SeveralGuests { first, last } => {
                write!(f, "it spreads traffic over {first} to {last}")
            }
            Self::OtherGuests { addresses } => {
                write!(f, "it also serves others: {}", nets(addresses))
            }
            Self::ForeignDestination { addresses } if addresses.is_empty() => {
                f.write_str("it takes traffic for addresses that are not this machine's")
            }
            Self::ForeignDestination { addresses } => {
                write!(
                    f,
                    "it takes traffic for {}, which is not an address of this machine",
                    nets(addresses)
                )
            }
            Self::StillUsed => f.write_str("a NAT rule that stays needs it"),
            Self::OwnChain { chain } => write!(f, "others may use its chain `{chain}`"),
            Self::NoTwin => f.write_str("it deletes a rule that no plain command here makes"),
            Self::NotUnderstood { words } => {
                write!(f, "it holds what is not understood: `{}`", words.join(" "))
            }
        }
    }
}

fn nets(addresses: &[Ipv4Net]) -> String {
    let plain = |net: &Ipv4Net| {
        if net.prefix_len() == 32 { net.addr().to_string() } else { net.to_string() }
    };
    addresses.iter().map(plain).collect::<Vec<_>>().join(", ")
}

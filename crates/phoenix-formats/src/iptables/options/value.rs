//! What an option is given, in a form that does not depend on how it is spelled.

use std::borrow::Cow;

use ipnet::Ipv4Net;

use super::super::ports::PortRange;
use super::super::target::{Destination, dashed, target_ports};
use super::super::values;
use super::name::Name;

/// The value of an option: equal when iptables takes the two for the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Value<'a> {
    Nothing,
    /// A word that has one spelling, or one that is not understood.
    Text(Cow<'a, str>),
    /// The mask of TCP flags, and those that are set.
    Flags(&'a str, &'a str),
    Nets(Vec<Ipv4Net>),
    Ports(Vec<PortRange>),
    States(Vec<&'static str>),
    Destination(Destination),
    TargetPorts(PortRange),
}

impl<'a> Value<'a> {
    /// Reads the words behind an option, or returns the word that is not understood.
    pub(super) fn read(name: Name, words: &'a [String]) -> Result<Self, &'a str> {
        match words {
            _ if name == Name::Syn => Ok(Self::Flags("FIN,SYN,RST,ACK", "SYN")),
            [] => Ok(Self::Nothing),
            [mask, set, ..] => Ok(Self::Flags(mask, set)),
            [word] => Self::of(name, word).ok_or(word),
        }
    }

    fn of(name: Name, word: &'a str) -> Option<Self> {
        Some(match name {
            Name::Protocol => Self::Text(values::protocol(word)),
            Name::Source | Name::Destination => Self::Nets(values::nets(word)?),
            Name::Dport | Name::Sport | Name::Dports | Name::Sports => {
                Self::Ports(values::ports(word)?)
            }
            Name::Ctstate | Name::State => Self::States(values::states(word)?),
            Name::ToDestination => Self::Destination(Destination::parse(word)?),
            Name::ToPorts => Self::TargetPorts(target_ports(word)?),
            _ => Self::Text(Cow::Borrowed(word)),
        })
    }

    /// Returns the word of a value that has one spelling.
    pub(in super::super) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// Returns the words as `iptables-save` prints them.
    pub(in super::super) fn into_words(self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Text(text) => vec![text.into_owned()],
            Self::Flags(mask, set) => vec![mask.to_owned(), set.to_owned()],
            Self::Nets(nets) => vec![values::join(&nets)],
            Self::Ports(ports) => vec![values::join(&ports)],
            Self::States(states) => vec![states.join(",")],
            Self::Destination(destination) => vec![destination.to_string()],
            Self::TargetPorts(ports) => vec![dashed(ports)],
        }
    }
}

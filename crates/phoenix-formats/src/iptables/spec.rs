//! What a rule matches and does, as far as it is understood.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;

use super::options::{Item, Options};
use super::ports::PortRange;
use super::target::{Destination, Target, target_ports};
use super::values;

/// A match and whether `!` turns it round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matched<T> {
    /// Says that the rule takes everything but this.
    pub negated: bool,
    /// What is matched.
    pub value: T,
}

impl Matched<Vec<Ipv4Net>> {
    /// Returns the one address that is matched, when it is just one and not negated.
    pub fn single(&self) -> Option<Ipv4Addr> {
        match &self.value[..] {
            [net] if !self.negated && net.prefix_len() == 32 => Some(net.addr()),
            _ => None,
        }
    }
}

/// What a rule matches and does; absent matches take everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Spec {
    /// `-p`: the protocol's lower-case name.
    pub protocol: Option<Matched<String>>,
    /// `-s`: addresses with their prefixes, host bits cut off.
    pub source: Option<Matched<Vec<Ipv4Net>>>,
    /// `-d`: addresses with their prefixes, host bits cut off.
    pub destination: Option<Matched<Vec<Ipv4Net>>>,
    /// `-i`: a name; a final `+` stands for any ending.
    pub in_interface: Option<Matched<String>>,
    /// `-o`: a name; a final `+` stands for any ending.
    pub out_interface: Option<Matched<String>>,
    /// `--dport`, or `--dports` of `-m multiport`.
    pub dports: Option<Matched<Vec<PortRange>>>,
    /// `--sport`, or `--sports` of `-m multiport`.
    pub sports: Option<Matched<Vec<PortRange>>>,
    /// `--ctstate` of `-m conntrack`, or `--state` of `-m state`.
    pub ctstate: Option<Matched<Vec<String>>>,
    /// `--dst-type` of `-m addrtype`, such as `LOCAL`.
    pub dst_type: Option<Matched<String>>,
    /// `--src-type` of `-m addrtype`.
    pub src_type: Option<Matched<String>>,
    /// `--tcp-flags`: the mask and those that are set, or what `--syn` stands for.
    pub tcp_flags: Option<Matched<String>>,
    /// `--comment`.
    pub comment: Option<String>,
    /// `-j` or `-g`; a rule without only counts.
    pub target: Option<Target>,
    /// The words that are not understood; when there are any, nothing may be concluded from the rest.
    pub unknown: Vec<String>,
}

impl Spec {
    /// Reads the words of a rule, without the chain and what stands before it.
    pub fn parse(words: &[String]) -> Self {
        Self::of(&Options::parse(words))
    }

    pub(super) fn of(options: &Options) -> Self {
        let mut spec = Self { unknown: options.unknown().to_vec(), ..Self::default() };
        for item in options.items() {
            if !spec.set(item) {
                spec.unknown.extend(item.values.iter().cloned());
            }
        }
        spec
    }

    /// Sets the field of one option; says `false` when it is set already or its value is not understood.
    fn set(&mut self, item: &Item) -> bool {
        let value = item.values.first().map_or("", String::as_str);
        let text = || Some(value.to_owned());
        match item.name {
            "protocol" => fill(&mut self.protocol, item, text()),
            "source" => fill(&mut self.source, item, values::nets(value)),
            "destination" => fill(&mut self.destination, item, values::nets(value)),
            "in-interface" => fill(&mut self.in_interface, item, text()),
            "out-interface" => fill(&mut self.out_interface, item, text()),
            "dport" | "dports" => fill(&mut self.dports, item, values::ports(value)),
            "sport" | "sports" => fill(&mut self.sports, item, values::ports(value)),
            "ctstate" | "state" => fill(&mut self.ctstate, item, values::states(value)),
            "dst-type" => fill(&mut self.dst_type, item, text()),
            "src-type" => fill(&mut self.src_type, item, text()),
            "tcp-flags" => fill(&mut self.tcp_flags, item, Some(item.values.join(" "))),
            "comment" => put(&mut self.comment, item, text()),
            "jump" => put(&mut self.target, item, text().map(jump)),
            "goto" => put(&mut self.target, item, text().map(Target::Goto)),
            _ => !item.negated && self.refine(item.name, value),
        }
    }

    /// Adds an option of the target to it.
    fn refine(&mut self, option: &str, value: &str) -> bool {
        match (option, &mut self.target) {
            ("to-destination", Some(Target::Dnat { addresses, ports, base })) => {
                let Some(to) = Destination::parse(value) else { return false };
                let first = addresses.is_none() && ports.is_none();
                (*addresses, *ports, *base) = (to.addresses, to.ports, to.base);
                first
            }
            ("to-ports", Some(Target::Redirect { ports })) => {
                *ports = target_ports(value);
                ports.is_some()
            }
            ("to-source", Some(Target::Snat { source })) => {
                *source = value.to_owned();
                true
            }
            // How the new source port is chosen, and what a refused client is told, changes nothing here.
            ("to-ports" | "random" | "random-fully" | "persistent" | "reject-with", Some(_)) => {
                true
            }
            _ => false,
        }
    }
}

fn jump(name: String) -> Target {
    match name.as_str() {
        "ACCEPT" => Target::Accept,
        "DNAT" => Target::Dnat { addresses: None, ports: None, base: None },
        "REDIRECT" => Target::Redirect { ports: None },
        "SNAT" => Target::Snat { source: String::new() },
        "MASQUERADE" => Target::Masquerade,
        _ => Target::Other(name),
    }
}

fn fill<T>(field: &mut Option<Matched<T>>, item: &Item, value: Option<T>) -> bool {
    let fresh = field.is_none() && value.is_some();
    if fresh {
        *field = value.map(|value| Matched { negated: item.negated, value });
    }
    fresh
}

fn put<T>(field: &mut Option<T>, item: &Item, value: Option<T>) -> bool {
    let fresh = field.is_none() && value.is_some() && !item.negated;
    if fresh {
        *field = value;
    }
    fresh
}

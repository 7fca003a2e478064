//! What a rule matches and does, as far as it is understood.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;

use super::options::{Item, Name, Options, Value};
use super::ports::PortRange;
use super::target::Target;

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
        let (items, unknown) = Options::parse(words).into_items();
        let mut spec = Self { unknown, ..Self::default() };
        for item in items {
            if let Err(value) = spec.set(item) {
                spec.unknown.extend(value.into_words());
            }
        }
        spec
    }

    /// Sets the field of one option; returns a value that is not understood, or whose field is set already.
    fn set<'a>(&mut self, item: Item<'a>) -> Result<(), Value<'a>> {
        match item.name {
            Name::Protocol => fill(&mut self.protocol, item, text),
            Name::Source => fill(&mut self.source, item, nets),
            Name::Destination => fill(&mut self.destination, item, nets),
            Name::InInterface => fill(&mut self.in_interface, item, text),
            Name::OutInterface => fill(&mut self.out_interface, item, text),
            Name::Dport | Name::Dports => fill(&mut self.dports, item, ports),
            Name::Sport | Name::Sports => fill(&mut self.sports, item, ports),
            Name::Ctstate | Name::State => fill(&mut self.ctstate, item, states),
            Name::DstType => fill(&mut self.dst_type, item, text),
            Name::SrcType => fill(&mut self.src_type, item, text),
            Name::TcpFlags => fill(&mut self.tcp_flags, item, flags),
            Name::Comment => put(&mut self.comment, item, text),
            Name::Jump => put(&mut self.target, item, |value| text(value).map(jump)),
            Name::Goto => put(&mut self.target, item, |value| text(value).map(Target::Goto)),
            name if !item.negated && self.refine(name, &item.value) => Ok(()),
            _ => Err(item.value),
        }
    }

    /// Adds an option of the target to it.
    fn refine(&mut self, option: Name, value: &Value<'_>) -> bool {
        match (option, &mut self.target) {
            (Name::ToDestination, Some(Target::Dnat { addresses, ports, base })) => {
                let Value::Destination(to) = value else { return false };
                let first = addresses.is_none() && ports.is_none();
                (*addresses, *ports, *base) = (to.addresses, to.ports, to.base);
                first
            }
            (Name::ToPorts, Some(Target::Redirect { ports })) => {
                *ports = if let Value::TargetPorts(to) = value { Some(*to) } else { None };
                ports.is_some()
            }
            (Name::ToSource, Some(Target::Snat { source })) => {
                value.text().clone_into(source);
                true
            }
            // How the new source port is chosen, and what a refused client is told, changes nothing here.
            (
                Name::ToPorts
                | Name::Random
                | Name::RandomFully
                | Name::Persistent
                | Name::RejectWith,
                Some(_),
            ) => true,
            _ => false,
        }
    }
}

type Read<'a, T> = Result<T, Value<'a>>;

fn text(value: Value<'_>) -> Read<'_, String> {
    if let Value::Text(text) = value { Ok(text.into_owned()) } else { Err(value) }
}

fn nets(value: Value<'_>) -> Read<'_, Vec<Ipv4Net>> {
    if let Value::Nets(nets) = value { Ok(nets) } else { Err(value) }
}

fn ports(value: Value<'_>) -> Read<'_, Vec<PortRange>> {
    if let Value::Ports(ports) = value { Ok(ports) } else { Err(value) }
}

fn states(value: Value<'_>) -> Read<'_, Vec<String>> {
    let Value::States(states) = value else { return Err(value) };
    Ok(states.into_iter().map(str::to_owned).collect())
}

fn flags(value: Value<'_>) -> Read<'_, String> {
    if let Value::Flags(mask, set) = value { Ok(format!("{mask} {set}")) } else { Err(value) }
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

fn fill<'a, T>(
    field: &mut Option<Matched<T>>,
    item: Item<'a>,
    read: fn(Value<'a>) -> Read<'a, T>,
) -> Result<(), Value<'a>> {
    if field.is_some() {
        return Err(item.value);
    }
    *field = Some(Matched { negated: item.negated, value: read(item.value)? });
    Ok(())
}

fn put<'a, T>(
    field: &mut Option<T>,
    item: Item<'a>,
    read: fn(Value<'a>) -> Read<'a, T>,
) -> Result<(), Value<'a>> {
    if field.is_some() || item.negated {
        return Err(item.value);
    }
    *field = Some(read(item.value)?);
    Ok(())
}

//! What would become of a rule, asked before it is written.

use std::fmt;

use super::address::parse_list;
use super::rule::{Action, Rule, RuleError, RuleKind};
use super::scope::{Reference, Scope};
use super::services::service;
use super::tables::{LOG_LEVELS, has_ports, is_icmp_type, is_icmpv6_type};
use super::text::{is_space, set};
use super::verify::{Port, verify};

/// Names a part of a rule as PVE does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// The type, such as `IN`.
    Type,
    /// The action, or the name of the group.
    Action,
    /// The name of the macro.
    Macro,
    /// `-i`.
    Iface,
    /// `-source`.
    Source,
    /// `-dest`.
    Dest,
    /// `-p`.
    Proto,
    /// `-dport`.
    Dport,
    /// `-sport`.
    Sport,
    /// `-icmp-type`.
    IcmpType,
    /// `-log`.
    Log,
    /// What stands after the `#`.
    Comment,
}

impl Property {
    /// Returns the name, such as `icmp-type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Action => "action",
            Self::Macro => "macro",
            Self::Iface => "iface",
            Self::Source => "source",
            Self::Dest => "dest",
            Self::Proto => "proto",
            Self::Dport => "dport",
            Self::Sport => "sport",
            Self::IcmpType => "icmp-type",
            Self::Log => "log",
            Self::Comment => "comment",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says what comes of a fault in a rule; the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// PVE keeps the rule in the file and never applies it.
    Inert,
    /// PVE does not read the line, and drops it when it saves the file.
    Dropped,
    /// PVE overlooks the property, so the rule matches more than it says.
    Widened,
    /// PVE can no longer save the file.
    BlocksSave,
    /// PVE passes the rule on, and the kernel's tool reads it otherwise or refuses it, and all other rules with it.
    Hazard,
}

/// Says what is wrong with one property of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{property}: {message}")]
pub struct RuleProblem {
    /// The property at fault.
    pub property: Property,
    /// What comes of it.
    pub effect: Effect,
    /// What is wrong: a lower-case fragment.
    pub message: String,
}

impl Rule {
    /// Says everything that would go wrong with the rule at that place; an empty list means that PVE applies it.
    ///
    /// Looks at the rule as [`Display`](fmt::Display) writes it. A rule of type `FORWARD` passes, although only the
    /// nftables backend applies it.
    pub fn check(&self, scope: &Scope) -> Vec<RuleProblem> {
        let mut problems = Problems::default();
        self.check_spelling(&mut problems);
        if !problems.0.is_empty() {
            return problems.0;
        }
        match verify(self, scope) {
            Err(error) => {
                problems.add(self.property_of(&error), Effect::Dropped, error.to_string());
            }
            Ok(verified) if verified.errors.is_empty() => self.check_compiled(scope, &mut problems),
            Ok(verified) => {
                verified
                    .errors
                    .into_iter()
                    .for_each(|(property, text)| problems.add(property, Effect::Inert, text));
            }
        }
        self.check_overlooked(&mut problems);
        problems.0
    }

    fn words(&self) -> [(Property, Option<&str>); 8] {
        [
            (Property::Iface, self.iface.as_deref()),
            (Property::Source, self.source.as_deref()),
            (Property::Dest, self.dest.as_deref()),
            (Property::Proto, self.proto.as_deref()),
            (Property::Dport, self.dport.as_deref()),
            (Property::Sport, self.sport.as_deref()),
            (Property::Log, self.log.as_deref()),
            (Property::IcmpType, self.icmp_type.as_deref()),
        ]
    }

    fn check_spelling(&self, problems: &mut Problems) {
        let needs_word = "must be one word without blanks and `#`";
        self.check_head(problems);
        for (property, value) in self.words() {
            match value {
                Some(value) if !is_word(value) => {
                    problems.add(property, Effect::Dropped, needs_word);
                }
                Some(_) if self.kind == RuleKind::Group && property != Property::Iface => {
                    problems.add(
                        property,
                        Effect::Dropped,
                        "beside a group only an interface may stand",
                    );
                }
                Some(level) if property == Property::Log && !LOG_LEVELS.contains(&level) => {
                    problems.add(property, Effect::Dropped, format!("unknown log level `{level}`"));
                }
                _ => {}
            }
        }
        if self.comment.as_deref().is_some_and(|text| text.contains('\n')) {
            problems.add(Property::Comment, Effect::Dropped, "must be one line");
        }
    }

    fn check_head(&self, problems: &mut Problems) {
        if let RuleKind::Other(word) = &self.kind {
            problems.add(
                Property::Type,
                Effect::BlocksSave,
                format!("`{word}` is none of `in`, `out`, `forward`, `group`"),
            );
        }
        let action = self.action.to_string();
        if !is_word(&action)
            || (self.kind == RuleKind::Group) != matches!(self.action, Action::Group(_))
        {
            problems.add(
                Property::Action,
                Effect::Dropped,
                format!("`{action}` does not fit: a group needs a name, other rules a verdict"),
            );
        }
    }

    fn property_of(&self, error: &RuleError) -> Property {
        match error {
            RuleError::MixedVersions { alias } if self.dest.as_ref() == Some(alias) => {
                Property::Dest
            }
            RuleError::MixedVersions { .. } => Property::Source,
            RuleError::NoAction | RuleError::Options { .. } => Property::Action,
        }
    }

    fn check_overlooked(&self, problems: &mut Problems) {
        let zeros = self.words().into_iter().filter(|(property, value)| {
            *value == Some("0") && !matches!(property, Property::Log | Property::IcmpType)
        });
        for (property, _) in zeros {
            problems.add(property, Effect::Widened, "PVE takes `0` for a property that is not set");
        }
    }

    fn check_compiled(&self, scope: &Scope, problems: &mut Problems) {
        if let Action::Group(name) = &self.action
            && !scope.has_group(name)
        {
            problems.add(
                Property::Action,
                Effect::Inert,
                format!("there is no security group `{name}`"),
            );
        }
        for (property, value) in [
            (Property::Source, set(self.source.as_deref())),
            (Property::Dest, set(self.dest.as_deref())),
        ] {
            if let Some(value) = value {
                check_address(property, value, scope, problems);
            }
        }
        self.check_ports(problems);
    }

    fn check_ports(&self, problems: &mut Problems) {
        let proto = set(self.proto.as_deref()).unwrap_or_default();
        for (property, value) in [
            (Property::Dport, set(self.dport.as_deref())),
            (Property::Sport, set(self.sport.as_deref())),
        ] {
            let Some(ports) = value else { continue };
            if !has_ports(proto) {
                check_old_icmp_type(proto, ports, problems);
                continue;
            }
            for item in ports.split(',') {
                match Port::read(item, property) {
                    Ok(Port::IcmpType) => problems.add(
                        property,
                        Effect::Hazard,
                        format!("`{item}` is an ICMP type, not a port"),
                    ),
                    Ok(Port::Service) if !has_service(item, proto) => {
                        let why = format!("`/etc/services` has no `{item}` for `{proto}`");
                        problems.add(
                            property,
                            Effect::Hazard,
                            why + ", and iptables then refuses every rule",
                        );
                    }
                    _ => {}
                }
            }
        }
    }
}

#[derive(Default)]
struct Problems(Vec<RuleProblem>);

impl Problems {
    fn add(&mut self, property: Property, effect: Effect, message: impl Into<String>) {
        self.0.push(RuleProblem { property, effect, message: message.into() });
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c| is_space(c) || c == '#')
}

fn check_address(property: Property, value: &str, scope: &Scope, problems: &mut Problems) {
    let elsewhere = || format!("the file that `{value}` asks for does not define it");
    if let Some(reference) = Reference::ipset(value) {
        if !scope.finds_ipset(&reference) {
            problems.add(property, Effect::Inert, elsewhere());
        }
    } else if let Some(reference) = Reference::alias(value) {
        if scope.alias(&reference).is_none() {
            problems.add(property, Effect::Inert, elsewhere());
        }
    } else if parse_list(value).is_ok_and(|elements| elements.iter().any(|element| !element.plain))
    {
        problems.add(
            property,
            Effect::Hazard,
            format!("`{value}` is not spelled as iptables spells addresses"),
        );
    }
}

// PVE still takes an ICMP type in `dport`, but compares it with the types of the protocol only when it uses the rule.
fn check_old_icmp_type(proto: &str, value: &str, problems: &mut Problems) {
    let named = if proto == "icmp" { is_icmp_type(value) } else { is_icmpv6_type(value) };
    if !named && value.parse::<u8>().is_err() {
        problems.add(Property::Dport, Effect::Inert, format!("`{value}` is no type of `{proto}`"));
    }
}

fn has_service(name: &str, proto: &str) -> bool {
    let letter = match proto {
        "tcp" | "6" => 't',
        "udp" | "17" => 'u',
        "sctp" | "132" => 's',
        _ => return false,
    };
    service(name).is_some_and(|(_, protocols)| protocols.contains(letter))
}

//! What PVE finds wrong with a rule that it can read: it keeps such a rule in the file and never applies it.

use std::collections::BTreeMap;

use super::address::{IpVersion, list_version};
use super::check::Property;
use super::rule::{Action, Rule, RuleError, RuleKind, Verdict};
use super::scope::{Level, Place, Reference, Scope, lower};
use super::services::service;
use super::tables::{
    has_ports, is_icmp_type, is_icmpv6_type, is_protocol, macro_name, macro_rules,
};
use super::text::{has_trailing_comma, is_name, set, truthy};

/// The longest port list: how many numbers the kernel's `multiport` holds, a range counting as two.
const MOST_PORTS: usize = 15;

/// The longest name of an alias; a set's name with its `+` may have one more.
const LONGEST_NAME: usize = 64;

/// What PVE makes of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verified {
    /// Faults by property; a rule that has any is never applied.
    pub(super) errors: BTreeMap<Property, String>,
    /// The one IP version that the rule is for.
    pub(super) version: Option<IpVersion>,
}

impl Verified {
    fn fault(&mut self, property: Property, message: impl Into<String>) {
        self.errors.entry(property).or_insert_with(|| message.into());
    }

    fn is_version(&mut self, version: IpVersion) -> bool {
        *self.version.get_or_insert(version) == version
    }
}

/// Checks a rule as PVE does on reading it, or returns why PVE drops the line after all.
pub(super) fn verify(rule: &Rule, scope: &Scope) -> Result<Verified, RuleError> {
    let mut verified = Verified::default();
    verify_kind(rule, scope, &mut verified);
    verify_iface(rule, scope, &mut verified);
    let called = set(rule.action.macro_name());
    let known = called.and_then(macro_name);
    if let (Some(name), None) = (called, known) {
        verified.fault(Property::Macro, format!("unknown macro `{name}`"));
    }
    verify_proto(rule, &mut verified);
    verify_dport(rule, &mut verified);
    verify_icmp_type(rule, &mut verified);
    verify_sport(rule, &mut verified);
    verify_address(Property::Source, set(rule.source.as_deref()), scope, &mut verified)?;
    verify_address(Property::Dest, set(rule.dest.as_deref()), scope, &mut verified)?;
    if let Some(name) = known.filter(|_| verified.errors.is_empty()) {
        verify_macro(rule, name, &mut verified);
    }
    Ok(verified)
}

fn verify_kind(rule: &Rule, scope: &Scope, verified: &mut Verified) {
    let fits = match (&rule.kind, scope.place) {
        (RuleKind::In | RuleKind::Out, _) => true,
        (RuleKind::Forward, place) => place != Place::Rules(Level::Guest),
        (RuleKind::Group, place) => place != Place::Group,
        (RuleKind::Other(_), _) => false,
    };
    if !fits {
        verified.fault(
            Property::Type,
            format!("rules of type `{}` are not possible here", rule.kind.as_str()),
        );
    }
    match (&rule.kind, &rule.action) {
        (_, action) if !truthy(action.word()) => {
            verified.fault(Property::Action, "there is no action");
        }
        (RuleKind::Other(_), _) => {}
        (RuleKind::Group, action) if !is_name(action.word()) => {
            verified.fault(
                Property::Action,
                format!("`{action}` cannot be the name of a security group"),
            );
        }
        (RuleKind::Group, _) => {}
        (RuleKind::Forward, action) if action.verdict() == Some(Verdict::Reject) => {
            verified.fault(Property::Action, "a forwarded packet cannot be rejected");
        }
        (_, Action::Group(word) | Action::Unknown(word)) => {
            verified.fault(
                Property::Action,
                format!("unknown action `{word}`: one of `ACCEPT`, `DROP`, `REJECT`"),
            );
        }
        (_, Action::Plain(_) | Action::Macro(_, _)) => {}
    }
}

fn verify_iface(rule: &Rule, scope: &Scope, verified: &mut Verified) {
    let Some(iface) = set(rule.iface.as_deref()) else { return };
    if scope.place == Place::Group {
        verified.fault(Property::Type, "a rule of a group cannot name an interface");
    }
    if !is_iface(iface) {
        verified.fault(Property::Iface, format!("`{iface}` cannot be the name of an interface"));
    } else if scope.is_guest() && nic_number(iface).is_none() {
        verified.fault(
            Property::Iface,
            format!("`{iface}` is not one of the guest's `net0`, `net1`, ..."),
        );
    }
}

// pve-common's idea of a name: no dash, 2 to 21 letters, then at most one `:N` or `.N`.
fn is_iface(name: &str) -> bool {
    let (base, number) =
        name.split_once([':', '.']).map_or((name, None), |(base, number)| (base, Some(number)));
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (2..=21).contains(&base.len())
        && base.as_bytes()[0].is_ascii_alphabetic()
        && base.bytes().all(inner)
        && number.is_none_or(digits)
}

/// Returns the digits of `netN`.
pub(super) fn nic_number(iface: &str) -> Option<&str> {
    iface
        .strip_prefix("net")
        .filter(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn verify_proto(rule: &Rule, verified: &mut Verified) {
    let Some(proto) = set(rule.proto.as_deref()) else { return };
    if !is_protocol(proto) {
        verified.fault(Property::Proto, format!("unknown protocol `{proto}`"));
    }
    match proto {
        "icmp" => verified.version = Some(IpVersion::V4),
        "icmpv6" | "ipv6-icmp" => verified.version = Some(IpVersion::V6),
        _ => {}
    }
}

fn verify_dport(rule: &Rule, verified: &mut Verified) {
    let Some(ports) = set(rule.dport.as_deref()) else { return };
    verify_ports(Property::Dport, ports, verified);
    need_ports(Property::Dport, rule, &["icmp", "icmpv6"], verified);
}

fn verify_sport(rule: &Rule, verified: &mut Verified) {
    let Some(ports) = set(rule.sport.as_deref()) else { return };
    verify_ports(Property::Sport, ports, verified);
    need_ports(Property::Sport, rule, &[], verified);
}

fn need_ports(property: Property, rule: &Rule, also: &[&str], verified: &mut Verified) {
    let proto = rule.proto.as_deref().unwrap_or_default();
    if !truthy(proto) {
        verified.fault(Property::Proto, format!("`{property}` needs a protocol beside it"));
    }
    if !has_ports(proto) && !also.contains(&proto) {
        verified.fault(property, format!("the protocol `{proto}` has no ports"));
    }
}

fn verify_ports(property: Property, list: &str, verified: &mut Verified) {
    if has_trailing_comma(list) {
        return verified.fault(property, "a comma at the end of the list");
    }
    let (mut numbers, mut icmp) = (0, false);
    for item in list.split(',') {
        match Port::read(item, property) {
            Ok(Port::Number(_)) => numbers += 1,
            Ok(Port::Range(_, _)) => numbers += 2,
            Ok(Port::IcmpType) => icmp = true,
            Ok(Port::Service) => {}
            Err(message) => return verified.fault(property, message),
        }
    }
    if icmp && numbers > 0 {
        verified.fault(property, "an ICMP type among port numbers");
    }
    if numbers > MOST_PORTS {
        verified
            .fault(property, format!("more than {MOST_PORTS} numbers, a range counting as two"));
    }
}

/// One entry of a port list.
pub(super) enum Port {
    Number(u16),
    Range(u16, u16),
    Service,
    IcmpType,
}

impl Port {
    /// Reads an entry as PVE does, or says what is wrong with it.
    pub(super) fn read(item: &str, property: Property) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{item}` is no port: 0 to 65535, a range `80:90`, or a name of `/etc/services`"
            )
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits(item) {
            return port_number(item).map(Self::Number).ok_or_else(bad);
        }
        if let Some((first, last)) =
            item.split_once(':').filter(|(first, last)| digits(first) && digits(last))
        {
            let (first, last) = port_number(first).zip(port_number(last)).ok_or_else(bad)?;
            let backwards = || format!("the range `{item}` runs backwards");
            return (first <= last).then_some(Self::Range(first, last)).ok_or_else(backwards);
        }
        if property == Property::Dport && (is_icmp_type(item) || is_icmpv6_type(item)) {
            return Ok(Self::IcmpType);
        }
        service(item).map(|_| Self::Service).ok_or_else(bad)
    }
}

fn port_number(digits: &str) -> Option<u16> {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() { Some(0) } else { digits.parse().ok() }
}

fn verify_icmp_type(rule: &Rule, verified: &mut Verified) {
    let Some(icmp_type) = set(rule.icmp_type.as_deref()) else { return };
    let known = match rule.proto.as_deref() {
        Some("icmp") => is_icmp_type(icmp_type),
        Some("icmpv6" | "ipv6-icmp") => is_icmpv6_type(icmp_type),
        _ => {
            verified.fault(
                Property::Proto,
                "`icmp-type` needs the protocol `icmp` or `icmpv6` beside it",
            );
            true
        }
    };
    if set(rule.dport.as_deref()).is_some() {
        verified.fault(Property::IcmpType, "`icmp-type` and `dport` exclude each other");
    }
    if !known {
        verified
            .fault(Property::IcmpType, format!("`{icmp_type}` is no ICMP type of this protocol"));
    }
}

fn verify_address(
    property: Property,
    value: Option<&str>,
    scope: &Scope,
    verified: &mut Verified,
) -> Result<(), RuleError> {
    let Some(value) = value else { return Ok(()) };
    if let Some(name) = value.strip_prefix('+') {
        verify_ipset(property, value, name, scope, verified);
        return Ok(());
    }
    if let Some(reference) = Reference::alias(value) {
        return verify_alias(property, value, &reference, scope, verified);
    }
    match list_version(value) {
        Ok(version) if !verified.is_version(version) => {
            verified.fault(property, "IPv4 and IPv6 in one rule");
        }
        Ok(_) => {}
        Err(message) => verified.fault(property, message),
    }
    Ok(())
}

fn verify_ipset(
    property: Property,
    value: &str,
    name: &str,
    scope: &Scope,
    verified: &mut Verified,
) {
    if name.len() > LONGEST_NAME {
        verified.fault(property, format!("the name of a set has at most {LONGEST_NAME} letters"));
    }
    match Reference::ipset(value) {
        None => verified.fault(property, format!("`{value}` cannot be the name of a set")),
        Some(reference) if !scope.has_ipset(reference.name) => {
            verified
                .fault(property, format!("there is no set `{}` above this rule", reference.name));
        }
        Some(_) => {}
    }
}

// PVE finds the alias of the other IP version outside of the place where it collects errors, so the line is lost.
fn verify_alias(
    property: Property,
    value: &str,
    reference: &Reference<'_>,
    scope: &Scope,
    verified: &mut Verified,
) -> Result<(), RuleError> {
    if value.len() > LONGEST_NAME {
        verified
            .fault(property, format!("the name of an alias has at most {LONGEST_NAME} letters"));
    }
    let target = scope.alias(reference);
    if target.is_none() && !scope.has_alias(&lower(reference.name)) {
        verified.fault(property, format!("there is no alias `{value}` above this rule"));
    }
    match target {
        Some(target) if !verified.is_version(target.version) => {
            Err(RuleError::MixedVersions { alias: value.to_owned() })
        }
        _ => Ok(()),
    }
}

fn verify_macro(rule: &Rule, name: &str, verified: &mut Verified) {
    let conflict = macro_rules(name, verified.version).find_map(|template| template.conflict(rule));
    if let Some((property, value)) = conflict {
        verified
            .fault(property, format!("the macro `{name}` sets `{property}` to `{value}` already"));
    }
}

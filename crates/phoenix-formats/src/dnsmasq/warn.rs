//! What dnsmasq accepts and does not do as it looks: values that it takes for something else, records without effect.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::check::{Aliases, Finding, Place, Weight};
use super::domain::Domain;
use super::setting::{Given, Route, Setting};
use super::value::{self, list};
use crate::hosts::host_name_problem;
use crate::resolv_conf::inet_aton;

/// Returns what is wrong with one option by itself.
pub(super) fn about(name: &str, value: Option<&str>, setting: Option<&Setting<'_>>) -> Vec<String> {
    let value = value.unwrap_or_default();
    match setting {
        Some(Setting::Address { domains, answer }) => address(value, domains, *answer),
        Some(Setting::Server { domains, route }) => server(domains, route),
        Some(Setting::HostRecord { names, v4, v6 }) => {
            host_record(value, names, v4.is_some() || v6.is_some())
        }
        Some(Setting::Cname { aliases, target }) => cname(aliases, target),
        Some(Setting::PtrRecord { name, .. }) => ptr(name),
        None if matches!(name, "address" | "server" | "local") => {
            vec![format!("`{name}` without a value does nothing")]
        }
        _ => Vec::new(),
    }
}

/// Says why a name is never asked for; a leading `*.` means nothing here.
fn odd_name(name: &str) -> Option<String> {
    let problem = host_name_problem(name)?;
    Some(format!("nobody asks for the name `{name}`: {problem}"))
}

fn address(value: &str, domains: &[Domain<'_>], answer: Given) -> Vec<String> {
    let mut messages: Vec<String> = domains.iter().filter_map(odd_domain).collect();
    if domains.contains(&Domain::Unqualified) {
        messages
            .push("only names without a dot are answered: `/#/` stands for every name".to_owned());
    }
    let hidden_address = domains.iter().any(|domain| match domain {
        Domain::Under(name) => value::address(name).is_some(),
        _ => false,
    });
    if answer == Given::NoName && hidden_address {
        messages.push(format!(
            "the address in `{}` is taken for a domain, and none of them exists",
            super::lines::shown(value)
        ));
    }
    messages
}

fn odd_domain(domain: &Domain<'_>) -> Option<String> {
    match domain {
        Domain::Under(name) if value::address(name).is_none() => odd_name(name),
        Domain::Ending(end) => odd_name(end.strip_prefix(['.', '-']).unwrap_or(end)),
        _ => None,
    }
}

fn server(domains: &[Domain<'_>], route: &Route<'_>) -> Vec<String> {
    let mut messages: Vec<String> = domains.iter().filter_map(odd_domain).collect();
    if let Route::Server(server) = route
        && value::address(&server.host).is_none()
        && let Some(address) = inet_aton(&server.host)
    {
        messages.push(format!("`{}` is taken for the address {address}", server.host));
    }
    messages
}

fn host_record(value: &str, names: &[Cow<'_, str>], has_address: bool) -> Vec<String> {
    let mut messages = Vec::new();
    for name in names {
        let meant = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if meant || name.contains([':', '/', '%']) {
            messages.push(format!("`{name}` is not an address, and is taken for a name"));
        } else {
            messages.extend(odd_name(name));
        }
    }
    if names.is_empty() {
        messages.push("there is no name, and the record does nothing".to_owned());
    } else if !has_address {
        messages.push("there is no address, and the record does nothing".to_owned());
    }
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) =
        list(value).filter_map(|word| value::address(&word)).partition(IpAddr::is_ipv4);
    for unused in [v4, v6].iter().flat_map(|addresses| addresses.iter().rev().skip(1)) {
        messages.push(format!("`{unused}` is not used: of several addresses the last one is"));
    }
    messages
}

fn cname(aliases: &[Cow<'_, str>], target: &str) -> Vec<String> {
    let mut messages = Vec::new();
    for alias in aliases {
        match alias.strip_prefix("*.") {
            Some(_) => messages
                .push(format!("`{alias}` stands for this very name, not for those below it")),
            None => messages.extend(odd_name(alias)),
        }
    }
    if target.bytes().all(|byte| byte.is_ascii_digit()) || value::address(target).is_some() {
        messages.push(format!("the target `{target}` is taken for a name"));
    } else {
        messages.extend(odd_name(target));
    }
    messages
}

fn ptr(name: &str) -> Vec<String> {
    if value::address(name).is_some() {
        return vec![format!(
            "`{name}` is taken for a name: a reverse lookup asks for one in `in-addr.arpa` or `ip6.arpa`"
        )];
    }
    Vec::new()
}

/// What was seen, for what shows only when several lines are looked at together.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    records: Vec<Cow<'a, str>>,
    /// Names to which, with all below them, `address` gives one.
    by_address: Vec<Cow<'a, str>>,
    bind_interfaces: Option<Place>,
    bind_dynamic: Option<Place>,
}

impl<'a> Seen<'a> {
    pub(super) fn add(&mut self, place: Place, name: &str, setting: Option<Setting<'a>>) {
        match setting {
            Some(Setting::HostRecord { names, .. }) => self.records.extend(names),
            Some(Setting::InterfaceName { name, .. }) => self.records.push(name),
            Some(Setting::Address { domains, answer: Given::Address(_) | Given::Null }) => {
                let name = |domain| match domain {
                    Domain::Under(name) => Some(name),
                    _ => None,
                };
                self.by_address.extend(domains.into_iter().filter_map(name));
            }
            _ if name == "bind-interfaces" => self.bind_interfaces = Some(place),
            _ if name == "bind-dynamic" => self.bind_dynamic = Some(place),
            _ => {}
        }
    }

    /// Finds aliases whose target has an address only by `address`.
    fn without_address(&self, aliases: &Aliases<'_>) -> Vec<(usize, Finding)> {
        let by_address: BTreeSet<&str> =
            self.by_address.iter().filter(|_| !aliases.is_empty()).map(AsRef::as_ref).collect();
        let doubtful = aliases.iter().filter(|(_, (target, _))| {
            by_address.contains(&**target) && !aliases.contains_key(target)
        });
        let doubtful: Vec<_> = doubtful.collect();
        let records: BTreeSet<&str> =
            self.records.iter().filter(|_| !doubtful.is_empty()).map(AsRef::as_ref).collect();
        let found = doubtful.into_iter().filter(|(_, (target, _))| !records.contains(&**target));
        found
            .map(|(alias, (target, place))| {
                let message = format!(
                    "`{alias}` is answered without an address: `{target}` has one only by `address`, which does not count here"
                );
                place.found(Weight::Wrong, message)
            })
            .collect()
    }

    pub(super) fn finish(&self, aliases: &Aliases<'_>) -> Vec<(usize, Finding)> {
        let mut findings = self.without_address(aliases);
        if let (Some(one), Some(other)) = (self.bind_interfaces, self.bind_dynamic) {
            let message =
                "`bind-interfaces` and `bind-dynamic` exclude each other: dnsmasq does not start";
            findings.push(one.max(other).found(Weight::Wrong, message));
        }
        findings
    }
}

//! hosts(5), resolv.conf(5) and dnsmasq(8).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use phoenix_formats::dnsmasq::{DnsmasqConf, Given, Route, Setting as Dns, Verdict};
use phoenix_formats::hosts::{Entry, Hosts};
use phoenix_formats::resolv_conf::{Entry as ResolvEntry, ResolvConf, Setting};

use super::text::{Annotated, count};

pub(super) fn hosts(file: &Hosts) -> String {
    let mut first = First::new();
    let mut notes = Vec::new();
    for entry in file.entries() {
        notes.push((entry.line, host(entry, &first)));
        for name in &entry.names {
            first.entry(key(entry, name)).or_insert(entry);
        }
    }
    Annotated {
        text: file.text(),
        notes,
        warnings: file.warnings().to_vec(),
        counts: vec![count(file.entries().len(), "entry", "entries")],
    }
    .render()
}

/// The entry that a name resolves to first, by IP version and name.
type First<'a> = BTreeMap<(bool, String), &'a Entry>;

fn key(entry: &Entry, name: &str) -> (bool, String) {
    (entry.address.is_ipv4(), name.to_ascii_lowercase())
}

fn host(entry: &Entry, first: &First<'_>) -> String {
    let (name, others) = entry.names.split_first().map_or(("", [].as_slice()), |(f, o)| (f, o));
    let mut words = vec![format!("{} is {name}", entry.address)];
    if !others.is_empty() {
        words.push(format!(", also {}", others.join(", ")));
    }
    for name in &entry.names {
        if let Some(Entry { address, line, .. }) = first.get(&key(entry, name)) {
            words.push(format!("; `{name}` resolves to {address} of line {line} first"));
        }
    }
    words.concat()
}

pub(super) fn resolv_conf(file: &ResolvConf) -> String {
    let mut servers = 0;
    let mut notes = Vec::new();
    for entry in file.entries() {
        servers += usize::from(matches!(entry.setting, Setting::Nameserver(_)));
        notes.push((entry.line, resolver(entry, servers)));
    }
    if let Some(manager) = file.manager() {
        notes.push((1, format!("{} writes this file: a change by hand is lost", manager.as_str())));
    }
    Annotated {
        text: file.text(),
        notes,
        warnings: file.warnings().to_vec(),
        counts: vec![count(servers, "server", "servers")],
    }
    .render()
}

/// Says what a line does; `servers` is how many of them stand up to here.
fn resolver(entry: &ResolvEntry, servers: usize) -> String {
    let words = match &entry.setting {
        Setting::Nameserver(server) => format!("server {servers}: {server}"),
        Setting::Search(domains) => {
            format!("a short name is tried below {}", domains.join(", then "))
        }
        Setting::Domain(domain) => format!("a short name is tried below {domain}"),
        Setting::Sortlist(networks) => format!("addresses of {} come first", networks.join(", ")),
        Setting::Options(words) => format!("options {}", words.join(", ")),
    };
    if entry.used { words } else { format!("not used: {words}") }
}

pub(super) fn dnsmasq(file: &DnsmasqConf) -> String {
    let notes = file.settings().map(|(line, setting)| (line, dns(&setting)));
    let verdict = match file.verdict() {
        Verdict::Accepted => "dnsmasq accepts it",
        Verdict::Depends => "whether dnsmasq starts depends on the machine",
        Verdict::Refused => "dnsmasq refuses it",
    };
    Annotated {
        text: file.text(),
        notes: notes.collect(),
        warnings: file.warnings(),
        counts: vec![verdict.to_owned(), count(file.options().count(), "option", "options")],
    }
    .render()
}

fn dns(setting: &Dns<'_>) -> String {
    match setting {
        Dns::Address { domains, answer } => format!("{}: {}", joined(domains), given(*answer)),
        Dns::Server { domains, route } => format!("{}: {}", joined(domains), to(route)),
        Dns::ReverseServer { network, route } => {
            format!("reverse lookups of {network}: {}", to(route))
        }
        Dns::HostRecord { names, v4, v6 } => host_record(names, *v4, *v6),
        Dns::Cname { aliases, target } => format!("{} stands for {target}", aliases.join(", ")),
        Dns::PtrRecord { name, target } => format!("reverse lookup {name}: {target}"),
        Dns::OtherRecord { name } => format!("a record of {name}"),
        Dns::InterfaceName { name, interface } => {
            format!("{name} has the addresses of {interface}")
        }
        Dns::Domain { name, network, local } => {
            let network = network.map_or_else(String::new, |network| format!(" for {network}"));
            let alone = if *local { ", and nobody else is asked about it" } else { "" };
            format!("the domain is {name}{network}{alone}")
        }
        Dns::ListenAddress(addresses) => format!("listens on {}", joined(addresses)),
        Dns::Interface(names) => format!("listens on the addresses of {}", names.join(", ")),
        Dns::ExceptInterface(names) => format!("does not listen on {}", names.join(", ")),
        Dns::ConfDir { path, patterns } => match patterns.as_slice() {
            [] => format!("reads every file in {path}, .bak too"),
            some => format!("reads files in {path} by {}", some.join(", ")),
        },
        Dns::ConfFile(path) => format!("reads {path}"),
        Dns::AddnHosts(path) => format!("names from {path}, read again at SIGHUP"),
        Dns::StopRebind => "private addresses from servers are dropped".to_owned(),
        Dns::RebindLocalhostOk => "127.0.0.0/8 from servers is let through".to_owned(),
        Dns::RebindDomainOk(domains) => {
            format!("private addresses are let through for {}", domains.join(", "))
        }
    }
}

fn host_record(names: &[Cow<'_, str>], v4: Option<Ipv4Addr>, v6: Option<Ipv6Addr>) -> String {
    let names = names.join(", ");
    match (v4, v6) {
        (Some(v4), Some(v6)) => format!("{names}: {v4} and {v6}, not what is below"),
        (Some(v4), None) => format!("{names}: {v4}, not what is below"),
        (None, Some(v6)) => format!("{names}: {v6}, not what is below"),
        (None, None) => format!("no address for {names}"),
    }
}

fn joined(values: &[impl ToString]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn given(answer: Given) -> String {
    match answer {
        Given::Address(address) => {
            format!("{address}, for {} only", if address.is_ipv4() { "IPv4" } else { "IPv6" })
        }
        Given::Null => "the null address".to_owned(),
        Given::NoName => "no such name".to_owned(),
    }
}

fn to(route: &Route<'_>) -> String {
    match route {
        Route::Server(server) => format!("asks {server}"),
        Route::Usual => "asks the usual servers".to_owned(),
        Route::Local => "nobody else is asked, and unknown names do not exist".to_owned(),
    }
}

//! The text of phoenix's own file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phoenix_formats::dnsmasq::{Domain, Route, Setting};

use super::OWN;
use super::reading::Reading;
use crate::desired::{Desired, DnsName, DnsServer, NameClaim, NameSource, Owner};

/// The first line, by which phoenix knows its file again.
const HEADER: &str =
    "# Written by phoenix: declare changes in its files, those made here are lost.";

/// What stands in front of a name that stands for every name below it.
const BELOW: &str = "*.";

/// Returns whether phoenix has written a file.
pub(super) fn is_own(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim_end() == HEADER)
}

/// Returns the whole text.
pub(super) fn render(desired: &Desired, dns: &DnsServer, present: &Reading) -> String {
    let mut text = format!("{HEADER}\n");
    let foreign = Foreign::of(present);
    text += "\n# Where it listens: on the node's own address, as soon as there is one.\n";
    let own = desired.network.address.iter().map(|address| address.value.addr().to_string());
    for address in own.chain(["127.0.0.1".to_owned()]) {
        line(&mut text, format_args!("listen-address={address}"));
    }
    if !foreign.binds {
        text += "bind-dynamic\n";
    }
    if let Some(domain) = &desired.identity.domain {
        inside(&mut text, &domain.value, &foreign);
    }
    outside(&mut text, dns);
    names(&mut text, dns);
    text
}

/// What the operator's own files say that phoenix's own goes along with.
#[derive(Debug, Default)]
struct Foreign {
    /// They bind to single addresses in the one way that excludes the other.
    binds: bool,
    /// Domains that they send to a server of their own, with the file that does.
    routed: BTreeMap<String, String>,
}

impl Foreign {
    fn of(present: &Reading) -> Self {
        let mut foreign = Self::default();
        let loaded = present.loaded();
        for (path, conf) in loaded.files().iter().filter(|(path, _)| path != OWN) {
            foreign.binds |= conf.has("bind-interfaces");
            for (_, setting) in conf.settings() {
                let Setting::Server { domains, route: Route::Server(_) } = setting else {
                    continue;
                };
                for domain in domains {
                    if let Domain::Under(name) = domain {
                        foreign.routed.insert(name.into_owned(), path.clone());
                    }
                }
            }
        }
        foreign
    }
}

/// Names in the domain: nobody else is asked about them.
fn inside(text: &mut String, domain: &str, foreign: &Foreign) {
    text.push_str("\n# Names in the domain are known here or not at all.\n");
    line(text, format_args!("local=/{domain}/"));
    text.push_str("domain-needed\nbogus-priv\n");
    text.push_str("\n# Answers from outside must not lead inside, but for these domains.\n");
    text.push_str("stop-dns-rebind\n");
    line(text, format_args!("rebind-domain-ok=/{domain}/"));
    for (routed, path) in foreign.routed.iter().filter(|(routed, _)| *routed != domain) {
        line(text, format_args!("rebind-domain-ok=/{routed}/ # asked elsewhere by {path}"));
    }
}

/// Names outside: asked of the declared servers, and of nobody that resolv.conf(5) names, which may be
/// this very server.
fn outside(text: &mut String, dns: &DnsServer) {
    text.push_str("\n# Whom it asks for all other names; never those of resolv.conf, where it stands itself.\n");
    text.push_str("no-resolv\ndns-loop-detect\n");
    for server in &dns.upstream {
        line(text, format_args!("server={server}"));
    }
}

fn names(text: &mut String, dns: &DnsServer) {
    let is_own = |name: &&DnsName| name.claim.source == NameSource::Own;
    let (own, other) = dns.names.iter().partition::<Vec<_>, _>(is_own);
    let gateway =
        dns.gateway.map(|vmid| format!("; traefik_service leads to the gateway, lxc/{vmid}"));
    let title = format!("Other names, each with what declares it{}.", gateway.unwrap_or_default());
    // The first name of an address is the one that a reverse lookup gives.
    section(text, "Guests by their own names; reverse lookups give these.", &own);
    section(text, &title, &other);
}

fn section(text: &mut String, title: &str, names: &[&DnsName]) {
    if names.is_empty() {
        return;
    }
    line(text, format_args!("\n# {title}"));
    for name in names {
        record(text, name);
    }
}

fn record(text: &mut String, name: &DnsName) {
    let DnsName { name, claim, beaten } = name;
    let beaten = beaten.iter().map(|other| format!("{} ({})", source(other), other.address));
    let beaten = beaten.collect::<Vec<_>>().join(", ");
    let wins = if beaten.is_empty() { String::new() } else { format!("; wins over {beaten}") };
    let why = format!("# {}{wins}", source(claim));
    let address = claim.address;
    match name.strip_prefix(BELOW) {
        None => line(text, format_args!("host-record={name},{address} {why}")),
        Some(domain) => {
            line(text, format_args!("address=/{BELOW}{domain}/{address} {why}"));
            // Else questions of other types about these names go out, and come back with no such name.
            line(text, format_args!("local=/{BELOW}{domain}/"));
        }
    }
}

/// Returns what declares a name, in a few words.
fn source(claim: &NameClaim) -> String {
    let owner = claim.owner;
    match (claim.source, owner) {
        (NameSource::Records, _) => format!("dns_records of {owner}"),
        (NameSource::Authority, _) => format!("step_ca is {owner}"),
        (NameSource::Agent, _) => format!("portainer_agent_hostname of {owner}"),
        (NameSource::Gateway, Owner::Node) => "portainer_api".to_owned(),
        (NameSource::Gateway, _) => format!("traefik_service of {owner}"),
        (NameSource::Own, Owner::Node) => "network.hostname".to_owned(),
        (NameSource::Own, _) => format!("name of {owner}"),
        (NameSource::Dashboard, _) => format!("dashboard of {owner}"),
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a text never fails.
    writeln!(text, "{line}").ok();
}

/// Returns what a change is about: how many names come, go and lead elsewhere.
pub(super) fn reason(before: Option<&str>, after: &str) -> String {
    let after_names = addresses(after);
    let Some(before) = before else { return counted(after_names.len(), "") };
    let before_names = addresses(before);
    let missing = |these: &Named<'_>, those: &Named<'_>| {
        these.keys().filter(|name| !those.contains_key(*name)).count()
    };
    let differs = |(name, value): &(&&str, &Vec<&str>)| {
        before_names.get(**name).is_some_and(|before| before != *value)
    };
    let counts = [
        (missing(&after_names, &before_names), " added"),
        (after_names.iter().filter(differs).count(), " changed"),
        (missing(&before_names, &after_names), " removed"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let words = counts.map(|(count, what)| counted(count, what)).collect::<Vec<_>>();
    if words.is_empty() { "its settings".to_owned() } else { words.join(", ") }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} name{}{what}", if count == 1 { "" } else { "s" })
}

/// The names that a file of phoenix's gives, with what it says of each.
type Named<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn addresses(text: &str) -> Named<'_> {
    let mut names = Named::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or(line);
        let record = line.strip_prefix("host-record=").and_then(|rest| rest.split_once(','));
        let below = line.strip_prefix("address=/").and_then(|rest| rest.split_once('/'));
        if let Some((name, address)) = record.or(below) {
            names.entry(name).or_default().push(address);
        }
    }
    names
}

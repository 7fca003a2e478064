//! Whether dnsmasq would start with these files, and answer as declared: what it would not say itself.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use phoenix_formats::dnsmasq::{
    Answer, Answers, ConfOption, Domain, Loaded, RecordType, Route, Server, Setting,
};
use phoenix_formats::hosts::Hosts;

use super::blame;
use super::reading::Reading;
use super::{MAIN, OWN};
use crate::desired::{DnsName, DnsServer, NameSource, Owner};
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::Observed;
use crate::refusal::Refusal;

/// The port that resolvers ask.
const PORT: u16 = 53;

/// What stands in front of a name that stands for every name below it.
const BELOW: &str = "*.";

/// Stands for a name that nobody has declared.
const NOBODY: &str = "phoenix-asks-for-nobody";

/// A name outside of everybody's own domains.
const OUTSIDE: &str = "phoenix-asks-for-nobody.com";

/// Returns the place of a line of dnsmasq's files.
pub(super) fn place(path: &str) -> Location {
    let path = path.parse::<AbsolutePath>();
    path.map_or_else(|_| Location::node(MAIN), |path| Location { place: Place::Node, path })
}

/// Refuses files with which dnsmasq would not start, or not answer as declared.
pub(super) fn verify(
    observed: &Observed<'_>,
    dns: &DnsServer,
    after: &Reading,
) -> Result<(), Vec<Refusal>> {
    let loaded = after.loaded();
    let refused = loaded.refusals().map(|(path, why)| {
        let help = "Mend or remove this line; dnsmasq would not start with it.";
        Refusal::file(&place(path), Some(why.line), why.message, help)
    });
    let refused = refused.collect::<Vec<_>>();
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut refusals = options(observed, dns, &loaded);
    if refusals.is_empty() {
        refusals = answers(observed, dns, after, &loaded);
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Returns the operator's lines that contradict a declared one.
fn options(observed: &Observed<'_>, dns: &DnsServer, loaded: &Loaded) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (path, conf) in loaded.files().iter().filter(|(path, _)| path != OWN) {
        let at = place(path);
        refusals.extend(conf.options().filter_map(|option| other_port(&option, &at)));
        for (line, setting) in conf.settings() {
            let found = match setting {
                Setting::ExceptInterface(names) => closed(observed, &names),
                Setting::Server { domains, route: Route::Server(server) } => {
                    other_server(observed, dns, &domains, &server)
                }
                _ => None,
            };
            let refusal = |(message, help)| Refusal::file(&at, Some(line), message, help);
            refusals.extend(found.map(refusal));
        }
    }
    for server in dns.upstream.iter().filter(|server| is_own_address(observed, **server)) {
        let message =
            format!("`{server}` is an address of the node: its DNS server would ask itself");
        let help = "Name servers of the provider or the outside in `upstream_servers`.";
        refusals.push(Refusal::declared(&dns.origin.at("upstream_servers"), message, help));
    }
    refusals
}

fn other_port(option: &ConfOption<'_>, at: &Location) -> Option<Refusal> {
    let value = option.value.as_deref().unwrap_or_default();
    if option.name != "port" || value.trim().parse() == Ok(PORT) {
        return None;
    }
    let message = format!("`port={value}`: nobody asks there, and 0 turns DNS off");
    let help = "Remove the line, or set `\"enabled\": false` in `dns_server`.";
    Some(Refusal::file(at, Some(option.line), message, help))
}

/// What is wrong with a line, and what to do.
type Fault = (String, &'static str);

/// Finds an interface on which dnsmasq is declared to answer, and would not.
fn closed(observed: &Observed<'_>, names: &[Cow<'_, str>]) -> Option<Fault> {
    let own = own_interfaces(observed);
    let name = names.iter().find(|name| own.iter().any(|interface| fits(name, interface)))?;
    let message = format!("dnsmasq would not answer on `{name}`, where it is declared to");
    Some((message, "Remove the name from the line."))
}

/// Finds a server that would be asked and is not declared, or is the node itself.
fn other_server(
    observed: &Observed<'_>,
    dns: &DnsServer,
    domains: &[Domain<'_>],
    server: &Server<'_>,
) -> Option<Fault> {
    let address = server.host.parse::<IpAddr>().ok();
    let itself = address.is_some_and(|address| is_own_address(observed, address));
    let declared = address.is_some_and(|address| dns.upstream.contains(&address));
    if itself && server.port == PORT {
        let message = format!("`{server}` is the node itself: dnsmasq would ask itself");
        Some((message, "Remove the line."))
    } else if domains.contains(&Domain::All) && !declared {
        let message = format!("dnsmasq would also ask `{server}`, which is not declared");
        Some((message, "Declare it in `upstream_servers` of `dns_server`, or remove the line."))
    } else {
        None
    }
}

fn is_own_address(observed: &Observed<'_>, address: IpAddr) -> bool {
    let mut addresses = observed.links.iter().flat_map(|link| &link.addresses);
    address.is_loopback() || addresses.any(|own| own.net.addr() == address)
}

/// Returns the interfaces on which it must answer: that with the node's address, and the loopback.
fn own_interfaces(observed: &Observed<'_>) -> Vec<String> {
    let address = observed.desired.network.address.as_ref().map(|a| IpAddr::V4(a.value.addr()));
    let has = |link: &&phoenix_formats::iproute::Link| {
        link.addresses.iter().any(|own| Some(own.net.addr()) == address)
    };
    let names = observed.links.iter().filter(has).map(|link| link.name.clone());
    let declared = observed.desired.network.bridge.iter().map(|bridge| bridge.value.to_string());
    names.chain(declared).chain(["lo".to_owned()]).collect()
}

/// A `*` at the end of a name stands for the rest of it.
fn fits(name: &str, interface: &str) -> bool {
    name.strip_suffix('*').map_or(name == interface, |start| interface.starts_with(start))
}

/// Asks the files for every declared name, for one that does not exist, and for one outside.
fn answers(
    observed: &Observed<'_>,
    dns: &DnsServer,
    after: &Reading,
    loaded: &Loaded,
) -> Vec<Refusal> {
    let hosts = hosts(dns, after, loaded);
    let answers = Answers::of(loaded.files().iter().map(|(_, conf)| conf));
    let answers = answers.with_hosts(&hosts);
    let mut refusals = Vec::new();
    for (name, asked) in questions(&dns.names) {
        let wanted = BTreeSet::from([name.claim.address]);
        let kind = kind(name.claim.address);
        let given = answers.ask(&asked, kind);
        if given.addresses().into_iter().collect::<BTreeSet<_>>() != wanted {
            let message = format!("`{asked}` would not be answered with {}", name.claim.address);
            refusals.push(blame::refusal(&asked, message, loaded, &hosts, &name.claim.origin));
        }
    }
    let Some(domain) = &observed.desired.identity.domain else { return refusals };
    let unknown = format!("{NOBODY}.{}", domain.value);
    let wild = dns.names.iter().any(|name| {
        name.name.strip_prefix(BELOW).is_some_and(|below| blame::is_below(&unknown, below))
    });
    if !wild && answers.ask(&unknown, RecordType::A) != Answer::NoName {
        let message = format!(
            "names in `{}` that nobody declares would be answered or asked elsewhere",
            domain.value
        );
        refusals.push(blame::refusal(&unknown, message, loaded, &hosts, &domain.origin));
    }
    let forwarded = matches!(answers.ask(OUTSIDE, RecordType::A), Answer::Forwarded(_));
    if !forwarded {
        let message = "names outside of the domain would not be asked of the declared servers";
        refusals.push(blame::refusal(OUTSIDE, message.to_owned(), loaded, &hosts, &dns.origin));
    }
    refusals
}

/// Returns each name with the one that is asked for: one below, when it stands for those.
fn questions(names: &[DnsName]) -> impl Iterator<Item = (&DnsName, String)> {
    names.iter().map(|name| {
        let below = name.name.strip_prefix(BELOW);
        (name, below.map_or_else(|| name.name.clone(), |below| format!("{NOBODY}.{below}")))
    })
}

pub(super) fn kind(address: IpAddr) -> RecordType {
    if address.is_ipv4() { RecordType::A } else { RecordType::Aaaa }
}

/// Returns the names of hosts(5), without lines of the node's own names: those are kept right elsewhere.
fn hosts(dns: &DnsServer, after: &Reading, loaded: &Loaded) -> Hosts {
    if loaded.files().iter().any(|(_, conf)| conf.has("no-hosts")) {
        return Hosts::parse("");
    }
    let text = after.hosts().unwrap_or_default();
    let of_node =
        |name: &&DnsName| name.claim.source == NameSource::Own && name.claim.owner == Owner::Node;
    let own = dns.names.iter().filter(of_node).map(|name| name.name.as_str()).collect::<Vec<_>>();
    let all = Hosts::parse(text);
    let about_node = all.entries().iter().filter(|entry| own.iter().any(|name| entry.has(name)));
    let skipped = about_node.map(|entry| entry.line).collect::<BTreeSet<_>>();
    if skipped.is_empty() {
        return all;
    }
    // Lines keep their numbers.
    let kept = text.split('\n').enumerate();
    let kept = kept.map(|(at, line)| if skipped.contains(&(at + 1)) { "" } else { line });
    Hosts::parse(&kept.collect::<Vec<_>>().join("\n"))
}

/// Returns what an expert would say about the operator's own lines.
pub(super) fn notes(observed: &Observed<'_>, after: &Reading) -> Vec<String> {
    let own = observed.desired.network.address.as_ref().map(|a| IpAddr::V4(a.value.addr()));
    let mut notes = Vec::new();
    for (path, conf) in after.loaded().files().iter().filter(|(path, _)| path != OWN) {
        for (line, setting) in conf.settings() {
            match setting {
                Setting::ListenAddress(addresses) => {
                    let others = addresses.iter().filter(|a| !a.is_loopback() && Some(**a) != own);
                    notes
                        .extend(others.map(|a| format!("it listens on {a} too, by {path}:{line}")));
                }
                Setting::Interface(names) => {
                    let all = names.join(", ");
                    notes.push(format!(
                        "it listens on every address of {all} too, by {path}:{line}"
                    ));
                }
                _ => {}
            }
        }
    }
    notes
}

//! The names that a configuration gives, and who is asked for the others.

mod reverse;
mod routes;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use reverse::{asked_address, is_private};
use routes::{Found, Routes};

use super::answer::{Answer, Record, RecordType};
use super::conf::DnsmasqConf;
use super::domain::Server;
use super::setting::{Route, Setting};
use crate::hosts::Hosts;

/// The longest name that fits into a question.
const LONGEST_NAME: usize = 255;

/// Answers questions as a dnsmasq with this configuration does right after its start.
///
/// Leases, and `interface-name`'s addresses, are the machine's own; `auth-zone` and `synth-domain` are not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers<'a> {
    addresses: BTreeMap<Cow<'a, str>, BTreeSet<IpAddr>>,
    interfaces: BTreeMap<&'a str, &'a str>,
    aliases: BTreeMap<&'a str, &'a str>,
    pointers: BTreeMap<&'a str, Vec<&'a str>>,
    names: BTreeMap<IpAddr, Cow<'a, str>>,
    /// Names that have a record of any type, and all above them.
    known: BTreeSet<Cow<'a, str>>,
    routes: Routes<'a>,
    networks: Vec<(IpNet, Route)>,
    bogus_priv: bool,
    domain_needed: bool,
}

impl<'a> Answers<'a> {
    /// Takes what the files of one configuration say.
    pub fn of(files: impl IntoIterator<Item = &'a DnsmasqConf>) -> Self {
        let mut answers = Self::default();
        for file in files {
            file.settings().for_each(|(_, setting)| answers.take(setting));
            answers.bogus_priv |= file.has("bogus-priv");
            answers.domain_needed |= file.has("domain-needed");
        }
        answers
    }

    /// Adds the names of a hosts(5) file: `/etc/hosts` unless `no-hosts` is set, and those of `addn-hosts`.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &Hosts) -> Self {
        for entry in hosts.entries() {
            let names: Vec<Cow<'a, str>> =
                entry.names.iter().map(|name| name.to_ascii_lowercase().into()).collect();
            self.host(&names, entry.address);
        }
        self
    }

    fn take(&mut self, setting: &'a Setting) {
        match setting {
            Setting::HostRecord { names, v4, v6 } => self.host_record(names, *v4, *v6),
            Setting::Cname { aliases, target } => {
                for alias in aliases {
                    self.know(alias.as_str().into());
                    self.aliases.insert(alias, target);
                }
            }
            Setting::PtrRecord { name, target } => {
                self.know(name.as_str().into());
                self.pointers.entry(name).or_default().push(target);
            }
            Setting::OtherRecord { name } => self.know(name.as_str().into()),
            Setting::InterfaceName { name, interface } => {
                self.know(name.as_str().into());
                self.interfaces.insert(name, interface);
            }
            Setting::Address { domains, answer } => self.routes.answer(domains, *answer),
            Setting::Server { domains, route } => self.routes.route(domains, route),
            Setting::ReverseServer { network, route } => {
                self.networks.push((*network, route.clone()));
            }
            Setting::Domain { name, network: Some(network), local: true } => {
                self.routes.local(name);
                self.networks.push((*network, Route::Local));
            }
            _ => {}
        }
    }

    fn host_record(&mut self, names: &'a [String], v4: Option<Ipv4Addr>, v6: Option<Ipv6Addr>) {
        let names: Vec<Cow<'a, str>> = names.iter().map(|name| name.as_str().into()).collect();
        let addresses = [v4.map(IpAddr::V4), v6.map(IpAddr::V6)];
        addresses.into_iter().flatten().for_each(|address| self.host(&names, address));
    }

    fn host(&mut self, names: &[Cow<'a, str>], address: IpAddr) {
        for name in names {
            self.know(name.clone());
            self.addresses.entry(name.clone()).or_default().insert(address);
        }
        if let Some(first) = names.first() {
            self.names.entry(address).or_insert_with(|| first.clone());
        }
    }

    /// Remembers a name and those above it: they exist, even where they have no record themselves.
    fn know(&mut self, name: Cow<'a, str>) {
        // A longer name cannot be asked for, and would cost the square of its length here.
        if name.len() > LONGEST_NAME {
            return;
        }
        let mut rest = Some(name);
        // Those above a name that is known already are known too.
        while let Some(name) = rest.filter(|name| !self.known.contains(name)) {
            rest = above(&name);
            self.known.insert(name);
        }
    }

    /// Answers a question; letter case and a dot at the end of the name do not count.
    ///
    /// Names outside of ASCII are asked for in another form (`xn--…`), so no name here is one of them.
    pub fn ask(&self, name: &str, kind: RecordType) -> Answer {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if name.len() > LONGEST_NAME {
            return Answer::NoName;
        }
        if !name.is_ascii() {
            return Answer::Forwarded(self.usual());
        }
        if self.aliases.contains_key(name.as_str()) {
            return self.follow(&name, kind);
        }
        if let Some(interface) = self.interfaces.get(name.as_str()).filter(|_| is_address(kind)) {
            return Answer::Interface((*interface).to_owned());
        }
        let own = match kind {
            RecordType::A | RecordType::Aaaa => self.own_addresses(&name, kind),
            RecordType::Ptr => self.own_pointers(&name),
            RecordType::Other => Vec::new(),
        };
        if own.is_empty() { self.elsewhere(&name, kind) } else { Answer::Records(own) }
    }

    /// Follows aliases to the last name; only a record of its own counts there.
    fn follow(&self, name: &str, kind: RecordType) -> Answer {
        let mut records = Vec::new();
        let mut seen = BTreeSet::new();
        let mut at = name;
        while let Some(target) = self.aliases.get(at).filter(|_| seen.insert(at)) {
            records.push(Record::Cname((*target).to_owned()));
            at = target;
        }
        if is_address(kind) {
            records.extend(self.own_addresses(at, kind));
        }
        Answer::Records(records)
    }

    fn own_addresses(&self, name: &str, kind: RecordType) -> Vec<Record> {
        let addresses = self.addresses.get(name).into_iter().flatten();
        let fits = |address: &&IpAddr| address.is_ipv4() == (kind == RecordType::A);
        addresses.filter(fits).copied().map(Answer::record).collect()
    }

    fn own_pointers(&self, name: &str) -> Vec<Record> {
        if let Some(targets) = self.pointers.get(name) {
            return targets.iter().map(|target| Record::Ptr((*target).to_owned())).collect();
        }
        let address = asked_address(name);
        let own = address.and_then(|address| self.names.get(&address));
        own.map(|own| Record::Ptr(own.clone().into_owned())).into_iter().collect()
    }

    /// Answers from what is said of whole domains, or forwards.
    fn elsewhere(&self, name: &str, kind: RecordType) -> Answer {
        let address = asked_address(name);
        let network = address.and_then(|address| {
            let holding = self.networks.iter().filter(|(network, _)| network.contains(&address));
            holding.max_by_key(|(network, _)| network.prefix_len())
        });
        let found = match network {
            Some((_, route)) => Found::of(route),
            None => self.routes.find(name, kind),
        };
        let private = kind == RecordType::Ptr && self.bogus_priv && address.is_some_and(is_private);
        let short = is_address(kind) && self.domain_needed && !name.contains('.');
        match found {
            Found::Addresses(addresses) => {
                Answer::Records(addresses.into_iter().map(Answer::record).collect())
            }
            Found::NoData => Answer::NoData,
            Found::NoName => self.nothing(name),
            Found::Servers(_) if short => self.nothing(name),
            Found::Usual if short || private => self.nothing(name),
            Found::Servers(servers) => Answer::Forwarded(servers),
            Found::Usual => Answer::Forwarded(self.usual()),
        }
    }

    fn nothing(&self, name: &str) -> Answer {
        if self.known.contains(name) { Answer::NoData } else { Answer::NoName }
    }

    fn usual(&self) -> Vec<Server> {
        self.routes.usual().iter().copied().cloned().collect()
    }
}

/// Returns the name that a name is below.
fn above<'a>(name: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    match name {
        Cow::Borrowed(name) => name.split_once('.').map(|(_, above)| above.into()),
        Cow::Owned(name) => name.split_once('.').map(|(_, above)| above.to_owned().into()),
    }
}

fn is_address(kind: RecordType) -> bool {
    matches!(kind, RecordType::A | RecordType::Aaaa)
}

//! The names that a configuration gives, and who is asked for the others.

mod reverse;
mod routes;

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

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

/// What a name has itself; nothing at all when only names below it have something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Own<'a> {
    addresses: BTreeSet<IpAddr>,
    /// The interface whose addresses it has.
    interface: Option<Cow<'a, str>>,
    /// The name that it stands for.
    target: Option<Cow<'a, str>>,
    pointers: Vec<Cow<'a, str>>,
}

/// Answers questions as a dnsmasq with this configuration does right after its start.
///
/// Leases, and `interface-name`'s addresses, are the machine's own; `auth-zone` and `synth-domain` are not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers<'a> {
    /// Names that have a record of any type, and all above them.
    known: BTreeMap<Cow<'a, str>, Own<'a>>,
    /// The first name of each address.
    names: BTreeMap<IpAddr, Cow<'a, str>>,
    routes: Routes<'a>,
    networks: Vec<(IpNet, Route<'a>)>,
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

    fn take(&mut self, setting: Setting<'a>) {
        match setting {
            Setting::HostRecord { names, v4, v6 } => {
                let addresses = [v4.map(IpAddr::V4), v6.map(IpAddr::V6)];
                addresses.into_iter().flatten().for_each(|address| self.host(&names, address));
            }
            Setting::Cname { aliases, target } => {
                for alias in aliases {
                    self.know(alias, |own| own.target = Some(target.clone()));
                }
            }
            Setting::PtrRecord { name, target } => self.know(name, |own| own.pointers.push(target)),
            Setting::OtherRecord { name } => self.know(name, |_| ()),
            Setting::InterfaceName { name, interface } => {
                self.know(name, |own| own.interface = Some(interface));
            }
            Setting::Address { domains, answer } => self.routes.answer(domains, answer),
            Setting::Server { domains, route } => self.routes.route(domains, &route),
            Setting::ReverseServer { network, route } => self.networks.push((network, route)),
            Setting::Domain { name, network: Some(network), local: true } => {
                self.routes.local(name);
                self.networks.push((network, Route::Local));
            }
            _ => {}
        }
    }

    fn host(&mut self, names: &[Cow<'a, str>], address: IpAddr) {
        for name in names {
            self.know(name.clone(), |own| own.addresses.extend([address]));
        }
        if let Some(first) = names.first() {
            self.names.entry(address).or_insert_with(|| first.clone());
        }
    }

    /// Remembers what a name has, and those above it: they exist, even where they have no record themselves.
    fn know(&mut self, name: Cow<'a, str>, add: impl FnOnce(&mut Own<'a>)) {
        // A longer name cannot be asked for, and would cost the square of its length here.
        let mut rest = above(&name).filter(|_| name.len() <= LONGEST_NAME);
        match self.known.entry(name) {
            // Those above a name that is known already are known too.
            Entry::Occupied(mut known) => return add(known.get_mut()),
            Entry::Vacant(place) => add(place.insert(Own::default())),
        }
        while let Some(name) = rest.filter(|name| !self.known.contains_key(name)) {
            rest = above(&name);
            self.known.insert(name, Own::default());
        }
    }

    /// Answers a question; letter case and a dot at the end of the name do not count.
    ///
    /// Names outside of ASCII are asked for in another form (`xn--…`), so no name here is one of them.
    pub fn ask(&self, name: &str, kind: RecordType) -> Answer<'a> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if name.len() > LONGEST_NAME {
            return Answer::NoName;
        }
        if !name.is_ascii() {
            return Answer::Forwarded(self.usual());
        }
        let own = self.known.get(name.as_str());
        if own.is_some_and(|own| own.target.is_some()) {
            return self.follow(&name, kind);
        }
        let interface = own.and_then(|own| own.interface.as_ref());
        if let Some(interface) = interface.filter(|_| is_address(kind)) {
            return Answer::Interface(interface.clone().into_owned());
        }
        let own = match kind {
            RecordType::A | RecordType::Aaaa => self.own_addresses(&name, kind),
            RecordType::Ptr => self.own_pointers(&name),
            RecordType::Other => Vec::new(),
        };
        if own.is_empty() { self.elsewhere(&name, kind) } else { Answer::Records(own) }
    }

    /// Follows aliases to the last name; only a record of its own counts there.
    fn follow(&self, name: &str, kind: RecordType) -> Answer<'a> {
        let target = |at: &str| self.known.get(at)?.target.as_ref();
        let mut records = Vec::new();
        let mut seen = BTreeSet::new();
        let mut at = name;
        while let Some(target) = target(at).filter(|_| seen.insert(at)) {
            records.push(Record::Cname(target.clone().into_owned()));
            at = target;
        }
        if is_address(kind) {
            records.extend(self.own_addresses(at, kind));
        }
        Answer::Records(records)
    }

    fn own_addresses(&self, name: &str, kind: RecordType) -> Vec<Record> {
        let addresses = self.known.get(name).into_iter().flat_map(|own| &own.addresses);
        let fits = |address: &&IpAddr| address.is_ipv4() == (kind == RecordType::A);
        addresses.filter(fits).copied().map(Answer::record).collect()
    }

    fn own_pointers(&self, name: &str) -> Vec<Record> {
        let pointers = self.known.get(name).map(|own| own.pointers.as_slice()).unwrap_or_default();
        let named = asked_address(name).and_then(|address| self.names.get(&address));
        let targets = if pointers.is_empty() {
            named.map_or(&[][..], std::slice::from_ref)
        } else {
            pointers
        };
        targets.iter().map(|target| Record::Ptr(target.clone().into_owned())).collect()
    }

    /// Answers from what is said of whole domains, or forwards.
    fn elsewhere(&self, name: &str, kind: RecordType) -> Answer<'a> {
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

    fn nothing(&self, name: &str) -> Answer<'a> {
        if self.known.contains_key(name) { Answer::NoData } else { Answer::NoName }
    }

    fn usual(&self) -> Vec<Server<'a>> {
        self.routes.usual().to_vec()
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

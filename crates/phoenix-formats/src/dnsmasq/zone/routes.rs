//! Whole domains: what `address`, `server` and `local` say of a name, the longest domain first.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::answer::RecordType;
use super::super::domain::{Domain, Server};
use super::super::setting::{Given, Route};

/// What lines with one domain say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Group<'a> {
    addresses: BTreeSet<IpAddr>,
    null: bool,
    /// `address=/x/` and `local=/x/` are the same.
    local: bool,
    usual: bool,
    servers: Vec<Server<'a>>,
}

/// The domains of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Routes<'a> {
    all: Group<'a>,
    unqualified: Option<Group<'a>>,
    under: BTreeMap<Cow<'a, str>, Group<'a>>,
    ending: BTreeMap<Cow<'a, str>, Group<'a>>,
}

/// What is said of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Addresses(Vec<IpAddr>),
    /// There is an address of another type for the domain.
    NoData,
    NoName,
    /// The servers of the domain.
    Servers(Vec<Server<'a>>),
    /// The servers for everything.
    Usual,
}

impl<'a> Found<'a> {
    pub(super) fn of(route: &Route<'a>) -> Self {
        match route {
            Route::Server(server) => Self::Servers(vec![server.clone()]),
            Route::Usual => Self::Usual,
            Route::Local => Self::NoName,
        }
    }
}

impl<'a> Routes<'a> {
    pub(super) fn answer(&mut self, domains: Vec<Domain<'a>>, answer: Given) {
        for domain in domains {
            let group = self.group(domain);
            match answer {
                Given::Address(address) => drop(group.addresses.insert(address)),
                Given::Null => group.null = true,
                Given::NoName => group.local = true,
            }
        }
    }

    pub(super) fn route(&mut self, domains: Vec<Domain<'a>>, route: &Route<'a>) {
        for domain in domains {
            let group = self.group(domain);
            match route {
                Route::Server(server) => group.servers.push(server.clone()),
                Route::Usual => group.usual = true,
                Route::Local => group.local = true,
            }
        }
    }

    /// Makes a name and all below it dnsmasq's own.
    pub(super) fn local(&mut self, name: Cow<'a, str>) {
        self.under.entry(name).or_default().local = true;
    }

    fn group(&mut self, domain: Domain<'a>) -> &mut Group<'a> {
        match domain {
            Domain::All => &mut self.all,
            Domain::Unqualified => self.unqualified.get_or_insert_default(),
            Domain::Under(name) => self.under.entry(name).or_default(),
            Domain::Ending(end) => self.ending.entry(end).or_default(),
        }
    }

    /// Returns the servers for everything.
    pub(super) fn usual(&self) -> &[Server<'a>] {
        &self.all.servers
    }

    /// Finds the longest domain that says anything to a question of this type.
    pub(super) fn find(&self, name: &str, kind: RecordType) -> Found<'a> {
        let found = self.domains(name).into_iter().find_map(|group| group.find(kind));
        found.unwrap_or_else(|| match self.all.find(kind) {
            None | Some(Found::Servers(_)) => Found::Usual,
            Some(found) => found,
        })
    }

    /// Returns the domains that a name is in, the longest first, without the one for everything.
    fn domains(&self, name: &str) -> Vec<&Group<'a>> {
        let mut groups = Vec::new();
        for (at, _) in name.char_indices() {
            let end = &name[at..];
            let whole = at == 0 || name[..at].ends_with('.');
            groups.extend(self.under.get(end).filter(|_| whole));
            // `*.home` is for what is below `home`, so something has to stand before the dot.
            groups.extend(self.ending.get(end).filter(|_| at > 0 || !end.starts_with('.')));
        }
        groups.extend(self.unqualified.as_ref().filter(|_| !name.contains('.')));
        groups
    }
}

impl<'a> Group<'a> {
    fn find(&self, kind: RecordType) -> Option<Found<'a>> {
        let fits = |address: &&IpAddr| match kind {
            RecordType::A => address.is_ipv4(),
            RecordType::Aaaa => address.is_ipv6(),
            RecordType::Ptr | RecordType::Other => false,
        };
        let addresses: Vec<IpAddr> = self.addresses.iter().filter(fits).copied().collect();
        if !addresses.is_empty() {
            return Some(Found::Addresses(addresses));
        }
        if let Some(null) = null(kind).filter(|_| self.null) {
            return Some(Found::Addresses(vec![null]));
        }
        let answers = self.null || !self.addresses.is_empty();
        if self.usual {
            Some(Found::Usual)
        } else if !self.servers.is_empty() {
            Some(Found::Servers(self.servers.clone()))
        } else if self.local {
            Some(if answers { Found::NoData } else { Found::NoName })
        } else {
            None
        }
    }
}

fn null(kind: RecordType) -> Option<IpAddr> {
    match kind {
        RecordType::A => Some(IpAddr::from([0; 4])),
        RecordType::Aaaa => Some(IpAddr::from([0; 16])),
        RecordType::Ptr | RecordType::Other => None,
    }
}

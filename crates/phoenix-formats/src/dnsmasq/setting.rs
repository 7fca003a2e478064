//! What an option says, for the options that phoenix understands.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::Serialize;

use super::domain::{Domain, Server, domains, network, server};
use super::lines::shown;
use super::value::{self, is_digits, list};

/// Why a value is no good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// dnsmasq refuses it, and does not start.
    Refused(String),
    /// It depends on the machine whether dnsmasq refuses it.
    Depends(String),
}

impl Fault {
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}

/// What `address=` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Given {
    /// This address, to questions of its IP version.
    Address(IpAddr),
    /// The null address of either version (`#`).
    Null,
    /// That there is no such name (nothing behind the last slash).
    NoName,
}

/// Where `server=` and `local=` send questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route<'a> {
    /// To this server.
    Server(Server<'a>),
    /// To the servers for all other names (`#`).
    Usual,
    /// Nowhere: what the files do not know does not exist.
    Local,
}

/// What an option says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting<'a> {
    /// `address=/DOMAIN/…/ADDRESS`.
    Address {
        /// The names it is for.
        domains: Vec<Domain<'a>>,
        /// What is answered.
        answer: Given,
    },
    /// `server=[/DOMAIN/…/]SERVER` or `local=…`, which is the same.
    Server {
        /// The names it is for.
        domains: Vec<Domain<'a>>,
        /// Where their questions go.
        route: Route<'a>,
    },
    /// `rev-server=NETWORK[,SERVER]`: reverse lookups of a network.
    ReverseServer {
        /// The network.
        network: IpNet,
        /// Where its questions go.
        route: Route<'a>,
    },
    /// `host-record=NAME,…,ADDRESS,…[,TTL]`.
    HostRecord {
        /// The names, in lower case.
        names: Vec<Cow<'a, str>>,
        /// The IPv4 address; of two the last.
        v4: Option<Ipv4Addr>,
        /// The IPv6 address; of two the last.
        v6: Option<Ipv6Addr>,
    },
    /// `cname=ALIAS,…,TARGET[,TTL]`.
    Cname {
        /// The other names, in lower case.
        aliases: Vec<Cow<'a, str>>,
        /// The name they stand for.
        target: Cow<'a, str>,
    },
    /// `ptr-record=NAME,TARGET`.
    PtrRecord {
        /// The name, which for a reverse lookup ends in `in-addr.arpa` or `ip6.arpa`.
        name: Cow<'a, str>,
        /// What is answered.
        target: Cow<'a, str>,
    },
    /// `txt-record`, `mx-host`, `srv-host`, `naptr-record`: the name has a record of another type.
    OtherRecord {
        /// The name.
        name: Cow<'a, str>,
    },
    /// `interface-name=NAME,INTERFACE`: the addresses of an interface.
    InterfaceName {
        /// The name.
        name: Cow<'a, str>,
        /// The interface, perhaps with `/4` or `/6`.
        interface: Cow<'a, str>,
    },
    /// `domain=NAME[,NETWORK[,local]]`.
    Domain {
        /// The domain.
        name: Cow<'a, str>,
        /// The network that it is for; nothing for all.
        network: Option<IpNet>,
        /// Whether `local` makes the name and the network's reverse lookups dnsmasq's own.
        local: bool,
    },
    /// `listen-address=ADDRESS,…`.
    ListenAddress(Vec<IpAddr>),
    /// `interface=NAME,…`.
    Interface(Vec<Cow<'a, str>>),
    /// `except-interface=NAME,…`.
    ExceptInterface(Vec<Cow<'a, str>>),
    /// `conf-dir=PATH[,PATTERN…]`.
    ConfDir {
        /// The folder.
        path: Cow<'a, str>,
        /// Ends of names: behind a `*` only these are read, the others are not.
        patterns: Vec<Cow<'a, str>>,
    },
    /// `conf-file=PATH`.
    ConfFile(Cow<'a, str>),
    /// `addn-hosts=PATH`: another hosts(5) file, or a folder of them.
    AddnHosts(Cow<'a, str>),
    /// `stop-dns-rebind`: private addresses from servers are dropped.
    StopRebind,
    /// `rebind-localhost-ok`: 127.0.0.0/8 is let through.
    RebindLocalhostOk,
    /// `rebind-domain-ok=/DOMAIN/…/`: private addresses of these domains are let through.
    RebindDomainOk(Vec<Cow<'a, str>>),
}

impl<'a> Setting<'a> {
    /// Reads the options that phoenix understands; nothing for the others.
    pub(super) fn read(name: &str, value: Option<&'a str>) -> Result<Option<Self>, Fault> {
        let value = value.unwrap_or_default();
        let setting = match name {
            "address" => return address(value),
            "server" | "local" => return server_or_local(value),
            "rev-server" => reverse_server(value)?,
            "host-record" => host_record(value)?,
            "cname" => cname(value)?,
            "ptr-record" | "txt-record" | "mx-host" | "srv-host" | "naptr-record" => {
                record(name, value)?
            }
            "interface-name" => interface_name(value)?,
            "domain" | "domain-suffix" => return domain(value),
            "listen-address" => Self::ListenAddress(addresses(value)?),
            "interface" => Self::Interface(words(value)),
            "except-interface" => Self::ExceptInterface(words(value)),
            "conf-dir" => return Ok(conf_dir(value)),
            "conf-file" => {
                return Ok(Some(shown(value)).filter(|path| !path.is_empty()).map(Self::ConfFile));
            }
            "addn-hosts" => Self::AddnHosts(shown(value)),
            "stop-dns-rebind" => Self::StopRebind,
            "rebind-localhost-ok" => Self::RebindLocalhostOk,
            "rebind-domain-ok" => Self::RebindDomainOk(rebind_domains(value)),
            _ => return Ok(None),
        };
        Ok(Some(setting))
    }
}

fn words(value: &str) -> Vec<Cow<'_, str>> {
    list(value).filter(|word| !word.is_empty()).collect()
}

fn everything(domains: Vec<Domain<'_>>) -> Vec<Domain<'_>> {
    if domains.is_empty() { vec![Domain::All] } else { domains }
}

fn address(value: &str) -> Result<Option<Setting<'_>>, Fault> {
    let (domains, rest) = domains(value)?;
    let answer = match &*shown(rest) {
        "" if domains.is_empty() => return Ok(None),
        "" => Given::NoName,
        "#" => Given::Null,
        text => match value::address(text) {
            Some(address) => Given::Address(address),
            None => return Err(Fault::refused(format!("`{text}` is not an address"))),
        },
    };
    Ok(Some(Setting::Address { domains: everything(domains), answer }))
}

fn server_or_local(value: &str) -> Result<Option<Setting<'_>>, Fault> {
    let (domains, rest) = domains(value)?;
    let route = match rest {
        "" if domains.is_empty() => return Ok(None),
        "" => Route::Local,
        "#" => Route::Usual,
        text => Route::Server(server(text)?),
    };
    Ok(Some(Setting::Server { domains: everything(domains), route }))
}

fn reverse_server(value: &str) -> Result<Setting<'_>, Fault> {
    let (net, target) = match value.split_once(',') {
        Some((net, target)) => (net, Some(target.trim_matches(' '))),
        None => (value, None),
    };
    let net = shown(net.trim_matches(' '));
    // A length that is not a number counts as none here.
    let read = match net.split_once('/') {
        Some((address, length)) if !is_digits(length) => network(address),
        _ => network(&net),
    };
    let network = read.ok_or_else(|| Fault::refused(format!("`{net}` is not a network")))?;
    let route = target.map_or(Ok(Route::Local), |target| server(target).map(Route::Server))?;
    Ok(Setting::ReverseServer { network, route })
}

fn host_record(value: &str) -> Result<Setting<'_>, Fault> {
    if !value.contains(',') {
        return Err(Fault::refused("a name and an address are needed"));
    }
    let (mut names, mut v4, mut v6) = (Vec::new(), None, None);
    for word in list(value).filter(|word| !word.is_empty()) {
        match value::address(&word) {
            Some(IpAddr::V4(address)) => v4 = Some(address),
            Some(IpAddr::V6(address)) => v6 = Some(address),
            // A number is how long the answer may be kept.
            None if is_digits(&word) => {}
            None => names.push(own_name(word)?),
        }
    }
    Ok(Setting::HostRecord { names, v4, v6 })
}

fn own_name(word: Cow<'_, str>) -> Result<Cow<'_, str>, Fault> {
    value::name(word.clone())
        .ok_or_else(|| Fault::refused(format!("`{word}` is not a name that DNS can carry")))
}

fn cname(value: &str) -> Result<Setting<'_>, Fault> {
    let mut words: Vec<_> = list(value).collect();
    // A number behind at least two names is how long the answer may be kept.
    if words.len() > 2 && words.last().is_some_and(|last| is_digits(last)) {
        words.pop();
    }
    let mut names = words.into_iter().map(own_name).collect::<Result<Vec<_>, _>>()?;
    match names.pop() {
        Some(target) if !names.is_empty() => Ok(Setting::Cname { aliases: names, target }),
        _ => Err(Fault::refused("an alias and a target are needed")),
    }
}

fn record<'a>(option: &str, value: &'a str) -> Result<Setting<'a>, Fault> {
    let numbers = match option {
        "mx-host" => 2..3,
        "srv-host" => 2..5,
        _ => 0..0,
    };
    let is_number = |word: Cow<'_, str>| value::port(&word).is_some();
    if !list(value).skip(numbers.start).take(numbers.len()).all(is_number) {
        let value = shown(value);
        return Err(Fault::refused(format!("`{value}` is not a value that `{option}` takes")));
    }
    let mut words = list(value);
    let name = own_name(words.next().unwrap_or_default())?;
    let second = words.next();
    Ok(match (option, second) {
        ("ptr-record", Some(target)) => Setting::PtrRecord { name, target: own_name(target)? },
        _ => Setting::OtherRecord { name },
    })
}

fn interface_name(value: &str) -> Result<Setting<'_>, Fault> {
    let mut words = list(value);
    let name = own_name(words.next().unwrap_or_default())?;
    let interface = words.next().ok_or_else(|| Fault::refused("an interface is needed"))?;
    match interface.split_once('/') {
        Some((_, version)) if !matches!(version, "4" | "6") => {
            Err(Fault::refused(format!("`{version}` is not an IP version")))
        }
        _ => Ok(Setting::InterfaceName { name, interface }),
    }
}

fn domain(value: &str) -> Result<Option<Setting<'_>>, Fault> {
    let words: Vec<_> = list(value).collect();
    let name = own_name(words.first().cloned().unwrap_or_default())?;
    let (net, local) = match words.get(1).map(AsRef::as_ref) {
        None | Some("") => (None, false),
        Some(range) if range.contains('/') => {
            let net = network(range);
            let net = net.ok_or_else(|| Fault::refused(format!("`{range}` is not a network")))?;
            match words.get(2).map(AsRef::as_ref) {
                None => (Some(net), false),
                Some("local") => (Some(net), true),
                Some(word) => return Err(Fault::refused(format!("`{word}` is not `local`"))),
            }
        }
        Some(_) => {
            let end = words.get(2).filter(|end| value::address(end).is_none());
            return end
                .map_or(Ok(None), |end| Err(Fault::refused(format!("`{end}` is not an address"))));
        }
    };
    Ok((!name.is_empty()).then_some(Setting::Domain { name, network: net, local }))
}

fn addresses(value: &str) -> Result<Vec<IpAddr>, Fault> {
    let read = |word: Cow<'_, str>| {
        value::address(&word).ok_or_else(|| Fault::refused(format!("`{word}` is not an address")))
    };
    list(value).map(read).collect()
}

fn conf_dir(value: &str) -> Option<Setting<'_>> {
    let mut words = list(value);
    let path = words.next().filter(|path| !path.is_empty())?;
    Some(Setting::ConfDir { path, patterns: words.filter(|word| !word.is_empty()).collect() })
}

fn rebind_domains(value: &str) -> Vec<Cow<'_, str>> {
    let inside = value.strip_prefix('/').unwrap_or(value);
    let domains = inside.split('/').map(|domain| value::lower_case(shown(domain)));
    domains.filter(|domain| !domain.is_empty()).collect()
}

//! The names that `address`, `server` and `local` are for, and the servers they lead to.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::lines::shown;
use super::setting::Fault;
use super::value;
use crate::hosts::host_name_problem;
use crate::resolv_conf::inet_aton;

/// Which names a line is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain<'a> {
    /// Every name (`#`, or no domain at all).
    All,
    /// Names without a dot (`//`).
    Unqualified,
    /// This name and all below it.
    Under(Cow<'a, str>),
    /// Names that end in this text (`*.home`: all below `home`, not itself; `*home`: also `xhome`).
    Ending(Cow<'a, str>),
}

impl<'a> Domain<'a> {
    /// Reads what stands between two slashes; nothing when dnsmasq refuses it.
    fn read(text: Cow<'a, str>) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Unqualified);
        }
        let rest = value::part(text, |text| text.trim_start_matches('.'));
        if matches!(&*rest, "" | "#") {
            return Some(Self::All);
        }
        let name = value::name(rest)?;
        Some(match name.strip_prefix('*') {
            Some("") => Self::All,
            Some(_) => Self::Ending(value::part(name, |name| &name[1..])),
            None => Self::Under(name),
        })
    }
}

impl fmt::Display for Domain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("every name"),
            Self::Unqualified => f.write_str("names without a dot"),
            Self::Under(name) => write!(f, "`{name}` and all below it"),
            Self::Ending(end) => write!(f, "names that end in `{end}`"),
        }
    }
}

/// Splits `/DOMAIN/…/REST`: the domains, none when there are no slashes, and the rest.
pub(super) fn domains(value: &str) -> Result<(Vec<Domain<'_>>, &str), Fault> {
    let Some(inside) = value.strip_prefix('/') else {
        return Ok((Vec::new(), value));
    };
    let (domains, rest) = inside.rsplit_once('/').unwrap_or(("", inside));
    if domains.is_empty() && !inside.contains('/') && !rest.is_empty() {
        return Ok((Vec::new(), rest));
    }
    let domains = domains.split('/').map(|domain| Domain::read(shown(domain)));
    let domains = domains.collect::<Option<Vec<_>>>();
    let domains =
        domains.ok_or_else(|| Fault::refused("a domain is not one that DNS can carry"))?;
    Ok((domains, rest.trim_matches(' ')))
}

/// A server that questions are sent to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Server<'a> {
    /// The address, or a name that dnsmasq looks up once when it starts.
    pub host: Cow<'a, str>,
    /// The port; 53 when it is left out.
    pub port: u16,
    /// The interface or address behind `@` that questions leave from.
    pub source: Option<Cow<'a, str>>,
}

impl fmt::Display for Server<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, source } = self;
        f.write_str(host)?;
        if *port != DNS_PORT {
            write!(f, "#{port}")?;
        }
        source.iter().try_for_each(|source| write!(f, "@{source}"))
    }
}

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// Reads `ADDRESS[#PORT][@SOURCE[#PORT]]`, whose marks are the same in quotes.
pub(super) fn server(text: &str) -> Result<Server<'_>, Fault> {
    let (target, source) = match text.split_once('@') {
        Some((target, source)) => (target, Some(source)),
        None => (text, None),
    };
    let (host, port) = with_port(target)?;
    let (source, _) = source.map(with_port).transpose()?.unwrap_or_default();
    check_host(&host)?;
    check_families(&host, &source)?;
    let source = Some(source).filter(|source| !source.is_empty());
    Ok(Server { host, port: port.unwrap_or(DNS_PORT), source })
}

fn with_port(text: &str) -> Result<(Cow<'_, str>, Option<u16>), Fault> {
    match text.split_once('#') {
        None | Some((_, "")) => Ok((shown(text.trim_end_matches('#')), None)),
        Some((host, port)) => {
            let (host, port) = (shown(host), shown(port));
            match value::port(&port) {
                Some(port) => Ok((host, Some(port))),
                None => Err(Fault::refused(format!("`{port}` is not a port"))),
            }
        }
    }
}

fn check_host(host: &str) -> Result<(), Fault> {
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    if value::address(address).is_some() || inet_aton(host).is_some() || host == "localhost" {
        return Ok(());
    }
    let number_last = host.rsplit('.').next().is_some_and(value::is_digits);
    if host_name_problem(host).is_some() || number_last {
        return Err(Fault::refused(format!("`{host}` is not the address of a server")));
    }
    Err(Fault::Depends(format!(
        "`{host}` is a name: dnsmasq looks it up once when it starts, and does not start if it cannot"
    )))
}

fn check_families(host: &str, source: &str) -> Result<(), Fault> {
    let Some(source) = value::address(source) else { return Ok(()) };
    match value::address(host) {
        Some(host) if host.is_ipv4() != source.is_ipv4() => {
            Err(Fault::refused("the server's address and the one behind `@` differ in IP version"))
        }
        _ => Ok(()),
    }
}

/// Reads `ADDRESS[/LENGTH]` as `rev-server` and `domain` take it; nothing when the length does not fit.
pub(super) fn network(text: &str) -> Option<ipnet::IpNet> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = value::address(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => length.parse().ok().filter(|length| *length > 0)?,
        None => most,
    };
    ipnet::IpNet::new(address, length).ok().map(|net| net.trunc())
}

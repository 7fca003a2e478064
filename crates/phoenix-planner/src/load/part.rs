//! The small parts that guests and networks are made of: addresses, names, numbers.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use phoenix_formats::{BridgeName, InterfaceName, MacAddr, Vmid};

use super::finding::{Finding, Findings};
use super::names::Names;
use crate::check::Claims;
use crate::declared::{List, Scalar};
use crate::desired::Located;
use crate::source::Origin;

/// The longest host name that the kernel holds (`HOST_NAME_MAX`, sethostname(2)).
const LONGEST_KERNEL_NAME: usize = 64;

/// The longest host name that `pct` and `qm` take.
const LONGEST_HOST_NAME: usize = 255;

/// What is collected while meanings are found: problems, and what must be unique.
#[derive(Default)]
pub(crate) struct Lowering {
    pub(crate) findings: Findings,
    pub(crate) claims: Claims,
    /// Whether the global file could be read, so that what is not in it is not declared.
    pub(crate) has_global: bool,
    /// Whether the lack of a public bridge has been told.
    pub(crate) told_bridge: bool,
    /// Whether there is a guest whose number could not be read, so that any number may be it.
    pub(crate) has_unknown_guest: bool,
    /// What is said of names.
    pub(super) names: Names,
}

impl Lowering {
    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Goes through a list with the place of each element; a `null` in it is an error.
    pub(super) fn each<'a, T>(
        &mut self,
        list: &'a List<T>,
        origin: &Origin,
    ) -> Vec<(Origin, &'a T)> {
        let mut elements = Vec::new();
        for (index, element) in list.iter() {
            let at = origin.at(index);
            match element {
                Some(element) => elements.push((at, element)),
                None if self.findings.touches(&at) => {}
                None => self.push(
                    Finding::error(at, "a list cannot hold `null`")
                        .label("nothing is meant by this")
                        .help("Remove it."),
                ),
            }
        }
        elements
    }

    fn parse<T>(&mut self, text: &str, origin: Origin, help: &str) -> Option<Located<T>>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match text.parse() {
            Ok(value) => Some(Located { value, origin }),
            Err(error) => {
                self.push(Finding::error(origin, error.to_string()).label("not valid").help(help));
                None
            }
        }
    }

    pub(super) fn bridge(
        &mut self,
        text: Option<&str>,
        origin: Origin,
    ) -> Option<Located<BridgeName>> {
        self.parse(text?, origin, "Write the name of a bridge of the node, such as `vmbr0`.")
    }

    pub(super) fn interface(&mut self, text: &str, origin: Origin) -> Option<InterfaceName> {
        let help = "Write the interface's name inside the container, such as `eth0`.";
        let name = self.parse::<InterfaceName>(text, origin.clone(), help)?;
        // The pattern of `name` in Proxmox VE's net strings.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !text.chars().all(plain) {
            let message = format!("`{text}` cannot be the name of an interface");
            self.push(
                Finding::error(origin, message).label("letters, digits, `-`, `_`, `.`").help(help),
            );
            return None;
        }
        Some(name.value)
    }

    pub(super) fn mac(&mut self, text: Option<&str>, origin: Origin) -> Option<MacAddr> {
        let text = text?;
        match text.parse::<MacAddr>() {
            Ok(mac) => Some(mac),
            Err(error) => {
                let finding =
                    Finding::error(origin, format!("`{text}` is {error}")).label("not valid");
                self.push(finding.help("Write one such as `02:00:00:00:01:01`."));
                None
            }
        }
    }

    pub(super) fn vmid(&mut self, number: &Scalar, origin: Origin) -> Option<Located<Vmid>> {
        self.parse(number.as_str(), origin, "Write the number of a guest, such as `101`.")
    }

    /// Reads a whole number with limits.
    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        number: Option<u64>,
        origin: Origin,
        limits: std::ops::RangeInclusive<u64>,
    ) -> Option<Located<T>> {
        let number = number?;
        let value = limits.contains(&number).then(|| T::try_from(number).ok()).flatten();
        if value.is_none() {
            let (low, high) = (limits.start(), limits.end());
            let wanted = match *high {
                u64::MAX => format!("at least {low}"),
                high => format!("{low} to {high}"),
            };
            let name = origin.pointer.rsplit('/').next().unwrap_or_default();
            let message = format!("`{name}` must be {wanted}, not `{number}`");
            let finding = Finding::error(origin.clone(), message).label("out of range");
            self.push(finding.help(format!("Write a number of {wanted}.")));
        }
        value.map(|value| Located { value, origin })
    }

    /// Reads a host name as Proxmox VE's format `dns-name` has it.
    pub(super) fn host_name(
        &mut self,
        text: Option<&str>,
        origin: Origin,
        vmid: Vmid,
    ) -> Option<Located<String>> {
        let text = text?;
        if let Err(why) = check_host_name(text) {
            let finding =
                Finding::error(origin, format!("`{text}` cannot be a host name")).label(why);
            self.push(finding.help("Write letters, digits and `-`, with `.` between parts."));
            return None;
        }
        if text.len() > LONGEST_KERNEL_NAME {
            let message = format!("a host name of more than {LONGEST_KERNEL_NAME} characters");
            let finding = Finding::warning(origin.clone(), message);
            self.push(finding.label("the guest cannot set it").help("Write a shorter name."));
        }
        self.claims.host_name(text, &origin, vmid);
        Some(Located { value: text.to_owned(), origin })
    }

    /// Reads an address with its prefix length.
    pub(super) fn cidr(&mut self, text: &str, origin: Origin) -> Option<Located<Ipv4Net>> {
        match parse_cidr(text) {
            Ok(value) => Some(Located { value, origin }),
            Err((message, help)) => {
                self.push(Finding::error(origin, message).label("not valid").help(help));
                None
            }
        }
    }

    /// Reads an address with its prefix length that a guest or the node is to have.
    pub(super) fn host_cidr(&mut self, text: &str, origin: Origin) -> Option<Located<Ipv4Net>> {
        let net = self.cidr(text, origin)?;
        match crate::check::unusable(net.value) {
            None => Some(net),
            Some(why) => {
                let message = format!("`{}` cannot be the address of a host", net.value.addr());
                let finding = Finding::error(net.origin, message).label(why);
                self.push(finding.help("Write an address inside the subnet."));
                None
            }
        }
    }

    pub(super) fn ipv4(&mut self, text: Option<&str>, origin: Origin) -> Option<Ipv4Addr> {
        let text = text?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => {
                let message = format!("`{text}` is not an IPv4 address");
                let help = match text.split_once('/') {
                    Some((address, _)) if address.parse::<Ipv4Addr>().is_ok() => {
                        format!("Write `{address}`, without a prefix length.")
                    }
                    _ => "Write an address such as `192.168.1.1`.".to_owned(),
                };
                self.push(Finding::error(origin, message).label("not valid").help(help));
                None
            }
        }
    }
}

fn check_host_name(text: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let bad_edge = |part: &str| part.starts_with('-') || part.ends_with('-');
    match text {
        "" => Err("it is empty"),
        _ if text.len() > LONGEST_HOST_NAME => Err("longer than 255 characters"),
        _ if !text.chars().all(|c| plain(c) || c == '.') => {
            Err("it holds a character that none may")
        }
        _ if text.split('.').any(str::is_empty) => Err("a part between dots is empty"),
        _ if text.split('.').any(bad_edge) => Err("a part begins or ends with `-`"),
        _ => Ok(()),
    }
}

fn parse_cidr(text: &str) -> Result<Ipv4Net, (String, String)> {
    let example = "Write an address with its prefix length, such as `192.168.1.153/24`.".to_owned();
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        let message = format!("`{text}` has no prefix length");
        return Err((message, format!("Write `{address}/24`, if the subnet is a /24.")));
    }
    if text.contains(':') {
        let message = format!("`{text}` is no IPv4 address, and phoenix manages no other yet");
        return Err((message, example));
    }
    let net = text.parse::<Ipv4Net>().map_err(|_| {
        (format!("`{text}` is not an IPv4 address with a prefix length"), example.clone())
    })?;
    // Proxmox VE takes no wider subnet in a net string.
    if net.prefix_len() < 8 {
        return Err((format!("`{text}` has a prefix length below 8"), example));
    }
    Ok(net)
}

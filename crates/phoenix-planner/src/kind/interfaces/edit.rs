//! What is changed in the stanza of the node's bridge: single lines, one after the other.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use phoenix_formats::interfaces::{EditError, Interfaces, LineOption, Stanza, StanzaKind};

use super::files;

/// What the stanza shall say.
pub(super) struct Wanted<'a> {
    pub(super) bridge: &'a str,
    /// Whether an `auto` line is missing.
    pub(super) auto: Auto,
    pub(super) address: Option<Ipv4Net>,
    pub(super) gateway: Option<Ipv4Addr>,
    /// What a `dns-nameservers` line shall say where there is one.
    pub(super) nameservers: Option<String>,
}

/// Whether the bridge comes up at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auto {
    /// Some line says so.
    Present,
    /// None does.
    Missing,
}

/// Why a stanza is not edited.
pub(super) enum Fault {
    /// Which of several lines is meant cannot be told.
    Several { option: &'static str, lines: Vec<usize> },
    /// Its method is none that a bridge with a fixed address could have had.
    Method(String),
    /// A line has a form that cannot be edited.
    Form(EditError),
}

impl From<EditError> for Fault {
    fn from(error: EditError) -> Self {
        Self::Form(error)
    }
}

/// A file after the edits.
pub(super) struct Edited {
    pub(super) text: String,
    /// What has changed, each in a phrase.
    pub(super) changes: Vec<String>,
    /// Whether anything has changed that ifreload(8) puts in force.
    pub(super) reloads: bool,
}

/// Edits the text of the file that holds the stanza.
pub(super) fn edit(file: &Interfaces, line: usize, wanted: &Wanted<'_>) -> Result<Edited, Fault> {
    let number = files::stanzas(file, wanted.bridge).position(|stanza| stanza.line == line);
    let number = number.unwrap_or(0);
    let mut edited = Edited { text: file.text().to_owned(), changes: Vec::new(), reloads: false };
    for step in [auto, method, address, gateway, nameservers] {
        let file = Interfaces::parse(&edited.text);
        // No edit adds a stanza or removes one, while lines move.
        let Some(stanza) = files::stanzas(&file, wanted.bridge).nth(number) else { break };
        if let Some(change) = step(&file, stanza, wanted)? {
            edited.text = change.text;
            edited.changes.push(change.what);
            edited.reloads |= change.reloads;
        }
    }
    Ok(edited)
}

struct Change {
    text: String,
    what: String,
    reloads: bool,
}

fn changed(text: String, what: String) -> Option<Change> {
    Some(Change { text, what, reloads: true })
}

/// An interface that is not `auto` is neither brought up at boot nor by `ifreload -a`.
fn auto(file: &Interfaces, stanza: &Stanza, wanted: &Wanted<'_>) -> Result<Option<Change>, Fault> {
    match wanted.auto {
        Auto::Present => Ok(None),
        Auto::Missing => Ok(changed(file.add_auto(stanza.line)?, "up at boot".to_owned())),
    }
}

fn method(
    file: &Interfaces,
    stanza: &Stanza,
    wanted: &Wanted<'_>,
) -> Result<Option<Change>, Fault> {
    let StanzaKind::Iface { method, .. } = &stanza.kind else { return Ok(None) };
    match method.as_deref() {
        _ if wanted.address.is_none() => Ok(None),
        None | Some("static") => Ok(None),
        Some(old @ ("dhcp" | "bootp" | "manual")) => {
            let text = file.set_method(stanza.line, "static")?;
            Ok(changed(text, format!("{old} → static")))
        }
        Some(other) => Err(Fault::Method(other.to_owned())),
    }
}

/// One IPv4 address of a stanza.
struct Present<'a> {
    option: &'a LineOption,
    ip: Ipv4Addr,
    prefix: Option<u8>,
}

fn first_word(option: &LineOption) -> &str {
    option.value.split_whitespace().next().unwrap_or_default()
}

fn netmask(stanza: &Stanza) -> Option<(&LineOption, Option<u8>)> {
    let option = stanza.options.iter().find(|option| option.is("netmask"))?;
    let word = first_word(option);
    let dotted = || ipnet::ip_mask_to_prefix(word.parse().ok()?).ok();
    Some((option, word.parse().ok().or_else(dotted)))
}

/// Returns the IPv4 addresses of a stanza. A prefix in the address wins over a `netmask` (measured).
fn present(stanza: &Stanza) -> Vec<Present<'_>> {
    let mask = netmask(stanza).and_then(|(_, prefix)| prefix);
    let one = |option| {
        let word = first_word(option);
        match word.split_once('/') {
            Some((ip, prefix)) => {
                let dotted = || ipnet::ip_mask_to_prefix(prefix.parse().ok()?).ok();
                let prefix = prefix.parse().ok().or_else(dotted);
                Some(Present { option, ip: ip.parse().ok()?, prefix })
            }
            None => Some(Present { option, ip: word.parse().ok()?, prefix: mask }),
        }
    };
    stanza.options.iter().filter(|option| option.is("address")).filter_map(one).collect()
}

/// Returns the IPv4 addresses that a stanza gives, where their prefix can be told.
pub(super) fn addresses(stanza: &Stanza) -> Vec<Ipv4Net> {
    let nets = present(stanza).into_iter();
    nets.filter_map(|own| Ipv4Net::new(own.ip, own.prefix?).ok()).collect()
}

fn address(
    file: &Interfaces,
    stanza: &Stanza,
    wanted: &Wanted<'_>,
) -> Result<Option<Change>, Fault> {
    let Some(wanted) = wanted.address else { return Ok(None) };
    let own = present(stanza);
    let is_wanted =
        |own: &Present<'_>| own.ip == wanted.addr() && own.prefix == Some(wanted.prefix_len());
    if own.iter().any(is_wanted) {
        return Ok(None);
    }
    let same_ip = own.iter().find(|own| own.ip == wanted.addr());
    let old = match (same_ip, own.as_slice()) {
        (Some(old), _) | (None, [old]) => old,
        (None, []) => {
            let text = file.insert_option(stanza.line, "address", &wanted.to_string())?;
            return Ok(changed(text, format!("address {wanted}")));
        }
        (None, several) => {
            let lines = several.iter().map(|own| own.option.line).collect();
            return Err(Fault::Several { option: "address", lines });
        }
    };
    let shown = old.prefix.map_or_else(|| old.ip.to_string(), |p| format!("{}/{p}", old.ip));
    let text = replaced(file, stanza, old, wanted)?;
    let text = derived(&text, stanza, old, wanted)?;
    Ok(changed(text, format!("address {shown} → {wanted}")))
}

/// Puts another address in the place of one, with its prefix as it is written there: behind a `/`, or
/// in a `netmask` where that one is still right.
fn replaced(
    file: &Interfaces,
    stanza: &Stanza,
    old: &Present<'_>,
    wanted: Ipv4Net,
) -> Result<String, EditError> {
    let Some((mask, prefix)) = netmask(stanza) else {
        return file.change_option(old.option.line, &wanted.to_string());
    };
    if !old.option.value.contains('/') && prefix == Some(wanted.prefix_len()) {
        return file.change_option(old.option.line, &wanted.addr().to_string());
    }
    // Two prefixes for one address would be read by each program in its own way.
    let without = if present(stanza).iter().all(|own| own.option.line == old.option.line) {
        Interfaces::parse(&file.change_option(old.option.line, &wanted.to_string())?)
            .remove_lines(&[mask.line].into())
    } else {
        file.change_option(old.option.line, &wanted.to_string())?
    };
    Ok(without)
}

/// Corrects what repeats the subnet of the address in other words. A `broadcast` that does goes: every
/// program works it out, and ifupdown2 3.0.0 sets no address at all where one stands (measured).
fn derived(
    text: &str,
    stanza: &Stanza,
    old: &Present<'_>,
    wanted: Ipv4Net,
) -> Result<String, EditError> {
    let Some(before) = old.prefix.and_then(|prefix| Ipv4Net::new(old.ip, prefix).ok()) else {
        return Ok(text.to_owned());
    };
    let file = Interfaces::parse(text);
    let network = repeats(&file, stanza.line, "network", before.network());
    let text = match network.filter(|_| before.network() != wanted.network()) {
        Some(line) => file.change_option(line, &wanted.network().to_string())?,
        None => text.to_owned(),
    };
    let file = Interfaces::parse(&text);
    let broadcast = repeats(&file, stanza.line, "broadcast", before.broadcast());
    Ok(broadcast.map_or(text, |line| file.remove_lines(&[line].into())))
}

/// Returns the line of an option that has nothing but this value.
fn repeats(file: &Interfaces, stanza: usize, name: &str, value: Ipv4Addr) -> Option<usize> {
    let own = file.stanzas().iter().find(|own| own.line == stanza)?;
    let option = own.options.iter().find(|o| o.is(name) && o.value == value.to_string())?;
    Some(option.line)
}

/// Returns whether a stanza makes the bridge or leads out, and does not only add an address to it.
pub(super) fn is_main(stanza: &Stanza) -> bool {
    let makes = |option: &LineOption| option.is("bridge-ports") || option.is("gateway");
    stanza.options.iter().any(makes)
}

/// Returns the IPv4 gateways of a stanza.
pub(super) fn gateways(stanza: &Stanza) -> Vec<(&LineOption, Ipv4Addr)> {
    let options = stanza.options.iter().filter(|option| option.is("gateway"));
    options.filter_map(|option| Some((option, first_word(option).parse().ok()?))).collect()
}

fn gateway(
    file: &Interfaces,
    stanza: &Stanza,
    wanted: &Wanted<'_>,
) -> Result<Option<Change>, Fault> {
    let Some(wanted) = wanted.gateway else { return Ok(None) };
    match gateways(stanza).as_slice() {
        [(_, old)] if *old == wanted => Ok(None),
        [(option, old)] => {
            let text = file.change_option(option.line, &wanted.to_string())?;
            Ok(changed(text, format!("gateway {old} → {wanted}")))
        }
        [] => {
            let behind = present(stanza).last().map_or(stanza.line, |own| own.option.line);
            let behind = netmask(stanza).map_or(behind, |(mask, _)| mask.line.max(behind));
            let text = file.insert_option(behind, "gateway", &wanted.to_string())?;
            Ok(changed(text, format!("gateway {wanted}")))
        }
        several => {
            let lines = several.iter().map(|(option, _)| option.line).collect();
            Err(Fault::Several { option: "gateway", lines })
        }
    }
}

/// Only a line that is there already is kept up: what reads it is resolvconf(8), where that is
/// installed, and it would bring the old servers back.
fn nameservers(
    file: &Interfaces,
    stanza: &Stanza,
    wanted: &Wanted<'_>,
) -> Result<Option<Change>, Fault> {
    let Some(wanted) = &wanted.nameservers else { return Ok(None) };
    let mut lines = stanza.options.iter().filter(|option| option.is("dns-nameservers"));
    let (Some(option), None) = (lines.next(), lines.next()) else { return Ok(None) };
    if option.value.split_whitespace().eq(wanted.split_whitespace()) {
        return Ok(None);
    }
    let text = file.change_option(option.line, wanted)?;
    Ok(Some(Change { text, what: "name servers".to_owned(), reloads: false }))
}

#[cfg(test)]
mod tests;

//! Values of options in the one spelling that `iptables-save` prints, so that equal means equal text.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::ports::PortRange;

/// The order in which `iptables-save` prints connection states.
const STATES: &[&str] = &["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"];

/// Reads addresses with commas between them; a missing prefix is /32, host bits are cut off.
pub(super) fn nets(text: &str) -> Option<Vec<Ipv4Net>> {
    text.split(',').map(net).collect()
}

fn net(text: &str) -> Option<Ipv4Net> {
    let Some((address, mask)) = text.split_once('/') else {
        return text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from);
    };
    let address: Ipv4Addr = address.parse().ok()?;
    Ipv4Net::new(address, prefix(mask)?).ok().map(|net| net.trunc())
}

fn prefix(mask: &str) -> Option<u8> {
    let dotted = || ipnet::ipv4_mask_to_prefix(mask.parse().ok()?).ok();
    mask.parse::<u8>().ok().or_else(dotted)
}

/// The most ports that `-m multiport` takes (iptables-extensions(8)).
const MOST_PORTS: usize = 15;

/// Reads ports with commas between them, ranges with a colon.
pub(super) fn ports(text: &str) -> Option<Vec<PortRange>> {
    if text.matches(',').count() >= MOST_PORTS {
        return None;
    }
    text.split(',').map(|part| PortRange::parse(part, ':')).collect()
}

/// Returns the lower-case name of a protocol given by name or number; `all` and `0` are `all`.
pub(super) fn protocol(text: &str) -> Cow<'_, str> {
    match text {
        "0" => "all".into(),
        "1" => "icmp".into(),
        "6" => "tcp".into(),
        "17" => "udp".into(),
        _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => text.to_ascii_lowercase().into(),
        _ => text.into(),
    }
}

/// Reads connection states, in the order in which they are printed; nothing when one is not known.
pub(super) fn states(text: &str) -> Option<Vec<&'static str>> {
    let mut places: Vec<usize> = text.split(',').map(state).collect::<Option<_>>()?;
    places.sort_unstable();
    places.dedup();
    Some(places.into_iter().map(|place| STATES[place]).collect())
}

fn state(text: &str) -> Option<usize> {
    STATES.iter().position(|known| known.eq_ignore_ascii_case(text))
}

/// Writes parsed values as `iptables-save` would, with commas between.
pub(super) fn join<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

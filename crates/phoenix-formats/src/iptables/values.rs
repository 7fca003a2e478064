//! Values of options in the one spelling that `iptables-save` prints, so that equal means equal text.

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
pub(super) fn protocol(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "0" | "all" => "all".to_owned(),
        "1" => "icmp".to_owned(),
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        other => other.to_owned(),
    }
}

/// Reads connection states, in the order in which they are printed; nothing when one is not known.
pub(super) fn states(text: &str) -> Option<Vec<String>> {
    let mut places: Vec<usize> = text.split(',').map(state).collect::<Option<_>>()?;
    places.sort_unstable();
    places.dedup();
    Some(places.into_iter().map(|place| STATES[place].to_owned()).collect())
}

fn state(text: &str) -> Option<usize> {
    STATES.iter().position(|known| known.eq_ignore_ascii_case(text))
}

/// Writes parsed values as `iptables-save` would, with commas between.
pub(super) fn join<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

//! Names of ICMP types as iptables has them, in the numbers of nft(8).

use super::super::address::IpVersion;

/// Type, and code if the name has one.
type Numbers = (u8, Option<u8>);

#[rustfmt::skip]
const V4: &[(&str, Numbers)] = &[
    ("echo-reply", (0, None)), ("destination-unreachable", (3, None)), ("network-unreachable", (3, Some(0))),
    ("host-unreachable", (3, Some(1))), ("protocol-unreachable", (3, Some(2))),
    ("port-unreachable", (3, Some(3))), ("fragmentation-needed", (3, Some(4))),
    ("source-route-failed", (3, Some(5))), ("network-unknown", (3, Some(6))), ("host-unknown", (3, Some(7))),
    ("network-prohibited", (3, Some(9))), ("host-prohibited", (3, Some(10))),
    ("TOS-network-unreachable", (3, Some(11))), ("TOS-host-unreachable", (3, Some(12))),
    ("communication-prohibited", (3, Some(13))), ("host-precedence-violation", (3, Some(14))),
    ("precedence-cutoff", (3, Some(15))), ("source-quench", (4, None)), ("redirect", (5, None)),
    ("network-redirect", (5, Some(0))), ("host-redirect", (5, Some(1))),
    ("TOS-network-redirect", (5, Some(2))), ("TOS-host-redirect", (5, Some(3))), ("echo-request", (8, None)),
    ("router-advertisement", (9, None)), ("router-solicitation", (10, None)), ("time-exceeded", (11, None)),
    ("ttl-zero-during-transit", (11, Some(0))), ("ttl-zero-during-reassembly", (11, Some(1))),
    ("parameter-problem", (12, None)), ("ip-header-bad", (12, Some(0))),
    ("required-option-missing", (12, Some(1))), ("timestamp-request", (13, None)),
    ("timestamp-reply", (14, None)), ("address-mask-request", (17, None)), ("address-mask-reply", (18, None)),
];

#[rustfmt::skip]
const V6: &[(&str, Numbers)] = &[
    ("destination-unreachable", (1, None)), ("no-route", (1, Some(0))),
    ("communication-prohibited", (1, Some(1))), ("beyond-scope", (1, Some(2))),
    ("address-unreachable", (1, Some(3))), ("port-unreachable", (1, Some(4))), ("failed-policy", (1, Some(5))),
    ("reject-route", (1, Some(6))), ("packet-too-big", (2, None)), ("time-exceeded", (3, None)),
    ("ttl-zero-during-transit", (3, Some(0))), ("ttl-zero-during-reassembly", (3, Some(1))),
    ("parameter-problem", (4, None)), ("bad-header", (4, Some(0))), ("unknown-header-type", (4, Some(1))),
    ("unknown-option", (4, Some(2))), ("echo-request", (128, None)), ("echo-reply", (129, None)),
    ("router-solicitation", (133, None)), ("router-advertisement", (134, None)),
    ("neighbor-solicitation", (135, None)), ("neighbour-solicitation", (135, None)),
    ("neighbor-advertisement", (136, None)), ("neighbour-advertisement", (136, None)), ("redirect", (137, None)),
];

/// Returns the match of a type by its name; every type for `any`.
pub(super) fn matched(name: &str, version: IpVersion) -> Option<String> {
    let (table, word, protocol) = match version {
        IpVersion::V4 => (V4, "icmp", "meta l4proto 1 "),
        IpVersion::V6 => (V6, "icmpv6", "meta l4proto 58 "),
    };
    if name == "any" && version == IpVersion::V4 {
        return Some(protocol.to_owned());
    }
    let (_, (kind, code)) = table.iter().find(|(known, _)| *known == name)?;
    let code = code.map(|code| format!("{word} code {code} ")).unwrap_or_default();
    Some(format!("{word} type {kind} {code}"))
}

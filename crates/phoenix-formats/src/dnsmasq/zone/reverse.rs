//! Reverse lookups: the address that a name in `in-addr.arpa` or `ip6.arpa` asks for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;

/// Returns the address that a name asks for; nothing when it asks for a part of one, or is no reverse lookup.
pub(super) fn asked_address(name: &str) -> Option<IpAddr> {
    if let Some(bytes) = name.strip_suffix(".in-addr.arpa") {
        let mut octets = [0; 4];
        let mut parts = bytes.rsplit('.');
        for octet in &mut octets {
            *octet = parts.next()?.parse().ok()?;
        }
        return parts.next().is_none().then(|| Ipv4Addr::from(octets).into());
    }
    let nibbles = name.strip_suffix(".ip6.arpa")?;
    let mut address = 0_u128;
    let mut count = 0;
    for nibble in nibbles.rsplit('.').take(33) {
        let digit = u128::from_str_radix(nibble, 16).ok().filter(|_| nibble.len() == 1)?;
        address = address << 4 | digit;
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from(address).into())
}

/// Networks whose reverse lookups `bogus-priv` keeps from the servers (RFC 6303, and 10.0.0.0/8 and its kin).
const PRIVATE: [(Ipv4Addr, u8); 11] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
    (Ipv4Addr::new(240, 0, 0, 0), 32),
];

/// Says whether `bogus-priv` answers for an address.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => PRIVATE.iter().any(|(network, length)| {
            Ipv4Net::new(*network, *length).is_ok_and(|net| net.contains(&address))
        }),
        IpAddr::V6(address) => {
            let first = address.segments()[0];
            address.is_unspecified()
                || address.is_loopback()
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
        }
    }
}

//! Ethernet addresses as Proxmox VE writes them.

use std::fmt;
use std::str::FromStr;

/// A unicast Ethernet address: equal whatever its letter case, shown in upper case.
///
/// Proxmox VE keeps the spelling it was given and takes a change of letter case for a new
/// interface, so a codec that must not disturb a running guest keeps the text beside this value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// Returns the six bytes in the order they are sent.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

impl FromStr for MacAddr {
    type Err = ParseMacAddrError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; 6];
        let mut parts = input.split(':');
        for octet in &mut octets {
            *octet = parts.next().and_then(hex_pair).ok_or(ParseMacAddrError::Form)?;
        }
        if parts.next().is_some() {
            return Err(ParseMacAddrError::Form);
        }
        // The lowest bit of the first byte marks a group address, which no interface can own.
        if octets[0] & 1 == 1 { Err(ParseMacAddrError::Multicast) } else { Ok(Self(octets)) }
    }
}

fn hex_pair(text: &str) -> Option<u8> {
    let hex = text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

/// Says why a text is not an interface's Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseMacAddrError {
    /// Not six pairs of hexadecimal digits with colons between.
    #[error("not an Ethernet address of the form `02:00:00:00:01:01`")]
    Form,
    /// A group address.
    #[error("a multicast address, which no interface can have: the second digit must be even")]
    Multicast,
}

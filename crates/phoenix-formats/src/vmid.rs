//! The number of a guest.

use std::fmt;
use std::str::FromStr;

/// Identifies a guest of a Proxmox VE cluster: 100 to 999999999 (pct(1), `<vmid>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vmid(u32);

impl Vmid {
    /// The smallest number that Proxmox VE takes; those below are reserved for its own use.
    pub const MIN: u32 = 100;
    /// The largest number that Proxmox VE takes.
    pub const MAX: u32 = 999_999_999;

    /// Returns the guest's number, or an error when it is out of range.
    pub fn new(number: u32) -> Result<Self, ParseVmidError> {
        match number {
            Self::MIN..=Self::MAX => Ok(Self(number)),
            _ => Err(ParseVmidError { input: number.to_string() }),
        }
    }

    /// Returns the number itself.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Vmid {
    type Err = ParseVmidError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let error = || ParseVmidError { input: input.to_owned() };
        let canonical = input.bytes().all(|b| b.is_ascii_digit()) && !input.starts_with('0');
        if !canonical {
            return Err(error());
        }
        input.parse().ok().and_then(|n| Self::new(n).ok()).ok_or_else(error)
    }
}

/// Says that a text is not the number of a guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` is not a guest's number, which is {} to {}", Vmid::MIN, Vmid::MAX)]
pub struct ParseVmidError {
    input: String,
}

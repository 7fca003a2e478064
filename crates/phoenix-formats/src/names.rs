//! Names of nodes, bridges and network interfaces.

use std::fmt;
use std::str::FromStr;

/// The longest name that the kernel gives an interface: `IFNAMSIZ` is 16 with the final NUL.
const LONGEST_INTERFACE_NAME: usize = 15;

/// The longest label of a host name (RFC 1035, 2.3.4).
const LONGEST_LABEL: usize = 63;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseNameError;

            fn from_str(input: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(input) {
                    Ok(()) => Ok(Self(input.to_owned())),
                    Err(why) => Err(ParseNameError { input: input.to_owned(), what: $what, why }),
                }
            }
        }
    };
}

name!(
    /// Names a network interface: 1 to 15 bytes, no `/`, no white space, not `.` or `..` (ip-link(8)).
    InterfaceName,
    "an interface",
    check_interface
);

name!(
    /// Names a bridge of the node, such as `vmbr0`: an interface name of letters, digits, `-`, `_` and `.`.
    BridgeName,
    "a bridge",
    |name| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        check_interface(name)?;
        if name.chars().all(plain) { Ok(()) } else { Err("it may hold letters, digits, `-`, `_` and `.` only") }
    }
);

name!(
    /// Names a node of the cluster: one label of a host name (hostname(7)).
    NodeName,
    "a node",
    |name| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match name {
            "" => Err("it is empty"),
            _ if name.len() > LONGEST_LABEL => Err("it is longer than 63 characters"),
            _ if name.starts_with('-') || name.ends_with('-') => Err("it begins or ends with `-`"),
            _ if name.chars().all(plain) => Ok(()),
            _ => Err("it may hold letters, digits and `-` only"),
        }
    }
);

fn check_interface(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("it is empty"),
        "." | ".." => Err("the kernel does not take it"),
        _ if name.len() > LONGEST_INTERFACE_NAME => Err("it is longer than 15 characters"),
        _ if name.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) => {
            Err("it holds white space or `/`")
        }
        _ => Ok(()),
    }
}

/// Says why a text is not the name of a thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` cannot be the name of {what}: {why}")]
pub struct ParseNameError {
    input: String,
    what: &'static str,
    why: &'static str,
}

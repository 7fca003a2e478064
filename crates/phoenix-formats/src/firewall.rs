//! Firewall files of Proxmox VE: `cluster.fw`, `host.fw` and `<VMID>.fw`.
//!
//! This module owns their grammar as `pve-firewall` reads it, line by line; what PVE drops, and what it keeps and never
//! applies; the file as PVE saves it; edits that change only what they are told to; and the answer whether the node's
//! own chain lets a packet in; and a guest's rules as a ruleset of nft(8) for the guest itself.
//!
//! The manual is pve-firewall(8); the rules are those of `PVE::Firewall`, measured by running its parser on a corpus.
//! Deliberately not understood: compiling a ruleset, SDN's sets, and what `proxmox-firewall` (nftables) reads otherwise.
//! `/etc/services` and `/etc/protocols` are taken as Debian 12 has them.

mod address;
mod check;
mod edit;
mod file;
mod inspect;
mod meaning;
mod never;
mod nftables;
mod options;
mod reach;
mod read;
mod rule;
mod scope;
mod services;
mod tables;
mod text;
mod verify;

pub use address::IpVersion;
pub use check::{Effect, Property, RuleProblem};
pub use edit::{EditError, FwEdit};
pub use file::{Alias, FwFile, IpsetEntry, OptionEntry, ParsedRule};
pub use never::NeverMatches;
pub use nftables::{Guarded, LeftOut, Ruleset};
pub use reach::{Caller, Decider, Passage, host_admits, host_opens};
pub use rule::{Action, Rule, RuleError, RuleKind, Verdict};
pub use scope::{Level, Names, Scope};

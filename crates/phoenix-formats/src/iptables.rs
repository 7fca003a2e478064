//! Saved rules of iptables(8): what `iptables-save` prints and `/etc/iptables/rules.v4` holds.
//!
//! The manuals are iptables-save(8), iptables-restore(8) and iptables-extensions(8); what they leave open is measured
//! with iptables 1.8.
//!
//! Owns: the lines of a rule set ([`SavedRules`]), the meaning of one rule ([`Rule`], [`Spec`]),
//! deletion with `iptables -D` and its effect ([`delete_argv`], [`apply_delete`]), and the question
//! which rules a guest's public interface makes obsolete ([`obsolete`]).
//!
//! Deliberately not understood: IPv6, ipsets, marks, and every match or target that is not listed in
//! the options table. Their words are kept in [`Spec::unknown`], and nothing is concluded from a rule
//! that holds any.

mod command;
mod delete;
mod obsolete;
mod options;
mod ports;
mod rule;
mod saved;
mod spec;
mod target;
mod values;
mod words;

pub use command::{iptables_words, mentions};
pub use delete::{DeleteError, apply_delete, delete_argv};
pub use obsolete::{KeepReason, Left, Removal, RemoveReason, Verdicts, obsolete};
pub use ports::{PortRange, PortSet, Protocol};
pub use rule::{Counters, Rule, RuleError, RuleRef, Verb};
pub use saved::{Chain, SavedRules, Table};
pub use spec::{Matched, Spec};
pub use target::{AddressRange, Target};

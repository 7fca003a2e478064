//! Network configuration of a Debian host: interfaces(5) of ifupdown and ifupdown2.
//!
//! The rules are those of the manual, with bridge-utils-interfaces(5) and ifupdown-addons-interfaces(5) for bridges.
//!
//! Owns: the lines and stanzas of one file ([`Interfaces`]), what they say about addresses, bridges and
//! uplinks ([`Interface`]), the commands that they run ([`Command`]), and edits that touch single lines.
//!
//! Deliberately not understood: templates of ifupdown2, ranges of names (`swp[1-4]`), mappings, and
//! other files, which the caller reads where [`Interfaces::sources`] says. Both programs are followed
//! where they agree; where not, the wider reading is taken (an `address` may repeat, `-` and `_` in the
//! name of an option are the same).

mod command;
mod edit;
mod lines;
mod parse;
mod view;

pub use command::{Command, CommandRules, Phase};
pub use edit::EditError;
pub use parse::{Interfaces, LineOption, Source, Stanza, StanzaKind};
pub use view::{Address, Interface, InterfaceKind, Network};

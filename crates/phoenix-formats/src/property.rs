//! Property strings, the `key=value,key=value` values of a guest's configuration.
//!
//! The manual is pct.conf(5); the rules are those of `PVE::JSONSchema` (`parse_property_string` and its inverse).
//!
//! Owns two views of them: [`PropertyText`] keeps every byte and judges nothing, and the schemas
//! inside this crate decide as Proxmox VE's own parser does which strings it accepts and how it
//! prints them back. Deliberately not understood: what a property *means*, which belongs to the codec that declares
//! its schema.

pub(crate) mod check;
mod fault;
mod schema;
mod text;

pub use fault::{PropertyError, PropertyFault};
pub(crate) use schema::{Kind, Property, Range, Schema};
pub use text::PropertyText;

/// Returns whether tzdata has a zone of this name, as Proxmox VE knows them: the names of zone.tab, and
/// `UTC`.
pub fn is_time_zone(name: &str) -> bool {
    name != "host" && check::time_zone(name).is_ok()
}

//! What ip(8) says in JSON about links, addresses and routes, and what it would say on a node that is
//! only described.
//!
//! The manuals are ip-address(8), ip-link(8) and ip-route(8); they do not describe the JSON, so the names of fields are
//! those that iproute2 prints.
//!
//! Owns: `ip -json -details address show` in both directions ([`read_links`], [`links_json`],
//! [`links_of`]), `ip -json route get` ([`read_route`], [`route_get`]), routing rules and tables
//! ([`read_rules`], [`read_table`], and back), the routes of a device and the table of a bridge
//! ([`read_device_routes`], [`read_fdb`], and back).
//!
//! Deliberately not understood: every field that is not named here; it is skipped when reading and, but
//! for those that every link has, left out when writing. Rules and routes that commands of interfaces(5)
//! add are not simulated.

mod build;
mod device;
mod json;
mod route;
mod rule;

pub use build::links_of;
pub use device::{
    DeviceRoute, FdbEntry, device_routes_json, fdb_json, read_device_routes, read_fdb,
};
pub use json::{Link, LinkAddress, ReadError, Scope, links_json, read_links};
pub use route::{Answer, Gateway, Route, RouteKind, read_route, route_get};
pub use rule::{Rule, TableRoute, read_rules, read_table, rules_json, table_json};

//! nginx configuration: a lossless reader, and an editor that makes servers listen on all interfaces.
//!
//! The manuals are those of `ngx_core_module`, `ngx_http_core_module` (`listen`) and `ngx_stream_core_module`.
//!
//! Owns the syntax of nginx's configuration files (measured on nginx 1.22 and 1.26), the meaning of `listen` and
//! `include`, and the sockets that follow from them. Every other directive is carried along and deliberately not
//! understood; host names are not resolved. Nothing here reads a file: the caller brings the texts.
//!
//! - [`NginxConf`] is one file, [`Loaded`] all the files that nginx reads together.
//! - [`listen_on_all_interfaces`] edits a file alone, [`Loaded::listen_on_all_interfaces`] with an eye on the others.
//! - [`SET_LISTEN_HELPER`] is the same editor as a Perl program that runs in any guest.
//! - [`sockets`] says what nginx asks for, [`listening_sockets`] what a machine has.

mod address;
mod clash;
mod conf;
mod glob;
mod inspect;
mod lex;
mod listen;
mod load;
mod lua;
mod named;
mod parse;
mod place;
mod remove;
mod rewrite;
mod socket;

pub use address::{ListenAddress, Ports};
pub use clash::{ListenProblem, ListenProblemReason, ListenSite};
pub use conf::{Directive, NginxConf};
pub use glob::include_matches;
pub use inspect::{InspectedDirective, NginxInspection};
pub use listen::Listen;
pub use load::{Include, Loaded, LoadedListen, loaded_files};
pub use place::{Context, Subsystem};
pub use rewrite::{ListenChange, Rewrite, listen_on_all_interfaces};
pub use socket::{Socket, listening_sockets, sockets};

/// The name of the helper inside of a guest.
pub const SET_LISTEN_HELPER_NAME: &str = "nginx-config-set-listen-all-interfaces";

/// The helper itself: a Perl program that needs nothing but Debian's `perl-base`.
///
/// Called with a file it does to it what [`listen_on_all_interfaces`] does, byte for byte. It exits with 0 when the
/// file was changed or has nothing to change, with 2 when a collision is in the way, with 1 for any other error; in
/// the last two cases it writes nothing.
pub const SET_LISTEN_HELPER: &str =
    include_str!("../assets/nginx-config-set-listen-all-interfaces");

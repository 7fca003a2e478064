//! What features of containers have in common: they are set up in guests that exist and run.
//!
//! A guest that is not there yet, or does not run, cannot be looked into: what belongs into it is planned
//! as soon as it can be. The features that phoenix knows are kinds of their own; the others are in [`script`].

pub(super) mod guest;
pub(super) mod package;
pub(super) mod script;

pub(super) use self::guest::{Guest, asked, at, ready, to_ask};

/// The feature of the container that is the certificate authority.
pub(crate) const STEP_CA: &str = "step_ca";
/// The feature that brings the operator's usual programs.
pub(crate) const BASE_SETUP: &str = "base_setup";
/// The feature that brings step(1).
pub(crate) const STEP_CLI: &str = "step_cli";
/// The feature by which a container trusts the certificate authority.
pub(crate) const TRUSTED_CA: &str = "trusted_ca";
/// The feature of the container that is the proxy.
pub(crate) const TRAEFIK: &str = "traefik";

/// The features that phoenix knows; any other is a script of the operator's.
pub(crate) const KNOWN_FEATURES: [&str; 5] = [BASE_SETUP, STEP_CA, STEP_CLI, TRAEFIK, TRUSTED_CA];

//! The verbs, each one file.

pub(crate) mod apply;
pub(crate) mod capture;
pub(crate) mod create;
pub(crate) mod demo;
pub(crate) mod inspect;
pub(crate) mod lab;
pub(crate) mod letsgo;
pub(crate) mod plan;
pub(crate) mod power;
pub(crate) mod renew;
pub(crate) mod schema;
pub(crate) mod setup;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod validate;
pub(crate) mod verify;
